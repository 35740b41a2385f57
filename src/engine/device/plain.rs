//! The operations by candle's own, on any device: the reference of the kernels, and what runs where there are none.

use candle_core::{DType, Device, Result, Tensor, D};

use super::matrix::MatrixPrecision;
use super::operations::{Finished, First, Geometry, Moments, Normalising, Operations, Tail, Taps};
use super::template::{Template, FROZEN};
use crate::engine::reference::layers;
use crate::engine::statistics::EPSILON;
use crate::engine::{ClassLosses, Loss};
use crate::plan::Step;

/// Candle's operations.
#[derive(Clone, Copy, Debug)]
pub struct Plain {
    precision: MatrixPrecision,
}

impl Plain {
    /// Operations whose products round their factors to a precision.
    pub fn new(precision: MatrixPrecision) -> Self {
        Plain { precision }
    }

    /// What stands in each window of `x`, (members, batch * places, channels * window).
    fn windows(x: &Tensor, geometry: Geometry) -> Result<Tensor> {
        let (members, batch, channels, height, width) = x.dims5()?;
        if geometry.linear([height, width]) {
            return x.contiguous()?.reshape((members, batch, channels * height * width));
        }
        let [rows, columns] = geometry.outputs([height, width]);
        let x = x.pad_with_zeros(3, geometry.padding, geometry.padding)?;
        let x = x.pad_with_zeros(4, geometry.padding, geometry.padding)?;
        let every = |axis: usize, x: &Tensor, from: usize, places: usize| match geometry.stride {
            1 => x.narrow(axis, from, places),
            stride => {
                let indices = (0..places).map(|i| (from + i * stride) as u32);
                x.contiguous()?.index_select(&Tensor::from_iter(indices, x.device())?, axis)
            }
        };
        let mut views = Vec::new();
        for dy in 0..geometry.window[0] {
            let lines = every(3, &x, dy, rows)?;
            for dx in 0..geometry.window[1] {
                views.push(every(4, &lines, dx, columns)?);
            }
        }
        // (members, batch, channels, taps, rows, columns).
        let stacked = Tensor::stack(&views, 3)?.permute((0, 1, 4, 5, 2, 3))?.contiguous()?;
        stacked.reshape((members, batch * rows * columns, channels * views.len()))
    }

    fn product_of(&self, rows: &Tensor, weight: &Tensor) -> Result<Tensor> {
        self.precision.round(rows)?.matmul(&self.precision.round(weight)?.contiguous()?)
    }
}

impl Operations for Plain {
    fn bank(&self, trained: &Tensor, template: &Template) -> Result<Tensor> {
        let members = trained.dim(0)?;
        let shape: Vec<usize> = std::iter::once(members).chain(template.shape().iter().copied()).collect();
        let frozen = template.genes.eq(FROZEN)?.broadcast_as((members, template.genes.elem_count()))?;
        // Of a frozen value any gene will do: it is not taken.
        let genes = template.genes.eq(FROZEN)?.where_cond(&template.genes.zeros_like()?, &template.genes)?;
        let chosen = trained.contiguous()?.index_select(&genes, 1)?;
        let base = template.frozen.flatten_all()?.broadcast_as(chosen.dims())?;
        frozen.contiguous()?.where_cond(&base.contiguous()?, &chosen)?.reshape(shape)
    }

    fn convolution(
        &self,
        x: &Tensor,
        weight: &Tensor,
        geometry: Geometry,
        first: &First,
        tail: &Tail,
    ) -> Result<Finished> {
        let (of_x, batch, _, height, width) = x.dims5()?;
        let (of_weight, filters, ..) = weight.dims5()?;
        let [rows, columns] = geometry.outputs([height, width]);
        let windows = Self::windows(x, geometry)?;
        let (_, positions, taps) = windows.dims3()?;
        let weight = weight.contiguous()?.reshape((of_weight, filters, taps))?;
        let y = match (of_x, of_weight) {
            (_, 1) => {
                let all = windows.reshape((of_x * positions, taps))?;
                self.product_of(&all, &weight.get(0)?.t()?)?.reshape((of_x, positions, filters))?
            }
            (1, _) => {
                let all = weight.reshape((of_weight * filters, taps))?;
                let y = self.product_of(&windows.get(0)?, &all.t()?)?;
                y.reshape((positions, of_weight, filters))?.transpose(0, 1)?
            }
            _ => self.product_of(&windows, &weight.transpose(1, 2)?)?,
        };
        let members = of_x.max(of_weight);
        let y = y.reshape((members, batch, rows, columns, filters))?.permute((0, 1, 4, 2, 3))?.contiguous()?;
        self.finish(&begun(&y, first)?, members, tail)
    }

    fn patches(&self, x: &Tensor, geometry: Geometry, taps: &Taps) -> Result<Tensor> {
        let windows = Self::windows(x, geometry)?.get(0)?;
        let [height, width] = geometry.window;
        let columns = taps.places.iter().map(|[c, y, x]| ((c * height + y) * width + x) as u32);
        let columns = Tensor::from_iter(columns, x.device())?;
        windows.index_select(&columns, 1)?.t()?.contiguous()
    }

    fn product(&self, weight: &Tensor, patches: &Tensor) -> Result<Tensor> {
        let (members, rows, taps) = weight.dims3()?;
        let y = self.product_of(&weight.contiguous()?.reshape((members * rows, taps))?, patches)?;
        y.reshape((members, rows, patches.dim(1)?))
    }

    fn moments(&self, x: &Tensor) -> Result<Moments> {
        let (members, batch, channels, height, width) = x.dims5()?;
        let rows = x.transpose(1, 2)?.contiguous()?.reshape((members, channels, batch * height * width))?;
        // Metal has no f64.
        let rows = if rows.device().is_metal() { rows } else { rows.to_dtype(DType::F64)? };
        let mean = rows.mean_keepdim(D::Minus1)?;
        let variance = rows.broadcast_sub(&mean)?.sqr()?.mean(D::Minus1)?.to_dtype(DType::F32)?;
        Moments::new(mean.squeeze(D::Minus1)?.to_dtype(DType::F32)?, variance)
    }

    fn finish(&self, x: &Tensor, members: usize, tail: &Tail) -> Result<Finished> {
        let mut moments = None;
        let mut y = x.clone();
        if let Some(Normalising { scale, shift, moments: given }) = &tail.norm {
            let found = match given {
                Some(given) => given.clone(),
                None => moments.insert(self.moments(x)?).clone(),
            };
            let centred = y.broadcast_sub(&of_channels(&found.mean)?)?;
            let factor = scale.broadcast_mul(&found.inverse)?;
            y = centred.broadcast_mul(&of_channels(&factor)?)?.broadcast_add(&of_channels(shift)?)?;
        }
        if let Some(activation) = tail.activation {
            y = layers::activation(&y.contiguous()?, activation)?;
        }
        if let Some(window) = tail.pool {
            let (m, b, c, ..) = y.dims5()?;
            let pooled = layers::max_pool(&y.flatten(0, 1)?, window.size, window.stride)?;
            let (_, _, height, width) = pooled.dims4()?;
            y = pooled.reshape((m, b, c, height, width))?;
        }
        Ok((super::images::for_members(&y, members)?, moments))
    }

    fn patch_floats(&self, _: Geometry, step: &Step, _: usize) -> usize {
        // The views, what is stacked of them, and their rounded copy.
        3 * step.raw.pixels()
    }

    fn losses(&self, logits: &Tensor, labels: &Tensor, loss: Loss, by_class: bool) -> Result<Tensor> {
        let (members, ..) = logits.dims3()?;
        let logits: Vec<Vec<f32>> = logits.flatten_from(1)?.to_vec2()?;
        let labels: Vec<u32> = labels.to_vec1()?;
        let of = |logits: &Vec<f32>| match by_class {
            true => ClassLosses::row(loss, logits, &labels),
            false => vec![loss.mean(logits, &labels) as f32],
        };
        let rows: Vec<f32> = logits.iter().flat_map(of).collect();
        let width = rows.len() / members;
        Tensor::from_vec(rows, (members, width), &Device::Cpu)
    }
}

impl Moments {
    /// Statistics with this mean and variance.
    ///
    /// # Errors
    /// Candle's.
    pub fn new(mean: Tensor, variance: Tensor) -> Result<Self> {
        let wide = if variance.device().is_metal() { variance.clone() } else { variance.to_dtype(DType::F64)? };
        let inverse = (wide + EPSILON)?.sqrt()?.recip()?.to_dtype(DType::F32)?;
        Ok(Moments { mean, variance, inverse })
    }
}

/// `y` with all that sums begin with.
pub fn begun(y: &Tensor, first: &First) -> Result<Tensor> {
    let mut y = y.clone();
    if let Some(bias) = &first.bias {
        y = y.broadcast_add(&of_channels(bias)?)?;
    }
    if let Some(seed) = &first.seed {
        y = y.broadcast_add(seed)?;
    }
    if let Some(varied) = &first.varied {
        let (filters, last) = (y.dim(2)?, varied.dim(2)?);
        let sum = y.narrow(2, filters - last, last)?.broadcast_add(varied)?;
        y = match filters - last {
            0 => sum,
            fixed => Tensor::cat(&[super::images::for_members(&y.narrow(2, 0, fixed)?, sum.dim(0)?)?, sum], 2)?,
        };
    }
    Ok(y)
}

/// (members, channels) as something that fits images.
pub fn of_channels(values: &Tensor) -> Result<Tensor> {
    let (members, channels) = values.dims2()?;
    values.reshape((members, 1, channels, 1, 1))
}
