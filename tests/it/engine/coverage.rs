//! What the random networks of the properties are like: each pattern of layers that an engine may treat apart occurs.

use std::collections::BTreeMap;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use subevo::graph::{Graph, NodeId, Op};

use super::case::{config, recipes, Case, LIMITS};

/// Of these cases each pattern must be in a few.
const CASES: usize = 400;

/// The words of what a case holds.
fn patterns(case: &Case) -> Vec<&'static str> {
    let graph: &Graph = &case.start.graph;
    let readers = |i: usize| graph.nodes.iter().filter(|node| node.inputs.contains(&NodeId(i))).collect::<Vec<_>>();
    let read_by = |i: usize, kind: &str| readers(i).iter().any(|node| node.op.kind() == kind);
    let mut found = Vec::new();
    for (i, node) in graph.nodes.iter().enumerate() {
        let after = node.inputs.first().map_or("", |from| graph.node(*from).op.kind());
        let kind = node.op.kind();
        let alone = readers(i).len() == 1;
        found.extend(match (after, kind) {
            ("relu", "relu") => Some("a rectifier twice"),
            ("add", "batch-norm") => Some("a norm after an addition"),
            ("concat", "batch-norm") => Some("a norm after a concatenation"),
            ("concat", "max-pool" | "avg-pool") => Some("a pooling of a concatenation"),
            ("input", "batch-norm") => Some("a norm of the images"),
            ("batch-norm", "batch-norm") => Some("a norm of a norm"),
            ("batch-norm", "max-pool") => Some("a pooling of a norm"),
            ("max-pool", "relu") => Some("a rectifier after a pooling"),
            ("conv2d", "relu") => Some("a rectifier without a norm"),
            ("conv2d", "max-pool") => Some("a pooling of a convolution"),
            ("conv2d", "global-avg-pool") if graph.output.0 == i => Some("logits from a convolution by their mean"),
            ("conv2d", "flatten") if graph.output.0 == i => Some("logits from a convolution, flattened"),
            ("linear", "linear") => Some("two linear layers"),
            ("conv2d", "gelu") => Some("gelu without a norm"),
            ("conv2d", "tanh") => Some("tanh without a norm"),
            ("conv2d", "leaky") => Some("a leaky rectifier without a norm"),
            ("gelu", "max-pool") => Some("a pooling of gelu"),
            ("tanh", "max-pool") => Some("a pooling of tanh"),
            ("leaky", "max-pool") => Some("a pooling of a leaky rectifier"),
            ("flatten", "dropout") => Some("dropout of a flattened image"),
            ("dropout", "batch-norm") => Some("a norm of what was dropped"),
            ("pad-channels", "batch-norm") => Some("a norm of padded channels"),
            ("pad-channels", "max-pool") => Some("a pooling of padded channels"),
            (_, "concat") if node.inputs.iter().any(|x| *x == node.inputs[0] && node.inputs[1..].contains(x)) => {
                Some("a node joined to itself")
            }
            (_, "add") if node.inputs[0] == node.inputs[1] => Some("a node added to itself"),
            (_, "add") => Some("an addition"),
            (_, "concat") => Some("a concatenation"),
            _ => None,
        });
        if kind == "batch-norm" && alone && read_by(i, "relu") {
            found.push("a norm and a rectifier");
        }
        if kind == "batch-norm" && !alone && read_by(i, "relu") {
            found.push("a norm with other readers than its rectifier");
        }
        for (other, word) in
            [("gelu", "a norm and gelu"), ("tanh", "a norm and tanh"), ("leaky", "a norm and a leaky rectifier")]
        {
            found.extend((kind == "batch-norm" && alone && read_by(i, other)).then_some(word));
        }
        if kind == "dropout" {
            found.push(if case.batch.noise.is_some() { "dropout in training" } else { "dropout in evaluation" });
            let own = case.plan(LIMITS).per_member[i];
            found.push(if own { "dropout of each member" } else { "dropout of what is shared" });
        }
        if kind == "pad-channels" {
            found.push("padded channels");
        }
        if let Op::Conv2d { weight, bias, stride, padding } = node.op {
            let shape = &graph.parameter(weight).shape;
            let trained = case.start.subset.spans.iter().filter(|span| span.parameter == graph.parameter(weight).name);
            let trained: usize = trained.map(|span| span.length).sum();
            found.extend((trained > 0 && trained < graph.parameter(weight).len()).then_some("a convolution in part"));
            found.extend(bias.map(|_| "a convolution with a bias"));
            found.extend((shape[0] > 16 && !shape[0].is_multiple_of(16)).then_some("filters beyond a vector"));
            found.extend((stride == 2).then_some("a stride"));
            found.extend((padding == 0 && shape[2] > 1).then_some("no padding"));
            found.extend((padding >= shape[2]).then_some("more padding than kernel"));
            found.extend(shape[2].is_multiple_of(2).then_some("an even kernel"));
        }
    }
    let per_member = case.plan(LIMITS).per_member;
    let shared = per_member.iter().filter(|own| !**own).count();
    let mixed = |node: &subevo::graph::Node| {
        let own = |x: &NodeId| per_member[x.0];
        node.op == Op::Concat && node.inputs.iter().any(own) && !node.inputs.iter().all(own)
    };
    found.extend(graph.nodes.iter().any(mixed).then_some("a shared image joined to one of each member"));
    found.push(match shared {
        1 => "nothing shared but the images",
        _ if shared + 1 == per_member.len() => "only the logits of each member",
        _ => "a shared part",
    });
    let [_, h, w] = case.batch.shape[1..] else { panic!("images") };
    found.extend((h != w).then_some("images that are no squares"));
    found.extend((case.batch.labels.len() == 1).then_some("a batch of one"));
    found.extend((case.start.subset.size == 1).then_some("one trained scalar"));
    found.sort_unstable();
    found.dedup();
    found
}

#[test]
fn random_networks_hold_every_pattern_of_layers_and_subsets() {
    let mut runner = TestRunner::new(config(1));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..CASES {
        let recipe = recipes().new_tree(&mut runner).unwrap().current();
        patterns(&recipe.case()).into_iter().for_each(|pattern| *counts.entry(pattern).or_default() += 1);
    }
    assert_eq!(counts.len(), 51, "{counts:#?}");
    assert!(counts.values().all(|count| *count >= 3), "{counts:#?}");
}
