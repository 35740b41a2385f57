//! Tables of records, CSV and Parquet, read back: by the crate's reader value by value, and by pandas and polars.

use std::collections::BTreeMap;
use std::path::Path;

use subevo::campaign::{write_tables, TableFormat};
use subevo::record::{
    Background, Cost, End, Evaluation, Header, Lap, Measurement, Method, Reading, RunRecords, Score, Scores, Session,
    Side, Step,
};
use subevo::table::{csv, tables, Kind, RunEntry, Status};

fn cost(step: u64) -> Cost {
    Cost { step, images: 64 * step, images_backward: 3 * step, macs: 1_000_000_007 * step }
}

fn scores(x: f64) -> Scores {
    let score = |loss, accuracy, images| Score { loss, accuracy, images };
    Scores { train: score(x, 0.5, 2_000), validation: score(x + 0.1, 0.1 + 0.2, 20), test: score(f64::NAN, 1.0, 50) }
}

fn header(learner: &str, method: Method, cell: &str) -> Header {
    Header {
        format: 1,
        campaign: "made, \"up\"".into(),
        cell: cell.into(),
        learner: learner.into(),
        method,
        algorithm: "snes".into(),
        subset: "batchnorm".into(),
        background: Background::Zero,
        data: "synthetic".into(),
        classes: 0,
        model: "conv2".into(),
        seed: 3,
        subset_size: 7,
        subset_weights: None,
        parameters_total: 121,
        config: "0123abcd".into(),
    }
}

fn entry(records: RunRecords, run: &str, status: Status) -> RunEntry {
    let header = &records.header;
    RunEntry {
        run: run.into(),
        campaign: header.campaign.clone(),
        cell: header.cell.clone(),
        learner: header.learner.clone(),
        seed: header.seed,
        version: "0.1.0".into(),
        status,
        error: None,
        sessions: vec![Session {
            step: 0,
            host: String::new(),
            device: "cpu".into(),
            threads: 2,
            unix_seconds: 1_700_000_000,
        }],
        records: Some(records),
    }
}

/// A run that is done, with every kind of value; one that has just begun; and one that failed before it had a record.
fn made() -> Vec<RunEntry> {
    let losses = [0.1 + 0.2, f64::NAN, f64::INFINITY, 3.0];
    let step = |(i, loss): (usize, &f64)| Step {
        cost: cost(i as u64 + 1),
        stage: u64::from(i > 1),
        loss: *loss,
        best: -1e-300,
        failed: i as u64,
        diagnostics: BTreeMap::from([("sigma".to_string(), 0.5 / (i + 1) as f64), ("rate".into(), f64::NEG_INFINITY)]),
    };
    let reading = Reading::new("information", f64::INFINITY, "bits", 7);
    let full = reading.clone().of("kappa").at(-2.5).side("relu1", Side::Post).se(0.25);
    let full = full.interval([f64::NEG_INFINITY, 3.0]).cap(11.0).shuffled(f64::NAN);
    let done = RunRecords {
        header: Header { classes: 3, subset_weights: Some(90), ..header("evolution", Method::Evolution, "a=1 b=x,y") },
        steps: losses.iter().enumerate().map(step).collect(),
        evaluations: [0, 2, 4].map(|i| Evaluation { cost: cost(i), scores: scores(i as f64) }).to_vec(),
        end: Some(End {
            reason: "steps".into(),
            cost: cost(4),
            last: scores(4.0),
            best_by_validation: scores(2.0),
            best_by_validation_step: 2,
            best_on_test_accuracy: 1.0,
        }),
        laps: [0, 4]
            .map(|step| Lap {
                step,
                seconds: step as f64 / 3.0,
                evaluation_seconds: 0.5,
                images_per_second: 0.0,
                peak_rss_mib: 0.0,
            })
            .to_vec(),
        measurements: vec![Measurement {
            cost: cost(4),
            scores: scores(4.0),
            readings: vec![reading, full],
            arrays: BTreeMap::new(),
        }],
        config: "[budget]\nsteps = 4\n\n[[learner]]\nname = \"evolution\"\nlr = 0.01\n".into(),
    };
    let begun = RunRecords {
        header: header("backprop", Method::Backprop, ""),
        steps: vec![],
        evaluations: vec![],
        end: None,
        laps: vec![],
        measurements: vec![],
        config: String::new(),
    };
    let mut failed = entry(begun.clone(), "evolution-s4-0123abcd", Status::Failed);
    (failed.records, failed.error, failed.sessions) = (None, Some("no room\nleft, sorry".into()), vec![]);
    vec![
        entry(done, "a=1_evolution-s3-0123abcd", Status::Done),
        entry(begun, "backprop-s3-0123abcd", Status::Unfinished),
        failed,
    ]
}

/// The columns in which rows that are no numbers would be found first.
const PYTHON: &str = r#"
import sys, math
import pandas as pd, polars as pl
folder = sys.argv[1]
def read(name):
    return {
        "pandas csv": pd.read_csv(f"{folder}/{name}.csv", float_precision="round_trip"),
        "polars csv": pl.read_csv(f"{folder}/{name}.csv"),
        "pandas parquet": pd.read_parquet(f"{folder}/{name}.parquet"),
        "polars parquet": pl.read_parquet(f"{folder}/{name}.parquet"),
    }
for name, steps in read("steps").items():
    loss = list(steps["loss"])
    assert str(steps["loss"].dtype).lower() == "float64", (name, steps["loss"].dtype)
    assert str(steps["macs"].dtype).lower() == "int64", (name, steps["macs"].dtype)
    assert loss[0] == 0.1 + 0.2 and math.isnan(loss[1]) and loss[2] == math.inf and loss[3] == 3.0, (name, loss)
    assert list(steps["best"]) == [-1e-300] * 4 and list(steps["macs"])[3] == 4_000_000_028, name
    assert list(steps["cell"])[0] == "a=1 b=x,y" and list(steps["campaign"])[0] == 'made, "up"', name
for name, runs in read("runs").items():
    assert list(runs["status"]) == ["done", "unfinished", "failed"], name
    assert list(runs["error"])[2] == "no room\nleft, sorry", (name, list(runs["error"]))
    assert list(runs["train_loss"])[0] == 4.0, name
    missing = list(runs["train_loss"])[1]
    assert missing is None or math.isnan(missing), (name, missing)
for name, readings in read("measurements").items():
    assert list(readings["value"]) == [math.inf, math.inf], (name, list(readings["value"]))
    assert list(readings["low"])[1] == -math.inf and list(readings["at"])[1] == -2.5, name
    assert str(readings["low"].dtype).lower() == "float64", (name, readings["low"].dtype)
for name, settings in read("settings").items():
    rows = dict(zip(settings["key"], settings["number"]))
    assert rows["budget.steps"] == 4 and rows["learner.0.lr"] == 0.01, (name, rows)
# What is missing and what is NaN are told apart in Parquet.
steps, runs = pl.read_parquet(f"{folder}/steps.parquet"), pl.read_parquet(f"{folder}/runs.parquet")
assert steps["loss"].null_count() == 0 and steps["loss"].is_nan().sum() == 1
assert runs["test_loss"].null_count() == 2 and runs["test_loss"].is_nan().sum() == 1
print("read")
"#;

#[test]
fn a_csv_has_a_header_and_a_line_for_each_thing() {
    let runs = made();
    let text = |name: &str| {
        let tables = tables(&runs);
        let table = tables.iter().find(|table| table.name() == name).unwrap();
        String::from_utf8(csv(&**table)).unwrap()
    };
    let steps = text("steps");
    let lines: Vec<&str> = steps.lines().collect();
    let keys = "run,campaign,cell,learner,method,seed";
    assert_eq!(lines[0], format!("{keys},step,stage,images,images_backward,macs,loss,best,failed"));
    let run = "a=1_evolution-s3-0123abcd,\"made, \"\"up\"\"\",\"a=1 b=x,y\",evolution,evolution,3";
    assert_eq!(lines[1], format!("{run},1,0,64,3,1000000007,0.30000000000000004,-1e-300,0"));
    assert_eq!(lines[2], format!("{run},2,0,128,6,2000000014,NaN,-1e-300,1"));
    assert_eq!(lines[3], format!("{run},3,1,192,9,3000000021,inf,-1e-300,2"));
    assert_eq!(lines.len(), 5);
    // The diagnostics of a step, in the order of their names.
    assert!(text("diagnostics").contains(&format!("{run},2,rate,-inf\n{run},2,sigma,0.25\n")));
    let evaluations = text("evaluations");
    let second: Vec<&str> = evaluations.lines().nth(2).unwrap().split(',').rev().collect();
    assert_eq!(second[..9], ["50", "1.0", "NaN", "20", "0.30000000000000004", "2.1", "2000", "0.5", "2.0"]);
    assert_eq!(second[9..12], ["", "", ""], "no clock was read at step 2");
    // Of a run that failed before its first record nothing is known behind `error` but the program that began it.
    let names = tables(&runs)[0].columns();
    let behind = names.len() - 1 - names.iter().position(|(name, _)| *name == "error").unwrap();
    let end = format!(",failed,\"no room\nleft, sorry\"{}0.1.0\n", ",".repeat(behind));
    assert!(text("runs").ends_with(&end), "{}", text("runs"));
}

#[test]
fn every_column_is_in_the_document() {
    let document = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/export.md")).unwrap();
    for table in tables(&[]) {
        let section = document.split(&format!("### `{}`", table.name())).nth(1);
        let section = section.unwrap_or_else(|| panic!("docs/export.md has no table `{}`", table.name()));
        let section = section.split("\n### ").next().unwrap();
        for (column, _) in table.columns().iter().skip(6) {
            assert!(section.contains(&format!("`{column}`")), "docs/export.md: `{}` has no `{column}`", table.name());
        }
        assert_eq!(table.columns()[5], ("seed", Kind::Integer), "the keys come first");
    }
}

#[cfg(feature = "parquet")]
mod parquet_files {
    use std::fs::File;

    use parquet::basic::{Compression, Repetition};
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;
    use subevo::table::Values;

    use super::*;

    /// Whether a field is this value, NaN like NaN.
    fn is(field: &Field, values: &Values<'_>, row: usize) -> bool {
        match (field, values) {
            (Field::Null, Values::Text(x)) => x[row].is_none(),
            (Field::Null, Values::Integer(x)) => x[row].is_none(),
            (Field::Null, Values::Number(x)) => x[row].is_none(),
            (Field::Str(found), Values::Text(x)) => x[row] == Some(found),
            (Field::Long(found), Values::Integer(x)) => x[row] == Some(*found as u64),
            (Field::Double(found), Values::Number(x)) => x[row].map(f64::to_bits) == Some(found.to_bits()),
            _ => false,
        }
    }

    #[test]
    fn parquet_is_read_back_value_by_value() {
        let (runs, folder) = (made(), tempfile::tempdir().unwrap());
        let written = write_tables(&runs, TableFormat::Parquet, folder.path()).unwrap();
        assert_eq!(written.len(), 6);
        let mut compared = 0;
        for (table, written) in tables(&runs).iter().zip(&written) {
            let reader = SerializedFileReader::new(File::open(&written.path).unwrap()).unwrap();
            let columns = reader.metadata().file_metadata().schema_descr().columns().to_vec();
            let names: Vec<&str> = columns.iter().map(|column| column.name()).collect();
            assert_eq!(names, table.columns().iter().map(|(name, _)| *name).collect::<Vec<_>>());
            for column in &columns {
                assert_eq!(column.self_type().get_basic_info().repetition(), Repetition::OPTIONAL);
            }
            for group in reader.metadata().row_groups() {
                assert!(group.columns().iter().all(|column| column.compression() == Compression::UNCOMPRESSED));
            }
            let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
            assert_eq!((rows.len(), written.rows), (table.rows(), table.rows()), "{}", table.name());
            for i in 0..names.len() {
                let values = table.values(i, 0..table.rows());
                for (j, row) in rows.iter().enumerate() {
                    let (name, field) = row.get_column_iter().nth(i).unwrap();
                    assert!(is(field, &values, j), "{} {name} {j}: {field:?} in {values:?}", table.name());
                    compared += 1;
                }
            }
        }
        assert!(compared > 300, "{compared}");

        // And against the records themselves.
        let reader = SerializedFileReader::new(File::open(folder.path().join("steps.parquet")).unwrap()).unwrap();
        let steps = &runs[0].records.as_ref().unwrap().steps;
        for (row, step) in reader.get_row_iter(None).unwrap().map(Result::unwrap).zip(steps) {
            let fields: BTreeMap<&String, &Field> = row.get_column_iter().collect();
            let field = |name: &str| fields[&name.to_string()].clone();
            let Field::Double(loss) = field("loss") else { panic!("{:?}", field("loss")) };
            assert_eq!(loss.to_bits(), step.loss.to_bits());
            assert_eq!(field("macs"), Field::Long(step.cost.macs as i64));
            assert_eq!(field("failed"), Field::Long(step.failed as i64));
            assert_eq!(field("run"), Field::Str(runs[0].run.clone()));
        }
    }

    #[test]
    fn more_rows_than_a_group_holds_are_all_there() {
        let mut runs = made();
        let records = runs[0].records.as_mut().unwrap();
        let step = records.steps[0].clone();
        records.steps =
            (1..=300_000).map(|i| Step { cost: cost(i), diagnostics: BTreeMap::new(), ..step.clone() }).collect();
        let folder = tempfile::tempdir().unwrap();
        write_tables(&runs, TableFormat::Parquet, folder.path()).unwrap();
        let reader = SerializedFileReader::new(File::open(folder.path().join("steps.parquet")).unwrap()).unwrap();
        assert_eq!((reader.num_row_groups(), reader.metadata().file_metadata().num_rows()), (3, 300_000));
        let last = reader.get_row_iter(None).unwrap().last().unwrap().unwrap();
        let step = last.get_column_iter().find(|(name, _)| *name == "step").unwrap().1.clone();
        assert_eq!(step, Field::Long(300_000));
    }

    #[test]
    fn pandas_and_polars_read_both_formats_alike() {
        let (runs, folder) = (made(), tempfile::tempdir().unwrap());
        write_tables(&runs, TableFormat::Csv, folder.path()).unwrap();
        write_tables(&runs, TableFormat::Parquet, folder.path()).unwrap();
        let words = [folder.path().to_str().unwrap()];
        if let Some(said) = crate::python::run("pandas, polars, pyarrow", PYTHON, &words) {
            assert_eq!(said, "read\n");
        }
    }
}
