//! A campaign file from its text to checked values: what the reports of its errors say, word for word.

use subevo::campaign::grid::{expand, override_removes_axis};
use subevo::entry::{Entry, Registry};
use subevo::error::{Error, Result};
use subevo::params::report::render;
use subevo::params::resolved::to_toml;
use subevo::params::{overrides, read_named, read_table, toml, Origin, Params, Problems, Range, Table, Value};

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

const STRATEGIES: Registry<Strategy> =
    Registry::new("strategy", &[entry("cma-es", cmaes), entry("snes", snes), entry("xnes", cmaes)]);

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
fn syntax_errors_are_told_alone() {
    let text = "[campaign\nname = quickstart\nseeds = 99999999999999999999\nday = 2020-01-01\n[budget]\nimages =\n";
    assert_eq!(report(text, &[]), "");
}

#[test]
fn overrides_are_told_in_the_words_typed() {
    let set = [
        "learner.5.strategy.population=32",
        "budget.images",
        "campaign.seeds=0",
        "campaign.sed=1",
        "learner.0.strategy=[1",
    ];
    assert_eq!(report(GOOD, &set), "");
    assert_eq!(report(GOOD, &set[2..4]), "");
}
#[test]
fn zzz() {
    for t in [
        "name = quickstart\n",
        "images =\nx = 1\n",
        "images =",
        "= 3\n",
        "a = [1, 2\nb = 3\n",
        "a = 1\na = 2\n",
        "a b = 3\n",
        "a = \"x\nb = 2\n",
        "a\n",
        "[a]\n[a]\n",
        "a = 1 2\n",
        "a = {b = 1\nc = 2\n",
        "a = 1\n[a]\nx = 3\n",
        "a = 01\n",
        "a = 1_\n",
        "a = 1e\n",
        "a = .5\n",
        "a = True\n",
        "a = 'x\\d\"\n",
        "a = \"\\d\"\n",
        "a = [1 2]\n",
        "[[a]]\n[a]\n",
        "a = {x=1}\na.y = 2\n",
        "a = 1 # \u{7}\n",
        "\u{feff}a = 01\n",
        "a = 1\r\nb = 2x\r\n",
        "a=2020-13-45\n",
        "seeds = 99999999999999999999\nday = 2020-01-01\nx=1e999\ny=[-inf,nan]",
        "\u{e9} = 3\n",
        "a = 5%\n",
        "x = {b.c.d.e.f = 1}\n[budget\nimages = q\n",
    ] {
        let p = Problems::default();
        let _t = toml::parse(t, &p);
        println!("==== {t:?}\n{}", render("c", t, p.into_vec(), false));
    }
    for t in [
        "a=random",
        "a=x y",
        "a=1 2",
        "a=2020-01-01",
        "a=99999999999999999999",
        "a=0x",
        "a=+",
        "a=true",
        "a=1 # b",
        "a=#3",
        "a=1e",
        "a='",
        "a=\"x\"y",
        "a=x=y",
        "a=1\nb=2",
        "a=é",
    ] {
        let p = Problems::default();
        let mut table = Table::default();
        overrides::apply(&mut table, t, &p);
        println!(
            "{t:?} -> {:?} {:?}",
            table.get("a").map(|n| n.value.to_string()),
            p.into_vec().iter().map(|p| p.message.clone()).collect::<Vec<_>>()
        );
    }
}
