//! Every model of the registry with every option: forward passes, shapes that counts do not pin, names of PyTorch's sources.

use std::collections::BTreeMap;

use serde_json::{json, Value as Json};
use subevo::data::Batch;
use subevo::engine;
use subevo::graph::{Graph, Op, ParameterKind};
use subevo::model::ENTRIES;
use subevo::plan::{Limits, Plan};
use subevo::record::Background;
use subevo::rng::Seed;

use crate::networks::{network, start};
use crate::tables::try_build;

const MNIST: [usize; 3] = [1, 28, 28];
const CIFAR: [usize; 3] = [3, 32, 32];

/// The model's options joined with what makes it small.
pub fn tiny(name: &str, options: Json) -> Json {
    let mut params = match name {
        "alexnet-cifar" => json!({ "width": 0.05 }),
        "resnet-cifar" => json!({ "width": 0.2, "depth": 14 }),
        "wrn" => json!({ "width": 0.2, "depth": 10, "widen": 2 }),
        "densenet-bc" => json!({ "width": 0.2, "depth": 16 }),
        "mlp" => json!({ "width": 0.1 }),
        "conv2" | "conv2-bn" | "lenet" | "lenet5" | "neuroevobench" => json!({ "width": 0.5 }),
        "gressmann" => json!({ "width": 0.1 }),
        vgg if vgg.starts_with("vgg") => json!({ "width": 0.02 }),
        other => panic!("say how `{other}` is made small"),
    };
    params.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    params
}

/// Settings of each option, one at a time, and all together.
fn variants(name: &str) -> Vec<Json> {
    let mut variants = vec![json!({})];
    variants.extend(["leaky", "tanh", "gelu", "identity"].map(|word| json!({ "activation": word })));
    variants.extend([1, 3].map(|every| json!({ "inject": every })));
    if name != "mlp" {
        variants.extend([true, false].map(|norm| json!({ "batchnorm": norm })));
        variants.push(json!({ "activation": "leaky", "batchnorm": true, "inject": 2 }));
    }
    match name {
        "resnet-cifar" => {
            variants.extend(["projection-no-bn", "pad"].map(|way| json!({ "shortcut": way })));
            variants.push(json!({ "shortcut": "pad", "batchnorm": false, "inject": 1 }));
        }
        "wrn" => variants.extend([0.3, 0.0].map(|rate| json!({ "dropout": rate, "widen": 1 }))),
        "densenet-bc" => variants.push(json!({ "compression": 0.01 })),
        _ => {}
    }
    variants
}

#[test]
fn every_model_computes_finite_logits_with_every_option_from_all_its_layers() {
    for entry in ENTRIES {
        for (options, image) in variants(entry.name).iter().flat_map(|options| [(options, MNIST), (options, CIFAR)]) {
            let what = format!("{} {options} on {image:?}", entry.name);
            let graph = network(entry.name, tiny(entry.name, options.clone()), image);
            let mut names: Vec<&str> = graph.nodes.iter().map(|node| node.name.as_str()).collect();
            names.extend(graph.parameters.iter().map(|parameter| parameter.name.as_str()));
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{what}: {names:?}");
            assert!(graph.parameters.iter().any(|parameter| parameter.classifier), "{what}");

            let start = start(&graph, json!([{ "all": true }]), Background::Random);
            let plan = Plan::new(&graph, &start.subset, 3, Limits { memory: 1 << 30, threads: 2 });
            let engine = engine::on_cpu(start.clone(), &plan);
            let mut images = vec![0.0; 3 * image.iter().product::<usize>()];
            Seed::new(1).rng().fill_normal(&mut images);
            let batch = Batch {
                images,
                labels: vec![0; 3],
                shape: [3, image[0], image[1], image[2]],
                places: None,
                noise: None,
            };
            let (statistics, _) = engine.recalibrate(&start.base, &batch).unwrap();
            let logits = engine.logits(&start.base, &statistics, &batch).unwrap();
            assert_eq!(logits.len(), 30, "{what}");
            assert!(logits.iter().all(|z| z.is_finite()), "{what}: {logits:?}");
            let spread = logits.iter().fold(0.0f32, |most, z| most.max((z - logits[0]).abs()));
            assert!(spread > 0.01, "{what}: all logits are nearly {}", logits[0]);
        }
    }
}

#[test]
fn every_layer_of_every_model_reaches_the_output() {
    for entry in ENTRIES {
        for options in variants(entry.name) {
            let graph = network(entry.name, tiny(entry.name, options.clone()), MNIST);
            let mut reached = vec![false; graph.nodes.len()];
            reached[graph.output.0] = true;
            // Inputs come before their readers, so going backwards once is enough.
            for i in (0..graph.nodes.len()).rev() {
                if reached[i] {
                    graph.nodes[i].inputs.iter().for_each(|input| reached[input.0] = true);
                }
            }
            let lost: Vec<&str> =
                graph.nodes.iter().zip(&reached).filter(|(_, r)| !**r).map(|(n, _)| n.name.as_str()).collect();
            assert!(lost.is_empty(), "{} {options}: {lost:?}", entry.name);
        }
    }
}

/// Shape of a node's output.
fn shape<'g>(graph: &'g Graph, name: &str) -> &'g [usize] {
    let found = graph.nodes.iter().find(|node| node.name == name);
    &found.unwrap_or_else(|| panic!("no node `{name}`")).shape
}

#[test]
fn strides_and_paddings_are_those_of_the_sources() {
    let resnet = json!({ "depth": 14 });
    let wrn = json!({ "depth": 10, "widen": 4 });
    for (name, params, image, shapes) in [
        (
            "alexnet-cifar",
            json!({}),
            CIFAR,
            vec![
                ("features.0", [64, 8, 8]),
                ("pool1", [64, 4, 4]),
                ("features.3", [192, 4, 4]),
                ("pool2", [192, 2, 2]),
                ("features.10", [256, 2, 2]),
                ("pool3", [256, 1, 1]),
            ],
        ),
        ("alexnet-cifar", json!({}), MNIST, vec![("features.0", [64, 8, 8]), ("pool3", [256, 1, 1])]),
        (
            "vgg19-bn",
            json!({}),
            CIFAR,
            vec![
                ("features.0", [64, 32, 32]),
                ("pool1", [64, 16, 16]),
                ("pool2", [128, 8, 8]),
                ("pool3", [256, 4, 4]),
                ("pool4", [512, 2, 2]),
                ("pool5", [512, 1, 1]),
            ],
        ),
        ("vgg11-bn", json!({}), MNIST, vec![("features.0", [64, 32, 32]), ("pool5", [512, 1, 1])]),
        (
            "resnet-cifar",
            resnet.clone(),
            CIFAR,
            vec![
                ("layer1.1.add", [16, 32, 32]),
                ("layer2.0.conv1", [32, 16, 16]),
                ("layer2.0.downsample.0", [32, 16, 16]),
                ("layer3.1.add", [64, 8, 8]),
            ],
        ),
        ("resnet-cifar", resnet, MNIST, vec![("layer2.0.add", [32, 14, 14]), ("layer3.0.add", [64, 7, 7])]),
        (
            "resnet-cifar",
            json!({ "depth": 14, "shortcut": "pad" }),
            CIFAR,
            vec![("layer2.0.subsample", [16, 16, 16]), ("layer2.0.pad", [32, 16, 16])],
        ),
        (
            "wrn",
            wrn,
            CIFAR,
            vec![
                ("conv1", [16, 32, 32]),
                ("block1.layer.0.convShortcut", [64, 32, 32]),
                ("block2.layer.0.conv1", [128, 16, 16]),
                ("block3.layer.0.add", [256, 8, 8]),
            ],
        ),
        (
            "densenet-bc",
            json!({}),
            CIFAR,
            vec![
                ("conv1", [24, 32, 32]),
                ("dense1.0.conv1", [48, 32, 32]),
                ("dense1.15.concat", [216, 32, 32]),
                ("trans1.conv1", [108, 32, 32]),
                ("trans1.pool", [108, 16, 16]),
                ("trans2.conv1", [150, 16, 16]),
                ("dense3.15.concat", [342, 8, 8]),
            ],
        ),
        ("lenet", json!({}), MNIST, vec![("conv1", [6, 24, 24]), ("pool2", [16, 4, 4])]),
        ("lenet", json!({}), CIFAR, vec![("conv1", [6, 28, 28]), ("pool2", [16, 5, 5])]),
        ("lenet5", json!({}), MNIST, vec![("conv1", [6, 28, 28]), ("pool2", [16, 5, 5])]),
        ("conv2", json!({}), MNIST, vec![("conv1", [8, 28, 28]), ("pool2", [16, 7, 7])]),
        ("neuroevobench", json!({}), CIFAR, vec![("conv2", [16, 32, 32]), ("conv3", [10, 32, 32])]),
        (
            "gressmann",
            json!({}),
            MNIST,
            vec![("conv1", [32, 26, 26]), ("pool1", [32, 13, 13]), ("pool2", [64, 5, 5]), ("conv3", [64, 3, 3])],
        ),
    ] {
        let graph = network(name, params, image);
        for (node, expected) in shapes {
            assert_eq!(shape(&graph, node), expected, "{name} on {image:?}: `{node}`");
        }
    }
}

/// Names of the layers that have weights, in the order of the flat vector.
fn layers(name: &str, params: Json) -> Vec<String> {
    let graph = network(name, params, CIFAR);
    let mut layers: Vec<String> = graph.parameters.iter().map(|parameter| parameter.layer.clone()).collect();
    layers.dedup();
    layers
}

#[test]
fn layers_have_the_names_of_the_public_pytorch_sources() {
    let numbered = |numbers: &[usize]| -> Vec<String> {
        numbers.iter().map(|i| format!("features.{i}")).chain(["classifier".to_string()]).collect()
    };
    assert_eq!(layers("alexnet-cifar", json!({})), numbered(&[0, 3, 6, 8, 10]));
    assert_eq!(layers("alexnet-cifar", json!({ "batchnorm": true })), numbered(&[0, 1, 4, 5, 8, 9, 11, 12, 14, 15]));
    // The convolutions of torchvision's vgg11_bn and vgg19_bn; each batch-norm has the next number.
    for (name, convolutions) in [
        ("vgg11-bn", &[0, 4, 8, 11, 15, 18, 22, 25][..]),
        ("vgg19-bn", &[0, 3, 7, 10, 14, 17, 20, 23, 27, 30, 33, 36, 40, 43, 46, 49][..]),
    ] {
        let both: Vec<usize> = convolutions.iter().flat_map(|i| [*i, i + 1]).collect();
        assert_eq!(layers(name, json!({ "width": 0.1 })), numbered(&both), "{name}");
        // Without the activation the numbers stay: it has no weights, but its place.
        assert_eq!(layers(name, json!({ "width": 0.1, "activation": "identity" })), numbered(&both), "{name}");
    }
    let dotted = |lines: &[(&str, &[&str])]| -> Vec<String> {
        let names = |(prefix, names): &(&str, &[&str])| names.iter().map(|name| format!("{prefix}{name}")).collect();
        lines.iter().flat_map(names as fn(&(&str, &[&str])) -> Vec<String>).collect()
    };
    let block: &[&str] = &["conv1", "bn1", "conv2", "bn2"];
    let first: &[&str] = &["conv1", "bn1", "conv2", "bn2", "downsample.0", "downsample.1"];
    assert_eq!(
        layers("resnet-cifar", json!({ "depth": 14 })),
        dotted(&[
            ("", &["conv1", "bn1"]),
            ("layer1.0.", block),
            ("layer1.1.", block),
            ("layer2.0.", first),
            ("layer2.1.", block),
            ("layer3.0.", first),
            ("layer3.1.", block),
            ("", &["fc"]),
        ])
    );
    assert_eq!(
        layers("wrn", json!({ "depth": 16, "widen": 1 })),
        dotted(&[
            ("", &["conv1"]),
            ("block1.layer.0.", &["bn1", "conv1", "bn2", "conv2"]),
            ("block1.layer.1.", &["bn1", "conv1", "bn2", "conv2"]),
            ("block2.layer.0.", &["bn1", "convShortcut", "conv1", "bn2", "conv2"]),
            ("block2.layer.1.", &["bn1", "conv1", "bn2", "conv2"]),
            ("block3.layer.0.", &["bn1", "convShortcut", "conv1", "bn2", "conv2"]),
            ("block3.layer.1.", &["bn1", "conv1", "bn2", "conv2"]),
            ("", &["bn1", "fc"]),
        ])
    );
    assert_eq!(
        layers("densenet-bc", json!({ "depth": 10 })),
        dotted(&[
            ("", &["conv1"]),
            ("dense1.0.", &["bn1", "conv1", "bn2", "conv2"]),
            ("trans1.", &["bn1", "conv1"]),
            ("dense2.0.", &["bn1", "conv1", "bn2", "conv2"]),
            ("trans2.", &["bn1", "conv1"]),
            ("dense3.0.", &["bn1", "conv1", "bn2", "conv2"]),
            ("", &["bn", "fc"]),
        ])
    );
    assert_eq!(layers("lenet", json!({ "batchnorm": true })), ["conv1", "bn1", "conv2", "bn2", "fc1", "fc2", "fc3"]);
}

/// Sides of a model's parameters: layer, kind, shape.
fn parameters(graph: &Graph, kind: ParameterKind) -> Vec<(&str, Vec<usize>)> {
    let of_kind = graph.parameters.iter().filter(|parameter| parameter.kind == kind);
    of_kind.map(|parameter| (parameter.layer.as_str(), parameter.shape.clone())).collect()
}

#[test]
fn width_scales_every_convolution_and_hidden_layer_and_leaves_at_least_one_channel() {
    for entry in ENTRIES {
        // Halves of what is even, so that nothing is rounded; DenseNet's transitions follow from the growth rate.
        let small = match entry.name {
            "resnet-cifar" => json!({ "depth": 14 }),
            "wrn" => json!({ "depth": 10, "widen": 2 }),
            "densenet-bc" => json!({ "depth": 16 }),
            _ => json!({}),
        };
        let of_width = |width: f64| {
            let mut params = small.clone();
            params["width"] = json!(width);
            network(entry.name, params, CIFAR)
        };
        let outputs = |graph: &Graph| -> BTreeMap<String, usize> {
            let weights = graph.parameters.iter().filter(|parameter| parameter.shape.len() > 1);
            weights.filter(|p| !p.classifier).map(|p| (p.name.clone(), p.shape[0])).collect()
        };
        let (whole, half, least) = (outputs(&of_width(1.0)), outputs(&of_width(0.5)), outputs(&of_width(1e-9)));
        let doubled: BTreeMap<String, usize> = half.into_iter().map(|(name, filters)| (name, 2 * filters)).collect();
        assert_eq!(doubled, whole, "{}", entry.name);
        for (name, filters) in least {
            // The growth rate is 1: two channels to begin with, four in a bottleneck, and a sum of them in a transition.
            let most = if entry.name == "densenet-bc" { 4 } else { 1 };
            assert!((1..=most).contains(&filters), "{}: `{name}` has {filters}", entry.name);
        }
    }
    // 16 * 0.34 = 5.44 and 64 * 0.34 = 21.76.
    let graph = network("resnet-cifar", json!({ "depth": 8, "width": 0.34 }), CIFAR);
    assert_eq!((shape(&graph, "conv1")[0], shape(&graph, "layer3.0.conv2")[0]), (5, 22));
}

#[test]
fn without_batch_norm_every_convolution_has_a_bias_and_with_it_the_published_ones() {
    for entry in ENTRIES.iter().filter(|entry| entry.name != "mlp") {
        let of_norm = |norm: Json| network(entry.name, tiny(entry.name, norm), CIFAR);
        let (with, without) = (of_norm(json!({ "batchnorm": true })), of_norm(json!({ "batchnorm": false })));
        let names = |graph: &Graph, kind| -> Vec<String> {
            parameters(graph, kind).into_iter().map(|(layer, _)| layer.to_string()).collect()
        };
        let convolutions = names(&without, ParameterKind::ConvWeight);
        assert_eq!(names(&without, ParameterKind::ConvBias), convolutions, "{}", entry.name);
        assert_eq!(names(&without, ParameterKind::BatchNormScale), [""; 0], "{}", entry.name);
        let biases = match entry.name {
            "conv2-bn" | "resnet-cifar" | "wrn" | "densenet-bc" => 0,
            _ => convolutions.len(),
        };
        assert_eq!(names(&with, ParameterKind::ConvBias).len(), biases, "{}", entry.name);
        let norms = names(&with, ParameterKind::BatchNormScale).len();
        let expected = match entry.name {
            // The shortcut of the first stage too: width 0.2 and widen 2 make 3 and 6 channels.
            "wrn" => convolutions.len() - 3,
            "neuroevobench" => convolutions.len() - 1,
            _ => convolutions.len(),
        };
        assert_eq!(norms, expected, "{}", entry.name);
    }
}

#[test]
fn activations_stand_where_relu_stood_and_identity_stands_nowhere() {
    for entry in ENTRIES {
        let kinds = |word: &str| -> Vec<String> {
            let graph = network(entry.name, tiny(entry.name, json!({ "activation": word })), CIFAR);
            graph.nodes.iter().map(|node| node.op.kind().to_string()).collect()
        };
        let relu = kinds("relu");
        assert!(relu.iter().any(|kind| kind == "relu"), "{}", entry.name);
        for word in ["leaky", "tanh", "gelu"] {
            let swapped: Vec<&str> = relu.iter().map(|kind| if kind == "relu" { word } else { kind }).collect();
            assert_eq!(kinds(word), swapped, "{}", entry.name);
        }
        let without: Vec<&String> = relu.iter().filter(|kind| *kind != "relu").collect();
        assert_eq!(kinds("identity").iter().collect::<Vec<_>>(), without, "{}", entry.name);
    }
}

#[test]
fn dropout_stands_between_the_convolutions_of_each_wide_block() {
    let params = json!({ "depth": 16, "widen": 1, "dropout": 0.3 });
    let graph = network("wrn", params, CIFAR);
    let dropped: Vec<_> = graph.nodes.iter().filter(|node| node.op == Op::Dropout { rate: 0.3 }).collect();
    assert_eq!(dropped.len(), 6);
    for node in dropped {
        let block = node.name.strip_suffix(".dropout").unwrap();
        assert_eq!(graph.node(node.inputs[0]).name, format!("{block}.relu2"));
        let conv = graph.nodes.iter().find(|other| other.name == format!("{block}.conv2")).unwrap();
        assert_eq!(graph.node(conv.inputs[0]).name, node.name);
    }
}

#[test]
fn shortcuts_of_wide_blocks_begin_behind_the_first_activation_and_those_of_residual_blocks_before_it() {
    let input = |name: &str, params: Json, node: &str| {
        let graph = network(name, params, CIFAR);
        let node = graph.nodes.iter().find(|other| other.name == node).unwrap().clone();
        graph.node(*node.inputs.last().unwrap()).name.clone()
    };
    let wide = |node: &str| input("wrn", json!({ "depth": 16, "widen": 2 }), node);
    assert_eq!(wide("block2.layer.0.convShortcut"), "block2.layer.0.relu1");
    assert_eq!(wide("block2.layer.1.add"), "block2.layer.0.add");
    let residual = |node: &str| input("resnet-cifar", json!({ "depth": 14 }), node);
    assert_eq!(residual("layer2.0.downsample.0"), "layer1.1.relu2");
    assert_eq!(residual("layer2.1.add"), "layer2.0.relu2");
}

#[test]
fn impossible_options_are_told_with_what_is_allowed() {
    let registry = subevo::entry::Entries::new("model", ENTRIES);
    let messages = |name: &str, params: Json| try_build(&registry, name, params, &()).err().unwrap();
    assert_eq!(messages("resnet-cifar", json!({ "depth": 18 })), ["`it.depth` = 18: must be 6n + 2, as 14 or 20"]);
    assert_eq!(messages("resnet-cifar", json!({ "depth": 17 })), ["`it.depth` = 17: must be 6n + 2, as 14 or 20"]);
    assert_eq!(messages("wrn", json!({ "depth": 40, "widen": 0 })).len(), 1);
    assert_eq!(messages("wrn", json!({ "depth": 27 })), ["`it.depth` = 27: must be 6n + 4, as 22 or 28"]);
    assert_eq!(messages("densenet-bc", json!({ "depth": 9 })), ["`it.depth` = 9: must be an integer, 10 to 6004"]);
    assert_eq!(
        messages("mlp", json!({ "batchnorm": true })),
        ["`it.batchnorm` = true: must be false: batch-norm is for images, not for `mlp`"]
    );
    for entry in ENTRIES {
        let wrong = json!({ "activation": "rellu", "batchnorm": 1, "width": 0.0, "inject": -1 });
        let told = messages(entry.name, wrong);
        assert_eq!(told.len(), 4, "{}: {told:?}", entry.name);
        assert!(told[0].contains("`relu`, `leaky`, `tanh`, `gelu` or `identity`"), "{}: {told:?}", entry.name);
    }
}
