//! The opened network against plain loops in f64, against finite differences, against the engines, and against itself: what
//! goes forward along a direction and what comes back must meet.

use proptest::prelude::*;
use serde_json::json;
use subevo::data::Batch;
use subevo::engine::{self, Engine, Probe};
use subevo::graph::NodeId;
use subevo::model::ENTRIES;
use subevo::plan::{Limits, Plan};
use subevo::record::Background;
use subevo::rng::Seed;

use super::case::{config, recipes, Case, LIMITS};
use super::oracle::{distance, f64s, norm, Oracle};
use super::plain::{Moments, Nudge, Plain};
use crate::architectures::tiny;
use crate::networks::{network, start};

/// A case's network on the statistics of its other images, and these statistics.
fn opened(case: &Case) -> (Probe, Vec<f32>, Vec<engine::Statistics>) {
    let trained = case.trained(0);
    let (statistics, _) = case.reference().recalibrate(&trained, &case.others).unwrap();
    let probe = Probe::new(case.start.graph.clone(), case.start.complete(&trained), &statistics);
    (probe, trained, statistics)
}

fn normals(seed: u64, n: usize) -> Vec<f32> {
    let mut values = vec![0.0; n];
    Seed::new(seed).rng().fill_normal(&mut values);
    values
}

/// The batch without noise.
fn quiet(case: &Case) -> Batch {
    Batch { noise: None, ..case.batch.clone() }
}

fn inner(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// Directions and slopes meet: `<J u, s> = <u, J^T s>`, for each image of several directions and slopes.
fn meet(probe: &Probe, images: &[f32], what: &str) {
    let (dimension, classes) = (probe.dimension(), probe.graph().classes());
    let n = images.len() / dimension;
    let (t, s) = (3, 2);
    let (directions, slopes) = (normals(1, n * t * dimension), normals(2, n * s * classes));
    let along = probe.pushforward(images, &directions, &[probe.graph().output]).swap_remove(0);
    let (logits, gradients) = probe.pullback(images, &slopes, s);
    assert_eq!(logits, probe.logits(images), "{what}");
    for (image, i, j) in (0..n).flat_map(|image| (0..t * s).map(move |x| (image, x / s, x % s))) {
        let row = |values: &[f32], length: usize, row: usize| values[row * length..(row + 1) * length].to_vec();
        let (u, ju) = (row(&directions, dimension, image * t + i), row(&along, classes, image * t + i));
        let (w, jw) = (row(&slopes, classes, image * s + j), row(&gradients, dimension, image * s + j));
        let size = norm(&f64s(&u)) * norm(&f64s(&jw)) + norm(&f64s(&ju)) * norm(&f64s(&w));
        let (one, other) = (inner(&ju, &w), inner(&u, &jw));
        assert!((one - other).abs() <= 1e-5 * size, "{what}, image {image}: {one} against {other}");
    }
}

proptest! {
    #![proptest_config(config(96))]

    #[test]
    fn values_of_all_nodes_are_those_of_plain_loops(recipe in recipes()) {
        let case = recipe.case();
        let (probe, trained, statistics) = opened(&case);
        let batch = quiet(&case);
        let moments: Vec<Moments> = statistics
            .iter()
            .map(|layer| Moments { mean: f64s(&layer.mean), variance: f64s(&layer.variance) })
            .collect();
        let nodes: Vec<NodeId> = (0..case.start.graph.nodes.len()).map(NodeId).collect();
        let found = probe.values(&batch.images, &nodes);
        let oracle = Oracle::new(&case, &trained, &batch);
        for (node, found) in nodes.iter().zip(&found) {
            let of_node = |plain: &Plain<'_>, nudge: &mut Nudge| plain.forward(Some(&moments), nudge).values[node.0].clone();
            let (exact, noise) = oracle.with_noise(of_node);
            let size = exact.iter().fold(1f64, |most, x| most.max(x.abs()));
            for ((found, exact), noise) in found.iter().zip(&exact).zip(&noise) {
                let error = (f64::from(*found) - exact).abs();
                prop_assert!(error <= 1e-5 * size + noise, "{node:?}: {found} against {exact}");
            }
        }
        let reference = case.reference().logits(&trained, &statistics, &batch).unwrap();
        let logits = probe.logits(&batch.images);
        prop_assert_eq!(&logits, &found[case.start.graph.output.0]);
        let size = norm(&f64s(&reference)) + 1.0;
        let (_, noise) = oracle.with_noise(|plain, nudge| plain.logits(&plain.forward(Some(&moments), nudge)).to_vec());
        prop_assert!(distance(&f64s(&logits), &f64s(&reference)) <= 1e-5 * size + norm(&noise));
    }

    #[test]
    fn derivatives_of_all_nodes_are_differences_of_plain_loops(mut recipe in recipes()) {
        // Where equal values meet in a window the network has no derivative.
        recipe.setting.flat_areas = false;
        let case = recipe.case();
        let (probe, trained, statistics) = opened(&case);
        let batch = quiet(&case);
        let moments: Vec<Moments> = statistics
            .iter()
            .map(|layer| Moments { mean: f64s(&layer.mean), variance: f64s(&layer.variance) })
            .collect();
        let nodes: Vec<NodeId> = (0..case.start.graph.nodes.len()).map(NodeId).collect();
        let (t, dimension) = (2, probe.dimension());
        let directions = normals(3, batch.labels.len() * t * dimension);
        let found = probe.pushforward(&batch.images, &directions, &nodes);
        let oracle = Oracle::new(&case, &trained, &batch);
        for direction in 0..t {
            let at = |step: f64| {
                let mut images = f64s(&batch.images);
                for (image, row) in images.chunks_exact_mut(dimension).enumerate() {
                    let along = &directions[(image * t + direction) * dimension..][..dimension];
                    row.iter_mut().zip(along).for_each(|(x, u)| *x += step * f64::from(*u));
                }
                Plain { images: &images, ..oracle.plain() }.forward(Some(&moments), &mut Nudge::none()).values
            };
            let (ahead, behind) = (at(1e-7), at(-1e-7));
            for (node, found) in nodes.iter().zip(&found) {
                let length = found.len() / (batch.labels.len() * t);
                let rows = found.chunks_exact(length).skip(direction).step_by(t);
                let found: Vec<f64> = f64s(&rows.flatten().copied().collect::<Vec<f32>>());
                let difference = ahead[node.0].iter().zip(&behind[node.0]).map(|(a, b)| (a - b) / 2e-7);
                let difference: Vec<f64> = difference.collect();
                let size = norm(&difference).max(norm(&found)).max(1e-3);
                let error = distance(&found, &difference) / size;
                prop_assert!(error < 2e-3, "{node:?} {}: off by {error}", case.start.graph.node(*node).name);
            }
        }
    }

    #[test]
    fn what_goes_forward_and_what_comes_back_meet(recipe in recipes()) {
        let case = recipe.case();
        meet(&opened(&case).0, &case.batch.images, "random network");
    }

    #[test]
    fn bits_depend_neither_on_neighbours_nor_on_threads(recipe in recipes()) {
        let case = recipe.case();
        let (probe, ..) = opened(&case);
        let (dimension, output) = (probe.dimension(), [probe.graph().output]);
        let images = normals(4, 37 * dimension);
        let directions = normals(5, 37 * 3 * dimension);
        let slopes = normals(6, 37 * 3 * probe.graph().classes());
        let all = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let along = probe.pushforward(&images, &directions, &output).swap_remove(0);
                (probe.logits(&images), along, probe.pullback(&images, &slopes, 3).1)
            })
        };
        let (logits, along, gradients) = all(1);
        prop_assert!((&logits, &along, &gradients) == (&all(3).0, &all(3).1, &all(3).2));
        for image in [0, 20, 36] {
            let rows = |values: &[f32], each: usize| values[image * each..(image + 1) * each].to_vec();
            let (alone, classes) = (rows(&images, dimension), probe.graph().classes());
            prop_assert_eq!(probe.logits(&alone), rows(&logits, classes));
            let second = &directions[(image * 3 + 1) * dimension..][..dimension];
            prop_assert_eq!(&probe.pushforward(&alone, second, &output)[0], &rows(&along, 3 * classes)[classes..2 * classes]);
            let second = &slopes[(image * 3 + 1) * classes..][..classes];
            let gradient = rows(&gradients, 3 * dimension);
            prop_assert_eq!(&probe.pullback(&alone, second, 1).1, &gradient[dimension..2 * dimension]);
        }
    }
}

#[test]
fn every_model_opens_up() {
    for entry in ENTRIES {
        let options = [json!({}), json!({ "activation": "gelu", "inject": 1 })];
        for (options, image) in options.into_iter().zip([[1, 28, 28], [3, 32, 32]]) {
            let what = format!("{} {options} on {image:?}", entry.name);
            let graph = network(entry.name, tiny(entry.name, options), image);
            let start = start(&graph, json!([{ "all": true }]), Background::Random);
            let plan = Plan::new(&graph, &start.subset, 3, Limits { threads: 2, ..LIMITS });
            let engine = engine::on_cpu(start.clone(), &plan);
            let batch = Batch {
                images: normals(7, 3 * image.iter().product::<usize>()),
                labels: vec![0; 3],
                shape: [3, image[0], image[1], image[2]],
                places: None,
                noise: None,
            };
            let (statistics, expected) = engine.recalibrate(&start.base, &batch).unwrap();
            let probe = Probe::new(graph, start.weights.clone(), &statistics);
            let logits = probe.logits(&batch.images);
            let size = norm(&f64s(&expected));
            assert!(distance(&f64s(&logits), &f64s(&expected)) < 1e-4 * size, "{what}: {logits:?}, {expected:?}");
            meet(&probe, &batch.images, &what);
        }
    }
}

#[test]
fn a_node_is_given_as_often_as_it_is_asked_for_and_of_no_image_there_is_nothing() {
    let graph = network("conv2-bn", json!({ "channels": [2, 3] }), [1, 8, 8]);
    let start = start(&graph, json!([{ "all": true }]), Background::Random);
    let statistics = [2, 3].map(|n| engine::Statistics { mean: vec![0.5; n], variance: vec![2.0; n] });
    let probe = Probe::new(graph.clone(), start.weights.clone(), &statistics);
    let images = normals(8, 64 * 2);
    let [relu, input] =
        ["relu1", "input"].map(|name| NodeId(graph.nodes.iter().position(|node| node.name == name).unwrap()));
    let found = probe.values(&images, &[relu, input, relu]);
    assert_eq!((&found[0], &found[1], found[0].len()), (&found[2], &images, 2 * 2 * 64));
    assert!(found[0].iter().all(|x| *x >= 0.0) && found[0].contains(&0.0));
    let nothing: Vec<f32> = Vec::new();
    assert_eq!(probe.values(&[], &[relu, input]), [nothing.clone(), nothing.clone()]);
    assert_eq!(probe.pushforward(&images, &[], &[relu]), std::slice::from_ref(&nothing));
    assert_eq!(probe.pullback(&images, &[], 0), (probe.logits(&images), nothing));
}

#[test]
#[should_panic(expected = "130 values are no images of 64")]
fn half_an_image_is_refused() {
    let graph = network("mlp", json!({}), [1, 8, 8]);
    let weights = vec![0.0; graph.parameter_count()];
    Probe::new(graph, weights, &[]).logits(&[0.0; 130]);
}
