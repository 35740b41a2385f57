//! Subsets: sizes by hand, the papers' semantics, the algebra of sets, spans and their places, backgrounds and genes.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{json, Value as Json};
use subevo::graph::init::draw;
use subevo::graph::{Conv, Graph, GraphBuilder, ParameterKind};
use subevo::record::Background;
use subevo::rng::Seed;
use subevo::subset::{GeneScale, Start, Subset};

use crate::networks::{init, network, scale, select, start, try_select};

fn conv2_bn() -> Arc<Graph> {
    network("conv2-bn", json!({}), [1, 28, 28])
}

fn lenet5() -> Arc<Graph> {
    network("lenet5", json!({}), [1, 28, 28])
}

#[test]
fn sizes_are_those_counted_by_hand() {
    // conv1 16x1x3x3 = 144, bn1 32, conv2 32x16x3x3 = 4608, bn2 64, fc 10x1568 + 10 = 15690.
    let graph = conv2_bn();
    for (list, size) in [
        (json!([{ "all": true }]), 20_538),
        (json!([{ "batchnorm": true }]), 96),
        (json!([{ "classifier": true }]), 15_690),
        (json!([{ "bias": true }]), 10),
        (json!([{ "filters": 0.25 }]), 4 * 9 + 8 * 144),
        (json!([{ "filters": 0.25, "which": "first" }]), 4 * 9 + 8 * 144),
        (json!([{ "filters": 0.25, "which": "random" }]), 4 * 9 + 8 * 144),
        (json!([{ "filters": 1.0 }]), 144 + 4_608),
        (json!([{ "filters": 1 }]), 9 + 144),
        (json!([{ "filters": 20 }]), 144 + 20 * 144),
        (json!([{ "filters": 0.05 }]), 144),
        (json!([{ "filters": 0.5, "in": "*2" }]), 16 * 144),
        (json!([{ "layers": "conv1" }]), 144),
        (json!([{ "layers": "*1" }]), 144 + 32),
        (json!([{ "weights": 1000 }]), 1_000),
        (json!([{ "weights": 0.01 }]), 204),
        (json!([{ "weights": 0.5, "in": "conv?" }]), 2_376),
        (json!([{ "batchnorm": true }, { "classifier": true }]), 96 + 15_690),
        (json!([{ "classifier": true }, { "bias": true }]), 15_690),
        (json!([{ "minus": [{ "all": true }, { "classifier": true }, { "layers": "conv2" }] }]), 144 + 96),
        (json!([{ "intersection": [{ "filters": 0.5 }, { "layers": "conv1" }] }]), 8 * 9),
        (json!([{ "union": [{ "layers": "bn1" }, { "batchnorm": true }] }]), 96),
    ] {
        assert_eq!(select(list.clone(), &graph, 1).size, size, "{list}");
    }
    // conv1 6x1x5x5 + 6, conv2 16x6x5x5 + 16, fc1 120x400 + 120, fc2 84x120 + 84, fc3 10x84 + 10.
    let graph = lenet5();
    for (list, size) in [
        (json!([{ "all": true }]), 61_706),
        (json!([{ "classifier": true }]), 850),
        (json!([{ "bias": true }]), 6 + 16 + 120 + 84 + 10),
        (json!([{ "filters": 0.5 }]), 3 * 26 + 8 * 151),
        (json!([{ "filters": 8 }]), 6 * 26 + 8 * 151),
        (json!([{ "layers": "fc?" }]), 48_120 + 10_164 + 850),
        (json!([{ "weights": 1.0 }]), 61_706 - 236),
    ] {
        assert_eq!(select(list.clone(), &graph, 1).size, size, "{list}");
    }
}

/// The filters of which `subset` trains each scalar of weight and bias; panics if it trains a filter in part.
fn filters_of(subset: &Subset, graph: &Graph, parameter: &str) -> Vec<usize> {
    let parameter = graph.parameters.iter().find(|p| p.name == parameter).unwrap();
    let marks = &subset.marks(graph.parameter_count())[parameter.range()];
    let filters = marks.chunks_exact(parameter.filter_len()).enumerate().filter(|(_, marks)| marks.contains(&true));
    filters.map(|(filter, marks)| marks.iter().all(|mark| *mark).then_some(filter).unwrap()).collect()
}

#[test]
fn a_share_of_filters_is_truncated_and_takes_the_last_with_their_biases() {
    // Rosenfeld & Tsotsos 2018: int(n * part) filters, the last ones; the bias is cut as the weight is.
    let graph = lenet5();
    for (part, first, second) in [(0.3, 1, 4), (0.5, 3, 8), (0.17, 1, 2), (0.99, 5, 15), (1.0, 6, 16)] {
        let subset = select(json!([{ "filters": part }]), &graph, 1);
        for (layer, n, count) in [("conv1", 6, first), ("conv2", 16, second)] {
            for suffix in ["weight", "bias"] {
                let filters = filters_of(&subset, &graph, &format!("{layer}.{suffix}"));
                assert_eq!(filters, (n - count..n).collect::<Vec<_>>(), "{part} of {layer}.{suffix}");
            }
        }
    }
    let first = select(json!([{ "filters": 2, "which": "first" }]), &graph, 1);
    assert_eq!(filters_of(&first, &graph, "conv2.bias"), [0, 1]);
}

#[test]
fn random_filters_take_weight_and_bias_together_and_each_filter_sometimes() {
    let graph = lenet5();
    let mut seen = BTreeSet::new();
    for seed in 0..40 {
        let subset = select(json!([{ "filters": 2, "which": "random" }]), &graph, seed);
        let weights = filters_of(&subset, &graph, "conv1.weight");
        assert_eq!(weights.len(), 2);
        assert_eq!(weights, filters_of(&subset, &graph, "conv1.bias"), "seed {seed}");
        seen.extend(weights);
    }
    assert_eq!(seen.len(), 6, "each of 6 filters is missed 40 times with probability 9e-8");
}

#[test]
fn a_convolution_that_makes_the_logits_is_the_classifier_and_none_of_the_filters() {
    let (mut g, x) = GraphBuilder::new([1, 4, 4]);
    let y = g.conv2d(x, "features", Conv { bias: true, ..Conv::same(4, 3) }).unwrap();
    let y = g.conv2d(y, "head", Conv { bias: true, ..Conv::same(3, 1) }).unwrap();
    let y = g.global_avg_pool(y, "mean").unwrap();
    let graph = g.finish(y).unwrap();
    assert_eq!(select(json!([{ "filters": 1.0 }]), &graph, 1).size, 40);
    assert_eq!(select(json!([{ "classifier": true }]), &graph, 1).size, 15);
}

#[test]
fn random_selectors_repeat_by_seed_and_no_two_in_a_list_draw_the_same() {
    let graph = conv2_bn();
    for list in [json!([{ "weights": 300 }]), json!([{ "filters": 4, "which": "random" }])] {
        assert_eq!(select(list.clone(), &graph, 4), select(list.clone(), &graph, 4));
        assert_ne!(select(list.clone(), &graph, 4), select(list.clone(), &graph, 5), "{list}");
    }
    // Two draws of 1000 of 20432 weights share 49 on average, deviation 7; drawn alike they would share all.
    for pair in [
        json!([{ "weights": 1000 }, { "weights": 1000 }]),
        json!([{ "weights": 1000 }, { "union": [{ "weights": 1000 }] }]),
    ] {
        let together = select(pair.clone(), &graph, 4).size;
        assert!((1_920..1_985).contains(&together), "{pair}: {together}");
    }
    let both = json!([{ "intersection": [{ "weights": 0.5 }, { "weights": 0.5 }] }]);
    let shared = select(both, &graph, 4).size;
    assert!((4_900..5_320).contains(&shared), "a quarter of 20432, deviation 36: {shared}");
    let single = select(json!([{ "weights": 1000 }]), &graph, 4);
    let of_kind = |kind| single.spans.iter().filter(|span| span.kind == kind).map(|span| span.length).sum::<usize>();
    // Hypergeometric: 1000 * 15680 / 20432 = 767, deviation 13.
    assert!(of_kind(ParameterKind::LinearWeight).abs_diff(767) < 54, "weights fall on layers by their size");
}

#[test]
fn what_selects_nothing_is_an_error_that_says_so() {
    let graph = network("mlp", json!({ "hidden": [5] }), [1, 4, 4]);
    let layers = "; the layers are fc1, fc2";
    for (list, message) in [
        (json!([{ "batchnorm": true }]), format!("subset: `batchnorm` matches nothing{layers}")),
        (json!([{ "layers": "conv*" }]), format!("subset: `layers=conv*` matches nothing{layers}")),
        (
            json!([{ "filters": 0.5 }]),
            format!("subset: `filters=0.5` finds no convolution matching `*` (the classifier apart){layers}"),
        ),
        (
            json!([{ "weights": 0.001 }]),
            format!("subset: `weights=0.001` takes none of the 130 weights in layers matching `*`{layers}"),
        ),
        (
            json!([{ "all": true }, { "intersection": [{ "bias": true }, { "weights": 9 }] }]),
            "subset: `(bias&weights=9)` selects no weight at all".to_string(),
        ),
        (
            json!([{ "minus": [{ "bias": true }, { "all": true }] }]),
            "subset: `(bias-all)` selects no weight at all".to_string(),
        ),
        (json!([{ "minus": [] }]), "`minus` is an empty list: give the selectors that it joins".to_string()),
        (
            json!([{ "filters": 2, "layers": "conv1" }]),
            "`select.0` names 2 selectors (`filters` or `layers`): give each its own table in the list; the layers of \
             `filters` and `weights` are told by `in`"
                .to_string(),
        ),
        (
            json!([{ "weights": 131 }]),
            "subset: `weights=131` asks for more than the 130 weights in layers matching `*`".to_string(),
        ),
        (
            json!([{ "classifier": false }]),
            "`classifier` = false: must be true; leave out what shall not be trained".to_string(),
        ),
    ] {
        assert_eq!(try_select(list.clone(), &graph, 1).unwrap_err(), [message], "{list}");
    }
    let few = try_select(json!([{ "filters": 0.01 }]), &conv2_bn(), 1).unwrap_err();
    assert!(few[0].contains("a fraction is truncated, so give a larger one or a count"), "{few:?}");
}

#[test]
fn names_tell_subsets_apart() {
    let graph = conv2_bn();
    for (list, name) in [
        (json!([{ "batchnorm": true }, { "filters": 0.25 }]), "batchnorm+filters=0.25"),
        (json!([{ "filters": 2, "which": "first", "in": "conv1" }]), "first-filters=2@conv1"),
        (json!([{ "weights": 9, "in": "fc" }]), "weights=9@fc"),
        (
            json!([{ "minus": [{ "all": true }, { "union": [{ "bias": true }, { "layers": "bn1" }] }] }]),
            "(all-(bias+layers=bn1))",
        ),
        (json!([{ "intersection": [{ "all": true }, { "bias": true }] }]), "(all&bias)"),
    ] {
        assert_eq!(select(list, &graph, 1).name, name);
    }
}

/// A composition of selectors.
#[derive(Clone, Debug)]
enum Expression {
    Leaf(usize),
    Joined(&'static str, Vec<Expression>),
}

/// Selectors without randomness.
fn leaves() -> Vec<Json> {
    vec![
        json!({ "batchnorm": true }),
        json!({ "classifier": true }),
        json!({ "bias": true }),
        json!({ "filters": 0.5 }),
        json!({ "filters": 2, "which": "first", "in": "conv1" }),
        json!({ "layers": "*1" }),
        json!({ "all": true }),
    ]
}

impl Expression {
    fn json(&self) -> Json {
        match self {
            Expression::Leaf(i) => leaves()[*i].clone(),
            Expression::Joined(name, parts) => json!({ *name: parts.iter().map(Self::json).collect::<Vec<_>>() }),
        }
    }

    /// The set by definition; `None` where a part or the whole is empty.
    fn set(&self, leaves: &[BTreeSet<usize>]) -> Option<BTreeSet<usize>> {
        let set = match self {
            Expression::Leaf(i) => leaves[*i].clone(),
            Expression::Joined(name, parts) => {
                let parts: Vec<BTreeSet<usize>> = parts.iter().map(|part| part.set(leaves)).collect::<Option<_>>()?;
                let join = |a: BTreeSet<usize>, b: BTreeSet<usize>| match *name {
                    "union" => &a | &b,
                    "intersection" => &a & &b,
                    _ => &a - &b,
                };
                parts.into_iter().reduce(join)?
            }
        };
        (!set.is_empty()).then_some(set)
    }
}

fn expressions() -> impl Strategy<Value = Expression> {
    let leaf = (0..leaves().len()).prop_map(Expression::Leaf);
    leaf.prop_recursive(3, 12, 3, |inner| {
        let name = prop_oneof![Just("union"), Just("intersection"), Just("minus")];
        (name, prop::collection::vec(inner, 1..4)).prop_map(|(name, parts)| Expression::Joined(name, parts))
    })
}

fn trained(subset: &Subset, graph: &Graph) -> BTreeSet<usize> {
    let marks = subset.marks(graph.parameter_count());
    (0..marks.len()).filter(|i| marks[*i]).collect()
}

/// A graph whose parameters have all shapes that spans must bear: filters of one weight, rows of one input, vectors.
fn graph_of_odd_shapes() -> Graph {
    let (mut g, x) = GraphBuilder::new([1, 4, 4]);
    let y = g.conv2d(x, "single", Conv { bias: true, ..Conv::same(4, 1) }).unwrap();
    let y = g.batch_norm(y, "norm").unwrap();
    let y = g.conv2d(y, "three", Conv { bias: true, ..Conv::same(1, 3) }).unwrap();
    let y = g.global_avg_pool(y, "mean").unwrap();
    let y = g.linear(y, "column", 3, true).unwrap();
    let y = g.linear(y, "fc", 2, true).unwrap();
    g.finish(y).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn compositions_are_the_algebra_of_sets(expression in expressions()) {
        let graph = network("conv2-bn", json!({ "channels": [3, 4] }), [1, 8, 8]);
        let leaves: Vec<BTreeSet<usize>> =
            leaves().into_iter().map(|leaf| trained(&select(json!([leaf]), &graph, 1), &graph)).collect();
        match (try_select(json!([expression.json()]), &graph, 1), expression.set(&leaves)) {
            (Ok(subset), Some(expected)) => prop_assert_eq!(trained(&subset, &graph), expected),
            (Err(messages), None) => prop_assert!(messages[0].contains("selects no weight at all"), "{:?}", messages),
            (found, expected) => prop_assert!(false, "{found:?} against {expected:?}"),
        }
    }

    #[test]
    fn spans_hold_exactly_the_marks_in_order_and_never_leave_a_filter(
        marks in prop::collection::vec(any::<bool>(), 67)
    ) {
        let graph = graph_of_odd_shapes();
        prop_assert_eq!(graph.parameter_count(), 4 + 4 + 8 + 36 + 1 + 6 + 8);
        prop_assume!(marks.contains(&true));
        let subset = Subset::from_marks("random", &graph, &marks).unwrap();
        prop_assert_eq!(subset.marks(67), marks.clone());
        prop_assert_eq!(subset.size, marks.iter().filter(|mark| **mark).count());
        prop_assert_eq!(subset.spans.iter().map(|span| span.length).sum::<usize>(), subset.size);
        let mut gene = 0;
        let mut end = 0;
        for span in &subset.spans {
            prop_assert!(span.length > 0 && span.position >= end);
            prop_assert_eq!(span.gene, gene);
            let parameter = graph.parameters.iter().find(|p| p.name == span.parameter).unwrap();
            prop_assert_eq!((&span.layer, span.kind, span.fan_in), (&parameter.layer, parameter.kind, parameter.fan_in));
            prop_assert_eq!(span.position, parameter.offset + span.offset);
            prop_assert_eq!(span.filter, span.offset / parameter.filter_len());
            let last = span.offset + span.length - 1;
            prop_assert!(last < parameter.len());
            if parameter.shape.len() > 1 {
                prop_assert_eq!(last / parameter.filter_len(), span.filter, "{:?}", span);
            }
            (gene, end) = (gene + span.length, span.position + span.length);
        }
    }

    #[test]
    fn gather_and_scatter_undo_each_other(marks in prop::collection::vec(prop::bool::weighted(0.3), 67)) {
        prop_assume!(marks.contains(&true));
        let subset = Subset::from_marks("random", &graph_of_odd_shapes(), &marks).unwrap();
        let weights: Vec<f32> = (0..67).map(|i| i as f32).collect();
        let gathered = subset.gather(&weights);
        let expected: Vec<f32> = weights.iter().zip(&marks).filter(|(_, mark)| **mark).map(|(w, _)| *w).collect();
        prop_assert_eq!(&gathered, &expected);
        let mut back = weights.clone();
        subset.scatter(&gathered, &mut back);
        prop_assert_eq!(&back, &weights);
        let values: Vec<f32> = (0..subset.size).map(|i| -1.0 - i as f32).collect();
        subset.scatter(&values, &mut back);
        prop_assert_eq!(subset.gather(&back), values);
        for (i, mark) in marks.iter().enumerate().filter(|(_, mark)| !**mark) {
            prop_assert_eq!(back[i], weights[i], "{} {}", i, mark);
        }
    }

    #[test]
    fn a_subset_survives_json(marks in prop::collection::vec(prop::bool::weighted(0.6), 67)) {
        prop_assume!(marks.contains(&true));
        let subset = Subset::from_marks("random \"quoted\"", &graph_of_odd_shapes(), &marks).unwrap();
        let text = serde_json::to_string(&subset).unwrap();
        prop_assert_eq!(serde_json::from_str::<Subset>(&text).unwrap(), subset);
    }
}

#[test]
fn nothing_marked_is_an_error() {
    assert!(Subset::from_marks("none", &graph_of_odd_shapes(), &[false; 67]).is_err());
}

/// All starts of two networks and three subsets, on a background, by an init with random biases.
fn starts(background: Background, scale: GeneScale) -> Vec<Start> {
    let mut starts = Vec::new();
    for graph in [conv2_bn(), lenet5()] {
        for list in [json!([{ "filters": 0.25 }]), json!([{ "bias": true }]), json!([{ "weights": 500 }])] {
            let subset = Arc::new(select(list, &graph, 1));
            starts.push(Start::new(graph.clone(), subset, &*init("pytorch"), scale, background, Seed::new(9)));
        }
    }
    starts
}

#[test]
fn the_zero_background_clears_frozen_convolutions_and_hidden_layers_and_nothing_else() {
    for start in starts(Background::Zero, GeneScale::Init) {
        let base = draw(&start.graph, &*init("pytorch"), Seed::new(9));
        let marks = start.subset.marks(base.len());
        for parameter in &start.graph.parameters {
            let norm = matches!(parameter.kind, ParameterKind::BatchNormScale | ParameterKind::BatchNormShift);
            // The last layer by name, so that the mark of the classifier is checked too.
            let keeps = norm || parameter.layer == "fc" || parameter.layer == "fc3";
            for i in parameter.range() {
                let expected = if keeps || marks[i] { base[i] } else { 0.0 };
                assert_eq!(start.weights[i].to_bits(), expected.to_bits(), "{} {i}", parameter.name);
            }
        }
        assert!(start.weights.iter().filter(|w| **w == 0.0).count() > 1_000);
    }
}

#[test]
fn the_random_background_is_the_base() {
    for start in starts(Background::Random, GeneScale::Init) {
        assert_eq!(start.weights, draw(&start.graph, &*init("pytorch"), Seed::new(9)));
    }
}

#[test]
fn the_genome_of_zeros_is_the_untouched_network_on_every_background() {
    for background in [Background::Random, Background::Zero] {
        for start in starts(background, GeneScale::Init) {
            let bits = |weights: &[f32]| weights.iter().map(|w| w.to_bits()).collect::<Vec<_>>();
            let expressed = start.express(&vec![0.0; start.subset.size]);
            assert_eq!(bits(&expressed), bits(&start.base));
            assert_eq!(bits(&start.complete(&expressed)), bits(&start.weights));
        }
    }
}

#[test]
fn a_gene_adds_the_deviation_of_its_weights_init_or_one() {
    for start in starts(Background::Random, GeneScale::Init) {
        let moved = start.express(&vec![2.0; start.subset.size]);
        for span in &start.subset.spans {
            // `pytorch`: uniform within 1 / sqrt(fan_in), for weights and biases.
            let std = 1.0 / (3.0 * span.fan_in as f32).sqrt();
            let genes = span.gene..span.gene + span.length;
            for ((scale, base), moved) in
                scale(&start)[genes.clone()].iter().zip(&start.base[genes.clone()]).zip(&moved[genes])
            {
                assert!((scale / std - 1.0).abs() < 1e-6, "{}", span.parameter);
                assert_eq!(*moved, base + 2.0 * scale);
            }
        }
    }
    for start in starts(Background::Random, GeneScale::One) {
        assert!(scale(&start).iter().all(|scale| *scale == 1.0));
    }
    // Where the init is a constant the unit is 1: batch-norm, and biases of He's.
    let graph = conv2_bn();
    let start = start(&graph, json!([{ "batchnorm": true }, { "bias": true }]), Background::Random);
    assert!(scale(&start).iter().all(|scale| *scale == 1.0));
}
