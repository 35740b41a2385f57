//! `subevo compare`: learners against each other, from the records of real runs.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::{Place, TINY};

/// Last test accuracy and loss of each learner and seed, read from the records.
fn ends(place: &Place, folder: &str) -> BTreeMap<(String, u64), [f64; 2]> {
    let mut ends = BTreeMap::new();
    for run in place.runs(folder) {
        let text = fs::read_to_string(run.join("steps.jsonl")).unwrap();
        let line = |line: Option<&str>| -> Value { serde_json::from_str(line.unwrap()).unwrap() };
        let (header, end) = (line(text.lines().next()), line(text.lines().last()));
        let test = &end["last"]["test"];
        let numbers = ["accuracy", "loss"].map(|key| test[key].as_f64().unwrap());
        ends.insert((header["learner"].as_str().unwrap().to_string(), header["seed"].as_u64().unwrap()), numbers);
    }
    ends
}

/// A line of CSV without quotes, by column.
fn fields(csv: &str, line: usize) -> BTreeMap<String, String> {
    let split = |line: &str| line.split(',').map(str::to_string).collect::<Vec<_>>();
    let lines: Vec<Vec<String>> = csv.lines().map(split).collect();
    assert_eq!(lines[0].len(), lines[line].len());
    lines[0].iter().cloned().zip(lines[line].iter().cloned()).collect()
}

#[test]
fn differences_are_those_of_the_records_in_every_format() {
    let place = Place::new(TINY);
    place.run(&["--set", "campaign.seeds=6"]);
    let ends = ends(&place, "runs/tiny");
    let differences = |i: usize| -> Vec<f64> {
        let of = |learner: &str, seed| ends[&(learner.to_string(), seed)][i];
        (1..=6).map(|seed| of("evolution", seed) - of("backprop", seed)).collect()
    };
    let mean = |i: usize| differences(i).iter().sum::<f64>() / 6.0;
    let words = ["compare", "runs/tiny", "--at", "end", "--metric", "test-accuracy", "--metric", "test-loss"];
    let asked = |more: &[&str]| place.subevo(&[&words, more].concat()).expect(0);

    let csv = asked(&["--csv"]);
    assert_eq!(csv.out.lines().count(), 3, "{}", csv.out);
    for (i, (quantity, unit)) in [("test-accuracy", "1"), ("test-loss", "nats")].into_iter().enumerate() {
        let row = fields(&csv.out, i + 1);
        let number = |key: &str| -> f64 { row[key].parse().unwrap() };
        assert_eq!(
            (&*row["quantity"], &*row["unit"], &*row["n"], &*row["seeds"]),
            (quantity, unit, "6", "1 2 3 4 5 6")
        );
        assert!((number("difference") - mean(i)).abs() < 1e-12, "{row:?}");
        assert!(number("ci_low") <= mean(i) && mean(i) <= number("ci_high"));
        // Two tests: the less p is doubled.
        assert!(number("p_holm") >= number("p") && number("p") >= 0.03125);
        assert_eq!((&*row["first"], &*row["second_method"], &*row["at"]), ("evolution", "backprop", "end"));
        assert_eq!((&*row["level"], &*row["never_reached_first"]), ("", "0"));
    }

    let json: Value = serde_json::from_str(&asked(&["--json"]).out).unwrap();
    assert_eq!((&json["schema"], json["family"]["tests"].as_u64()), (&"subevo.compare/1".into(), Some(2)));
    let block = &json["comparisons"][0];
    let row = &block["rows"][1];
    assert_eq!(
        (&block["first"], &block["background"], row["n"].as_u64()),
        (&"evolution".into(), &"random".into(), Some(6))
    );
    for (pair, difference) in row["pairs"].as_array().unwrap().iter().zip(differences(1)) {
        let value = |i: usize| pair["values"][i].as_f64().unwrap();
        assert!((value(0) - value(1) - difference).abs() < 1e-12, "{pair}");
    }
    assert_eq!(row["p"].as_f64().unwrap().to_string(), fields(&csv.out, 2)["p"]);

    let text = asked(&[]).out;
    assert!(text.starts_with("evolution - backprop: subset "), "{text}");
    let percent = format!("{:+.2}", 100.0 * mean(0));
    assert!(text.contains("| test-accuracy % | 6 |") && text.contains(&percent), "{percent}: {text}");
    assert!(text.contains("p Holm: corrected for the 2 tests of this table"), "{text}");

    let markdown = asked(&["--markdown", "--out", "table.md"]);
    assert_eq!(markdown.out, "table.md\n");
    let written = fs::read_to_string(place.path("table.md")).unwrap();
    assert!(written.starts_with("### evolution - backprop: subset ") && written.contains(&percent), "{written}");
    assert_eq!(written.matches("| end |").count(), 2, "{written}");
}

#[test]
fn the_same_records_give_the_same_words_whatever_the_order() {
    let place = Place::new(TINY);
    place.run(&["--set", "campaign.seeds=2"]);
    // Seconds are the machine's, so that levels of them may fall on either side of an evaluation; the records keep them.
    let words = ["compare", "runs/tiny", "--json"];
    let (one, other) = (place.subevo(&words).expect(0).out, place.subevo(&words).expect(0).out);
    assert_eq!(one, other);
    let json: Value = serde_json::from_str(&one).unwrap();
    let rows = json["comparisons"][0]["rows"].as_array().unwrap();
    for at in ["loss", "macs", "seconds", "end"] {
        assert!(rows.iter().any(|row| row["at"] == at), "{at}: {one}");
    }
    // At equal training loss the first network at or below it is compared.
    for row in rows.iter().filter(|row| row["at"] == "loss") {
        let (level, reached) = (row["level"].as_f64().unwrap(), row["reached"].as_array().unwrap());
        assert!(reached.iter().all(|reached| reached.as_f64().unwrap() <= level), "{row}");
    }
    let folders: Vec<String> = place.runs("runs/tiny").iter().rev().map(|run| run.display().to_string()).collect();
    let words: Vec<&str> = ["compare", "--json"].into_iter().chain(folders.iter().map(String::as_str)).collect();
    assert_eq!(place.subevo(&words).expect(0).out, one);
}

#[test]
fn two_campaigns_of_unequal_seeds_are_paired_by_those_in_common() {
    let learner = |i: usize| if i == 0 { "evolution" } else { "backprop" };
    let one = |i: usize| {
        let (head, tail) = TINY.split_once("[[learner]]").unwrap();
        let learners: Vec<&str> = tail.split("[[learner]]").collect();
        let (last, budget) = learners[1].split_once("[budget]").unwrap();
        let chosen = if i == 0 { learners[0] } else { last };
        format!("{}[[learner]]{chosen}[budget]{budget}", head.replace("tiny", learner(i)))
    };
    let place = Place::new(&one(0));
    place.run(&["--set", "campaign.seeds=[1, 2, 3, 4]"]);
    fs::write(place.path("campaign.toml"), one(1)).unwrap();
    place.run(&["--set", "campaign.seeds=[3, 4, 5]"]);
    let words = ["compare", "runs/evolution", "runs/backprop", "--at", "end", "--metric", "test-loss"];
    let found = place.subevo(&words).expect(0);
    assert!(found.out.contains("2 pairs: seeds 3, 4\n"), "{}", found.out);
    assert!(found.out.contains("seeds 1, 2 of evolution left out, which backprop does not have"), "{}", found.out);
    assert!(found.out.contains("seed 5 of backprop left out, which evolution does not have"), "{}", found.out);
    assert!(found.out.contains("n < 6: p < 0.05 cannot be reached (the least p of 2 pairs is 0.50)"), "{}", found.out);
    let csv = place.subevo(&[&words[..], &["--csv"]].concat()).expect(0);
    assert!(csv.err.contains("seed 5 of backprop left out") && csv.out.lines().count() == 2, "{csv:?}");

    let strict = place.subevo(&[&words[..], &["--strict"]].concat()).expect(2);
    assert!(strict.out.is_empty() && strict.err.contains("seeds 1, 2 of evolution left out"), "{}", strict.err);
    let alone = place.subevo(&["compare", "runs/evolution"]).expect(2);
    assert!(alone.err.contains("an evolution and a backprop learner are needed, and there is only"), "{}", alone.err);

    // Other data or another learner behind the same name.
    place.run(&["--set", "campaign.name=other", "--set", "data.train=150"]);
    let data = place.subevo(&["compare", "runs/evolution", "runs/other"]).expect(2);
    assert!(data.err.contains("but there is `train = 200` in one and `train = 150` in the other"), "{}", data.err);
    place.run(&["--out", "more", "--set", "campaign.seeds=[9]", "--set", "learner.0.optimizer.lr=0.5"]);
    let other = place.subevo(&["compare", "runs/evolution", "runs/backprop", "more/backprop"]).expect(2);
    let words = "both are of learner `backprop` of campaign `backprop`, but there is";
    assert!(other.err.contains(words) && other.err.contains("lr = 0.5"), "{}", other.err);
}

#[test]
fn runs_that_are_not_finished_are_left_out_and_named() {
    let place = Place::new(TINY);
    place.run(&["--set", "campaign.seeds=2"]);
    let run = place.runs("runs/tiny").into_iter().find(|run| run.to_str().unwrap().contains("evolution-s2")).unwrap();
    let steps = run.join("steps.jsonl");
    let text = fs::read(&steps).unwrap();
    fs::write(&steps, &text[..text.len() / 2]).unwrap();
    let words = ["compare", "runs/tiny", "--at", "end"];
    let found = place.subevo(&words).expect(0);
    assert!(
        found.out.contains("1 pair: seed 1\n") && found.out.contains("seed 2 of evolution not finished"),
        "{}",
        found.out
    );
    place.subevo(&[&words[..], &["--strict"]].concat()).expect(2);
    for run in place.runs("runs/tiny") {
        fs::write(run.join("steps.jsonl"), "").unwrap();
    }
    let ended = place.subevo(&words).expect(2);
    assert_eq!(ended.err, "error: runs/tiny has no records yet: run the campaign first\n");
}

#[test]
fn questions_without_an_answer_say_what_could_be_asked() {
    let place = Place::new(TINY);
    place.run(&[]);
    for (words, expected) in [
        (&["runs/tiny", "--metric", "test-acuracy"][..], "did you mean `test-accuracy`?"),
        (&["runs/tiny", "--metric", "radii"], "`subevo measure FOLDER --metric radii` measures it"),
        (&["runs/tiny", "--metric", "radii:off=x"], "unknown key `off`: expected `of`, `at`, `layer` or `position`"),
        (&["runs/tiny", "--level", "0.5"], "--level needs one --at that it belongs to"),
        (&["runs/tiny", "--at", "loss", "--level", "-1"], "level -1: must be a number above 0"),
        (&["runs/tiny", "--at", "los"], "a similar value exists: 'loss'"),
        (
            &["runs/tiny", "--baseline", "backprob"],
            "no learner is called `backprob`: expected `backprop` or `evolution`; did you",
        ),
        (&["runs/tiny", "--csv", "--json"], "'--csv' cannot be used with '--json'"),
        (&["runs/tiny", "runs/tiny"], "holds the same campaign, learner, cell and seed"),
        (&["runs/tinny"], "runs/tinny does not exist"),
        (&[], "<FOLDER>"),
    ] {
        let ended = place.subevo(&[&["compare"], words].concat()).expect(2);
        assert!(ended.out.is_empty() && ended.err.contains(expected), "{words:?}: {}", ended.err);
    }
    let lost = place.subevo(&["compare", "runs/tiny", "--at", "end", "--out", "none/table"]).expect(1);
    assert!(lost.out.is_empty() && lost.err.contains("none"), "{lost:?}");
    let never =
        place.subevo(&["compare", "runs/tiny", "--at", "loss", "--level", "1e-6", "--metric", "macs"]).expect(0);
    assert!(never.out.contains("never 1, 1") && never.out.contains("no pair has these numbers"), "{}", never.out);
}
