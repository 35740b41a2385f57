//! What a pass on a device is made of. [`Operations`] is implemented twice: by candle's own operations ([`super::Plain`]), on
//! any device, and by kernels of our own ([`super::Own`]); the first is the second's reference.
//!
//! Images are (members, batch, channels, height, width); what all members share has one member. Errors are candle's.

use std::sync::Arc;

use candle_core::{Result, Tensor};

use super::template::Template;
use crate::engine::Loss;
use crate::graph::Activation;
use crate::plan::{Step, Window};

/// The windows of a convolution; that of a linear layer is as large as its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Height and width.
    pub window: [usize; 2],
    /// Step in both directions.
    pub stride: usize,
    /// Zeros around the image.
    pub padding: usize,
}

impl Geometry {
    /// Height and width of what comes out of an image of this height and width.
    pub fn outputs(self, size: [usize; 2]) -> [usize; 2] {
        [0, 1].map(|i| (size[i] + 2 * self.padding - self.window[i]) / self.stride + 1)
    }

    /// Whether the window has one place, the whole image: a linear layer.
    pub fn linear(self, size: [usize; 2]) -> bool {
        self.window == size && self.padding == 0
    }
}

/// What sums begin with; all that is given is added.
#[derive(Clone, Debug, Default)]
pub struct First {
    /// (members or 1, filters).
    pub bias: Option<Tensor>,
    /// (1, batch, filters, height, width).
    pub seed: Option<Tensor>,
    /// (members, batch, v, height, width): to the last v filters.
    pub varied: Option<Tensor>,
}

/// Statistics of channels, each (members or 1, channels).
#[derive(Clone, Debug)]
pub struct Moments {
    /// Mean.
    pub mean: Tensor,
    /// Biased variance.
    pub variance: Tensor,
    /// 1 / sqrt(variance + eps).
    pub inverse: Tensor,
}

/// A batch-norm.
#[derive(Clone, Debug)]
pub struct Normalising {
    /// (members or 1, channels).
    pub scale: Tensor,
    /// (members or 1, channels).
    pub shift: Tensor,
    /// Statistics; `None` where they are those of the batch.
    pub moments: Option<Moments>,
}

/// What follows an operation, in this order.
#[derive(Clone, Debug, Default)]
pub struct Tail {
    /// Batch-norm.
    pub norm: Option<Normalising>,
    /// Activation.
    pub activation: Option<Activation>,
    /// Max pooling.
    pub pool: Option<Window>,
}

/// Taps (channel, row, column) of windows.
#[derive(Clone, Debug)]
pub struct Taps {
    /// Channel, row and column of each.
    pub places: Arc<Vec<[usize; 3]>>,
    /// The same on the device, (taps, 3) of `u32`.
    pub tensor: Tensor,
}

/// Values and, where a batch-norm computed them, its statistics.
pub type Finished = (Tensor, Option<Moments>);

/// The operations.
pub trait Operations: Send + Sync {
    /// A template's values for members with these trained weights (members, k), or, where the template holds differences, with
    /// these less the base's: (members, its shape).
    fn bank(&self, trained: &Tensor, template: &Template) -> Result<Tensor>;

    /// Sums over windows of `x` by `weight` (members or 1, filters, channels, height, width), and what follows.
    fn convolution(
        &self,
        x: &Tensor,
        weight: &Tensor,
        geometry: Geometry,
        first: &First,
        tail: &Tail,
    ) -> Result<Finished>;

    /// What stands at some taps of each window of shared images `x`: (taps, batch * height * width of the output).
    fn patches(&self, x: &Tensor, geometry: Geometry, taps: &Taps) -> Result<Tensor>;

    /// `weight` (members, rows, taps) times `patches` (taps, columns): (members, rows, columns).
    fn product(&self, weight: &Tensor, patches: &Tensor) -> Result<Tensor>;

    /// Statistics of each channel over batch and pixels.
    fn moments(&self, x: &Tensor) -> Result<Moments>;

    /// What follows an operation, for `members` members; `x` may be shared.
    fn finish(&self, x: &Tensor, members: usize, tail: &Tail) -> Result<Finished>;

    /// How often a value of a member's own windows is held at a time while a convolution is computed, for each position of
    /// the output.
    fn patch_floats(&self, geometry: Geometry, step: &Step, filters: usize) -> usize;

    /// For each member its loss on `logits` (members, batch, classes), and where `by_class` the mean over the images of each
    /// class behind it, as [`Loss::mean`] and [`Loss::means_by_class`]: (members, 1 or 1 + classes).
    fn losses(&self, logits: &Tensor, labels: &Tensor, loss: Loss, by_class: bool) -> Result<Tensor>;
}
