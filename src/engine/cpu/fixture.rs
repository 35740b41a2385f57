//! The network that the tests of this folder share.

use std::sync::Arc;

use super::arch::testing::numbers;
use crate::graph::{Conv, Graph, GraphBuilder, Pool};
use crate::plan::{Limits, Plan};
use crate::subset::{Encoding, Start, Subset};

/// Two convolutions with bias, batch-norm, rectifier and pooling, and a classifier: 2 x 7 x 6 pixels in 3 classes.
fn graph() -> Graph {
    let (mut g, mut x) = GraphBuilder::new([2, 7, 6]);
    for (i, filters) in [(1, 3), (2, 5)] {
        let conv = Conv { filters, kernel: 3, stride: 1, padding: 1, bias: true };
        x = g.conv2d(x, &format!("conv{i}"), conv).unwrap();
        x = g.batch_norm(x, &format!("bn{i}")).unwrap();
        x = g.relu(x, &format!("relu{i}")).unwrap();
        x = g.max_pool(x, &format!("pool{i}"), Pool::HALVE).unwrap();
    }
    x = g.flatten(x, "flatten").unwrap();
    x = g.linear(x, "fc", 3, true).unwrap();
    g.finish(x).unwrap()
}

/// The network with the scalars trained for which `trained(name of the parameter, index in it)` holds.
pub fn start(trained: impl Fn(&str, usize) -> bool) -> Arc<Start> {
    let graph = Arc::new(graph());
    let of = |parameter: &crate::graph::Parameter| -> Vec<bool> {
        (0..parameter.len()).map(|i| trained(&parameter.name, i)).collect()
    };
    let marks: Vec<bool> = graph.parameters.iter().flat_map(of).collect();
    let subset = Arc::new(Subset::from_marks("test", &graph, &marks).unwrap());
    let weights = numbers(marks.len(), 1);
    let (base, scale) = (subset.gather(&weights), vec![1.0; subset.size]);
    Arc::new(Start { graph, subset, weights, base, draws: Vec::new(), encoding: Encoding::Weights(scale) })
}

/// Its plan for this many images.
pub fn plan(start: &Start, batch: usize) -> Plan {
    Plan::new(&start.graph, &start.subset, batch, Limits { memory: 1 << 30, threads: 1 })
}
