//! Every architecture against PyTorch: logits and gradients of narrow instances with all weights moved at random.
//!
//! `tests/reference/torch_outputs.py` wrote the numbers from what this file writes with `SUBEVO_TORCH_CASES=DIR`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{json, Value};
use subevo::campaign::store::network::{write, Tensor, Values};
use subevo::campaign::{state_dict, state_dict_name};
use subevo::data::Batch;
use subevo::engine::{on_cpu, Engine, Loss, ReferenceEngine, Statistics};
use subevo::graph::{Graph, Op};
use subevo::plan::{Limits, Plan};
use subevo::record::Background;
use subevo::rng::Seed;
use subevo::subset::Start;

use crate::networks::{network, start};

const IMAGES: usize = 4;

/// Name, `[model]` section and image of each case.
fn cases() -> Vec<(&'static str, Value, [usize; 3])> {
    let (mnist, cifar) = ([1, 28, 28], [3, 32, 32]);
    vec![
        ("alexnet", json!({ "name": "alexnet-cifar", "width": 0.05 }), cifar),
        (
            "alexnet-tanh-bn",
            json!({ "name": "alexnet-cifar", "width": 0.05, "activation": "tanh", "batchnorm": true }),
            cifar,
        ),
        ("vgg11", json!({ "name": "vgg11-bn", "width": 0.05 }), cifar),
        ("vgg13-gelu", json!({ "name": "vgg13-bn", "width": 0.05, "activation": "gelu" }), cifar),
        ("vgg16", json!({ "name": "vgg16-bn", "width": 0.05 }), cifar),
        ("vgg19-without-bn", json!({ "name": "vgg19-bn", "width": 0.05, "batchnorm": false }), cifar),
        ("vgg19", json!({ "name": "vgg19-bn", "width": 0.05 }), cifar),
        ("resnet14", json!({ "name": "resnet-cifar", "depth": 14, "width": 0.25 }), cifar),
        (
            "resnet20-no-bn-shortcut",
            json!({ "name": "resnet-cifar", "depth": 20, "width": 0.2, "shortcut": "projection-no-bn" }),
            cifar,
        ),
        ("resnet20-pad", json!({ "name": "resnet-cifar", "depth": 20, "width": 0.25, "shortcut": "pad" }), cifar),
        (
            "resnet14-leaky-28",
            json!({ "name": "resnet-cifar", "depth": 14, "width": 0.25, "activation": "leaky" }),
            mnist,
        ),
        ("wrn", json!({ "name": "wrn", "depth": 10, "widen": 2, "width": 0.25 }), cifar),
        ("wrn-16", json!({ "name": "wrn", "depth": 16, "widen": 1, "width": 0.25 }), mnist),
        ("densenet", json!({ "name": "densenet-bc", "depth": 16, "growth": 3 }), cifar),
        ("densenet-compression", json!({ "name": "densenet-bc", "depth": 16, "growth": 4, "compression": 0.7 }), mnist),
        ("densenet-without-bn", json!({ "name": "densenet-bc", "depth": 10, "growth": 4, "batchnorm": false }), cifar),
        ("conv2", json!({ "name": "conv2", "width": 0.5 }), mnist),
        ("conv2-bn-identity", json!({ "name": "conv2-bn", "width": 0.5, "activation": "identity" }), cifar),
        ("lenet", json!({ "name": "lenet", "width": 0.5 }), mnist),
        ("lenet5-gelu", json!({ "name": "lenet5", "width": 0.5, "activation": "gelu" }), mnist),
        ("mlp-leaky", json!({ "name": "mlp", "hidden": [12, 9], "activation": "leaky" }), mnist),
        ("gressmann", json!({ "name": "gressmann", "width": 0.2 }), mnist),
        ("neuroevobench", json!({ "name": "neuroevobench" }), cifar),
        ("inject-alexnet", json!({ "name": "alexnet-cifar", "width": 0.05, "inject": 1 }), cifar),
        ("inject-lenet", json!({ "name": "lenet", "width": 0.5, "inject": 2 }), mnist),
        ("inject-resnet", json!({ "name": "resnet-cifar", "depth": 14, "width": 0.25, "inject": 3 }), cifar),
        ("inject-wrn", json!({ "name": "wrn", "depth": 10, "widen": 1, "width": 0.25, "inject": 2 }), mnist),
    ]
}

/// A case's network and batch. Every weight is moved from its draw, so that no scale is 1 and no bias 0.
fn setting(name: &str, section: &Value, image: [usize; 3]) -> (Arc<Graph>, Start, Batch) {
    let mut options = section.clone();
    let model = options.as_object_mut().unwrap().remove("name").unwrap();
    let graph = network(model.as_str().unwrap(), options, image);
    let mut start = Start::clone(&start(&graph, json!([{ "all": true }]), Background::Random));
    let seed = Seed::new(7).child(name);
    let mut moves = vec![0.0; start.base.len()];
    seed.child("weights").rng().fill_normal(&mut moves);
    start.base.iter_mut().zip(moves).for_each(|(weight, moved)| *weight += 0.1 * moved);
    start.weights = start.complete(&start.base);
    let [c, h, w] = image;
    let mut images = vec![0.0; IMAGES * c * h * w];
    seed.child("images").rng().fill_normal(&mut images);
    let labels = (0..IMAGES as u32).map(|i| (3 * i + 1) % 10).collect();
    (graph, start, Batch { images, labels, shape: [IMAGES, c, h, w], places: None, noise: None })
}

/// The case as `torch_outputs.py` reads it.
fn write_case(folder: &Path, name: &str, section: &Value, graph: &Graph, start: &Start, batch: &Batch) {
    let channels = |op: &Op| match op {
        Op::BatchNorm { scale, .. } => Some(graph.parameter(*scale).len()),
        _ => None,
    };
    let fresh = |channels| Statistics { mean: vec![0.0; channels], variance: vec![1.0; channels] };
    let statistics: Vec<Statistics> = graph.nodes.iter().filter_map(|node| channels(&node.op)).map(fresh).collect();
    let mut tensors = state_dict(graph, &start.weights, &statistics);
    let put = |name: &str, shape: &[usize], values| Tensor { name: name.to_string(), shape: shape.to_vec(), values };
    tensors.push(put("images", &batch.shape, Values::F32(batch.images.clone())));
    let labels = batch.labels.iter().map(|label| i64::from(*label)).collect();
    tensors.push(put("labels", &[IMAGES], Values::I64(labels)));
    let metadata = BTreeMap::from([("model".to_string(), section.to_string())]);
    write(&folder.join(format!("{name}.safetensors")), &metadata, &tensors).unwrap();
}

#[test]
fn logits_and_gradients_of_every_architecture_are_those_of_pytorch() {
    let folder = std::env::var_os("SUBEVO_TORCH_CASES");
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/torch_outputs.json");
    let expected: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    for (name, section, image) in cases() {
        let (graph, start, batch) = setting(name, &section, image);
        if let Some(folder) = &folder {
            write_case(Path::new(folder), name, &section, &graph, &start, &batch);
            continue;
        }
        let case = &expected["cases"][name];
        assert_eq!(case["model"], section, "{name}: torch_outputs.json is of another network, write it anew");
        let start = Arc::new(start);
        let plan = Plan::new(&graph, &start.subset, IMAGES, Limits { memory: 1 << 30, threads: 2 });
        let reference = ReferenceEngine::on_cpu(start.clone(), &plan);
        compare(&format!("{name}, reference"), &graph, &start, &reference, &batch, case, 2e-6);
        compare(&format!("{name}, engine"), &graph, &start, &*on_cpu(start.clone(), &plan), &batch, case, 2e-5);
        for device in crate::engine::device::engines_for_large(&start, &plan) {
            compare(&format!("{name}, device"), &graph, &start, &*device, &batch, case, 1e-4);
        }
    }
}

fn compare(name: &str, graph: &Graph, start: &Start, engine: &dyn Engine, batch: &Batch, case: &Value, tolerance: f64) {
    let floats =
        |value: &Value| -> Vec<f64> { value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect() };
    let expected = floats(&case["logits"]);
    let (_, logits) = engine.recalibrate(&start.base, batch).unwrap();
    let size = expected.iter().map(|z| z.abs()).fold(0.0, f64::max);
    assert!(size > 0.05, "{name}: logits that say nothing");
    for (i, (ours, theirs)) in logits.iter().zip(&expected).enumerate() {
        assert!((f64::from(*ours) - theirs).abs() <= tolerance * size, "{name}, logit {i}: {ours}, not {theirs}");
    }
    let (loss, gradient) = engine.gradient(&start.base, batch, Loss::Nll).unwrap();
    let theirs = case["loss"].as_f64().unwrap();
    assert!((loss - theirs).abs() <= tolerance * theirs.abs().max(1.0), "{name}: loss {loss}, not {theirs}");
    let gradients = case["gradients"].as_object().unwrap();
    // The largest norm of a layer is the measure: gradients of biases before a batch-norm are rounding errors around 0.
    let largest = gradients.values().map(|of| of[0].as_f64().unwrap()).fold(0.0, f64::max);
    let trained: Vec<_> = graph.parameters.iter().filter(|parameter| parameter.trainable()).collect();
    assert_eq!(trained.len(), gradients.len(), "{name}: number of parameters");
    let mut gene = 0;
    for parameter in trained {
        let ours = &gradient[gene..gene + parameter.len()];
        gene += parameter.len();
        let key = state_dict_name(parameter);
        let theirs = floats(&gradients[&key]);
        let norm = ours.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
        let weighted: f64 = ours.iter().enumerate().map(|(i, g)| f64::from(*g) * (i as f64).cos()).sum();
        let allowed = 5.0 * tolerance * (theirs[0] + 0.1 * largest);
        for (what, ours, theirs) in [("norm", norm, theirs[0]), ("weighted sum", weighted, theirs[1])] {
            assert!((ours - theirs).abs() <= allowed, "{name}, {what} of the gradient of {key}: {ours}, not {theirs}");
        }
    }
}
