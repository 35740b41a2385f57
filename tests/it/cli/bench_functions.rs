//! `subevo bench functions`: evaluations to a target, told as a table and as JSON, and mistakes in its words.

use serde_json::Value;

use super::Place;

fn lines(place: &Place, words: &[&str]) -> Vec<Value> {
    let ended = place.subevo(&[&["bench", "functions", "-q", "--json"], words].concat()).expect(0);
    ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn json_tells_what_each_seed_needed_and_the_median_over_the_solved_ones() {
    let place = Place::new("");
    let words =
        ["--strategy", "snes", "--function", "sphere,ellipsoid", "--dim", "4", "--seeds", "7", "--target", "1e-3"];
    let found = lines(&place, &words);
    assert_eq!(found.iter().map(|line| &line["function"]).collect::<Vec<_>>(), ["sphere", "ellipsoid"]);
    for line in &found {
        assert_eq!(
            (&line["schema"], &line["n"], &line["solved"]),
            (&"subevo.functions/1".into(), &7.into(), &7.into())
        );
        assert_eq!((&line["strategy"], &line["dim"], &line["target"]), (&"snes".into(), &4.into(), &0.001.into()));
        // 4 + floor(3 ln 4), and a sigma of 1 where a campaign would have 0.1.
        assert_eq!((&line["population"], &line["evaluations_most"]), (&8.into(), &40_000.into()));
        assert!(line["options"].as_str().unwrap().starts_with("{ name = \"snes\", population = 8, sigma = 1.0, "));
        let mut needed: Vec<u64> =
            line["evaluations"].as_array().unwrap().iter().map(|x| x.as_u64().unwrap()).collect();
        assert!(needed.iter().all(|needed| (30..5_000).contains(needed)), "{needed:?}");
        needed.sort_unstable();
        assert_eq!(line["evaluations_median"].as_f64().unwrap(), needed[3] as f64);
        assert!(line["best"].as_array().unwrap().iter().all(|best| best.as_f64().unwrap() <= 1e-3), "{line}");
    }
    assert_eq!(found, lines(&place, &[&words[..], &["--threads", "2"]].concat()), "threads change nothing");
    assert_ne!(found[1]["evaluations"], lines(&place, &[&words[..], &["--rotate"]].concat())[1]["evaluations"]);
}

#[test]
fn unsolved_runs_have_no_evaluations_and_stay_out_of_the_median() {
    let place = Place::new("");
    let table = "{ name = \"genetic\", mutation = { name = \"gaussian\", rate = 0.5 } }";
    let words = ["--strategy", table, "--function", "rastrigin", "--seeds", "3", "--evaluations", "64"];
    let found = &lines(&place, &[&words[..], &["--population", "8"]].concat())[0];
    assert_eq!((&found["solved"], &found["evaluations_median"]), (&0.into(), &Value::Null));
    assert_eq!(found["evaluations"], serde_json::json!([null, null, null]));
    // The step of the operator is 1 as well, and what was written stays.
    let options = found["options"].as_str().unwrap();
    assert!(options.contains("population = 8") && options.contains("sigma = 1.0, rate = 0.5"), "{options}");
}

#[test]
fn a_mutation_that_looks_at_outputs_is_refused_by_name() {
    let place = Place::new("");
    for name in ["safe-gradient", "safe-rescaling"] {
        let table = format!("{{ name = \"genetic\", mutation = \"{name}\" }}");
        let ended = place.subevo(&["bench", "functions", "-q", "--strategy", &table, "--function", "sphere"]).expect(1);
        let told = format!("mutation `{name}`: there is no network here, only losses");
        assert!(ended.err.contains(&told), "{}", ended.err);
    }
}

#[test]
fn the_table_has_a_row_for_each_function_under_the_options() {
    let place = Place::new("");
    let words = ["bench", "functions", "-q", "--strategy", "{ name = \"snes\", sigma = 0.5 }", "--function"];
    let ended = place.subevo(&[&words[..], &["sphere,rastrigin", "--seeds", "2", "--rotate"]].concat()).expect(0);
    let lines: Vec<&str> = ended.out.lines().collect();
    assert!(lines[2].starts_with("| sphere    | 10 | 2 |      2 |"), "{}", ended.out);
    assert!(lines[3].starts_with("| rastrigin | 10 | 2 |      0 |           - |"), "{}", ended.out);
    assert!(lines[4].starts_with("{ name = \"snes\", population = 10, sigma = 0.5, "), "{}", ended.out);
    assert!(lines[5].starts_with("rotated, target 1e-8, at most 100,000 evaluations and 10 members"), "{}", ended.out);
}

#[test]
fn mistakes_in_the_words_are_told_and_nothing_is_run() {
    let place = Place::new("");
    for (strategy, words, expected) in [
        ("sness", &["--function", "sphere"][..], "unknown strategy `sness`: expected "),
        ("{ name = \"snes\", sigmas = 1 }", &["--function", "sphere"], "unknown key `sigmas` in `strategy`"),
        ("{ name = \"snes\"", &["--function", "sphere"], "is no TOML value"),
        ("[1]", &["--function", "sphere"], "`strategy` = [1]: must be a name, or a table with a `name`"),
        ("snes", &["--function", "spher"], "tip: a similar value exists: 'sphere'"),
        ("snes", &["--function", "rosenbrock", "--dim", "1"], "`rosenbrock` has a meaning for 2 coordinates and more"),
        ("snes", &["--function", "sphere", "--target", "0"], "\"0\" is no target: write a number above 0, as in 1e-8"),
        ("snes", &["--function", "sphere", "--population", "1"], "`strategy.population` = 1: must be an integer, 2 to"),
        ("snes", &["--function", "sphere", "--dim", "0"], "0 is not in 1..=100000"),
    ] {
        let ended = place.subevo(&[&["bench", "functions", "--strategy", strategy], words].concat()).expect(2);
        assert!(ended.out.is_empty() && ended.err.contains(expected), "{strategy} {words:?}: {}", ended.err);
    }
}
