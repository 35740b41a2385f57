//! Runs as records would hold them, for the tests of comparisons.

use std::collections::BTreeMap;

use crate::record::{
    Background, Cost, End, Evaluation, Header, Lap, Measurement, Method, Reading, RunRecords, Score, Scores, FORMAT,
};

/// A finished run with an evaluation for each (step, training loss, test accuracy). A step costs 10 MACs and half a second;
/// training accuracy is 0.1 above test accuracy, the other losses are the training loss.
pub(super) fn run(learner: &str, method: Method, seed: u64, looks: &[(u64, f64, f64)]) -> RunRecords {
    let cost = |step: u64| Cost { step, images: 4 * step, images_backward: 0, macs: 10 * step };
    let look = |&(step, loss, accuracy): &(u64, f64, f64)| {
        let score = |accuracy| Score { loss, accuracy, images: 100 };
        let scores = Scores { train: score(accuracy + 0.1), validation: score(accuracy), test: score(accuracy) };
        Evaluation { cost: cost(step), scores }
    };
    let lap = |&(step, ..): &(u64, f64, f64)| Lap {
        step,
        seconds: 0.5 * step as f64,
        evaluation_seconds: 0.0,
        images_per_second: 8.0,
        peak_rss_mib: 1.0,
    };
    let evaluations: Vec<Evaluation> = looks.iter().map(look).collect();
    let last = evaluations.last().expect("there is an evaluation").clone();
    RunRecords {
        header: Header {
            format: FORMAT,
            campaign: "first".to_string(),
            cell: String::new(),
            learner: learner.to_string(),
            method,
            algorithm: "any".to_string(),
            subset: "bn".to_string(),
            background: Background::Random,
            data: "digits".to_string(),
            classes: 10,
            model: "conv2".to_string(),
            seed,
            subset_size: 9,
            subset_weights: None,
            parameters_total: 99,
            config: format!("{seed:08x}"),
        },
        steps: Vec::new(),
        end: Some(End {
            reason: "steps".to_string(),
            cost: last.cost,
            last: last.scores,
            best_by_validation: last.scores,
            best_by_validation_step: last.cost.step,
            best_on_test_accuracy: last.scores.test.accuracy,
        }),
        evaluations,
        laps: looks.iter().map(lap).collect(),
        measurements: Vec::new(),
        config: String::new(),
    }
}

/// A run of two looks: all begin with the same network, and end with this loss and accuracy after eight steps.
pub(super) fn short(learner: &str, method: Method, seed: u64, loss: f64, accuracy: f64) -> RunRecords {
    run(learner, method, seed, &[(0, 2.0, 0.1), (1, 1.9, 0.15), (8, loss, accuracy)])
}

/// An evolution and a backprop run for each seed from 1 on, with these test accuracies at the end.
pub(super) fn campaign(accuracies: &[(f64, f64)]) -> Vec<RunRecords> {
    let both = |(i, &(evolution, backprop)): (usize, &(f64, f64))| {
        let seed = i as u64 + 1;
        [
            short("evolution", Method::Evolution, seed, 1.0, evolution),
            short("backprop", Method::Backprop, seed, 0.5, backprop),
        ]
    };
    accuracies.iter().enumerate().flat_map(both).collect()
}

/// Adds what was measured of the network after a step.
pub(super) fn measure(run: &mut RunRecords, step: u64, metric: &str, mut reading: Reading) {
    reading.metric = metric.to_string();
    let at = run.evaluations.iter().find(|at| at.cost.step == step).expect("it was evaluated").clone();
    match run.measurements.iter_mut().find(|there| there.cost.step == step) {
        Some(there) => there.readings.push(reading),
        None => {
            run.measurements.push(Measurement {
                cost: at.cost,
                scores: at.scores,
                readings: vec![reading],
                arrays: BTreeMap::new(),
            });
        }
    }
}
