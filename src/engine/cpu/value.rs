//! What a step leaves behind: channel-last images whose normalisation and activation may still be pending, so that the
//! reader applies them to what it has in cache.

use std::sync::Arc;

use super::function::activate;
use super::lanes::{normalise, normalise_pair, Affine, Pixels};
use super::pooling::{extremes, Choice};
use super::scratch::{Buffers, Scratch};
use crate::graph::Activation;
use crate::plan::{Size, Use, Window};

/// The own channels of a node for some members.
#[derive(Debug)]
pub struct Value {
    /// The parts, as the step that gives it lists them.
    pub parts: Vec<Held>,
}

/// One part: images (batch, pixels, members x channels).
#[derive(Debug)]
pub struct Held {
    /// Channels of one member.
    pub channels: usize,
    /// Where the values are.
    pub images: Images,
    /// Normalisation that is still to be done.
    pub affine: Option<Affine>,
    /// 1 / sqrt(variance + eps) behind `affine`, for the gradient.
    pub inverse_std: Vec<f32>,
    /// Activation that is still to be applied behind it.
    pub activation: Option<Activation>,
    /// Max pooling that is still to be done, and the size before it.
    pub pool: Option<(Window, Size)>,
}

/// Where a part's values are.
#[derive(Debug)]
pub enum Images {
    /// The unit's own.
    Own(Vec<f32>),
    /// Shared by all members, one set of channels.
    Shared(Arc<Promoted>),
}

/// Shared channels in front of a batch-norm that members scale for themselves.
#[derive(Debug, Default)]
pub struct Promoted {
    /// Values (batch, pixels, channels); where they are pooled the greatest of each window.
    pub greatest: Vec<f32>,
    /// The least of each window; empty where they are not pooled.
    pub least: Vec<f32>,
    /// Mean of each channel.
    pub mean: Vec<f32>,
    /// 1 / sqrt(variance + eps) of each channel.
    pub inverse_std: Vec<f32>,
}

impl Held {
    /// Whether [`Self::image`] gives what a reader wants.
    pub fn plain(&self) -> bool {
        self.affine.is_none()
            && self.activation.is_none()
            && self.pool.is_none()
            && matches!(self.images, Images::Own(_))
    }

    /// All values of the unit.
    pub fn own(&self) -> &[f32] {
        match &self.images {
            Images::Own(values) => values,
            Images::Shared(_) => &[],
        }
    }

    /// Writes one image with nothing pending into `out`. `size` is the value's.
    pub fn load(&self, image: usize, members: usize, size: Size, out: &mut [f32], to: Pixels, scratch: &mut Scratch) {
        let area = [size.height, size.width];
        let lanes = members * self.channels;
        match &self.images {
            Images::Own(values) => {
                let stored = self.pool.map_or(size, |(_, before)| before).pixels() * lanes;
                let mut x = &values[image * stored..(image + 1) * stored];
                let behind = self.affine.is_none().then_some(self.activation).flatten();
                let staged = self.pool.is_some() || behind.is_some();
                let mut stage = if staged { scratch.take(Use::Staged, size.pixels() * lanes) } else { Vec::new() };
                if let Some((window, before)) = self.pool {
                    let choice = self.affine.as_ref().map_or(Choice::Greatest, |affine| Choice::BySign(&affine.factor));
                    extremes(x, [before.height, before.width], lanes, window, choice, &mut stage);
                } else if staged {
                    stage.copy_from_slice(x);
                }
                if let Some(activation) = behind {
                    activate(&mut stage, activation);
                }
                if staged {
                    x = &stage;
                }
                match &self.affine {
                    Some(affine) => {
                        normalise(x, Pixels::dense(size.width, lanes), out, to, area, affine.all(), self.activation);
                    }
                    None => copy(x, lanes, out, to, area),
                }
                if staged {
                    scratch.put(Use::Staged, stage);
                }
            }
            Images::Shared(shared) => {
                let affine = self.affine.as_ref().expect("promoted channels are normalised");
                let length = size.pixels() * self.channels;
                let greatest = &shared.greatest[image * length..(image + 1) * length];
                let least = match shared.least.is_empty() {
                    true => greatest,
                    false => &shared.least[image * length..(image + 1) * length],
                };
                let from = Pixels::dense(size.width, self.channels);
                for member in 0..members {
                    let range = member * self.channels..(member + 1) * self.channels;
                    let to = Pixels { base: to.base + range.start, ..to };
                    normalise_pair([greatest, least], from, out, to, area, affine.range(range), self.activation);
                }
            }
        }
    }

    /// Gives the memory back.
    pub fn drop_into(self, buffers: &mut Buffers) {
        if let Images::Own(values) = self.images {
            buffers.give(values);
        }
    }
}

/// Copies the pixels of an image without gaps.
fn copy(x: &[f32], channels: usize, out: &mut [f32], to: Pixels, [height, width]: [usize; 2]) {
    if to == Pixels::dense(width, channels) {
        out[..x.len()].copy_from_slice(x);
        return;
    }
    for line in 0..height {
        let row = &x[line * width * channels..(line + 1) * width * channels];
        let start = to.base + line * to.line;
        if to.step == channels {
            out[start..start + row.len()].copy_from_slice(row);
        } else {
            for (pixel, row) in row.chunks_exact(channels).enumerate() {
                out[start + pixel * to.step..][..channels].copy_from_slice(row);
            }
        }
    }
}
