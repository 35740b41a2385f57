//! A network in evaluation mode, opened up: values of all nodes, how they move with the image, gradients of the image.
//!
//! With `J` the Jacobian of a node at an image: [`Probe::values`] gives the node, [`Probe::pushforward`] `J u` for directions
//! `u` of the image, [`Probe::pullback`] `J^T s` of the logits for weights `s` of a sum. At a kink the slope is that of the
//! lower side, of equal values in a window the first is the winner. Images go to the threads in blocks; the bits of an image
//! depend neither on threads nor on the images beside it.

mod activation;
mod average;
mod batch_norm;
mod convolution;
mod joining;
mod layer;
mod linear;
mod max_pool;
mod pass;

use std::sync::Arc;

use rayon::prelude::*;

use self::layer::{layer, Layer};
use self::pass::{Buffers, Pass, Route};
use super::Statistics;
use crate::graph::{Graph, NodeId};

/// Values that a block may hold of all nodes together: what the second cache of a core has room for.
const BLOCK: usize = 1 << 17;

/// Most images or directions of a block.
const MOST: usize = 32;

/// A network in evaluation mode, opened up: the value of every node, how it moves with the image, and gradients of the image.
pub struct Probe {
    graph: Arc<Graph>,
    /// One for each node.
    layers: Vec<Box<dyn Layer>>,
    /// Images or directions that one thread computes at a time.
    block: usize,
}

impl Probe {
    /// `weights`: all of the network (p); `statistics`: of each batch-norm in the order of the graph.
    ///
    /// # Panics
    /// If there are not as many weights or statistics as the graph has.
    pub fn new(graph: Arc<Graph>, weights: Vec<f32>, statistics: &[Statistics]) -> Self {
        assert_eq!(weights.len(), graph.parameter_count(), "one value for each weight of the network");
        let mut rest = statistics.iter();
        let layers = graph.nodes.iter().map(|node| layer(&graph, node, &weights, &mut rest)).collect();
        assert!(rest.next().is_none(), "no more statistics than batch-norms");
        let values: usize = graph.nodes.iter().map(|node| node.shape.iter().product::<usize>()).sum();
        Probe { block: (BLOCK / values).clamp(1, MOST), graph, layers }
    }

    /// The network's graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Values of one image (D = c * h * w).
    pub fn dimension(&self) -> usize {
        self.graph.input_shape().iter().product()
    }

    fn pass(&self) -> Pass<'_> {
        Pass { graph: &self.graph, layers: &self.layers }
    }

    fn images(&self, images: &[f32]) -> usize {
        let dimension = self.dimension();
        assert!(images.len().is_multiple_of(dimension), "{} values are no images of {dimension}", images.len());
        images.len() / dimension
    }

    /// Logits (n, classes) of images (n, c, h, w), normalised.
    ///
    /// # Panics
    /// If the values are no whole number of images.
    pub fn logits(&self, images: &[f32]) -> Vec<f32> {
        self.values(images, &[self.graph.output]).swap_remove(0)
    }

    /// Values (n, len) of each of the nodes asked for, in layout (c, h, w); one forward pass, no further than the last of them.
    ///
    /// # Panics
    /// If the values are no whole number of images.
    pub fn values(&self, images: &[f32], nodes: &[NodeId]) -> Vec<Vec<f32>> {
        self.images(images);
        let route = Route::to(&self.graph, nodes);
        let blocks = images.par_chunks(self.block * self.dimension());
        let of_block = |buffers: &mut Buffers, images: &[f32]| self.pass().values(&route, images, buffers);
        joined(nodes.len(), blocks.map_init(Buffers::default, of_block).collect())
    }

    /// For each image `t` directions, (n, t, D): derivatives (n, t, len) of the nodes asked for along them. The network is
    /// linearised at the image: slopes of activations and winners of max-pools are those of the image.
    ///
    /// # Panics
    /// If the values are no whole number of images, or there are not as many directions for each.
    pub fn pushforward(&self, images: &[f32], directions: &[f32], nodes: &[NodeId]) -> Vec<Vec<f32>> {
        let (n, dimension) = (self.images(images), self.dimension());
        assert!(directions.len().is_multiple_of(images.len().max(1)), "as many directions for each image");
        let each = directions.len() / images.len().max(1);
        // Blocks of several images with all their directions, or of some of the directions of one image.
        let at_once = each.clamp(1, self.block);
        let together = (self.block / at_once).max(1);
        let first_images = (0..n).step_by(together);
        let units = first_images.flat_map(|first| (0..each.max(1)).step_by(at_once).map(move |from| (first, from)));
        let route = Route::to(&self.graph, nodes);
        let of_unit = |buffers: &mut Buffers, (first, from): (usize, usize)| {
            let last = (first + together).min(n);
            let start = first * each + from;
            let end = if together == 1 { first * each + (from + at_once).min(each) } else { last * each };
            let images = &images[first * dimension..last * dimension];
            self.pass().derivatives(&route, images, &directions[start * dimension..end * dimension], buffers)
        };
        let units: Vec<(usize, usize)> = units.collect();
        joined(nodes.len(), units.into_par_iter().map_init(Buffers::default, of_unit).collect())
    }

    /// Logits (n, classes), and gradients (n, s, D) with respect to the image of weighted sums of its logits: slopes (n, s,
    /// classes).
    ///
    /// # Panics
    /// If the values are no whole number of images, or the slopes are not those of `s` sums for each.
    pub fn pullback(&self, images: &[f32], slopes: &[f32], s: usize) -> (Vec<f32>, Vec<f32>) {
        let (n, each) = (self.images(images), s * self.graph.classes());
        assert_eq!(slopes.len(), n * each, "{s} sums of logits for each of {n} images");
        let route = Route::to(&self.graph, &[self.graph.output]);
        let block = (self.block / s.max(1)).max(1);
        let of_block = |buffers: &mut Buffers, first: usize| {
            let last = (first + block).min(n);
            let images = &images[first * self.dimension()..last * self.dimension()];
            self.pass().gradients(&route, images, &slopes[first * each..last * each], buffers)
        };
        let firsts: Vec<usize> = (0..n).step_by(block).collect();
        let mut both = joined(2, firsts.into_par_iter().map_init(Buffers::default, of_block).collect());
        let gradients = both.swap_remove(1);
        (both.swap_remove(0), gradients)
    }
}

/// Of blocks with `count` arrays each, the arrays of all blocks one behind the other.
fn joined(count: usize, blocks: Vec<Vec<Vec<f32>>>) -> Vec<Vec<f32>> {
    let of_all = |i: usize| {
        let mut all = Vec::with_capacity(blocks.iter().map(|block| block[i].len()).sum());
        blocks.iter().for_each(|block| all.extend_from_slice(&block[i]));
        all
    };
    (0..count).map(of_all).collect()
}
