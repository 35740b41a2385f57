//! Records of a campaign of which everything was measured, for the tests of figures: three layers, two learners, some seeds, and
//! backprop on all weights.

use std::collections::BTreeMap;

use super::fixture::{end, evaluate, run};
use crate::record::{Background, Measurement, Method, Reading, RunRecords, Side};
use crate::state::Array;

/// Steps at which everything is measured besides the start.
const STEPS: [u64; 6] = [1, 4, 16, 64, 256, 1024];
/// Layers with a non-linearity.
const LAYERS: [&str; 3] = ["relu1", "pool1", "relu2"];

/// The campaign.
pub(super) fn measured() -> Vec<RunRecords> {
    let mut runs = Vec::new();
    for seed in 0..3 {
        runs.push(one(Method::Evolution, ("batchnorm", 96), seed, 1.0));
        runs.push(one(Method::Backprop, ("batchnorm", 96), seed, 1.3));
        runs.push(one(Method::Backprop, ("all", 20_490), seed, 1.8));
    }
    runs
}

/// Two learners whose labels are noisy to three degrees.
pub(super) fn noisy() -> Vec<RunRecords> {
    let mut runs = Vec::new();
    for (i, noise) in [0.0, 0.2, 0.4].into_iter().enumerate() {
        for seed in 0..3 {
            for (method, learned) in [(Method::Evolution, 0.1), (Method::Backprop, 0.3)] {
                let mut run = one(method, ("batchnorm", 96), seed, 1.0);
                run.header.cell = format!("data.label_noise={noise}");
                run.config = format!("[data]\nlabel_noise = {noise}\n");
                for measurement in &mut run.measurements {
                    measurement.readings = ["memorised", "restored"]
                        .map(|name| (name, "mislabelled"))
                        .into_iter()
                        .chain([("accuracy", "clean")])
                        .map(|(name, of)| {
                            reading("memorisation", name, learned * (1 + i) as f64 + 0.01 * seed as f64).of(of)
                        })
                        .collect();
                }
                runs.push(run);
            }
        }
    }
    runs
}

/// Four populations on two subsets, beside backprop.
pub(super) fn populations() -> Vec<RunRecords> {
    let mut runs = Vec::new();
    for (subset, rate) in [("batchnorm", 90_000.0), ("classifier", 400_000.0)] {
        for population in [16u64, 64, 256, 1024] {
            for seed in 0..3 {
                let mut run = one(Method::Evolution, (subset, 96), seed, 1.0);
                run.header.cell = format!("learner.0.strategy.population={population} subset={subset}");
                run.config =
                    format!("[[learner]]\nname = \"evolution\"\n[learner.strategy]\npopulation = {population}\n");
                let images = run.end.as_ref().unwrap().cost.images as f64;
                let grown = rate * (population as f64 / 16.0).powf(0.3) * (1.0 + 0.05 * seed as f64);
                run.laps.last_mut().unwrap().seconds = images / grown;
                runs.push(run);
                if population == 16 {
                    runs.push(one(Method::Backprop, (subset, 96), seed, 1.0));
                }
            }
        }
    }
    runs
}

fn one(method: Method, subset: (&str, u64), seed: u64, speed: f64) -> RunRecords {
    let mut run = run(method, Background::Random, subset, seed);
    run.header.cell = format!("subset={}", subset.0);
    for (i, step) in [0].into_iter().chain(STEPS).enumerate() {
        let grown = 1.0 - (-0.4 * speed * i as f64).exp();
        evaluate(&mut run, step, 4096, step as f64, 0.1 + 0.8 * grown, 0.1 + 0.7 * grown);
        let at = run.evaluations.last_mut().unwrap();
        at.scores.train.loss = 2.4 - 2.1 * grown + 0.01 * seed as f64;
        at.scores.test.loss = 2.4 - 1.9 * grown;
        let (cost, scores) = (at.cost, at.scores);
        let last = i == STEPS.len();
        let readings = readings(method, grown + 0.02 * seed as f64, last);
        let arrays = arrays(method, grown, last);
        run.measurements.push(Measurement { cost, scores, readings, arrays });
    }
    end(&mut run);
    run
}

fn reading(metric: &str, name: &str, value: f64) -> Reading {
    Reading { metric: metric.to_string(), ..Reading::new(name, value, "1", 2000) }
}

fn readings(method: Method, t: f64, last: bool) -> Vec<Reading> {
    let own = if method == Method::Evolution { 1.0 } else { 1.2 };
    let mut all = vec![reading("reconstruction", "r2", 0.9).side("input", Side::Post)];
    for (depth, layer) in LAYERS.iter().enumerate() {
        for (half, side) in [Side::Pre, Side::Post].into_iter().enumerate() {
            let deep = (2 * depth + half) as f64;
            let each = [
                ("kolchinsky-tracey", "i_xt_upper", (5.0 - 0.6 * deep - t * own) * 0.9),
                ("probe", "v_information", 2.6 - 0.1 * deep * (1.0 - t)),
                ("reconstruction", "r2", 0.9 - 0.08 * deep - 0.05 * t * own),
                ("local-information", "bits", 1900.0 - 300.0 * deep - 100.0 * t * own),
                ("dimension", "participation-ratio", 12.0 + 4.0 * deep * own),
            ];
            for (metric, name, value) in each {
                let plain = reading(metric, name, value).side(layer, side).cap(7.6).shuffled(0.01);
                all.push(match metric {
                    "kolchinsky-tracey" => plain.of("own-rms").at(3.0),
                    _ => plain,
                });
            }
        }
        for (name, value) in [("hamming", 0.4 - 0.1 * t * own), ("hamming-mlp", 0.4 - 0.05 * depth as f64)] {
            all.push(reading("switching", name, value).of("different-class").side(layer, Side::Pre));
        }
    }
    for of in ["random", "other-class", "deepfool"] {
        let size = if of == "deepfool" { 0.2 } else { 8.0 };
        all.push(reading("radii", "censored", 0.04).of(of));
        all.push(reading("radii", "median", size * own).of(of));
        all.extend([0.05, 0.25, 0.5, 0.75, 0.95].map(|share| {
            reading("radii", "quantile", size * own * (3.0 * (share - 0.5) * (1.0 + t)).exp()).of(of).at(share)
        }));
    }
    all.extend([0.05, 0.2, 0.8].map(|sigma| reading("robustness", "kept", (0.9 - sigma) * own / 1.2).at(sigma)));
    for kind in ["brightness", "contrast", "gaussian-blur", "gaussian-noise"] {
        all.extend([0.0, 1.0, 2.0, 3.0, 4.0, 5.0].map(|severity| {
            reading("corruption", "error", (0.9 - 0.5 * t * own + 0.06 * severity).clamp(0.0, 1.0))
                .of(kind)
                .at(severity)
        }));
    }
    all.push(reading("slices", "fragmentation", 9.0 * own));
    all.push(reading("snr", "snr2", 0.3 * own * (1.2 - t)).of("update"));
    all.push(reading("alignment", "cosine", 0.5 * own * (1.5 - t)).of("weights"));
    if method == Method::Evolution {
        all.push(reading("alignment", "theory", 0.57).of("pairs"));
        all.push(reading("snr", "theory", 0.33).of("update"));
    }
    if last {
        all.extend(
            [1.0, 3.0, 10.0, 30.0]
                .map(|lag: f64| reading("displacement", "msd", 0.01 * lag.powf(own)).of("start").at(lag)),
        );
        all.push(reading("displacement", "exponent", own).of("start").shuffled(1.0));
        all.push(reading("anisotropy", "diffusion-exponent", 0.3 * own).of("weights"));
    }
    all
}

fn arrays(method: Method, t: f64, last: bool) -> BTreeMap<String, BTreeMap<String, Array>> {
    const SIDE: u64 = 12;
    let shift = if method == Method::Evolution { 1 } else { 3 };
    let mut slices = BTreeMap::new();
    for plane in 0..3 {
        let labels = (0..SIDE * SIDE).map(|i| (i % SIDE + (t * 3.0) as u64 * shift + plane) / 4 % 10).collect();
        let confidence = (0..SIDE * SIDE).map(|i| 0.3 + 0.7 * (i / SIDE) as f32 / SIDE as f32).collect();
        slices.insert(format!("labels-{plane}"), Array::U64(labels));
        slices.insert(format!("confidence-{plane}"), Array::F32(confidence));
        slices.insert(format!("extent-{plane}"), Array::F64(vec![-10.0, 40.0, -12.0, 30.0]));
        slices.insert(format!("points-{plane}"), Array::F64(vec![0.0, 0.0, 25.0, 0.0, 10.0, 20.0]));
    }
    let mut arrays = BTreeMap::from([("slices".to_string(), slices)]);
    if last {
        let eigenvalues: Vec<f64> = (0..20).map(|i| 10f64.powf(-3.0 + 0.15 * f64::from(i))).collect();
        let diffusion =
            eigenvalues.iter().enumerate().map(|(i, x)| 0.001 * x.powf(0.4) * (1.0 + (i % 3) as f64)).collect();
        let of_weights = BTreeMap::from([
            ("anisotropy.weights.eigenvalues".to_string(), Array::F64(eigenvalues)),
            ("anisotropy.weights.diffusion".to_string(), Array::F64(diffusion)),
        ]);
        arrays.insert("anisotropy".to_string(), of_weights);
    }
    arrays
}
