//! Grids: cells, labels, directory names, what is wrong with them, and what overrides do to them.

use subevo::campaign::grid::{expand, override_removes_axis, Cell};
use subevo::params::{overrides, report, toml, Node, Origin, Path, Problems, Table};

const BASE: &str = r#"
[subset]
background = "random"
select = [{ all = true }]

[[learner]]
name = "evolution"
batch = 64
strategy = { name = "snes", population = 32 }

[[learner]]
name = "backprop"
batch = 64

[budget]
images = 500
"#;

fn cells(grid: &str) -> Vec<Cell> {
    let text = format!("[grid]\n{grid}{BASE}");
    let problems = Problems::default();
    let cells = expand(&toml::parse(&text, &problems), &problems);
    assert_eq!(report::render("c.toml", &text, problems.into_vec(), false), "");
    cells
}

fn labels(cells: &[Cell]) -> Vec<&str> {
    cells.iter().map(|cell| cell.label.as_str()).collect()
}

fn at(cell: &Cell, path: &str) -> String {
    Path::parse(path).unwrap().get(&cell.table).map_or("absent".to_string(), |node| node.value.to_string())
}

/// Message and underlined words of each problem.
fn wrong_with(grid: &str) -> Vec<(String, String)> {
    let text = format!("[grid]\n{grid}{BASE}");
    let problems = Problems::default();
    assert!(expand(&toml::parse(&text, &problems), &problems).is_empty());
    let words = |origin: &Origin| match origin {
        Origin::File { start, end } => text[*start..*end].to_string(),
        other => format!("{other:?}"),
    };
    problems.into_vec().into_iter().map(|problem| (problem.message, words(&problem.origin))).collect()
}

#[test]
fn without_a_grid_there_is_one_cell_without_a_label() {
    for cells in [expand(&toml::parse(BASE, &Problems::default()), &Problems::default()), cells("")] {
        assert_eq!(labels(&cells), [""]);
        assert_eq!((cells[0].slug().as_str(), cells[0].axes.len()), ("", 0));
        assert_eq!(at(&cells[0], "grid"), "absent");
        assert_eq!(at(&cells[0], "budget.images"), "500");
    }
}

#[test]
fn cells_are_the_product_with_the_last_key_fastest() {
    let cells = cells("\"subset.background\" = [\"zero\", \"random\"]\n\"budget.images\" = [10, 2.5, true]\n");
    assert_eq!(
        labels(&cells),
        [
            "background=zero images=10",
            "background=zero images=2.5",
            "background=zero images=true",
            "background=random images=10",
            "background=random images=2.5",
            "background=random images=true"
        ]
    );
    let axes = |cell: &Cell| cell.axes.iter().map(|(key, value)| format!("{key}:{value}")).collect::<Vec<_>>();
    assert_eq!(axes(&cells[1]), ["subset.background:zero", "budget.images:2.5"]);
    assert_eq!((at(&cells[1], "subset.background"), at(&cells[1], "budget.images")), ("\"zero\"".into(), "2.5".into()));
    assert_eq!(at(&cells[1], "subset.select"), "[{ all = true }]");
    assert_eq!(at(&cells[1], "grid"), "absent");
    assert_eq!(cells[1].slug(), "background=zero_images=2.5");
}

#[test]
fn a_whole_table_is_laid_over_the_base_before_the_keys_below_it() {
    let grid = "\"subset.background\" = [\"zero\"]\nsubset = [{ name = \"bn\", select = [1], background = \"random\" }, { name = \"all\" }]\n";
    let cells = cells(grid);
    assert_eq!(labels(&cells), ["background=zero subset=bn", "background=zero subset=all"]);
    assert_eq!(at(&cells[0], "subset"), "{ background = \"zero\", select = [1], name = \"bn\" }");
    assert_eq!(at(&cells[1], "subset"), "{ background = \"zero\", select = [{ all = true }], name = \"all\" }");
}

#[test]
fn a_name_laid_over_a_table_sets_its_name() {
    let cells = cells("\"learner.0.strategy\" = [\"xnes\", { population = 8 }]\n\"learner.1.strategy\" = [\"ga\"]\n");
    assert_eq!(labels(&cells)[1], "learner.0.strategy=#1 learner.1.strategy=ga");
    assert_eq!(at(&cells[0], "learner.0.strategy"), "{ name = \"xnes\", population = 32 }");
    assert_eq!(at(&cells[1], "learner.0.strategy"), "{ name = \"snes\", population = 8 }");
    assert_eq!(at(&cells[1], "learner.1.strategy"), "\"ga\"");
}

#[test]
fn a_section_may_come_from_the_grid_alone() {
    let cells = cells("\"genome.scale\" = [\"one\"]\ngenome = [{ name = \"a\", init = 0 }]\n");
    assert_eq!(labels(&cells), ["scale=one genome=a"]);
    assert_eq!(at(&cells[0], "genome"), "{ name = \"a\", init = 0, scale = \"one\" }");
}

#[test]
fn keys_that_share_their_last_name_are_written_out() {
    let cells = cells(
        "\"learner.0.batch\" = [1]\n\"learner.1.batch\" = [2]\n\"budget.images\" = [3]\n\"learner.1\" = [{ lr = 4 }]\n",
    );
    assert_eq!(labels(&cells), ["learner.0.batch=1 learner.1.batch=2 images=3 learner.1=#0"]);
    assert_eq!(at(&cells[0], "learner.1"), "{ name = \"backprop\", batch = 2, lr = 4 }");
}

#[test]
fn slugs_are_fit_for_directories_and_stay_apart() {
    let slug = |label: &str, axes: usize| {
        let axes = vec![(String::new(), String::new()); axes];
        Cell { label: label.to_string(), axes, table: Table::default() }.slug()
    };
    assert_eq!(slug("lr=1e-5 name=a+b,c", 2), "lr=1e-5_name=a+b,c");
    // CRC-32 by zlib.
    assert_eq!(slug("name=../é b", 1), "name=..--_b-6215a085");
    assert_ne!(slug("name=a b", 1), slug("name=a_b", 1));
    let long = format!("name={}", "x".repeat(100));
    assert_eq!(slug(&long, 1), format!("name={}-ff65b2ac", "x".repeat(50)));
    assert_eq!(slug(&long[..64], 1), long[..64]);
}

#[test]
fn what_is_wrong_with_a_grid_is_told_at_its_place() {
    let one = |message: &str, words: &str| vec![(message.to_string(), words.to_string())];
    assert_eq!(
        wrong_with("\"budget.images\" = []\n"),
        one("`budget.images` in the grid has no value: at least one is needed", "[]")
    );
    assert_eq!(
        wrong_with("\"budget.images\" = 3\n"),
        one("`budget.images` = 3 in the grid: must be a list of values", "3")
    );
    assert_eq!(
        wrong_with("budget.images = [3]\n"),
        one("`budget` in the grid is a table: must be a list of values", "budget")
    );
    assert_eq!(
        wrong_with("\"learner.*.batch\" = [3]\n"),
        one("`learner.*.batch` is no path: `*` cannot stand in a name without quotes", "\"learner.*.batch\"")
    );
    assert_eq!(
        wrong_with("\"budget . images\" = [1]\n\"budget.images\" = [2]\n"),
        one("`budget.images` is in the grid twice", "\"budget.images\"")
    );
    assert_eq!(
        wrong_with("\"budget.images\" = [1, 2, 1]\n"),
        one("two values of `budget.images` in the grid are called `1`", "1")
    );
    assert_eq!(
        wrong_with("\"subst.background\" = [1]\n"),
        one(
            "`subst.background` in the grid: the campaign has no `subst`, only `subset`, `learner` or `budget`",
            "\"subst.background\""
        )
    );
    assert_eq!(
        wrong_with("\"subset.background\" = [1, 2]\n\"learner.2.batch\" = [3, 4]\n"),
        ["3", "4"].map(|v| (
            "`learner.2.batch` in the grid: `learner` has no item 2: there are 2, 0 to 1".to_string(),
            v.to_string()
        ))
    );
    let hundred = |key: &str| format!("\"{key}\" = {:?}\n", (0..101).collect::<Vec<_>>());
    assert_eq!(
        wrong_with(&(hundred("budget.images") + &hundred("budget.macs"))),
        one("the grid has 10201 cells (101 x 101): at most 10000", "[grid]")
    );
    let many: String = (0..10).map(|i| hundred(&format!("budget.k{i}"))).collect();
    assert!(wrong_with(&many)[0].0.starts_with("the grid has too many cells (101 x 101 x "));
    let problems = Problems::default();
    assert!(expand(&toml::parse("grid = 3\n", &problems), &problems).is_empty());
    assert_eq!(problems.into_vec()[0].message, "`grid` = 3: must be a table of keys to vary");
}

#[test]
fn an_override_removes_the_axes_that_would_undo_it_and_no_others() {
    let grid = "[grid]\n\"subset.background\" = [\"random\", \"zero\"]\nsubset = [{ name = \"bn\", select = [] }, { name = \"all\" }]\n\
                \"learner.0.strategy\" = [\"snes\", \"xnes\"]\n\"learner.1.stages\" = [[1, 2], [3]]\n";
    for (set, expected) in [
        ("subset.background=zero", vec!["subset.background"]),
        ("subset . \"background\" = zero", vec!["subset.background"]),
        ("subset={}", vec!["subset.background", "subset"]),
        ("subset.select=[]", vec!["subset"]),
        ("subset.select.0.filters=1", vec!["subset"]),
        ("subset.name=x", vec!["subset"]),
        ("subset.back=1", vec![]),
        ("learner.0.strategy.population=32", vec![]),
        ("learner.0.strategy.name=ga", vec!["learner.0.strategy"]),
        ("learner.0={}", vec!["learner.0.strategy"]),
        ("learner.1.stages.0=5", vec!["learner.1.stages"]),
        ("learner=[]", vec!["learner.0.strategy", "learner.1.stages"]),
        ("budget.images=1", vec![]),
        ("grid.subset=[]", vec![]),
        ("..=1", vec![]),
    ] {
        let mut table = toml::parse(&format!("{grid}{BASE}"), &Problems::default());
        assert_eq!(override_removes_axis(&mut table, set), expected, "{set}");
        let left = table.get("grid").and_then(Node::as_table).map_or(0, |grid| grid.entries.len());
        assert_eq!(left, 4 - expected.len(), "{set}");
    }
}

#[test]
fn what_is_set_on_the_command_line_holds_in_every_cell() {
    let text = format!("[grid]\n\"learner.0.strategy\" = [\"snes\", \"xnes\"]\n\"budget.images\" = [1, 2]\n{BASE}");
    let problems = Problems::default();
    let mut table = toml::parse(&text, &problems);
    for set in ["learner.0.strategy.population=7", "budget.images=9"] {
        override_removes_axis(&mut table, set);
        overrides::apply(&mut table, set, &problems);
    }
    let cells = expand(&table, &problems);
    assert!(problems.is_empty());
    assert_eq!(labels(&cells), ["strategy=snes", "strategy=xnes"]);
    assert_eq!(at(&cells[1], "learner.0.strategy"), "{ name = \"xnes\", population = 7 }");
    assert_eq!(at(&cells[1], "budget.images"), "9");
}
