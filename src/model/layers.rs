//! Layers as an architecture lists them, with the options of [`Style`] applied: one place for all models.
//!
//! - `activation`: stands wherever the paper has its activation; `identity` leaves the node out.
//! - `batchnorm = true` puts one behind each convolution of a network without, `false` leaves all out. A convolution that
//!   has no bias because a batch-norm follows has one then. Batch-norm is for images: hidden linear layers never have it.
//! - `inject = N`: the output of every N-th convolution or hidden linear layer, counted in the order of computation and
//!   without shortcuts and classifier, gets a random projection of the input added. A convolution gets the images, averaged
//!   down to its output's height and width, through a 1x1 convolution; a hidden layer gets the flattened images through a
//!   matrix product. The sum stands before the norm, so that the layer is still normalised as a whole and the input keeps
//!   its share in it at any depth, and so before the activation: the sum is what the activation loses information of.
//!   These weights are drawn as all others, counted in the network, and never trained. After SeanVN's remedy: "every layer
//!   or every few layers should have some weights connecting back to the input data" (A few thoughts about neural
//!   networks, 2017).

use super::style::Style;
use crate::error::{Error, Result};
use crate::graph::{Conv, GraphBuilder, NodeId, Pool};

/// A network in the making.
pub(super) struct Layers<'a> {
    /// For what has no option: pooling, sums, flattening.
    pub graph: &'a mut GraphBuilder,
    style: &'a Style,
    images: NodeId,
    /// Convolutions and hidden layers so far.
    counted: usize,
    /// Injections so far.
    injected: usize,
}

impl<'a> Layers<'a> {
    /// On top of `images`.
    pub(super) fn new(graph: &'a mut GraphBuilder, style: &'a Style, images: NodeId) -> Self {
        Layers { graph, style, images, counted: 0, injected: 0 }
    }

    /// Channels or units where the paper has `published`.
    pub(super) fn scaled(&self, published: usize) -> usize {
        self.style.scaled(published)
    }

    /// A convolution. `conv.bias` is the paper's; a network without batch-norm has biases everywhere.
    pub(super) fn conv(&mut self, x: NodeId, name: &str, conv: Conv) -> Result<NodeId> {
        let x = self.side_conv(x, name, conv)?;
        self.inject(x)
    }

    /// A convolution that is on no path of its own and sees no input: a shortcut.
    pub(super) fn side_conv(&mut self, x: NodeId, name: &str, conv: Conv) -> Result<NodeId> {
        self.graph.conv2d(x, name, Conv { bias: conv.bias || !self.style.batchnorm, ..conv })
    }

    /// A hidden linear layer of `published` units before scaling, with a bias.
    pub(super) fn hidden(&mut self, x: NodeId, name: &str, published: usize) -> Result<NodeId> {
        let x = self.graph.linear(x, name, self.style.scaled(published), true)?;
        self.inject(x)
    }

    /// A batch-norm, if there are any.
    pub(super) fn norm(&mut self, x: NodeId, name: &str) -> Result<NodeId> {
        if self.style.batchnorm {
            self.graph.batch_norm(x, name)
        } else {
            Ok(x)
        }
    }

    /// The activation, named by its word with `prefix` before and `number` behind, as in `layer1.0.relu2`.
    pub(super) fn activation(&mut self, x: NodeId, prefix: &str, number: impl std::fmt::Display) -> Result<NodeId> {
        match self.style.activation {
            Some(activation) => self.graph.activation(x, &format!("{prefix}{}{number}", activation.name()), activation),
            None => Ok(x),
        }
    }

    /// Adds a projection of the input where it is due.
    fn inject(&mut self, x: NodeId) -> Result<NodeId> {
        self.counted += 1;
        // Only 0 is a multiple of 0, and at least one layer is counted here.
        if !self.counted.is_multiple_of(self.style.inject) {
            return Ok(x);
        }
        self.injected += 1;
        let name = format!("inject{}", self.injected);
        let shape = self.graph.shape(x).to_vec();
        let projection = match shape[..] {
            [channels, height, width] => {
                let (reduced, padding) = self.reduced(&name, [height, width])?;
                self.graph.injection(reduced, &name, channels, padding)?
            }
            _ => {
                let flat = self.graph.flatten(self.images, &format!("{name}.flatten"))?;
                self.graph.injection(flat, &name, shape[0], 0)?
            }
        };
        self.graph.add(x, projection, &format!("{name}.add"))
    }

    /// The images averaged to height and width `to`, or as they are with the padding that makes them as large.
    fn reduced(&mut self, name: &str, to: [usize; 2]) -> Result<(NodeId, usize)> {
        let from = [1, 2].map(|axis| self.graph.shape(self.images)[axis]);
        let both = [0, 1].map(|axis| fit(from[axis], to[axis]));
        match both {
            [Some(Fit::Pad(padding)), Some(Fit::Pad(other))] if padding == other => Ok((self.images, padding)),
            [Some(Fit::Average(pool)), Some(Fit::Average(other))] if pool == other => {
                Ok((self.graph.avg_pool(self.images, &format!("{name}.pool"), pool)?, 0))
            }
            _ => {
                let [[h, w], [out_h, out_w]] = [from, to];
                let message =
                    format!("no square window brings images of {h} x {w} to {out_h} x {out_w}: leave out `inject`");
                Err(Error::Graph { layer: name.to_string(), message })
            }
        }
    }
}

/// How `from` pixels in a row become another number of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    /// By so many zeros at both ends; 0 where nothing is to do.
    Pad(usize),
    /// By means of windows that cover all pixels.
    Average(Pool),
}

/// Windows with stride `from / to` (rounded down) whose last one ends at the last pixel.
fn fit(from: usize, to: usize) -> Option<Fit> {
    match to.checked_sub(from) {
        Some(more) => (more % 2 == 0).then_some(Fit::Pad(more / 2)),
        None => {
            let stride = from / to;
            Some(Fit::Average(Pool { size: from - (to - 1) * stride, stride }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{fit, Fit, Pool};

    #[test]
    fn windows_cover_all_pixels_and_give_the_size_that_was_asked_for() {
        for from in 1..=70 {
            for to in 1..from {
                let Some(Fit::Average(Pool { size, stride })) = fit(from, to) else { panic!("{from} to {to}") };
                assert_eq!((to - 1) * stride + size, from, "{from} to {to}: the last window ends at the last pixel");
                assert_eq!((from - size) / stride + 1, to, "{from} to {to}");
                assert!(size >= stride, "{from} to {to}: no pixel is left out");
            }
        }
        assert_eq!(fit(32, 8), Some(Fit::Average(Pool { size: 4, stride: 4 })));
        assert_eq!(fit(28, 5), Some(Fit::Average(Pool { size: 8, stride: 5 })));
        assert_eq!((fit(28, 28), fit(28, 32), fit(28, 31)), (Some(Fit::Pad(0)), Some(Fit::Pad(2)), None));
    }
}
