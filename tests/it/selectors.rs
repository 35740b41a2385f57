//! The subsets of the literature: published counts, the places that each definition names, scores, files and masks.

mod files;
mod scores;

use std::sync::Arc;

use serde_json::json;
use subevo::graph::{Conv, Graph, GraphBuilder, NodeId, ParameterKind, Pool};
use subevo::params::{read_table, toml, Origin, Params, Problems};
use subevo::subset::Selectors;

use crate::networks::{network, select, try_select};

fn conv(filters: usize, kernel: usize, stride: usize, padding: usize) -> Conv {
    Conv { filters, kernel, stride, padding, bias: true }
}

/// AlexNet for CIFAR: five convolutions with biases, one linear layer, no batch-norm.
fn alexnet() -> Graph {
    let (mut g, mut x) = GraphBuilder::new([3, 32, 32]);
    let layers = [conv(64, 11, 4, 5), conv(192, 5, 1, 2), conv(384, 3, 1, 1), conv(256, 3, 1, 1), conv(256, 3, 1, 1)];
    for (i, layer) in layers.into_iter().enumerate() {
        x = g.conv2d(x, &format!("conv{i}"), layer).unwrap();
        if [0, 1, 4].contains(&i) {
            x = g.max_pool(x, &format!("pool{i}"), Pool::HALVE).unwrap();
        }
    }
    classify(g, x)
}

/// VGG19 for CIFAR: sixteen convolutions with biases, each with batch-norm, one linear layer.
fn vgg19_bn() -> Graph {
    let (mut g, mut x) = GraphBuilder::new([3, 32, 32]);
    let mut layer = 0;
    for (block, (filters, convolutions)) in [(64, 2), (128, 2), (256, 4), (512, 4), (512, 4)].into_iter().enumerate() {
        for _ in 0..convolutions {
            x = g.conv2d(x, &format!("block{block}.conv{layer}"), conv(filters, 3, 1, 1)).unwrap();
            x = g.batch_norm(x, &format!("block{block}.bn{layer}")).unwrap();
            layer += 1;
        }
        x = g.max_pool(x, &format!("pool{block}"), Pool::HALVE).unwrap();
    }
    classify(g, x)
}

fn classify(mut g: GraphBuilder, x: NodeId) -> Graph {
    let x = g.flatten(x, "flatten").unwrap();
    let x = g.linear(x, "fc", 10, true).unwrap();
    g.finish(x).unwrap()
}

#[test]
fn rosenfelds_parts_have_the_published_numbers_of_learned_parameters() {
    // Rosenfeld & Tsotsos 2018, the tables in their public notebooks.
    let (alexnet, vgg) = (alexnet(), vgg19_bn());
    let integer = |n: usize| json!([{ "rosenfeld": n }]);
    let part = |part: f64| json!([{ "rosenfeld": part }]);
    for (graph, rows) in [
        (
            &alexnet,
            [(part(1.0), 2_472_266), (part(0.7), 1_727_890), (part(0.4), 985_607), (part(0.07), 167_747)]
                .into_iter()
                .chain([(integer(5), 49_850), (integer(1), 12_026)]),
        ),
        (
            &vgg,
            [(part(1.0), 20_040_522), (part(0.7), 14_016_244), (part(0.4), 7_994_301), (part(0.07), 1_379_434)]
                .into_iter()
                .chain([(integer(5), 240_993), (integer(1), 61_109)]),
        ),
    ] {
        for (list, size) in rows {
            assert_eq!(select(list.clone(), graph, 1).size, size, "{list}");
        }
    }
    // Of the sixteen convolutions of VGG 5,504 filters, each with a scale and a shift; the classifier has 512 x 10 + 10.
    for (options, size) in [
        (json!({ "rosenfeld": 0 }), 11_008 + 5_130),
        (json!({ "rosenfeld": 0.0, "batchnorm": false }), 5_130),
        (json!({ "rosenfeld": 0, "classifier": false }), 11_008),
        (json!({ "rosenfeld": 1, "batchnorm": false }), 61_109 - 11_008),
        (json!({ "rosenfeld": 1, "classifier": false }), 61_109 - 5_130),
        // His rows of a single block: all of the block, and batch-norm.
        (
            json!({ "union": [{ "layers": "block1.conv*" }, { "batchnorm": true }] }),
            128 * (64 + 128) * 9 + 256 + 11_008,
        ),
    ] {
        assert_eq!(select(json!([options]), &vgg, 1).size, size, "{options}");
    }
    let block = select(json!([{ "layers": "block1.*" }]), &vgg, 1);
    assert_eq!(block.size, 128 * (64 + 128) * 9 + 256 + 4 * 128);
    assert!(block.spans.iter().all(|span| span.layer.starts_with("block1.")));
}

#[test]
fn rosenfelds_selector_is_filters_batch_norm_and_classifier_together() {
    let graph = network("conv2-bn", json!({}), [1, 28, 28]);
    let parts = json!([{ "filters": 0.3 }, { "batchnorm": true }, { "classifier": true }]);
    assert_eq!(select(json!([{ "rosenfeld": 0.3 }]), &graph, 1).spans, select(parts, &graph, 1).spans);
    for (options, name) in [
        (json!({ "rosenfeld": 0.3 }), "rosenfeld=0.3"),
        (json!({ "rosenfeld": 2, "slice": "input", "batchnorm": false }), "input-rosenfeld=2-batchnorm"),
        (json!({ "filters": 2, "slice": "input", "which": "first" }), "first-input-filters=2"),
        (json!({ "per-channel": 2, "in": "conv1" }), "per-channel=2@conv1"),
        (json!({ "magnitude": 0.5, "which": "smallest" }), "smallest-magnitude=0.5"),
        (json!({ "gradient": 9, "of": "saliency" }), "saliency=9"),
    ] {
        assert_eq!(select(json!([options]), &graph, 1).name, name);
    }
    // Where there is neither batch-norm nor a filter taken, the classifier is left; without it nothing is.
    let plain = network("conv2", json!({}), [1, 28, 28]);
    assert_eq!(select(json!([{ "rosenfeld": 0.05 }]), &plain, 1).size, 7_850);
    let nothing = try_select(json!([{ "rosenfeld": 0.05, "classifier": false }]), &plain, 1).unwrap_err();
    assert_eq!(nothing, ["subset: `rosenfeld=0.05-classifier` selects no weight at all"]);
    let negative = try_select(json!([{ "rosenfeld": -1 }]), &plain, 1).unwrap_err();
    assert!(
        negative[0].contains("a count (an integer, at least 0) or a fraction (a float, at least 0"),
        "{negative:?}"
    );
}

#[test]
fn a_slice_by_input_takes_the_last_channels_that_all_filters_read_and_no_bias() {
    // lenet5: conv1 6x1x5x5, conv2 16x6x5x5, both with biases.
    let graph = network("lenet5", json!({}), [1, 28, 28]);
    for (options, channels) in [
        (json!({ "filters": 2, "slice": "input" }), [vec![0], vec![4, 5]]),
        (json!({ "filters": 0.5, "slice": "input" }), [vec![], vec![3, 4, 5]]),
        (json!({ "filters": 2, "slice": "input", "which": "first", "in": "conv2" }), [vec![], vec![0, 1]]),
        (json!({ "rosenfeld": 0.9, "slice": "input", "classifier": false }), [vec![], vec![1, 2, 3, 4, 5]]),
    ] {
        let marks = select(json!([options]), &graph, 1).marks(graph.parameter_count());
        let mut expected = vec![false; marks.len()];
        for (layer, channels) in ["conv1", "conv2"].iter().zip(channels) {
            let weight = graph.parameters.iter().find(|p| p.layer == *layer && p.kind == ParameterKind::ConvWeight);
            let weight = weight.unwrap();
            for i in 0..weight.len() {
                expected[weight.offset + i] = channels.contains(&(i / 25 % weight.shape[1]));
            }
        }
        assert!(marks == expected, "{options}");
    }
    // Random channels are the same for all filters of a layer.
    let random = select(json!([{ "filters": 2, "slice": "input", "which": "random", "in": "conv2" }]), &graph, 3);
    let marks = random.marks(graph.parameter_count());
    let conv2 = graph.parameters.iter().find(|p| p.name == "conv2.weight").unwrap();
    let filters: Vec<&[bool]> = marks[conv2.range()].chunks(150).collect();
    assert_eq!(filters[0].iter().filter(|mark| **mark).count(), 50);
    assert!(filters.windows(2).all(|pair| pair[0] == pair[1]));
    let none = try_select(json!([{ "filters": 0.1, "slice": "input" }]), &graph, 1).unwrap_err();
    assert!(none[0].starts_with("subset: `input-filters=0.1` takes no input channel of any convolution"), "{none:?}");
}

#[test]
fn each_channel_has_so_many_random_weights_as_many_in_all_as_batch_norm() {
    let graph = network("conv2-bn", json!({}), [1, 28, 28]);
    let two = select(json!([{ "per-channel": 2 }]), &graph, 1);
    assert_eq!(two.size, select(json!([{ "batchnorm": true }]), &graph, 1).size);
    let marks = two.marks(graph.parameter_count());
    let mut chosen = Vec::new();
    for parameter in &graph.parameters {
        for filter in marks[parameter.range()].chunks(parameter.filter_len()) {
            let places: Vec<usize> = (0..filter.len()).filter(|i| filter[*i]).collect();
            assert_eq!(places.len(), if parameter.kind == ParameterKind::ConvWeight { 2 } else { 0 });
            if parameter.name == "conv2.weight" {
                chosen.extend(places);
            }
        }
    }
    // 64 draws of 144 places: 64 - 64 * 63 / 288 = 50 different ones on average; drawn alike by each filter there were 2.
    chosen.sort_unstable();
    chosen.dedup();
    assert!((38..64).contains(&chosen.len()), "{}", chosen.len());
    assert_ne!(two.spans, select(json!([{ "per-channel": 2 }]), &graph, 2).spans);
    // conv1 has 9 weights a filter.
    assert_eq!(select(json!([{ "per-channel": 12 }]), &graph, 1).size, 16 * 9 + 32 * 12);
    assert_eq!(select(json!([{ "per-channel": 0.25 }]), &graph, 1).size, 16 * 2 + 32 * 36);
    let mlp: Arc<Graph> = network("mlp", json!({ "hidden": [5] }), [1, 4, 4]);
    assert_eq!(
        try_select(json!([{ "per-channel": 2 }]), &mlp, 1).unwrap_err(),
        ["subset: `per-channel=2` finds no convolution matching `*` (the classifier apart); the layers are fc1, fc2"]
    );
    let few = try_select(json!([{ "per-channel": 0.001 }]), &graph, 1).unwrap_err();
    assert!(few[0].contains("takes no weight of any filter"), "{few:?}");
}

#[test]
fn every_example_of_the_guide_is_read_as_it_stands() {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/subsets.md")).unwrap();
    let mut examples = 0;
    for example in guide.split('`').filter(|part| part.starts_with("[{")) {
        let problems = Problems::default();
        let table = toml::parse(&format!("select = {example}"), &problems);
        let read = |params: &Params<'_>| Selectors::builtin().read_list(params, "select").len();
        let (read, _) = read_table(&table, Origin::Default, "", &problems, read);
        // The files of the examples are not there.
        let wrong: Vec<String> = problems.into_vec().into_iter().map(|problem| problem.message).collect();
        assert!(wrong.iter().all(|message| message.contains("cannot read")), "{example}: {wrong:?}");
        assert_eq!(read + wrong.len(), example.matches('{').count(), "{example}");
        examples += 1;
    }
    assert!(examples >= 17, "{examples}");
}
