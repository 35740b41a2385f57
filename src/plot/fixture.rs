//! Records as a campaign would leave them, for the tests of figures: smooth curves with a little noise from the seed.

use super::fixture_measured::{measured, noisy, populations};
use super::{Figure, ENTRIES};
use crate::params::{Origin, Params, Problems, Table};
use crate::record::{Background, Cost, End, Evaluation, Header, Lap, Method, RunRecords, Score, Scores, FORMAT};

/// The figure of that name.
pub(super) fn figure(name: &str) -> Box<dyn Figure> {
    let entry = ENTRIES.iter().find(|entry| entry.name == name).unwrap_or_else(|| panic!("no figure `{name}`"));
    let (table, problems) = (Table::default(), Problems::default());
    (entry.build)(&Params::new(&table, Origin::Default, "plot", &problems), &()).unwrap()
}

/// A run without evaluations and without an end.
pub(crate) fn run(method: Method, background: Background, subset: (&str, u64), seed: u64) -> RunRecords {
    let algorithm = if method == Method::Evolution { "snes" } else { "adam" };
    let header = Header {
        format: FORMAT,
        campaign: "quickstart".to_string(),
        cell: format!("background={} subset={}", background.name(), subset.0),
        learner: method.name().to_string(),
        method,
        algorithm: algorithm.to_string(),
        subset: subset.0.to_string(),
        background,
        data: "fashion-mnist-12k".to_string(),
        classes: 10,
        model: "conv2-bn".to_string(),
        seed,
        subset_size: subset.1,
        subset_weights: None,
        parameters_total: 20_490,
        config: "0badcafe".to_string(),
    };
    RunRecords {
        header,
        steps: Vec::new(),
        evaluations: Vec::new(),
        end: None,
        laps: Vec::new(),
        measurements: Vec::new(),
        config: String::new(),
    }
}

/// The three splits, all with the same images and loss.
pub(super) fn scores(train: f64, test: f64) -> Scores {
    let score = |accuracy| Score { loss: 1.0, accuracy, images: 2000 };
    Scores { train: score(train), validation: score(test), test: score(test) }
}

/// Adds an evaluation after `step` steps of `images` images each, and its clock reading.
pub(crate) fn evaluate(run: &mut RunRecords, step: u64, images: u64, seconds: f64, train: f64, test: f64) {
    let cost = Cost { step, images: step * images, images_backward: 0, macs: 0 };
    run.evaluations.push(Evaluation { cost, scores: scores(train, test) });
    let (evaluation_seconds, images_per_second, peak_rss_mib) = (0.1, 1e4, 100.0);
    run.laps.push(Lap { step, seconds, evaluation_seconds, images_per_second, peak_rss_mib });
}

/// Ends the run with its last evaluation.
pub(crate) fn end(run: &mut RunRecords) {
    let last = run.evaluations.last().expect("there is an evaluation");
    run.end = Some(End {
        reason: "images".to_string(),
        cost: last.cost,
        last: last.scores,
        best_by_validation: last.scores,
        best_by_validation_step: last.cost.step,
        best_on_test_accuracy: last.scores.test.accuracy,
    });
}

/// A campaign of two learners, two backgrounds, the given subsets (name, k, accuracy that it can reach) and seeds.
pub(super) fn campaign(subsets: &[(&str, u64, f64)], seeds: u64) -> Vec<RunRecords> {
    let mut runs = Vec::new();
    for &(name, k, reach) in subsets {
        for background in [Background::Random, Background::Zero] {
            for method in [Method::Evolution, Method::Backprop] {
                for seed in 0..seeds {
                    runs.push(trained(run(method, background, (name, k), seed), reach));
                }
            }
        }
    }
    runs
}

/// All campaigns that the tests of every figure draw, by name: each figure is drawn of one of them at least.
pub(crate) fn all() -> Vec<(&'static str, Vec<RunRecords>)> {
    let sizes =
        [("filters-0.25", 1_310, 0.5), ("filters-0.5", 2_620, 0.6), ("classifier", 5_130, 0.72), ("all", 20_490, 0.9)];
    vec![
        ("quickstart", quickstart()),
        ("sizes", campaign(&sizes, 3)),
        ("measured", measured()),
        ("noisy", noisy()),
        ("populations", populations()),
    ]
}

/// Three subsets and three seeds.
pub(crate) fn quickstart() -> Vec<RunRecords> {
    campaign(&[("batchnorm", 96, 0.45), ("batchnorm+classifier", 5_226, 0.78), ("filters-0.25", 1_310, 0.7)], 3)
}

fn trained(mut run: RunRecords, reach: f64) -> RunRecords {
    let evolution = run.header.method == Method::Evolution;
    let (batch, half, last) = if evolution { (64 * 256, 24.0, 1024) } else { (256, 60.0, 2048) };
    let reach =
        reach * if evolution { 0.93 } else { 1.0 } * if run.header.background == Background::Zero { 0.8 } else { 1.0 };
    let mut noise = Noise(run.header.seed * 7919 + run.header.subset_size + reach.to_bits() % 1009);
    let start = 0.09 + 0.04 * Noise(run.header.seed).next();
    let reach = reach + 0.03 * noise.next();
    let speed = 0.9 + 0.2 * noise.next();
    let mut step = 0;
    while step <= last {
        let t = step as f64;
        let grown = t.powf(1.1) / (t.powf(1.1) + half);
        let wobble = if step == 0 { 0.0 } else { 0.012 * noise.next() };
        let test = start + (reach - start) * grown + wobble;
        let train = test + 0.05 * grown * grown;
        let seconds = t * speed * if evolution { 0.35 } else { 0.02 };
        evaluate(&mut run, step, batch, seconds, train, test);
        step = if step == 0 { 1 } else { (step as f64 * 1.5).ceil() as u64 };
    }
    end(&mut run);
    run
}

/// A small generator of numbers in -1 to 1 (SplitMix64).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as f64 / u64::MAX as f64 * 2.0 - 1.0
    }
}
