//! Models: counts by hand, what does not fit; every init: its moments and its bits.

use serde_json::json;
use subevo::graph::init::{draw, Init, ENTRIES as INITS};
use subevo::graph::{Graph, Parameter, ParameterKind};
use subevo::model::{self, ENTRIES};
use subevo::rng::Seed;

use crate::networks::{init, model, network};
use crate::tables::try_build;

const MNIST: [usize; 3] = [1, 28, 28];
const CIFAR: [usize; 3] = [3, 32, 32];

#[test]
fn parameter_counts_are_those_of_the_formula() {
    for (name, params, image, count) in [
        ("conv2-bn", json!({}), MNIST, 20_538),
        ("lenet5", json!({}), MNIST, 61_706),
        ("lenet5", json!({}), CIFAR, 62_006),
        ("mlp", json!({ "hidden": [] }), MNIST, 7_850),
    ] {
        assert_eq!(network(name, params.clone(), image).parameter_count(), count, "{name} {params} on {image:?}");
    }
}

#[test]
fn multiplies_of_conv2_are_those_of_the_formula() {
    let graph = network("conv2", json!({}), MNIST);
    let macs: Vec<u64> = graph.nodes.iter().map(|node| node.macs).filter(|macs| *macs > 0).collect();
    // filters * channels * k * k * positions, then inputs * outputs.
    assert_eq!(macs, [8 * 25 * 28 * 28, 16 * 8 * 25 * 14 * 14, 16 * 7 * 7 * 10]);
    assert_eq!(graph.macs(), 791_840);
}

#[test]
fn images_too_small_are_errors_that_name_the_layer() {
    let error = |name: &str, side| model::build(&*model(name, json!({})), [1, side, side], 10).unwrap_err().to_string();
    assert_eq!(error("conv2", 1), "layer `pool1`: a window of 2 does not fit an image of 1 x 1");
    assert_eq!(error("conv2", 3), "layer `pool2`: a window of 2 does not fit an image of 1 x 1");
    assert_eq!(error("conv2-bn", 3), "layer `pool2`: a window of 2 does not fit an image of 1 x 1");
    assert_eq!(error("lenet5", 8), "layer `conv2`: kernel 5 with padding 0 does not fit an image of 4 x 4");
    assert!(model::build(&*model("conv2", json!({})), [1, 4, 4], 10).is_ok());
    let eleven = "layer `features.0`: kernel 11 with padding 5 does not fit an image of 0 x 0";
    assert_eq!(error("alexnet-cifar", 0), eleven);
    assert_eq!(error("alexnet-cifar", 27), "layer `pool3`: a window of 2 does not fit an image of 1 x 1");
    assert_eq!(error("vgg19-bn", 31), "layer `pool5`: a window of 2 does not fit an image of 1 x 1");
    assert_eq!(error("gressmann", 17), "layer `conv3`: kernel 3 with padding 0 does not fit an image of 2 x 2");
    assert_eq!(error("lenet", 15), "layer `pool2`: a window of 2 does not fit an image of 1 x 1");
    assert_eq!(error("densenet-bc", 3), "layer `trans2.pool`: a window of 2 does not fit an image of 1 x 1");
}

#[test]
fn a_network_of_more_than_two_to_the_31_weights_is_an_error_that_names_the_layer_and_its_size() {
    let model = model("mlp", json!({ "hidden": [65_536, 65_536] }));
    assert_eq!(
        model::build(&*model, MNIST, 10).unwrap_err().to_string(),
        "layer `fc2`: weight of shape [65536, 65536] has 4294967296 scalars, with those before it 4346413056: at most \
         2147483648 are allowed"
    );
}

#[test]
fn channels_of_the_wrong_number_are_told() {
    let registry = subevo::entry::Entries::new("model", ENTRIES);
    for name in ["conv2", "conv2-bn"] {
        let messages = try_build(&registry, name, json!({ "channels": [8, 16, 32] }), &()).err().unwrap();
        assert_eq!(messages, ["`it.channels` has 3 numbers: must have 2"], "{name}");
    }
    assert_eq!(network("conv2-bn", json!({ "channels": [2, 3] }), MNIST).parameters[0].shape, [2, 1, 3, 3]);
}

/// Standard deviation and kurtosis of an init's weights (or biases), by the papers; (0, 3) for a constant 0.
fn expected(name: &str, parameter: &Parameter) -> (f64, f64) {
    const NORMAL: f64 = 3.0;
    const UNIFORM: f64 = 1.8;
    let (fan_in, fan_out) = (parameter.fan_in as f64, parameter.fan_out as f64);
    let bias = matches!(parameter.kind, ParameterKind::ConvBias | ParameterKind::LinearBias);
    match name {
        "pytorch" => ((1.0 / (3.0 * fan_in)).sqrt(), UNIFORM),
        _ if bias => (0.0, NORMAL),
        "he-normal" => ((2.0 / fan_in).sqrt(), NORMAL),
        "he-uniform" => ((2.0 / fan_in).sqrt(), UNIFORM),
        "xavier-normal" => ((2.0 / (fan_in + fan_out)).sqrt(), NORMAL),
        "xavier-uniform" => ((2.0 / (fan_in + fan_out)).sqrt(), UNIFORM),
        "zeros" => (0.0, NORMAL),
        other => panic!("no formula for `{other}`"),
    }
}

#[test]
fn draws_have_the_mean_and_deviation_of_their_formula_and_the_gene_is_worth_that_deviation() {
    let graph = network("lenet5", json!({}), MNIST);
    // By hand, so that a wrong fan cannot hide behind itself: conv2 is 16 x 6 x 5 x 5, fc1 is 120 x 400.
    let fans = |name: &str| {
        let parameter = graph.parameters.iter().find(|parameter| parameter.name == name).unwrap();
        (parameter.fan_in, parameter.fan_out)
    };
    assert_eq!([fans("conv2.weight"), fans("conv2.bias")], [(150, 400); 2]);
    assert_eq!([fans("fc1.weight"), fans("fc1.bias")], [(400, 120); 2]);
    for entry in INITS {
        let rule = init(entry.name);
        let weights = draw(&graph, &*rule, Seed::new(3));
        for parameter in &graph.parameters {
            let values: Vec<f64> = weights[parameter.range()].iter().map(|w| f64::from(*w)).collect();
            let (std, kurtosis) = expected(entry.name, parameter);
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let variance = values.iter().map(|w| w * w).sum::<f64>() / n;
            let what = format!("{} {}: mean {mean}, variance {variance}", entry.name, parameter.name);
            assert!(mean.abs() <= 4.0 * std / n.sqrt(), "{what}");
            assert!((variance - std * std).abs() <= 4.0 * std * std * ((kurtosis - 1.0) / n).sqrt(), "{what}");
            let scale = f64::from(rule.distribution(parameter).scale());
            let unit = if std == 0.0 { 1.0 } else { std };
            assert!((scale / unit - 1.0).abs() < 1e-6, "{what}: a gene is worth {scale}");
        }
    }
}

#[test]
fn batch_norm_starts_at_scale_one_and_shift_zero_under_every_init() {
    let graph = network("conv2-bn", json!({}), MNIST);
    for entry in INITS {
        let weights = draw(&graph, &*init(entry.name), Seed::new(3));
        for parameter in &graph.parameters {
            let value = match parameter.kind {
                ParameterKind::BatchNormScale => 1.0,
                ParameterKind::BatchNormShift => 0.0,
                _ => continue,
            };
            assert!(weights[parameter.range()].iter().all(|w| *w == value), "{} {}", entry.name, parameter.name);
        }
    }
}

#[test]
fn the_seed_alone_decides_and_no_layer_disturbs_anothers_draw() {
    let bits = |rule: &dyn Init, graph: &Graph, seed: u64| -> Vec<u32> {
        draw(graph, rule, Seed::new(seed)).iter().map(|w| w.to_bits()).collect()
    };
    let rule = init("pytorch");
    let graph = network("conv2", json!({}), MNIST);
    assert_eq!(bits(&*rule, &graph, 5), bits(&*rule, &graph, 5));
    assert_ne!(bits(&*rule, &graph, 5), bits(&*rule, &graph, 6));
    // More filters in conv2: conv1 is untouched, and conv2 (of the same fan-in) begins with the same filters.
    let wider = network("conv2", json!({ "channels": [8, 24] }), MNIST);
    let narrow = graph.parameters.iter().find(|parameter| parameter.name == "conv2.bias").unwrap().offset;
    assert_eq!(bits(&*rule, &graph, 5)[..narrow], bits(&*rule, &wider, 5)[..narrow]);
}

#[test]
fn draws_keep_their_golden_values() {
    // A change of these is a change of every network that was ever drawn: a major version.
    let graph = network("conv2", json!({}), MNIST);
    let first = |rule: &str, name: &str| -> Vec<f32> {
        let weights = draw(&graph, &*init(rule), Seed::new(1).child("init"));
        let parameter = graph.parameters.iter().find(|parameter| parameter.name == name).unwrap();
        weights[parameter.range()][..3].to_vec()
    };
    assert_eq!(first("he-normal", "conv1.weight"), [0.38074932, 0.34825924, 0.37520722]);
    assert_eq!(first("he-normal", "fc.weight"), [0.07913138, -0.0031134784, -0.035111833]);
    assert_eq!(first("pytorch", "fc.bias"), [0.020956734, 0.019200785, 0.028199628]);
}
