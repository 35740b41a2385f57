//! Pairs of test images for metrics that follow two inputs through the network.

use crate::estimator::mean_field::arccos_map_iterated;
use crate::estimator::switching::cosines;
use crate::graph::{Graph, NodeId, Op};
use crate::metric::{Site, SiteKind, Subject};

/// The first rows of values, (n, len).
pub(super) fn first(values: &[f32], rows: usize, of: usize) -> &[f32] {
    &values[..rows * (values.len() / of.max(1))]
}

/// For each node the most activations on a way from the image to it, itself included.
pub(super) fn activations_before(graph: &Graph) -> Vec<usize> {
    let mut count: Vec<usize> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let before = node.inputs.iter().map(|NodeId(i)| count[*i]).max().unwrap_or(0);
        count.push(before + usize::from(matches!(node.op, Op::Activation(_))));
    }
    count
}

/// Activations, each with the number of activations before it.
pub(super) fn activations<'a>(subject: &'a Subject<'_>) -> impl Iterator<Item = (&'a Site, usize)> {
    let before = activations_before(subject.probe.graph());
    let sites = subject.sites.iter().filter(|site| site.kind == SiteKind::Activation);
    sites.map(move |site| (site, before[site.pre.0]))
}

/// Cosines of the first `points` test images, (points, points), and what `layers` wide ReLU layers would make of them.
pub(super) struct ImageCosines {
    cosines: Vec<f64>,
}

impl ImageCosines {
    /// Of the normalised images, as they enter the network.
    pub fn new(subject: &Subject<'_>, points: usize) -> Self {
        ImageCosines { cosines: cosines(first(&subject.test.images, points, subject.images()), points) }
    }

    /// Behind so many layers.
    pub fn behind(&self, layers: usize) -> Vec<f64> {
        self.cosines.iter().map(|c| arccos_map_iterated(*c, layers)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Activation, GraphBuilder};

    #[test]
    fn rows_are_cut_and_activations_counted_along_the_longest_way() {
        assert_eq!(first(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, 3), [1.0, 2.0, 3.0, 4.0]);
        let (mut builder, input) = GraphBuilder::new([2, 4, 4]);
        let a = builder.activation(input, "a", Activation::Relu).unwrap();
        let b = builder.activation(a, "b", Activation::Tanh).unwrap();
        let sum = builder.add(b, input, "sum").unwrap();
        let c = builder.activation(sum, "c", Activation::Relu).unwrap();
        let flat = builder.flatten(c, "flat").unwrap();
        let fc = builder.linear(flat, "fc", 3, false).unwrap();
        let graph = builder.finish(fc).unwrap();
        let counts = activations_before(&graph);
        assert_eq!([input, a, b, sum, c, fc].map(|id| counts[id.0]), [0, 1, 2, 2, 3, 3]);
    }
}
