//! One block of images through the network: forward, along directions, and back.

use super::layer::Layer;
use crate::graph::{Graph, NodeId};

/// The nodes that some nodes need, and how long each is needed.
pub(super) struct Route {
    wanted: Vec<usize>,
    /// In the order of computation.
    steps: Vec<usize>,
    /// For each node the last step that reads it; `usize::MAX` where it is asked for.
    last: Vec<usize>,
}

impl Route {
    pub(super) fn to(graph: &Graph, wanted: &[NodeId]) -> Self {
        let mut last = vec![0; graph.nodes.len()];
        let mut needed = vec![false; graph.nodes.len()];
        for id in wanted {
            needed[id.0] = true;
            last[id.0] = usize::MAX;
        }
        for i in (0..graph.nodes.len()).rev() {
            if needed[i] {
                for input in &graph.nodes[i].inputs {
                    needed[input.0] = true;
                    last[input.0] = last[input.0].max(i);
                }
            }
        }
        let steps = (0..graph.nodes.len()).filter(|i| needed[*i]).collect();
        Route { wanted: wanted.iter().map(|id| id.0).collect(), steps, last }
    }
}

/// Memory that is used again.
#[derive(Default)]
pub(super) struct Buffers {
    free: Vec<Vec<f32>>,
    scratch: Vec<f32>,
}

impl Buffers {
    /// So many values, whatever they are.
    fn take(&mut self, length: usize) -> Vec<f32> {
        let mut buffer = self.free.pop().unwrap_or_default();
        buffer.resize(length, 0.0);
        buffer
    }

    fn give(&mut self, buffer: Vec<f32>) {
        self.free.push(buffer);
    }
}

/// The network.
pub(super) struct Pass<'a> {
    pub(super) graph: &'a Graph,
    pub(super) layers: &'a [Box<dyn Layer>],
}

impl Pass<'_> {
    /// Values that a node's inputs have; those of the input itself are `images`.
    fn inputs<'v>(&self, node: usize, values: &'v [Vec<f32>], images: &'v [f32]) -> Vec<&'v [f32]> {
        match node {
            0 => vec![images],
            _ => self.graph.nodes[node].inputs.iter().map(|id| &values[id.0][..]).collect(),
        }
    }

    /// Values of a node of so many rows.
    fn room(&self, node: usize, rows: usize, buffers: &mut Buffers) -> Vec<f32> {
        buffers.take(rows * self.graph.nodes[node].shape.iter().product::<usize>())
    }

    fn rows(&self, images: &[f32]) -> usize {
        images.len() / self.graph.input_shape().iter().product::<usize>()
    }

    /// Gives back what no later step reads.
    fn drop_read(&self, route: &Route, step: usize, values: &mut [Vec<f32>], buffers: &mut Buffers) {
        for input in &self.graph.nodes[step].inputs {
            if route.last[input.0] == step && !values[input.0].is_empty() {
                buffers.give(std::mem::take(&mut values[input.0]));
            }
        }
    }

    /// Computes a node's values.
    fn forward(&self, step: usize, images: &[f32], values: &mut [Vec<f32>], buffers: &mut Buffers) {
        let mut out = self.room(step, self.rows(images), buffers);
        self.layers[step].forward(&self.inputs(step, values, images), &mut out, &mut buffers.scratch);
        values[step] = out;
    }

    /// What was asked for; the rest is given back.
    fn wanted(&self, route: &Route, values: Vec<Vec<f32>>, buffers: &mut Buffers) -> Vec<Vec<f32>> {
        let wanted = route.wanted.iter().map(|node| values[*node].clone()).collect();
        values.into_iter().filter(|values| !values.is_empty()).for_each(|values| buffers.give(values));
        wanted
    }

    /// Values of each node asked for.
    pub(super) fn values(&self, route: &Route, images: &[f32], buffers: &mut Buffers) -> Vec<Vec<f32>> {
        let mut values = vec![Vec::new(); self.graph.nodes.len()];
        for step in route.steps.iter().copied() {
            self.forward(step, images, &mut values, buffers);
            self.drop_read(route, step, &mut values, buffers);
        }
        self.wanted(route, values, buffers)
    }

    /// Derivatives of each node asked for, along as many directions for each image.
    pub(super) fn derivatives(
        &self,
        route: &Route,
        images: &[f32],
        directions: &[f32],
        buffers: &mut Buffers,
    ) -> Vec<Vec<f32>> {
        let mut values = vec![Vec::new(); self.graph.nodes.len()];
        let mut along = values.clone();
        for step in route.steps.iter().copied() {
            self.forward(step, images, &mut values, buffers);
            let mut out = self.room(step, self.rows(directions), buffers);
            let (at, moved) = (self.inputs(step, &values, images), self.inputs(step, &along, directions));
            self.layers[step].push(&at, &moved, &mut out, &mut buffers.scratch);
            along[step] = out;
            self.drop_read(route, step, &mut values, buffers);
            self.drop_read(route, step, &mut along, buffers);
        }
        values.into_iter().filter(|values| !values.is_empty()).for_each(|values| buffers.give(values));
        self.wanted(route, along, buffers)
    }

    /// The logits, and the gradients of as many sums of them for each image.
    pub(super) fn gradients(
        &self,
        route: &Route,
        images: &[f32],
        slopes: &[f32],
        buffers: &mut Buffers,
    ) -> Vec<Vec<f32>> {
        let mut values = vec![Vec::new(); self.graph.nodes.len()];
        for step in route.steps.iter().copied() {
            self.forward(step, images, &mut values, buffers);
        }
        let output = self.graph.output.0;
        let rows = slopes.len() / self.graph.classes();
        let mut gradients: Vec<Option<Vec<f32>>> = vec![None; self.graph.nodes.len()];
        gradients[output] = Some(slopes.to_vec());
        for step in route.steps.iter().copied().filter(|step| *step > 0).rev() {
            let gradient = gradients[step].take().expect("a step is read by a later one, or is the output");
            let at = self.inputs(step, &values, images);
            for (input, id) in self.graph.nodes[step].inputs.iter().enumerate() {
                let mut into = gradients[id.0].take().unwrap_or_else(|| {
                    let mut zeros = self.room(id.0, rows, buffers);
                    zeros.fill(0.0);
                    zeros
                });
                self.layers[step].pull(&at, &gradient, input, &mut into, &mut buffers.scratch);
                gradients[id.0] = Some(into);
            }
            buffers.give(gradient);
        }
        let of_images = gradients[0].take().expect("the logits depend on the images");
        let logits = values[output].clone();
        values.into_iter().filter(|values| !values.is_empty()).for_each(|values| buffers.give(values));
        vec![logits, of_images]
    }
}
