//! Metrics of generalisation on networks whose numbers are known: linear ones, and their own peers.

use std::sync::Arc;

use serde_json::{json, Value as Json};
use subevo::data::augmentation::Unchanged;
use subevo::data::{self, Batch, BatchOrder, Data, DataSource, Split};
use subevo::engine::{on_cpu, Loss, Probe};
use subevo::entry::Entries;
use subevo::estimator::classified::softmax;
use subevo::learner::{Snapshot, Task};
use subevo::metric::generalisation::curvature::curvature;
use subevo::metric::{entries, sites, Caches, Measured, Metric, Peer, Run, Subject};
use subevo::params::Amount;
use subevo::plan::{Limits, Plan};
use subevo::record::{Background, Header, Method, Reading};
use subevo::rng::{Rng, Seed};
use subevo::subset::Encoding;

use crate::networks::{network, start};
use crate::tables::build;

/// 500 training, 100 validation and 300 test images of 8 x 8 in 10 classes.
fn images(noise: Option<f64>) -> Arc<Data> {
    let params = json!({ "train": 600, "test": 300, "image": 8, "noise": 4.0, "seed": 2 });
    let source = build::<dyn DataSource, ()>(&Entries::new("data set", data::ENTRIES), "synthetic", params, &());
    let data = Data::split("synthetic", source.load(None).unwrap(), Amount::Count(100), Seed::new(3)).unwrap();
    Arc::new(match noise {
        Some(noise) => data.with_label_noise(noise, Seed::new(4)),
        None => data,
    })
}

/// A network with some gradient steps behind it.
struct Trained {
    task: Task,
    values: Vec<f32>,
}

impl Trained {
    fn new(data: Arc<Data>, name: &str, params: Json, select: Json, steps: usize) -> Self {
        let graph = network(name, params, [1, 8, 8]);
        let start = start(&graph, select, Background::Random);
        let plan = Plan::new(&graph, &start.subset, 50, Limits { memory: 1 << 30, threads: 2 });
        let order = BatchOrder::new(data.len(Split::Train), 50, Seed::new(5)).unwrap();
        let engine = on_cpu(start.clone(), &plan);
        let (augmentation, seed) = (Arc::new(Unchanged), Seed::new(5));
        let task = Task { start, data, order, augmentation, seed, loss: Loss::Nll, plan, engine };
        let mut values = task.start.untrained();
        for _ in 0..steps {
            let (_, gradient) = task.engine.gradient(&values, &task.snapshot(), Loss::Nll).unwrap();
            values.iter_mut().zip(gradient).for_each(|(w, g)| *w -= 0.1 * g);
        }
        Trained { task, values }
    }

    /// All of an input's weights: logits are linear in the image.
    fn linear(data: Arc<Data>, steps: usize) -> Self {
        Trained::new(data, "mlp", json!({ "hidden": [] }), json!([{ "all": true }]), steps)
    }

    fn probe(&self) -> Probe {
        let snapshot = Snapshot::take(&self.task, self.values.clone(), Default::default()).unwrap();
        let start = &self.task.start;
        Probe::new(start.graph.clone(), start.complete(&snapshot.weights), &snapshot.statistics)
    }

    /// Gives a subject of it to `look`.
    fn with_subject<T>(&self, peers: &[Peer], look: impl FnOnce(&Subject<'_>) -> T) -> T {
        let Trained { task, values } = self;
        let snapshot = Snapshot::take(task, values.clone(), Default::default()).unwrap();
        let probe = self.probe();
        let header = Header {
            format: 1,
            campaign: String::new(),
            cell: String::new(),
            learner: "evolution".to_string(),
            method: Method::Evolution,
            algorithm: "snes".to_string(),
            subset: String::new(),
            background: Background::Random,
            data: String::new(),
            classes: 10,
            model: String::new(),
            seed: 1,
            subset_size: values.len() as u64,
            subset_weights: None,
            parameters_total: 0,
            config: String::new(),
        };
        let run = Run { header: &header, population: 1, moments: &[], evaluations: &[], walk: None, redraw: None };
        let sites = sites(&task.start.graph, &vec![true; task.start.graph.nodes.len()]);
        let test = task.data.range(Split::Test, 0..200);
        let train = task.snapshot();
        let subject = Subject {
            task,
            snapshot: &snapshot,
            probe: &probe,
            untrained: &probe,
            sites: &sites,
            test: &test,
            train: &train,
            seed: Seed::new(9),
            run: &run,
            peers,
            caches: &Caches::default(),
        };
        look(&subject)
    }

    fn measured(&self, name: &str, params: Json, peers: &[Peer]) -> Measured {
        let metric: Box<dyn Metric> = build(&Entries::of("metric", entries()), name, params, &());
        self.with_subject(peers, |subject| metric.measure(subject).unwrap())
    }

    /// It, as what another learner has reached.
    fn peer(&self, learner: &str, method: Method) -> Peer {
        Peer { learner: learner.to_string(), method, probe: self.probe() }
    }

    /// Logits (n, 10) of images of a linear network, in f64.
    fn logits(&self, batch: &Batch) -> Vec<Vec<f64>> {
        let weights = &self.values[..640];
        let bias = &self.values[640..];
        let of = |image: &[f32]| {
            let logit = |class: usize| {
                let terms = weights[class * 64..(class + 1) * 64].iter().zip(image);
                terms.map(|(w, x)| f64::from(*w) * f64::from(*x)).sum::<f64>() + f64::from(bias[class])
            };
            (0..10).map(logit).collect()
        };
        batch.images.chunks_exact(64).map(of).collect()
    }
}

fn greatest(row: &[f64]) -> usize {
    (0..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best })
}

fn find<'a>(measured: &'a Measured, name: &str, of: Option<&str>, at: Option<f64>) -> &'a Reading {
    let is = |reading: &&Reading| reading.name == name && reading.of.as_deref() == of && reading.at == at;
    let mut found = measured.readings.iter().filter(is);
    let first = found.next().unwrap_or_else(|| panic!("no {name} {of:?} {at:?} in {measured:?}"));
    assert!(found.next().is_none(), "{name} {of:?} {at:?} stands twice");
    first
}

#[track_caller]
fn near(found: f64, expected: f64, within: f64) {
    assert!((found - expected).abs() <= within, "{found} against {expected}");
}

#[test]
fn the_gap_is_between_the_scores_and_peers_are_compared_on_the_same_images() {
    let (short, long) = (Trained::linear(images(None), 3), Trained::linear(images(None), 60));
    let peers = [short.peer("short", Method::Backprop), long.peer("itself", Method::Evolution)];
    let scores = long.with_subject(&[], |subject| subject.snapshot.scores);
    let measured = long.measured("gap", json!({ "resamples": 500 }), &peers);
    let value = |name: &str, of: &str| find(&measured, name, Some(of), None).value;
    assert_eq!(value("gap", "loss"), scores.test.loss - scores.train.loss);
    assert_eq!(value("gap", "accuracy"), scores.train.accuracy - scores.test.accuracy);
    assert_eq!((value("loss", "train"), value("accuracy", "test")), (scores.train.loss, scores.test.accuracy));
    // By hand: losses of all test images in f64.
    let test = long.task.data.range(Split::Test, 0..300);
    let losses = |net: &Trained| -> Vec<f64> {
        let rows = net.logits(&test);
        rows.iter().zip(&test.labels).map(|(row, label)| -softmax(row)[*label as usize].ln()).collect()
    };
    let right = |net: &Trained| -> Vec<bool> {
        let rows = net.logits(&test);
        rows.iter().zip(&test.labels).map(|(row, label)| greatest(row) == *label as usize).collect()
    };
    let (own, other) = (losses(&long), losses(&short));
    let mean = own.iter().sum::<f64>() / 300.0;
    let variance = own.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 299.0;
    let loss = find(&measured, "loss", Some("test"), None);
    near(loss.se.unwrap(), (variance / 300.0).sqrt(), 1e-4);
    let [low, high] = loss.interval.unwrap();
    assert!(low < mean && mean < high && high - low < 5.0 * loss.se.unwrap() && high - low > 3.0 * loss.se.unwrap());
    let difference = find(&measured, "loss_difference", Some("short"), None);
    near(difference.value, mean - other.iter().sum::<f64>() / 300.0, 1e-4);
    let pairs: Vec<(bool, bool)> = right(&long).into_iter().zip(right(&short)).collect();
    let only = |own: bool| pairs.iter().filter(|pair| **pair == (own, !own)).count() as f64;
    assert!(only(true) > only(false) && only(false) > 0.0, "{} {}", only(true), only(false));
    assert_eq!(value("right_here_alone", "short"), only(true));
    assert_eq!(value("right_there_alone", "short"), only(false));
    near(value("accuracy_difference", "short"), (only(true) - only(false)) / 300.0, 1e-12);
    let interval = find(&measured, "accuracy_difference", Some("short"), None).interval.unwrap();
    assert!(interval[0] > 0.0 && value("mcnemar_p", "short") < 0.05, "{measured:?}");
    assert_eq!(find(&measured, "loss_difference", Some("itself"), None).interval, Some([0.0, 0.0]));
    assert_eq!((value("mcnemar_p", "itself"), value("mcnemar_p_exact", "itself")), (1.0, 1.0));
    let mut counts = [0.0f64; 10];
    long.logits(&test).iter().for_each(|row| counts[greatest(row)] += 1.0 / 300.0);
    let entropy = counts.iter().filter(|p| **p > 0.0).map(|p| -p * p.log2()).sum::<f64>();
    near(value("predicted_entropy", "test"), entropy, 1e-9);
    near(find(&measured, "predicted_entropy", Some("test"), None).cap.unwrap(), 10f64.log2(), 1e-12);
}

#[test]
fn calibration_is_that_of_all_test_images() {
    let net = Trained::linear(images(None), 60);
    let measured = net.measured("calibration", json!({ "bins": 1 }), &[]);
    let test = net.task.data.range(Split::Test, 0..300);
    let (rows, labels) = (net.logits(&test), &test.labels);
    let confidence = rows.iter().map(|row| softmax(row)[greatest(row)]).sum::<f64>() / 300.0;
    let accuracy =
        rows.iter().zip(labels).filter(|(row, label)| greatest(row) == **label as usize).count() as f64 / 300.0;
    let value = |name: &str| find(&measured, name, None, None).value;
    near(value("confidence"), confidence, 1e-6);
    near(value("overconfidence"), confidence - accuracy, 1e-6);
    // With one bin the error is how far the means are apart.
    near(value("ece"), (confidence - accuracy).abs(), 1e-6);
    let squares = |(row, label): (&Vec<f64>, &u32)| {
        let p = softmax(row);
        p.iter().map(|p| p * p).sum::<f64>() + 1.0 - 2.0 * p[*label as usize]
    };
    near(value("brier"), rows.iter().zip(labels).map(squares).sum::<f64>() / 300.0, 1e-6);
    let floor = find(&net.measured("calibration", json!({}), &[]), "ece", None, None).shuffled.unwrap();
    assert!(floor > 0.02 && floor < 0.1, "{floor}");
}

#[test]
fn input_margins_of_a_linear_network_are_distances_in_pixels() {
    let net = Trained::linear(images(None), 60);
    let measured = net.measured("margins", json!({ "points": 20 }), &[]);
    let test = net.task.data.range(Split::Test, 0..200);
    let rows = net.logits(&test);
    let label = |i: usize| test.labels[i] as usize;
    let std = net.task.data.std()[0];
    let weight = |class: usize, x: usize| f64::from(net.values[class * 64 + x]);
    let distance = |i: usize| {
        let to = |class: usize| {
            let length = (0..64).map(|x| (weight(label(i), x) - weight(class, x)).powi(2)).sum::<f64>().sqrt();
            std * (rows[i][label(i)] - rows[i][class]) / length
        };
        (0..10).filter(|class| *class != label(i)).map(to).fold(f64::INFINITY, f64::min)
    };
    let correct: Vec<usize> = (0..200).filter(|i| greatest(&rows[*i]) == label(*i)).collect();
    let sorted = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values
    };
    let distances = sorted(correct[..20].iter().map(|i| distance(*i)).collect());
    let found = find(&measured, "input_margin", None, Some(0.5));
    near(found.value, 0.5 * (distances[9] + distances[10]), 1e-5);
    assert_eq!((found.n, &found.unit[..]), (20, "pixels"));
    let margin = |i: usize| {
        let others = (0..10).filter(|class| *class != label(i)).map(|class| rows[i][class]);
        rows[i][label(i)] - others.fold(f64::NEG_INFINITY, f64::max)
    };
    let margins = sorted((0..200).map(margin).collect());
    let median = find(&measured, "output_margin", None, Some(0.5)).value;
    near(median, 0.5 * (margins[99] + margins[100]), 1e-4);
    let length = |image: &[f32]| image.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    let mean = test.images.chunks_exact(64).map(length).sum::<f64>() / 200.0;
    near(find(&measured, "output_margin_by_length", None, Some(0.5)).value, median / mean, 1e-6);
}

#[test]
fn corruption_begins_at_the_clean_error_and_a_peer_that_is_the_same_is_as_good() {
    let net = Trained::linear(images(None), 60);
    let peers = [net.peer("other", Method::Evolution), net.peer("backprop", Method::Backprop)];
    let params = json!({ "images": 250, "corruptions": ["gaussian-noise", "contrast"] });
    let measured = net.measured("corruption", params.clone(), &peers);
    let data = &net.task.data;
    let error = |batch: &Batch| {
        let rows = net.logits(batch);
        rows.iter().zip(&batch.labels).filter(|(row, label)| greatest(row) != **label as usize).count() as f64 / 250.0
    };
    let clean = error(&data.range(Split::Test, 0..250));
    let value = |name: &str, of: &str, at: f64| find(&measured, name, Some(of), Some(at)).value;
    let seed = Seed::new(9).child("corruption").child("gaussian-noise");
    let mut sum = 0.0;
    for name in ["gaussian-noise", "contrast"] {
        near(value("error", name, 0.0), clean, 1e-12);
        (1..=5).for_each(|s| sum += value("error", name, f64::from(s)));
        assert_eq!(find(&measured, "relative_error", Some(name), None).value, 1.0);
    }
    // By hand: normal noise, clipped.
    for (severity, sigma) in [(1.0, 0.08), (2.0, 0.12), (5.0, 0.38)] {
        let noise = move |image: &[u8], _: [usize; 3], rng: &mut Rng, out: &mut [f64]| {
            let values = out.iter_mut().zip(image);
            values.for_each(|(x, byte)| *x = f64::from(*byte) / 255.0 + sigma * f64::from(rng.normal()));
        };
        // Logits of f32 may be equal where those of f64 are not.
        near(value("error", "gaussian-noise", severity), error(&data.corrupted(0..250, &noise, seed)), 1.01 / 250.0);
    }
    assert!(value("error", "gaussian-noise", 5.0) > clean + 0.05);
    near(find(&measured, "mean_error", None, None).value, sum / 10.0, 1e-9);
    assert_eq!(find(&measured, "mean_relative_rise", None, None).value, 1.0);
    assert_eq!(measured, net.measured("corruption", params, &peers), "the same images again");
    let alone = net.measured("corruption", json!({ "images": 50 }), &[]);
    assert_eq!(alone.readings.len(), 6 * 6 + 1, "all corruptions, and nothing to compare with");
}

#[test]
fn false_labels_are_counted_where_there_are_some() {
    let net = Trained::linear(images(Some(0.5)), 400);
    let measured = net.measured("memorisation", json!({}), &[]);
    let data = &net.task.data;
    let train = data.range(Split::Train, 0..500);
    let rows = net.logits(&train);
    let false_label = |i: &usize| train.labels[*i] != u32::from(data.true_labels(Split::Train)[*i]);
    let mislabelled: Vec<usize> = (0..500).filter(false_label).collect();
    let clean: Vec<usize> = (0..500).filter(|i| !false_label(i)).collect();
    let hit = |of: &[usize], label: &dyn Fn(usize) -> usize| {
        of.iter().filter(|i| greatest(&rows[**i]) == label(**i)).count() as f64 / of.len() as f64
    };
    let noisy = |i: usize| train.labels[i] as usize;
    let truth = |i: usize| usize::from(data.true_labels(Split::Train)[i]);
    let reading = |name: &str, of: &str| find(&measured, name, Some(of), None);
    assert_eq!(reading("accuracy", "clean").value, hit(&clean, &noisy));
    assert_eq!(reading("memorised", "mislabelled").value, hit(&mislabelled, &noisy));
    assert_eq!(reading("restored", "mislabelled").value, hit(&mislabelled, &truth));
    assert_eq!(
        (reading("restored", "mislabelled").n, reading("accuracy", "clean").n),
        (mislabelled.len() as u64, clean.len() as u64)
    );
    assert!(hit(&mislabelled, &noisy) > 0.1 && hit(&mislabelled, &truth) > 0.1);
    let bits: f64 = mislabelled.iter().map(|i| 10f64.log2() + softmax(&rows[*i])[noisy(*i)].log2()).sum();
    near(reading("memorised_information", "mislabelled").value, bits, 1e-2);
    near(reading("memorised_information_by_trained_number", "mislabelled").value, bits / 650.0, 1e-4);
    let scores = net.with_subject(&[], |subject| subject.snapshot.scores);
    near(reading("accuracy", "test").value, scores.test.accuracy, 1e-12);
    let none = Trained::linear(images(None), 1).measured("memorisation", json!({}), &[]);
    assert!(none.readings.is_empty() && none.missing.unwrap().contains("label_noise"));
}

#[test]
fn sharpness_of_a_linear_softmax_is_its_closed_form_whole_and_sampled() {
    // The biases alone, and all weights: 10 and 650, the latter too many for the whole Hessian.
    let params = json!({ "images": 100, "pairs": 200, "draws": 200, "rho": 0.02 });
    let all = Trained::linear(images(None), 20);
    let of_all = all.measured("sharpness", params.clone(), &[]);
    let batch = all.task.data.range(Split::Train, 0..100);
    let square = |image: &[f32]| image.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() + 1.0;
    // The trace of (diag(p) - p p^T) with (x, 1)(x, 1)^T.
    let spread = |row: &[f64]| softmax(row).iter().map(|p| p * (1.0 - p)).sum::<f64>();
    let rows = all.logits(&batch);
    let trace =
        rows.iter().zip(batch.images.chunks_exact(64)).map(|(row, x)| spread(row) * square(x)).sum::<f64>() / 100.0;
    let found = find(&of_all, "trace", None, None);
    near(found.value, trace, 4.0 * found.se.unwrap());
    assert!(found.se.unwrap() < 0.1 * trace, "{found:?}");
    let top = find(&of_all, "greatest_eigenvalue", None, None).value;
    assert!(top > 0.0 && top < trace);

    let few = Trained::new(images(None), "mlp", json!({ "hidden": [] }), json!([{ "bias": true }]), 20);
    let of_few = few.measured("sharpness", params, &[]);
    let value = |name: &str, at: Option<f64>| find(&of_few, name, None, at).value;
    let weights = few.task.start.complete(&few.values);
    let whole = Trained { values: weights, task: Trained::linear(images(None), 0).task };
    let rows = whole.logits(&batch);
    near(value("trace", None), rows.iter().map(|row| spread(row)).sum::<f64>() / 100.0, 1e-4);
    assert!(value("least_eigenvalue", None).abs() < 1e-4, "the same for all biases changes nothing");
    assert!(value("asymmetry", None) < 1e-3);
    let Encoding::Weights(scale) = &few.task.start.encoding else { panic!("no subspace") };
    assert!(scale.iter().all(|scale| *scale == 1.0), "biases begin at a constant");
    near(value("average_case_quadratic", Some(0.02)), 0.5 * 0.02 * 0.02 * value("trace", None), 1e-12);
    let average = find(&of_few, "average_case", None, Some(0.02));
    near(average.value, value("average_case_quadratic", Some(0.02)), 4.0 * average.se.unwrap());
    let [first, worst] = ["worst_case_of_one_step", "worst_case"].map(|name| value(name, Some(0.05)));
    let slope = few.with_subject(&[], |subject| {
        let (_, gradient) = subject.gradient(&few.values, &batch).unwrap();
        gradient.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt()
    });
    // A convex loss rises by at least the slope, and by no more than the greatest curvature adds to it.
    let most = 0.05 * slope + 0.5 * 0.05 * 0.05 * value("greatest_eigenvalue", None);
    assert!(first >= 0.05 * slope - 1e-6 && worst >= first && worst <= most + 1e-6, "{first} {worst} {most}");
    let eigen = few.with_subject(&[], |subject| curvature(subject, 100).unwrap().unwrap().eigen.unwrap());
    let greatest = eigen.values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    assert_eq!(greatest, value("greatest_eigenvalue", None));
    assert!(all.with_subject(&[], |subject| curvature(subject, 100).unwrap().is_none()));
}

#[test]
fn the_hessian_of_smooth_networks_is_symmetric_and_is_the_second_difference_of_the_loss() {
    let dense = (json!({ "hidden": [6], "activation": "tanh" }), json!([{ "all": true }]));
    let normed = (json!({ "channels": [4, 6], "activation": "tanh" }), json!([{ "layers": "bn2" }]));
    for (name, (params, select)) in [("mlp", dense), ("conv2-bn", normed)] {
        let net = Trained::new(images(None), name, params, select, 20);
        let found = net.with_subject(&[], |subject| curvature(subject, 300).unwrap().unwrap());
        let k = net.values.len();
        assert_eq!(found.hessian.k(), k);
        // The winners of max-pools stay the same: they do not depend on the norm before them, while its scale is above 0.
        assert!(found.hessian.asymmetry < 0.01, "{name}: {}", found.hessian.asymmetry);
        // Along a direction of length 1, with the statistics of batch-norm that belong to each place.
        let v: Vec<f64> = (0..k).map(|i| ((i * 7 % 5) as f64 - 2.0) / (2.0 * k as f64).sqrt()).collect();
        let batch = net.task.data.range(Split::Train, 0..300);
        let loss = |step: f64| {
            let moved: Vec<f32> = net.values.iter().zip(&v).map(|(w, v)| (f64::from(*w) + step * v) as f32).collect();
            net.with_subject(&[], |subject| subject.gradient(&moved, &batch).unwrap().0)
        };
        let expected = (loss(0.02) - 2.0 * loss(0.0) + loss(-0.02)) / 0.0004;
        let along = |i: usize| (0..k).map(|j| found.hessian.values[i * k + j] * v[j]).sum::<f64>();
        let curved: f64 = (0..k).map(|i| v[i] * along(i)).sum();
        assert!(expected.abs() > 0.01, "{name}: {expected}");
        near(curved, expected, 0.1 * expected.abs());
    }
}
