//! What a pass is given of a batch, on the device: images, or what is kept of them; labels; masks of dropout.

use std::collections::HashMap;

use candle_core::{Device, Result, Tensor};

use crate::data::Batch;
use crate::engine::dropout::masks;
use crate::graph::{Graph, Op};
use crate::plan::Size;

/// One batch.
pub struct Inputs {
    /// Images of the batch.
    pub batch: usize,
    /// (batch), `u32`.
    pub labels: Tensor,
    /// For each given node its values (1, batch, channels, height, width).
    pub given: HashMap<usize, Tensor>,
    /// For each dropout layer its factors (1, batch, channels, height, width); none in evaluation.
    pub masks: HashMap<String, Tensor>,
}

impl Inputs {
    /// The inputs of a batch of which `given` is on the device already.
    ///
    /// # Errors
    /// If the device cannot hold them.
    pub fn new(
        graph: &Graph,
        sizes: &[Size],
        batch: &Batch,
        given: HashMap<usize, Tensor>,
        device: &Device,
    ) -> Result<Self> {
        let images = batch.labels.len();
        let mut all = HashMap::new();
        for (node, size) in graph.nodes.iter().zip(sizes) {
            if let (Op::Dropout { rate }, Some(noise)) = (node.op, batch.noise) {
                let factors = masks(noise, &node.name, rate, images, size.values());
                let shape = (1, images, size.channels, size.height, size.width);
                all.insert(node.name.clone(), Tensor::from_vec(factors, shape, device)?);
            }
        }
        let labels = Tensor::from_slice(&batch.labels, images, device)?;
        Ok(Inputs { batch: images, labels, given, masks: all })
    }

    /// A given node's values.
    pub fn node(&self, node: usize) -> &Tensor {
        &self.given[&node]
    }
}
