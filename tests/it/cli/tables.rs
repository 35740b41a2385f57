//! `subevo export --format csv` and `parquet`: every record is in the tables, and mistakes are told.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{read, Place, TINY};

/// The lines of a CSV whose fields hold no commas, by column.
fn rows(text: &str) -> Vec<BTreeMap<&str, &str>> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    lines.map(|line| names.iter().copied().zip(line.split(',')).collect()).collect()
}

#[test]
fn the_tables_of_a_campaign_hold_what_its_records_hold() {
    let place = Place::new(TINY);
    place.run(&["--set", "campaign.seeds=2", "--set", "metrics.names=[\"gap\"]"]);
    let ended = place.subevo(&["export", "runs/tiny", "--format", "csv"]).expect(0);
    let names = ["runs", "settings", "evaluations", "steps", "diagnostics", "measurements"];
    let expected: String = names.iter().map(|name| format!("runs/tiny/export/{name}.csv\n")).collect();
    assert_eq!(ended.out, expected);
    let text = |name: &str| read(place.path(&format!("runs/tiny/export/{name}.csv")));
    let [runs, evaluations, steps] = ["runs", "evaluations", "steps"].map(text);
    let (runs, evaluations, steps) = (rows(&runs), rows(&evaluations), rows(&steps));
    assert_eq!(runs.len(), 4);
    let number = |field: &str| field.parse::<f64>().unwrap();
    for run in place.runs("runs/tiny") {
        let name = run.file_name().unwrap().to_str().unwrap();
        let of_run = |rows: &[BTreeMap<&str, &str>]| -> Vec<BTreeMap<String, String>> {
            let own = rows.iter().filter(|row| row["run"] == name);
            own.map(|row| row.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect()).collect()
        };
        let records: Vec<Value> =
            read(run.join("steps.jsonl")).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let of_kind = |kind: &str| records.iter().filter(|line| line["record"] == kind).collect::<Vec<_>>();
        let (taken, looked) = (of_kind("step"), of_kind("evaluation"));
        let (steps, evaluations) = (of_run(&steps), of_run(&evaluations));
        assert_eq!((steps.len(), taken.len()), (40, 40));
        for (row, record) in steps.iter().zip(taken) {
            assert_eq!(row["macs"], record["macs"].to_string());
            assert_eq!(number(&row["loss"]), record["loss"].as_f64().unwrap());
            assert_eq!(number(&row["best"]), record["best"].as_f64().unwrap());
        }
        assert_eq!(evaluations.len(), looked.len());
        for (row, record) in evaluations.iter().zip(looked) {
            assert_eq!(row["step"], record["step"].to_string());
            assert_eq!(number(&row["test_accuracy"]), record["test"]["accuracy"].as_f64().unwrap());
            assert_eq!(number(&row["validation_loss"]), record["validation"]["loss"].as_f64().unwrap());
            assert!(number(&row["seconds"]) >= 0.0);
        }
        let (end, row) = (&of_kind("end")[0], &of_run(&runs)[0]);
        assert_eq!((&*row["status"], &*row["end_reason"], &*row["steps"]), ("done", "steps", "40"));
        assert_eq!(number(&row["train_loss"]), end["last"]["train"]["loss"].as_f64().unwrap());
        assert_eq!(row["seed"], records[0]["seed"].to_string());
        assert_eq!(row["config"], records[0]["config"].as_str().unwrap());
    }
    assert!(text("settings").contains(",learner.0.batch,16,16.0\n"), "{}", text("settings"));
    assert!(text("measurements").lines().count() > 4, "{}", text("measurements"));

    // One run alone, somewhere else.
    let run = place.runs("runs/tiny").remove(0);
    place.subevo(&["export", run.to_str().unwrap(), "--format", "csv", "--out", "tables"]).expect(0);
    assert_eq!(rows(&read(place.path("tables/runs.csv"))).len(), 1);
    assert_eq!(rows(&read(place.path("tables/steps.csv"))).len(), 40);
    if cfg!(feature = "parquet") {
        let ended = place.subevo(&["export", "runs/tiny", "--format", "parquet"]).expect(0);
        assert_eq!(ended.out, expected.replace(".csv", ".parquet"));
        assert!(std::fs::read(place.path("runs/tiny/export/steps.parquet")).unwrap().starts_with(b"PAR1"));
    }
}

#[test]
fn what_cannot_be_exported_is_told_with_2_and_nothing_is_written() {
    let place = Place::new(TINY);
    place.run(&[]);
    let runs = place.runs("runs/tiny");
    let (one, other) = (runs[0].to_str().unwrap(), runs[1].to_str().unwrap());
    for (words, expected) in [
        (&["runs/tiny"][..], "runs/tiny is a campaign, and safetensors holds the network of one run"),
        (&[one, other], "safetensors holds the network of one run, not of 2 folders"),
        (&["nowhere", "--format", "csv"], "nowhere does not exist"),
        (&["campaign.toml", "--format", "parquet"], "campaign.toml is no folder"),
        (&[".", "--format", "tensorboard"], ". is neither a run (no config.toml) nor a campaign"),
        (&["runs/tiny", "--format", "csv", "--incumbent", "last"], "--incumbent chooses a network"),
        (&["runs/tiny", one, "--format", "csv"], "is the same run as"),
        (&["runs/tiny", "--format", "parqet"], "tip: a similar value exists: 'parquet'"),
        (&[], "<FOLDER>"),
    ] {
        let ended = place.subevo(&[&["export"], words].concat()).expect(2);
        assert!(ended.out.is_empty() && ended.err.contains(expected), "{words:?}: {}", ended.err);
    }
    assert!(!place.path("runs/tiny/export").exists());
}
