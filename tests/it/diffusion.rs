//! The metrics of diffusion on a small network, with updates and walks that were made so that their numbers are known.

use serde_json::{json, Value as Json};
use subevo::engine::Probe;
use subevo::entry::Entries;
use subevo::error::Result;
use subevo::estimator::es_theory;
use subevo::learner::{Moment, Snapshot, Task};
use subevo::metric::{diffusion, Caches, Measured, Metric, Redraw, Run, Subject, Walk};
use subevo::record::{Background, Cost, Evaluation, Header, Method, Reading, FORMAT};
use subevo::rng::Seed;
use subevo::state::Array;

use crate::learners::task;
use crate::networks::scale;
use crate::tables::build;

/// A learner whose updates are given.
struct Known(Vec<Vec<f32>>);

impl Redraw for Known {
    fn updates(&self, count: usize, _: Seed) -> Result<Vec<Vec<f32>>> {
        Ok(self.0.iter().cycle().take(count).cloned().collect())
    }
}

/// A run on the small network that was looked at three times, after 0, 10 and 40 steps.
struct Story {
    task: Task,
    /// Trained values at these moments.
    trained: [Vec<f32>; 3],
    /// Training accuracy at these moments.
    accuracy: [f64; 3],
    method: Method,
    updates: Option<Known>,
    walk: Option<Walk>,
    stage: u64,
}

impl Story {
    fn new() -> Self {
        let task = task();
        let start = task.start.untrained();
        let accuracy = [0.2, 0.5, 0.9];
        let trained = [start.clone(), start.clone(), start];
        Story { task, trained, accuracy, method: Method::Evolution, updates: None, walk: None, stage: 0 }
    }

    fn k(&self) -> usize {
        self.task.start.genes()
    }

    /// What a metric says at the last moment.
    fn measure(&self, name: &str, params: Json) -> Measured {
        let cost = |step| Cost { step, ..Cost::default() };
        let costs = [0, 10, 40].map(cost);
        let moment =
            |i: usize| Moment { cost: costs[i], stage: self.stage, trained: self.trained[i].clone(), state: None };
        let moments = [0, 1, 2].map(moment);
        let snapshot = Snapshot::take(&self.task, self.trained[2].clone(), costs[2]).unwrap();
        let evaluation = |i: usize| {
            let mut scores = snapshot.scores;
            scores.train.accuracy = self.accuracy[i];
            Evaluation { cost: costs[i], scores }
        };
        let evaluations = [0, 1, 2].map(evaluation);
        let probe = |snapshot: &Snapshot<'_>| {
            let start = &self.task.start;
            Probe::new(start.graph.clone(), start.complete(&snapshot.weights), &snapshot.statistics)
        };
        let before = Snapshot::take(&self.task, self.trained[0].clone(), costs[0]).unwrap();
        let header = self.header();
        let run = Run {
            header: &header,
            population: 16,
            moments: &moments,
            evaluations: &evaluations,
            walk: self.walk.as_ref(),
            redraw: self.updates.as_ref().map(|updates| updates as &dyn Redraw),
        };
        let (trained, untrained) = (probe(&snapshot), probe(&before));
        let subject = Subject {
            task: &self.task,
            snapshot: &snapshot,
            probe: &trained,
            untrained: &untrained,
            sites: &[],
            test: &self.task.data.range(subevo::data::Split::Test, 0..100),
            train: &self.task.snapshot(),
            seed: Seed::new(4),
            run: &run,
            peers: &[],
            caches: &Caches::default(),
        };
        let registry = Entries::<dyn Metric>::new("metric", diffusion::FAMILY.entries);
        let metric = build(&registry, name, params, &());
        assert!(metric.macs(&subject.size()) >= 0.0);
        metric.measure(&subject).unwrap()
    }

    fn header(&self) -> Header {
        Header {
            format: FORMAT,
            campaign: "diffusion".to_string(),
            cell: String::new(),
            learner: "it".to_string(),
            method: self.method,
            algorithm: "snes".to_string(),
            subset: "all".to_string(),
            background: Background::Random,
            data: "synthetic".to_string(),
            classes: 4,
            model: "conv2-bn".to_string(),
            seed: 1,
            subset_size: self.k() as u64,
            subset_weights: None,
            parameters_total: 372,
            config: "00000000".to_string(),
        }
    }

    /// So many steps that take the start through `place`.
    fn walked(&mut self, steps: usize, place: impl Fn(usize, usize) -> f32) {
        let k = self.k();
        let places = (0..=steps).flat_map(|t| (0..k).map(move |i| (t, i))).map(|(t, i)| place(t, i)).collect();
        self.walk = Some(Walk { places, width: k, trained: k });
    }
}

/// The reading of that name, of that, at that place.
fn reading<'a>(measured: &'a Measured, name: &str, of: &str, at: Option<f64>) -> &'a Reading {
    let fits = |reading: &&Reading| {
        reading.name == name && reading.of.as_deref().unwrap_or("") == of && (at.is_none() || reading.at == at)
    };
    measured.readings.iter().find(fits).unwrap_or_else(|| panic!("no {name} of `{of}` at {at:?} in {measured:?}"))
}

/// Normal vectors of k numbers.
fn normals(count: usize, k: usize) -> Vec<Vec<f32>> {
    let row = |i: usize| {
        let mut row = vec![0.0; k];
        Seed::new(i as u64).rng().fill_normal(&mut row);
        row
    };
    (0..count).map(row).collect()
}

#[test]
fn the_ratio_of_updates_is_theirs_and_that_of_gradients_is_the_same_for_all_learners() {
    let mut story = Story::new();
    let k = story.k();
    let gradient_alone = story.measure("snr", json!({ "batches": 4, "batch": 30 }));
    assert_eq!(gradient_alone.readings.len(), 5, "without a state there is no update");
    // Two updates in turn, a + b and a - b: the mean is a, and 16 of them have a trace of |b|^2 16 / 15.
    let [a, b] = [0, 1].map(|i| normals(2, k).swap_remove(i));
    let with = |sign: f32| a.iter().zip(&b).map(|(a, b)| 0.5 * a + sign * b).collect::<Vec<f32>>();
    story.updates = Some(Known(vec![with(1.0), with(-1.0)]));
    let measured = story.measure("snr", json!({ "batches": 4, "batch": 30 }));
    let square = |v: &[f32]| v.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
    let (signal, trace) = (0.25 * square(&a), square(&b) * 16.0 / 15.0);
    let close = |name: &str, expected: f64| {
        let found = reading(&measured, name, "update", None).value;
        assert!((found / expected - 1.0).abs() < 1e-5, "{name}: {found} against {expected}");
    };
    close("norm-of-mean", signal.sqrt());
    close("root-trace", trace.sqrt());
    close("snr2", (signal - trace / 16.0) / trace);
    close("floor", 1.0 / 16.0);
    close("theory", 8.0 / (k as f64 + 1.0));
    assert_eq!(gradient_alone.readings, measured.readings[..5]);
    let found = reading(&measured, "root-trace", "gradient", None);
    assert!(found.value > 0.0 && found.n == 4 && found.se.unwrap() > 0.0);
    story.method = Method::Backprop;
    let backprop = story.measure("snr", json!({ "batches": 4, "batch": 30 }));
    assert_eq!(backprop.readings, measured.readings[..10], "theory is of evolution");
}

#[test]
fn updates_down_the_gradient_are_aligned_in_their_own_units() {
    let mut story = Story::new();
    assert!(story.measure("alignment", json!({})).missing.unwrap().contains("state was not kept"));
    let (weights, snapshot) = (story.task.start.untrained(), story.task.snapshot());
    let (_, gradient) = story.task.engine.gradient(&weights, &snapshot, story.task.loss).unwrap();
    let k = story.k();
    let scale = scale(&story.task.start).to_vec();
    let down = |power: i32| (0..k).map(|i| -0.1 * scale[i].powi(power) * gradient[i]).collect::<Vec<f32>>();
    let mut cosines = Vec::new();
    for power in [0, 2] {
        story.updates = Some(Known(vec![down(power)]));
        let measured = story.measure("alignment", json!({ "redraws": 3 }));
        cosines.push(["weights", "genes"].map(|of| reading(&measured, "cosine", of, None).value));
    }
    assert!((cosines[0][0] - 1.0).abs() < 1e-6 && (cosines[1][1] - 1.0).abs() < 1e-6, "{cosines:?}");
    assert!(cosines[0][1] < 0.999 && cosines[1][0] < 0.999, "layers are drawn from different widths: {cosines:?}");
    // Two of three do not move; what is left goes up.
    let up = gradient.iter().map(|x| 7.0 * x).collect();
    story.updates = Some(Known(vec![vec![0.0; k], up, vec![0.0; k]]));
    let measured = story.measure("alignment", json!({ "redraws": 3 }));
    let found = reading(&measured, "cosine", "weights", None);
    assert!((found.value + 1.0).abs() < 1e-6 && found.n == 1 && found.se.is_none(), "{found:?}");
    assert!((reading(&measured, "moved", "", None).value - 1.0 / 3.0).abs() < 1e-12);
    assert_eq!(reading(&measured, "theory", "pairs", None).value, es_theory::cosine(8, k));
    assert_eq!(reading(&measured, "theory", "best-of", None).value, es_theory::best_of_cosine(16, k));
    assert_eq!(reading(&measured, "chance", "", None).value, (k as f64).sqrt().recip());
}

#[test]
fn churn_is_counted_since_each_of_the_earlier_moments() {
    let mut story = Story::new();
    // A bias of the classifier so great that all is of one class: of the last moment, and in a moment between of another.
    let k = story.k();
    story.trained[1][k - 1] += 1_000.0;
    story.trained[2][k - 2] += 1_000.0;
    story.accuracy = [0.2, 0.995, 0.5];
    let measured = story.measure("churn", json!({}));
    let snapshot = Snapshot::take(&story.task, story.trained[0].clone(), Cost::default()).unwrap();
    let images = story.task.data.range(subevo::data::Split::Test, 0..100);
    let logits = story.task.engine.logits(&snapshot.weights, &snapshot.statistics, &images).unwrap();
    let same = logits.chunks_exact(4).filter(|row| (0..4).all(|class| row[class] <= row[2])).count();
    assert!((5..95).contains(&same), "{same}: the untrained network says one class alone");
    let since = |of: &str| reading(&measured, "churn", of, None);
    assert_eq!((since("start").value, since("start").at), ((100 - same) as f64 / 100.0, Some(40.0)));
    assert_eq!((since("previous").value, since("previous").at), (1.0, Some(30.0)));
    assert_eq!((since("interpolation").value, since("interpolation").at), (1.0, Some(30.0)));
    assert!(since("previous").interval.unwrap()[0] > 0.9 && since("start").n == 100);
    // Unchanged weights change nothing.
    story.trained[2] = story.trained[1].clone();
    assert_eq!(reading(&story.measure("churn", json!({})), "churn", "previous", None).value, 0.0);
    story.accuracy = [0.2; 3];
    assert_eq!(story.measure("churn", json!({})).readings.len(), 2, "it never interpolates");
}

#[test]
fn displacement_is_told_from_the_start_and_from_interpolation() {
    let mut story = Story::new();
    story.accuracy = [0.2, 1.0, 0.5];
    story.trained[1][0] += 3.0;
    story.trained[2][0] += 3.0;
    story.trained[2][1] += 4.0;
    let measured = story.measure("displacement", json!({}));
    let at = |of: &str, steps: f64| reading(&measured, "displacement", of, Some(steps)).value;
    let close = |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 1e-5, "{found} {expected}");
    close(at("start", 10.0), 9.0);
    close(at("start", 40.0), 25.0);
    close(at("interpolation", 30.0), 16.0);
    assert_eq!(measured.readings.len(), 3, "there is no walk");
    // A straight walk.
    story.walked(40, |t, i| if i == 0 { t as f32 } else { 0.5 });
    let measured = story.measure("displacement", json!({}));
    close(reading(&measured, "msd", "start", Some(4.0)).value, 16.0);
    close(reading(&measured, "exponent", "start", None).value, 2.0);
    close(reading(&measured, "origin-exponent", "start", None).value, 2.0);
    close(reading(&measured, "explained-variance", "start", Some(1.0)).value, 1.0);
    close(reading(&measured, "random-walk-share", "start", Some(2.0)).value, 1.5 / std::f64::consts::PI.powi(2));
    let null = reading(&measured, "exponent", "start", None).shuffled.unwrap();
    assert!(null < 1.9, "signs make it a random walk: {null}");
    story.stage = 1;
    assert!(story.measure("displacement", json!({})).missing.unwrap().contains("drawn again"));
}

#[test]
fn steps_back_and_forth_are_anticorrelated() {
    let mut story = Story::new();
    assert!(story.measure("autocorrelation", json!({})).missing.unwrap().contains("walk was not kept"));
    // Back and forth, and every fourth step none: the cosines are of those that moved.
    story.walked(40, |t, i| if i == 3 { (t % 2) as f32 } else { 0.25 });
    let measured = story.measure("autocorrelation", json!({}));
    for name in ["cosine", "normalised"] {
        let at = |lag: f64| reading(&measured, name, "start", Some(lag));
        assert!((at(1.0).value + 1.0).abs() < 1e-9 && (at(2.0).value - 1.0).abs() < 1e-9, "{measured:?}");
        assert!(at(1.0).shuffled.unwrap().abs() < 0.6);
    }
    assert_eq!(reading(&measured, "moved", "start", None).value, 1.0);
    story.walked(40, |t, _| (t / 4) as f32);
    let measured = story.measure("autocorrelation", json!({}));
    assert_eq!(reading(&measured, "moved", "start", None).value, 0.25);
    assert_eq!(reading(&measured, "cosine", "start", Some(4.0)).value, 1.0);
}

#[test]
fn isotropic_updates_have_exponent_0_in_the_units_in_which_they_are() {
    let mut story = Story::new();
    let k = story.k();
    let missing = story.measure("anisotropy", json!({ "most": 50 })).missing.unwrap();
    assert!(missing.starts_with(&format!("{k} numbers are trained")), "{missing}");
    let scale = scale(&story.task.start).to_vec();
    let in_genes = |update: Vec<f32>| update.iter().zip(&scale).map(|(x, scale)| 0.01 * x * scale).collect();
    story.updates = Some(Known(normals(64, k).into_iter().map(in_genes).collect()));
    let measured = story.measure("anisotropy", json!({ "redraws": 64, "images": 60 }));
    let exponent = reading(&measured, "noise-exponent", "genes", None);
    assert!(exponent.value.abs() < 0.06 && exponent.n > 10, "{exponent:?}");
    let [low, high] = exponent.interval.unwrap();
    assert!(low < exponent.value && exponent.value < high && high - low < 0.2, "{exponent:?}");
    let efficiency = reading(&measured, "efficiency", "genes", None).value;
    assert!((efficiency - 1.0).abs() < 0.3, "{efficiency}");
    assert!((reading(&measured, "efficiency", "weights", None).value - 1.0).abs() > 0.3);
    assert!(reading(&measured, "asymmetry", "", None).value < 0.2);
    let long = |array: &Array| matches!(array, Array::F64(values) if values.len() == k);
    assert!(measured.arrays.len() == 4 && measured.arrays.iter().all(|(_, array)| long(array)));
    assert!(!measured.readings.iter().any(|reading| reading.name == "diffusion-exponent"), "there is no walk");
}
