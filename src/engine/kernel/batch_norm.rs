//! Batch normalisation (Ioffe & Szegedy 2015) with statistics of each member's own batch, biased variance, eps 1e-5.

use super::Spread;

/// Added to the variance, as in PyTorch.
pub const EPSILON: f64 = 1e-5;

/// Shape of a batch-norm's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Images of a batch.
    pub batch: usize,
    /// Channels.
    pub channels: usize,
    /// Values of one channel of one image.
    pub positions: usize,
}

/// Mean and biased variance of one channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// Mean.
    pub mean: f32,
    /// Mean squared distance from the mean.
    pub variance: f32,
}

impl Moments {
    /// 1 / sqrt(variance + eps).
    pub fn inverse_std(self) -> f32 {
        (1.0 / (f64::from(self.variance) + EPSILON).sqrt()) as f32
    }
}

impl Geometry {
    pub(super) fn len(&self) -> usize {
        self.batch * self.channels * self.positions
    }

    /// The rows (positions) of one channel of one member, over the images in order.
    fn rows<'a>(&self, x: &'a [f32], member: usize, channel: usize) -> impl Iterator<Item = &'a [f32]> + use<'a> {
        let Geometry { batch, channels, positions } = *self;
        (0..batch).map(move |image| &x[((member * batch + image) * channels + channel) * positions..][..positions])
    }
}

/// Sum over a row in sixteen interleaved parts: one vector register wide, the order the same on every machine.
#[inline(always)]
fn row_sum(row: &[f32], term: impl Fn(f32) -> f32) -> f64 {
    let mut lanes = [0.0f32; 16];
    let chunks = row.chunks_exact(16);
    let rest: f64 = chunks.remainder().iter().map(|x| f64::from(term(*x))).sum();
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += term(*x);
        }
    }
    lanes.iter().map(|lane| f64::from(*lane)).sum::<f64>() + rest
}

/// Sum over a row of (x - mean) * dy, in the same sixteen parts.
fn row_product(x: &[f32], dy: &[f32], mean: f32) -> f64 {
    let mut lanes = [0.0f32; 16];
    let (xs, dys) = (x.chunks_exact(16), dy.chunks_exact(16));
    let rest = xs.remainder().iter().zip(dys.remainder());
    let rest: f64 = rest.map(|(x, dy)| f64::from((x - mean) * dy)).sum();
    for (x, dy) in xs.zip(dys) {
        for (lane, (x, dy)) in lanes.iter_mut().zip(x.iter().zip(dy)) {
            *lane += (x - mean) * dy;
        }
    }
    lanes.iter().map(|lane| f64::from(*lane)).sum::<f64>() + rest
}

/// Moments (m, channels) of `x` (m, batch, channels, positions).
pub fn moments(g: &Geometry, x: &[f32], spread: Spread) -> Vec<Moments> {
    spread.map(x.len() / g.len() * g.channels, |index| {
        let (member, channel) = (index / g.channels, index % g.channels);
        pulp::Arch::new().dispatch(ChannelMoments { g, x, member, channel })
    })
}

/// Moments of one channel of one member.
struct ChannelMoments<'a> {
    g: &'a Geometry,
    x: &'a [f32],
    member: usize,
    channel: usize,
}

impl pulp::WithSimd for ChannelMoments<'_> {
    type Output = Moments;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Moments {
        let ChannelMoments { g, x, member, channel } = self;
        let n = (g.batch * g.positions) as f64;
        let (mut sum, mut squares) = (0.0, 0.0);
        for row in g.rows(x, member, channel) {
            sum += row_sum(row, |x| x);
        }
        let mean = (sum / n) as f32;
        for row in g.rows(x, member, channel) {
            squares += row_sum(row, |x| (x - mean) * (x - mean));
        }
        Moments { mean, variance: (squares / n) as f32 }
    }
}

/// `out` (m, batch, channels, positions) = (x - mean) / std * scale + shift. `x` is (mx, ...), `moments` (mm, channels),
/// `scale` and `shift` (ms, channels), where each leading axis is 1 or m.
pub fn normalise(
    g: &Geometry,
    x: &[f32],
    moments: &[Moments],
    scale: &[f32],
    shift: &[f32],
    out: &mut [f32],
    spread: Spread,
) {
    let (per_image, c) = (g.channels * g.positions, g.channels);
    spread.chunks(out, per_image, |index, out, _| {
        let (member, image) = (index / g.batch, index % g.batch);
        let own = |len: usize, one: usize| if len == one { 0 } else { member };
        let x = &x[(own(x.len(), g.len()) * g.batch + image) * per_image..][..per_image];
        let moments = &moments[own(moments.len(), c) * c..][..c];
        let (scale, shift) = (&scale[own(scale.len(), c) * c..][..c], &shift[own(shift.len(), c) * c..][..c]);
        for channel in 0..c {
            let Moments { mean, .. } = moments[channel];
            let (factor, shift) = (scale[channel] * moments[channel].inverse_std(), shift[channel]);
            let range = channel * g.positions..(channel + 1) * g.positions;
            for (out, x) in out[range.clone()].iter_mut().zip(&x[range]) {
                *out = (x - mean) * factor + shift;
            }
        }
    });
}

/// Gradients of one member.
pub struct Gradients {
    /// Of the input (batch, channels, positions).
    pub x: Vec<f32>,
    /// Of the scale (channels).
    pub scale: Vec<f32>,
    /// Of the shift (channels).
    pub shift: Vec<f32>,
}

/// Gradients of one member from its input `x`, `scale` (channels) and the output's gradient `dy`; statistics are those of
/// the batch and depend on `x`.
pub fn backward(g: &Geometry, x: &[f32], scale: &[f32], dy: &[f32], spread: Spread) -> Gradients {
    let n = (g.batch * g.positions) as f64;
    let moments = moments(g, x, spread);
    let sums = spread.map(g.channels, |channel| {
        let (mean, inverse_std) = (moments[channel].mean, moments[channel].inverse_std());
        let (mut along_shift, mut along_scale) = (0.0f64, 0.0f64);
        for (x, dy) in g.rows(x, 0, channel).zip(g.rows(dy, 0, channel)) {
            along_shift += row_sum(dy, |dy| dy);
            along_scale += row_product(x, dy, mean);
        }
        (along_shift, along_scale * f64::from(inverse_std))
    });
    let mut dx = vec![0.0; x.len()];
    spread.chunks(&mut dx, g.channels * g.positions, |image, dx, _| {
        for channel in 0..g.channels {
            let (mean, inverse_std) = (moments[channel].mean, moments[channel].inverse_std());
            let (along_shift, along_scale) = ((sums[channel].0 / n) as f32, (sums[channel].1 / n) as f32);
            let factor = scale[channel] * inverse_std;
            let start = (image * g.channels + channel) * g.positions;
            let rows = x[start..][..g.positions].iter().zip(&dy[start..][..g.positions]);
            for (dx, (x, dy)) in dx[channel * g.positions..].iter_mut().zip(rows) {
                *dx = factor * (dy - along_shift - (x - mean) * inverse_std * along_scale);
            }
        }
    });
    let (shift, scale) = sums.into_iter().map(|(shift, scale)| (shift as f32, scale as f32)).unzip();
    Gradients { x: dx, scale, shift }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn normalised_channels_have_mean_shift_and_deviation_scale() {
        let g = Geometry { batch: 5, channels: 3, positions: 37 };
        let mut x = vec![0.0; 2 * g.len()];
        Seed::new(1).rng().fill_normal(&mut x);
        x.iter_mut().enumerate().for_each(|(i, x)| *x = *x * (1 + i % 7) as f32 + 40.0);
        let (scale, shift) = ([2.0, 0.5, 1.0], [1.0, -3.0, 0.0]);
        let mut y = vec![0.0; x.len()];
        normalise(&g, &x, &moments(&g, &x, Spread::Pool), &scale, &shift, &mut y, Spread::Pool);
        for (i, m) in moments(&g, &y, Spread::Here).iter().enumerate() {
            assert!((m.mean - shift[i % 3]).abs() < 1e-5, "{m:?}");
            assert!((m.variance.sqrt() - scale[i % 3]).abs() < 1e-4, "{m:?}");
        }
    }
}
