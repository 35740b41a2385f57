//! Run folders: what is read after kills, cuts and flipped bits.

use std::collections::BTreeMap;

use subevo::campaign::store::{config_digest, RunDescription};
use subevo::record::{Background, Cost, End, Evaluation, Header, Method, Record, Score, Scores, Step, FORMAT};

mod files;
mod lines;
mod run_dir;

const CONFIGURATION: &str = "[campaign]\nname = \"quickstart\"\n";

fn description() -> RunDescription {
    RunDescription {
        format: FORMAT,
        campaign: "quickstart".to_string(),
        cell: "background=zero".to_string(),
        seed: 7,
        learner: "evolution".to_string(),
        config: config_digest(CONFIGURATION),
        configuration: CONFIGURATION.to_string(),
        program_version: "0.1.0".to_string(),
        git_commit: None,
        crate_versions: BTreeMap::from([("candle-core".to_string(), "0.11.1".to_string())]),
        device: "cpu".to_string(),
        command_line: vec!["subevo".to_string(), "run".to_string()],
        created_unix_seconds: 1_700_000_000,
    }
}

fn header() -> Record {
    Record::Header(Header {
        format: FORMAT,
        campaign: "quickstart".to_string(),
        cell: "background=zero".to_string(),
        learner: "evolution".to_string(),
        method: Method::Evolution,
        algorithm: "snes".to_string(),
        subset: "batchnorm".to_string(),
        background: Background::Zero,
        data: "tiny".to_string(),
        classes: 10,
        model: "conv2-bn".to_string(),
        seed: 7,
        subset_size: 5,
        subset_weights: None,
        parameters_total: 1_000,
        config: config_digest(CONFIGURATION),
    })
}

fn cost(step: u64) -> Cost {
    Cost { step, images: 64 * step, images_backward: 0, macs: 1_000_000_007 * step }
}

fn step(step: u64, loss: f64) -> Record {
    let diagnostics = BTreeMap::from([("sigma".to_string(), loss / 3.0)]);
    Record::Step(Step { cost: cost(step), stage: step / 4, loss, best: loss - 0.1, failed: step % 2, diagnostics })
}

fn scores(loss: f64) -> Scores {
    let score = |loss| Score { loss, accuracy: 1.0 / 3.0, images: 100 };
    Scores { train: score(loss), validation: score(loss + 0.1), test: score(loss + 0.2) }
}

fn evaluation(step: u64, loss: f64) -> Record {
    Record::Evaluation(Evaluation { cost: cost(step), scores: scores(loss) })
}

fn end(step: u64, loss: f64) -> Record {
    Record::End(End {
        reason: "images".to_string(),
        cost: cost(step),
        last: scores(loss),
        best_by_validation: scores(loss),
        best_by_validation_step: step,
        best_on_test_accuracy: 0.5,
    })
}
