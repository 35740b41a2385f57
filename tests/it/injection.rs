//! Input injection: where it stands, what it adds, and that nothing ever trains it.

use std::sync::Arc;

use serde_json::{json, Value as Json};
use subevo::data::Batch;
use subevo::engine;
use subevo::graph::{Graph, Op, ParameterKind};
use subevo::model::{self, ENTRIES};
use subevo::plan::{Limits, Plan};
use subevo::record::Background;
use subevo::rng::Seed;
use subevo::subset::Start;

use crate::networks::{model, network, select, start, try_select};

const MNIST: [usize; 3] = [1, 28, 28];
const CIFAR: [usize; 3] = [3, 32, 32];

fn resnet(inject: usize) -> Arc<Graph> {
    network("resnet-cifar", json!({ "depth": 14, "width": 0.25, "inject": inject }), CIFAR)
}

/// Name, weight's shape, pooling window (size, stride) if any, and what the projection is added to.
type Injected = (String, Vec<usize>, Option<(usize, usize)>, String);

fn injections(graph: &Graph) -> Vec<Injected> {
    let node = |name: &str| graph.nodes.iter().find(|node| node.name == name);
    let of_kind = graph.parameters.iter().filter(|parameter| parameter.kind == ParameterKind::Injection);
    let told = |parameter: &subevo::graph::Parameter| {
        let name = parameter.layer.clone();
        let window = node(&format!("{name}.pool")).map(|pool| match pool.op {
            Op::AvgPool { size, stride } => (size, stride),
            other => panic!("{name}: {other:?}"),
        });
        let sum = node(&format!("{name}.add")).unwrap();
        assert_eq!(graph.node(sum.inputs[1]).name, name);
        (name, parameter.shape.clone(), window, graph.node(sum.inputs[0]).name.clone())
    };
    of_kind.map(told).collect()
}

#[test]
fn every_nth_convolution_and_hidden_layer_sees_the_input_at_its_own_size() {
    let row =
        |name: &str, shape: &[usize], window, to: &str| (name.to_string(), shape.to_vec(), window, to.to_string());
    // Shortcuts are not counted: of 13 convolutions the third, sixth, ninth and twelfth.
    assert_eq!(
        injections(&resnet(3)),
        [
            row("inject1", &[4, 3, 1, 1], None, "layer1.0.conv2"),
            row("inject2", &[8, 3, 1, 1], Some((2, 2)), "layer2.0.conv1"),
            row("inject3", &[8, 3, 1, 1], Some((2, 2)), "layer2.1.conv2"),
            row("inject4", &[16, 3, 1, 1], Some((4, 4)), "layer3.1.conv1"),
        ]
    );
    // 28 to 24: one window of 5; 28 to 8: strides of 3. Hidden layers see all pixels.
    assert_eq!(
        injections(&network("lenet", json!({ "inject": 1 }), MNIST)),
        [
            row("inject1", &[6, 1, 1, 1], Some((5, 1)), "conv1"),
            row("inject2", &[16, 1, 1, 1], Some((7, 3)), "conv2"),
            row("inject3", &[120, 784], None, "fc1"),
            row("inject4", &[84, 784], None, "fc2"),
        ]
    );
    // A framed image is framed for the injection too.
    let framed = network("vgg11-bn", json!({ "width": 0.1, "inject": 1 }), MNIST);
    let first = framed.nodes.iter().find(|node| node.name == "inject1").unwrap();
    assert!(matches!(first.op, Op::Conv2d { padding: 2, stride: 1, bias: None, .. }), "{first:?}");
    assert_eq!(first.shape, [6, 32, 32]);
}

#[test]
fn the_sum_stands_before_norm_and_activation() {
    let graph = resnet(1);
    let reader = |name: &str| {
        let at = graph.nodes.iter().position(|node| node.name == name).unwrap();
        let readers = graph.nodes.iter().filter(|node| node.inputs.contains(&subevo::graph::NodeId(at)));
        readers.map(|node| node.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(reader("conv1"), ["inject1.add"]);
    assert_eq!(reader("inject1.add"), ["bn1"]);
    let graph = network("mlp", json!({ "inject": 1 }), MNIST);
    let relu = graph.nodes.iter().find(|node| node.name == "relu1").unwrap();
    assert_eq!(graph.node(relu.inputs[0]).name, "inject1.add");
}

#[test]
fn no_selector_ever_holds_an_injection() {
    let graph = resnet(1);
    let injected: usize = graph.parameters.iter().filter(|p| p.kind == ParameterKind::Injection).map(|p| p.len()).sum();
    assert_eq!(injected, 3 * (4 * 5 + 8 * 4 + 16 * 4));
    assert_eq!(graph.parameter_count(), resnet(0).parameter_count() + injected);
    assert_eq!(select(json!([{ "all": true }]), &graph, 1).size, graph.parameter_count() - injected);
    for list in [
        json!([{ "all": true }]),
        json!([{ "layers": "*" }]),
        json!([{ "weights": 1.0 }]),
        json!([{ "filters": 1.0 }, { "bias": true }]),
        json!([{ "minus": [{ "all": true }, { "classifier": true }] }]),
    ] {
        let subset = select(list.clone(), &graph, 1);
        assert!(subset.spans.iter().all(|span| span.kind != ParameterKind::Injection), "{list}");
        // The same as in the network without injections, which have no effect on the draw of others.
        let names = |graph: &Arc<Graph>| -> Vec<(String, usize, usize)> {
            let spans = select(list.clone(), graph, 1).spans;
            spans.into_iter().map(|span| (span.parameter, span.offset, span.length)).collect()
        };
        assert_eq!(names(&graph), names(&resnet(0)), "{list}");
    }
    let told = try_select(json!([{ "layers": "inject*" }]), &graph, 1).unwrap_err();
    assert_eq!(told, ["subset: it selects no weight at all"]);
    let told = try_select(json!([{ "layers": "none" }]), &graph, 1).unwrap_err();
    assert!(told[0].contains("the layers are") && !told[0].contains("inject"), "{told:?}");
}

#[test]
fn the_zero_background_clears_injections() {
    let graph = resnet(1);
    for (background, zero) in [(Background::Random, false), (Background::Zero, true)] {
        let start = start(&graph, json!([{ "batchnorm": true }]), background);
        for parameter in graph.parameters.iter().filter(|parameter| parameter.kind == ParameterKind::Injection) {
            let weights = &start.weights[parameter.range()];
            assert_eq!(weights.iter().all(|w| *w == 0.0), zero, "{background:?}: {}", parameter.name);
        }
    }
}

/// Three images of normal noise.
fn batch(image: [usize; 3]) -> Batch {
    let mut images = vec![0.0; 3 * image.iter().product::<usize>()];
    Seed::new(1).rng().fill_normal(&mut images);
    Batch { images, labels: vec![0; 3], shape: [3, image[0], image[1], image[2]], places: None, noise: None }
}

/// Logits of the batch, where all weights of the parameters of `kinds` are 0.
fn logits_without(graph: &Arc<Graph>, kinds: &[ParameterKind], batch: &Batch) -> Vec<f32> {
    let start = start(graph, json!([{ "classifier": true }]), Background::Random);
    let mut weights = start.weights.clone();
    for parameter in graph.parameters.iter().filter(|p| !p.classifier && kinds.contains(&p.kind)) {
        weights[parameter.range()].fill(0.0);
    }
    let start = Arc::new(Start { weights, ..(*start).clone() });
    let plan = Plan::new(graph, &start.subset, 3, Limits { memory: 1 << 30, threads: 2 });
    let engine = engine::on_cpu(start.clone(), &plan);
    engine.recalibrate(&start.base, batch).unwrap().1
}

#[test]
fn where_all_convolutions_are_zero_the_images_reach_the_logits_through_injections_alone() {
    use ParameterKind::{ConvWeight, Injection, LinearWeight};
    for (name, params) in [
        ("neuroevobench", json!({ "inject": 2 })),
        ("lenet", json!({ "inject": 4 })),
        ("resnet-cifar", json!({ "depth": 8, "width": 0.25, "inject": 7 })),
        ("mlp", json!({ "hidden": [7, 6, 5], "inject": 3 })),
    ] {
        let graph = network(name, params, CIFAR);
        let batch = batch(CIFAR);
        let told = |kinds: &[ParameterKind]| {
            let logits = logits_without(&graph, kinds, &batch);
            (0..10).any(|class| (logits[class] - logits[10 + class]).abs() > 1e-3)
        };
        assert!(told(&[ConvWeight, LinearWeight]), "{name}: two images must differ in their logits");
        assert!(!told(&[ConvWeight, LinearWeight, Injection]), "{name}: nothing is left that tells images apart");
    }
}

#[test]
fn an_injection_adds_the_projection_of_window_means() {
    // Zero convolutions, identity, a mean over the image: a logit is the classifier's product with the projected mean image.
    let params = json!({ "activation": "identity", "inject": 2 });
    let graph = network("neuroevobench", params, CIFAR);
    let batch = batch(CIFAR);
    let logits = logits_without(&graph, &[ParameterKind::ConvWeight], &batch);
    let start = start(&graph, json!([{ "classifier": true }]), Background::Random);
    let weight = |name: &str| {
        let parameter = graph.parameters.iter().find(|parameter| parameter.name == name).unwrap();
        &start.weights[parameter.range()]
    };
    let (projection, head) = (weight("inject1.weight"), weight("conv3.weight"));
    for (i, logit) in logits.iter().enumerate() {
        let (image, class) = (i / 10, i % 10);
        let mean = |c: usize| {
            let pixels = &batch.images[(image * 3 + c) * 1024..][..1024];
            pixels.iter().map(|x| f64::from(*x)).sum::<f64>() / 1024.0
        };
        let channel = |j: usize| -> f64 { (0..3).map(|c| f64::from(projection[j * 3 + c]) * mean(c)).sum() };
        let expected: f64 = (0..16).map(|j| f64::from(head[class * 16 + j]) * channel(j)).sum();
        assert!((f64::from(*logit) - expected).abs() < 1e-5, "image {image}, class {class}: {logit} for {expected}");
    }
}

#[test]
fn injections_draw_their_weights_by_the_init_as_one_by_one_convolutions_of_the_images() {
    let graph = network("mlp", json!({ "inject": 1 }), MNIST);
    let start = start(&graph, json!([{ "all": true }]), Background::Random);
    let parameter = graph.parameters.iter().find(|parameter| parameter.name == "inject1.weight").unwrap();
    assert_eq!((parameter.fan_in, parameter.fan_out), (784, 200));
    let weights = &start.weights[parameter.range()];
    let variance = weights.iter().map(|w| f64::from(*w).powi(2)).sum::<f64>() / weights.len() as f64;
    assert!((variance * 784.0 / 2.0 - 1.0).abs() < 0.02, "{variance}");
}

#[test]
fn injections_fit_images_of_any_size() {
    for entry in ENTRIES {
        for side in [28, 29, 31, 32, 33, 37, 48, 64] {
            let mut params = json!({ "inject": 1, "width": 0.05 });
            if ["resnet-cifar", "wrn", "densenet-bc"].contains(&entry.name) {
                params["depth"] = json!(if entry.name == "resnet-cifar" { 8 } else { 10 });
            }
            let plain = model::build(&*model(entry.name, Json::clone(&params)), [3, side, side], 10);
            params["inject"] = json!(0);
            let without = model::build(&*model(entry.name, params), [3, side, side], 10);
            match (plain, without) {
                (Ok(_), Ok(_)) => {}
                (Err(error), Err(same)) => assert_eq!(error.to_string(), same.to_string()),
                (with, _) => panic!("{} on {side}: {:?}", entry.name, with.map(|_| ()).map_err(|e| e.to_string())),
            }
        }
    }
}
