//! A campaign file from its text to checked values: what the reports of its errors say, word for word.

use subevo::campaign::grid::{expand, override_removes_axis};
use subevo::entry::{Entries, Entry};
use subevo::error::{Error, Result};
use subevo::params::report::render;
use subevo::params::resolved::to_toml;
use subevo::params::{overrides, read_named, read_table, toml, Origin, Params, Problems, Range, Table};

/// A strategy that knows what it was built with.
type Strategy = Vec<(&'static str, f64)>;

fn snes(params: &Params<'_>, _: &()) -> Result<Box<Strategy>> {
    let population = params.integer("population", Some(64), 2..=1_000_000);
    let sigma = params.float("sigma", Some(1.0), Range::Above(0.0));
    if population % 2 == 1 {
        return Err(Error::Learner(format!("mirrored sampling needs an even population, not {population}")));
    }
    Ok(Box::new(vec![("population", population as f64), ("sigma", sigma)]))
}

fn cmaes(params: &Params<'_>, _: &()) -> Result<Box<Strategy>> {
    Ok(Box::new(vec![("active", f64::from(u8::from(params.boolean("active", true))))]))
}

const fn entry(name: &'static str, build: fn(&Params<'_>, &()) -> Result<Box<Strategy>>) -> Entry<Strategy> {
    Entry { name, summary: "", reference: "", build }
}

const STRATEGIES: Entries<Strategy> =
    Entries::new("strategy", &[entry("cma-es", cmaes), entry("snes", snes), entry("xnes", cmaes)]);

#[derive(Debug, Default, PartialEq)]
struct Campaign {
    seeds: u64,
    background: String,
    images: u64,
    strategies: Vec<Strategy>,
}

/// Reads a campaign of a few keys as the program would.
fn read(params: &Params<'_>) -> Campaign {
    let mut campaign = Campaign::default();
    params.table("campaign", |params| {
        params.text("name", None);
        campaign.seeds = params.integer("seeds", Some(1), 1..=1_000);
    });
    params.table("subset", |params| {
        params.optional_text("name");
        params.list("select", |node, _| Some(((), node.value.clone())));
        campaign.background = params.choice("background", Some("random"), &["random", "zero"]).to_string();
    });
    params.table("budget", |params| campaign.images = params.integer("images", None, 1..=u64::MAX));
    campaign.strategies = params.list("learner", |node, path| {
        let (strategy, resolved) = read_named(node, path, params.problems(), |_, _, params| {
            params.named("strategy", None, |name, origin, params| STRATEGIES.build(name, origin, params, &()))
        })?;
        Some(((*strategy??).clone(), resolved))
    });
    campaign
}

/// Parses, overrides, expands and reads; the report is empty where all is well.
fn check(text: &str, set: &[&str]) -> (Vec<(String, Campaign, Table)>, String) {
    let problems = Problems::default();
    let mut table = toml::parse(text, &problems);
    for set in set {
        override_removes_axis(&mut table, set);
        overrides::apply(&mut table, set, &problems);
    }
    let mut cells = Vec::new();
    if problems.is_empty() {
        for cell in expand(&table, &problems) {
            let (campaign, resolved) = read_table(&cell.table, Origin::Default, "", &problems, read);
            cells.push((cell.label, campaign, resolved));
        }
    }
    (cells, render("campaign.toml", text, problems.into_vec(), false))
}

fn report(text: &str, set: &[&str]) -> String {
    check(text, set).1
}

const GOOD: &str = r#"[campaign]
name = "quickstart"
seeds = 3

[subset]
select = [{ filters = 0.25 }, { batchnorm = true }]

[[learner]]
name = "evolution"
strategy = { name = "snes", population = 32 }

[[learner]]
name = "evolution"
strategy = "cma-es"

[budget]
images = 500_000

[grid]
"subset.background" = ["random", "zero"]
"#;

#[test]
fn a_good_campaign_is_read_cell_by_cell() {
    let (cells, report) = check(GOOD, &["learner.1.strategy.active=false", "learner.0.strategy.sigma=0.5"]);
    assert_eq!(report, "");
    let expected = |background: &str| Campaign {
        seeds: 3,
        background: background.to_string(),
        images: 500_000,
        strategies: vec![vec![("population", 32.0), ("sigma", 0.5)], vec![("active", 0.0)]],
    };
    let found: Vec<_> = cells.iter().map(|(label, campaign, _)| (label.as_str(), campaign)).collect();
    assert_eq!(found, [("background=random", &expected("random")), ("background=zero", &expected("zero"))]);
    let resolved = r#"[campaign]
name = "quickstart"
seeds = 3

[subset]
select = [{ filters = 0.25 }, { batchnorm = true }]
background = "zero"

[budget]
images = 500000

[[learner]]
name = "evolution"
strategy = { name = "snes", population = 32, sigma = 0.5 }

[[learner]]
name = "evolution"
strategy = { name = "cma-es", active = false }
"#;
    assert_eq!(to_toml(&cells[1].2), resolved);
}

#[test]
fn an_unknown_key_is_underlined_with_its_neighbour() {
    let text = "[campaign]\nname = \"a\"\n[budget]\nimages = 1\n  image = 2_000_000\n";
    assert_eq!(
        report(text, &[]),
        "\
error: unknown key `image` in `budget`: expected `images`
 --> campaign.toml:5:3
  |
5 |   image = 2_000_000
  |   ^^^^^
  |
  = help: did you mean `images`?

1 error in campaign.toml; nothing was started
"
    );
}

#[test]
fn a_wrong_type_and_a_number_out_of_range_are_told_at_once_in_the_order_written() {
    let text = GOOD.replace("population = 32", "population = 1").replace("seeds = 3", "seeds = \"three\"");
    assert_eq!(
        report(&text, &[]),
        "\
error: `campaign.seeds` = \"three\": must be an integer, 1 to 1000
 --> campaign.toml:3:9
  |
3 | seeds = \"three\"
  |         ^^^^^^^

error: `learner.0.strategy.population` = 1: must be an integer, 2 to 1000000
  --> campaign.toml:10:42
   |
10 | strategy = { name = \"snes\", population = 1 }
   |                                          ^

2 errors in campaign.toml; nothing was started
"
    );
}

#[test]
fn an_unknown_name_lists_the_registry_and_spares_its_parameters() {
    let text = GOOD.replace("\"snes\"", "\"sness\"");
    assert_eq!(
        report(&text, &[]),
        "\
error: unknown strategy `sness`: expected `cma-es`, `snes` or `xnes`
  --> campaign.toml:10:21
   |
10 | strategy = { name = \"sness\", population = 32 }
   |                     ^^^^^^^
   |
   = help: did you mean `snes`?

1 error in campaign.toml; nothing was started
"
    );
}

#[test]
fn a_builders_own_complaint_is_shown_at_its_table() {
    let text = GOOD.replace("population = 32", "population = 33");
    assert_eq!(
        report(&text, &[]),
        "\
error: strategy `snes`: mirrored sampling needs an even population, not 33
  --> campaign.toml:10:12
   |
10 | strategy = { name = \"snes\", population = 33 }
   |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

1 error in campaign.toml; nothing was started
"
    );
}

#[test]
fn a_missing_key_is_told_at_its_section_or_at_the_file() {
    assert_eq!(
        report("[campaign]\nseeds = 1\n", &[]),
        "\
error: `budget.images` is missing: an integer, at least 1, is needed
--> campaign.toml

error: `campaign.name` is missing: a string is needed
 --> campaign.toml:1:1
  |
1 | [campaign]
  | ^^^^^^^^^^

2 errors in campaign.toml; nothing was started
"
    );
}

#[test]
fn a_syntax_error_is_told_with_what_else_is_certain() {
    let text = "[campaign]\nname = quickstart\nseeds = 99999999999999999999\n[budget]\nimages =\n";
    assert_eq!(
        report(text, &[]),
        "\
error: `quickstart` is no value
 --> campaign.toml:2:8
  |
2 | name = quickstart
  |        ^^^^^^^^^^
  |
  = help: quote a string: `\"quickstart\"`

error: `campaign.seeds` = 99999999999999999999 is too large: integers are -9223372036854775808 to 9223372036854775807
 --> campaign.toml:3:9
  |
3 | seeds = 99999999999999999999
  |         ^^^^^^^^^^^^^^^^^^^^

error: a value is missing
 --> campaign.toml:5:9
  |
5 | images =
  |         ^

3 errors in campaign.toml; nothing was started
"
    );
}

#[test]
fn overrides_are_told_in_the_words_typed() {
    let set = ["learner.5.strategy.population=32", "budget.images", "learner.0.strategy={name=snes}"];
    assert_eq!(
        report(GOOD, &set),
        "\
error: `learner` has no item 5: there are 2, 0 to 1
--> command line: --set learner.5.strategy.population=32

error: `budget.images` has no `=` and no value
--> command line: --set budget.images
 = help: write `path=value`, as in `budget.images=1000`

error: `learner.0.strategy` = {name=snes} is no TOML value: string values must be quoted, expected literal string
--> command line: --set learner.0.strategy={name=snes}
 = help: the shell takes quotes away: put the whole override in '...'

3 errors on the command line; nothing was started
"
    );
}

#[test]
fn bad_values_of_overrides_are_told_after_those_of_the_file() {
    let text = GOOD.replace("select", "selekt");
    assert_eq!(
        report(&text, &["campaign.seeds=0", "budget.imagse=1", "learner.0.strategy.population=few"]),
        "\
error: unknown key `selekt` in `subset`: expected `background`, `name` or `select`
 --> campaign.toml:6:1
  |
6 | selekt = [{ filters = 0.25 }, { batchnorm = true }]
  | ^^^^^^
  |
  = help: did you mean `select`?

error: `campaign.seeds` = 0: must be an integer, 1 to 1000
--> command line: --set campaign.seeds=0

error: unknown key `imagse` in `budget`: expected `images`
--> command line: --set budget.imagse=1
 = help: did you mean `images`?

error: `learner.0.strategy.population` = \"few\": must be an integer, 2 to 1000000
--> command line: --set learner.0.strategy.population=few

4 errors in campaign.toml and on the command line; nothing was started
"
    );
}

#[test]
fn a_bad_value_of_the_grid_is_underlined_in_the_grid() {
    let text = GOOD.replace("[\"random\", \"zero\"]", "[\"random\", \"zeros\"]");
    assert_eq!(
        report(&text, &[]),
        "\
error: `subset.background` = \"zeros\": must be `random` or `zero`
  --> campaign.toml:20:34
   |
20 | \"subset.background\" = [\"random\", \"zeros\"]
   |                                  ^^^^^^^
   |
   = help: did you mean `zero`?

1 error in campaign.toml; nothing was started
"
    );
}

#[test]
fn what_may_be_left_out_is_known_and_not_resolved() {
    let text = "learner = { label = \"a\", lengths = [1, 0, \"x\"] }\n";
    let problems = Problems::default();
    let table = toml::parse(text, &problems);
    let ((), resolved) = read_table(&table, Origin::Default, "", &problems, |params| {
        params.table("learner", |params| {
            assert_eq!(params.optional_text("label"), Some("a".to_string()));
            assert_eq!(params.optional_text("note"), None);
            assert_eq!(params.optional_table("budget", |params| params.integer("images", None, 1..=9)), None);
            assert_eq!(params.integers("lengths", &[7, 8], 1..=u64::MAX), [7, 8]);
        });
        assert_eq!(params.optional_table("campaign", |_| ()), None);
    });
    assert_eq!(to_toml(&resolved), "[learner]\nlabel = \"a\"\nlengths = [7, 8]\n");
    let found: Vec<_> = problems.into_vec().into_iter().map(|problem| (problem.message, problem.origin)).collect();
    let at = |start, end| Origin::File { start, end };
    assert_eq!(
        found,
        [
            ("`learner.lengths.1` = 0: must be an integer, at least 1".to_string(), at(39, 40)),
            ("`learner.lengths.2` = \"x\": must be an integer, at least 1".to_string(), at(42, 45)),
        ]
    );
}
