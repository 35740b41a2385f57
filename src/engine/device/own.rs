//! The operations by kernels of our own and a library's matrix products.
//!
//! Convolutions go one of two ways. Where a matrix of patches serves many rows of weights, patches and a product; else directly,
//! images and weights in shared memory, with statistics and pooling in the same pass: patches are then as much traffic as work
//! (docs/gpu.md). Which way follows from sizes and, where inputs are shared, from the members of a chunk.

use std::sync::Arc;

use candle_core::{DType, Result, Tensor};

use super::launch::{Argument, Kernel, Launch, Launcher};
use super::matrix::MatrixPrecision;
use super::operations::{Finished, First, Geometry, Moments, Normalising, Operations, Tail, Taps};
use super::plain::begun;
use super::template::Template;
use super::tiling::{Around, Tiling};
use crate::engine::Loss;
use crate::graph::Activation;
use crate::plan::{Step, Window};

/// Rows of weights from which on a matrix of patches pays: it is written once and read once for each output row's work, and a
/// GPU with 67 TFLOP/s and 4.3 TB/s does as much in the time as 75 to 80 rows are.
const ROWS: usize = 80;

/// Taps below which it never does: the product would write more than it computes.
const TAPS: usize = 64;

/// Threads of a block of kernels that treat values one by one.
const THREADS: usize = 256;

/// Most blocks along the second and third direction of a grid.
const MOST_BLOCKS: usize = 65_535;

/// Threads of a block of kernels that sum.
const SUMMING: usize = 128;

/// Own kernels, run by a launcher.
pub struct Own<L> {
    launcher: Arc<L>,
    precision: MatrixPrecision,
    /// Whether wide convolutions with frozen weights are candle's, which is cuDNN where it is built with it.
    library: bool,
}

/// Images whose rows stand one behind another, and the strides to members, images and channels; 0 to members where shared.
struct Strided {
    x: Tensor,
    strides: [usize; 3],
}

impl Strided {
    fn new(x: &Tensor) -> Result<Self> {
        let width = x.dim(4)?;
        let stride = x.stride();
        let dense = (width == 1 || stride[4] == 1) && (x.dim(3)? == 1 || stride[3] == width);
        let x = if dense { x.clone() } else { x.contiguous()? };
        let stride = x.stride();
        let member = if x.dim(0)? == 1 { 0 } else { stride[0] };
        Ok(Strided { strides: [member, stride[1], stride[2]], x })
    }
}

/// (members or 1, values), contiguous, and the stride to members.
fn rows(x: &Tensor) -> Result<(Tensor, usize)> {
    let x = x.contiguous()?;
    let stride = if x.dim(0)? == 1 { 0 } else { x.elem_count() / x.dim(0)? };
    Ok((x, stride))
}

/// A grid of the values of an image by blocks, of images, of members.
fn by_image(values: usize, batch: usize, members: usize) -> [usize; 3] {
    // A block goes on with the images that find no block of their own.
    [values.div_ceil(THREADS), batch.min(MOST_BLOCKS), members]
}

fn number_of(activation: Option<Activation>) -> usize {
    match activation {
        None => 0,
        Some(Activation::Relu) => 1,
        Some(Activation::Leaky) => 2,
        Some(Activation::Tanh) => 3,
        Some(Activation::Gelu) => 4,
    }
}

impl<L: Launcher> Own<L> {
    /// Kernels run by `launcher`; products round their factors to `precision`. In tf32 wide convolutions with frozen weights go
    /// to cuDNN where this build has it: in f32 it would round as well, unasked.
    pub fn new(launcher: Arc<L>, precision: MatrixPrecision) -> Self {
        Own { launcher, precision, library: cfg!(feature = "cudnn") && precision == MatrixPrecision::Tf32 }
    }

    /// The same with wide convolutions of frozen weights by candle's own convolution, or without.
    #[must_use]
    pub fn by_library(self, library: bool) -> Self {
        Own { library, ..self }
    }

    fn by_product(taps: usize, rows: usize) -> bool {
        taps >= TAPS && rows >= ROWS
    }

    /// (members or 1, taps, batch * positions) of some taps, or of all.
    fn patches_at(&self, x: &Tensor, geometry: Geometry, taps: Option<&Taps>) -> Result<Tensor> {
        let (members, batch, channels, height, width) = x.dims5()?;
        let [rows, columns] = geometry.outputs([height, width]);
        let Strided { x, strides: [member, image, channel] } = Strided::new(x)?;
        let count = taps.map_or(channels * geometry.window[0] * geometry.window[1], |taps| taps.places.len());
        let shape = [members, count, batch * rows * columns];
        let arguments = [
            Argument::Values(&x),
            Argument::Number(member),
            Argument::Number(image),
            Argument::Number(channel),
            Argument::Number(height),
            Argument::Number(width),
            optional(taps.map(|taps| &taps.tensor)),
            Argument::Number(count),
            Argument::Number(batch),
            Argument::Number(rows),
            Argument::Number(columns),
            Argument::Number(geometry.stride),
            Argument::Number(geometry.padding),
            Argument::Number(geometry.window[0]),
            Argument::Number(geometry.window[1]),
        ];
        let launch = Launch::plain(Kernel::Patches, by_image(count * rows * columns, batch, members), THREADS);
        Ok(self.launcher.launch(&launch, &arguments, &[(&shape, DType::F32)])?.swap_remove(0))
    }

    /// Sums by patches and a product: (members, batch, filters, height, width), its filters before its images in memory.
    fn through_patches(&self, x: &Tensor, weight: &Tensor, geometry: Geometry) -> Result<Tensor> {
        let (of_x, batch, channels, height, width) = x.dims5()?;
        let (of_weight, filters, ..) = weight.dims5()?;
        let [rows, columns] = geometry.outputs([height, width]);
        let taps = channels * geometry.window[0] * geometry.window[1];
        let weight = weight.contiguous()?.reshape((of_weight, filters, taps))?;
        if geometry.linear([height, width]) {
            return self.linear(&x.contiguous()?.reshape((of_x, batch, taps))?, &weight);
        }
        if self.library && of_weight == 1 && geometry.window[0] == geometry.window[1] {
            // Members are images more.
            let weight = weight.reshape((filters, channels, geometry.window[0], geometry.window[1]))?;
            let sums = x.contiguous()?.flatten(0, 1)?.conv2d(&weight, geometry.padding, geometry.stride, 1, 1)?;
            return sums.reshape((of_x, batch, filters, rows, columns));
        }
        let patches = self.patches_at(x, geometry, None)?;
        let sums = match of_x {
            1 => self.launcher.product(&weight.reshape((1, of_weight * filters, taps))?, &patches, self.precision)?,
            _ => self.launcher.product(&weight, &patches, self.precision)?,
        };
        let members = of_x.max(of_weight);
        sums.reshape((members, filters, batch, rows, columns))?.transpose(1, 2)
    }

    /// `x` (members or 1, batch, inputs) by `weight` (members or 1, outputs, inputs), as images of one pixel.
    fn linear(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        let (of_x, batch, inputs) = x.dims3()?;
        let (of_weight, outputs, _) = weight.dims3()?;
        let product = |a: &Tensor, b: &Tensor| self.launcher.product(a, b, self.precision);
        match (of_x, of_weight) {
            (_, 1) => {
                // Members are images more.
                let rows = x.reshape((1, of_x * batch, inputs))?;
                let sums = product(&rows, &weight.transpose(1, 2)?.contiguous()?)?;
                sums.reshape((of_x, batch, outputs, 1, 1))
            }
            (1, _) => {
                let rows = weight.reshape((1, of_weight * outputs, inputs))?;
                let sums = product(&rows, &x.transpose(1, 2)?.contiguous()?)?;
                sums.reshape((of_weight, outputs, batch, 1, 1))?.transpose(1, 2)
            }
            _ => product(x, &weight.transpose(1, 2)?.contiguous()?)?.reshape((of_x, batch, outputs, 1, 1)),
        }
    }

    /// Sums, statistics and pooling in one pass.
    #[expect(clippy::too_many_arguments, reason = "one convolution with what stands before and behind it")]
    fn directly(
        &self,
        x: &Tensor,
        weight: &Tensor,
        geometry: Geometry,
        first: &First,
        tail: &Tail,
        pool: Option<Window>,
        tiling: &Tiling,
    ) -> Result<Finished> {
        let (of_x, batch, channels, height, width) = x.dims5()?;
        let (of_weight, filters, ..) = weight.dims5()?;
        let [rows_out, columns_out] = geometry.outputs([height, width]);
        let of_first = [&first.bias, &first.varied].into_iter().flatten().map(|first| first.dim(0));
        let members = of_first.chain([Ok(of_x), Ok(of_weight)]).collect::<Result<Vec<_>>>()?.into_iter().max();
        let members = members.unwrap_or(1);
        let of_scale = tail.norm.as_ref().map_or(Ok(1), |norm| norm.scale.dim(0))?;
        if pool.is_some() && of_scale > members {
            // The sign of each member's scale chooses: each has pooled values of its own.
            let (raw, _) = self.directly(x, weight, geometry, first, &Tail::default(), None, tiling)?;
            return self.finish(&raw, of_scale, tail);
        }
        let statistics = tail.norm.as_ref().is_some_and(|norm| norm.moments.is_none());
        let activation =
            if tail.norm.is_none() && (tail.pool.is_none() || pool.is_some()) { tail.activation } else { None };
        let Strided { x, strides: [x_member, x_image, x_channel] } = Strided::new(x)?;
        let (weight, weight_member) = rows(weight)?;
        let bias = first.bias.as_ref().map(rows).transpose()?;
        let seed = first.seed.as_ref().map(Strided::new).transpose()?;
        let varied = first.varied.as_ref().map(Strided::new).transpose()?;
        let first_varied = filters - first.varied.as_ref().map_or(Ok(0), |varied| varied.dim(2))?;
        let scale = tail.norm.as_ref().filter(|_| pool.is_some()).map(|norm| rows(&norm.scale)).transpose()?;
        let stride = |of: &Option<Strided>, i: usize| Argument::Number(of.as_ref().map_or(0, |of| of.strides[i]));
        let arguments = [
            Argument::Values(&x),
            Argument::Number(x_member),
            Argument::Number(x_image),
            Argument::Number(x_channel),
            Argument::Values(&weight),
            Argument::Number(weight_member),
            optional(bias.as_ref().map(|bias| &bias.0)),
            Argument::Number(bias.as_ref().map_or(0, |bias| bias.1)),
            optional(seed.as_ref().map(|seed| &seed.x)),
            stride(&seed, 1),
            stride(&seed, 2),
            optional(varied.as_ref().map(|varied| &varied.x)),
            stride(&varied, 0),
            stride(&varied, 1),
            stride(&varied, 2),
            Argument::Number(first_varied),
            optional(scale.as_ref().map(|scale| &scale.0)),
            Argument::Number(scale.as_ref().map_or(0, |scale| scale.1)),
            Argument::Number(batch),
        ];
        let Tiling { cell, filters: of_thread, tiles, images, band, bands, .. } = *tiling;
        let around = Around { pooled: pool.is_some(), statistics, activation: number_of(activation) };
        let constants = tiling.constants(channels, [height, width], filters, geometry, around);
        let launch = Launch {
            kernel: Kernel::Convolve,
            constants: &constants,
            grid: [batch.div_ceil(images) * bands, filters.div_ceil(of_thread * tiles), members],
            threads: tiling.threads,
            shared_bytes: tiling.shared_bytes,
        };
        let [rows, columns] = pool.map_or([rows_out, columns_out], |window| window.outputs([rows_out, columns_out]));
        let out = [members, batch, filters, rows, columns];
        let parts = [members, filters, if statistics { batch * bands } else { 0 }];
        let outputs = [(&out[..], DType::F32), (&parts[..], DType::F32), (&parts[..], DType::F32)];
        let [out, mean, squares]: [Tensor; 3] =
            self.launcher.launch(&launch, &arguments, &outputs)?.try_into().expect("three outputs");
        if tail.norm.is_none() && (tail.pool.is_none() || pool.is_some()) {
            return Ok((out, None));
        }
        let moments = match statistics {
            true => Some(self.joined(&mean, &squares, batch, [bands, band * cell], [rows_out, columns_out])?),
            false => None,
        };
        let norm =
            tail.norm.clone().map(|norm| Normalising { moments: moments.clone().or(norm.moments.clone()), ..norm });
        let rest = Tail { norm, activation: tail.activation, pool: tail.pool.filter(|_| pool.is_none()) };
        let (value, _) = self.finish(&out, members.max(of_scale), &rest)?;
        Ok((value, moments))
    }

    /// Statistics from those of images or their bands, (members, channels, batch * bands) each.
    fn joined(
        &self,
        mean: &Tensor,
        squares: &Tensor,
        batch: usize,
        [bands, band]: [usize; 2],
        [height, width]: [usize; 2],
    ) -> Result<Moments> {
        let (members, channels, _) = mean.dims3()?;
        let numbers = [batch, bands, band, height, width].map(Argument::Number);
        let arguments = [&[Argument::Values(mean), Argument::Values(squares)][..], &numbers].concat();
        let launch = Launch::plain(Kernel::Join, [channels, members, 1], SUMMING);
        let shape = [members, channels];
        let outputs = [(&shape[..], DType::F32); 3];
        let [mean, variance, inverse]: [Tensor; 3] =
            self.launcher.launch(&launch, &arguments, &outputs)?.try_into().expect("three outputs");
        Ok(Moments { mean, variance, inverse })
    }
}

fn optional(x: Option<&Tensor>) -> Argument<'_> {
    x.map_or(Argument::Nothing, Argument::Values)
}

impl<L: Launcher> Operations for Own<L> {
    fn bank(&self, trained: &Tensor, template: &Template) -> Result<Tensor> {
        let members = trained.dim(0)?;
        let (trained, stride) = rows(trained)?;
        let length = template.genes.elem_count();
        let arguments = [
            Argument::Values(&trained),
            Argument::Number(stride),
            Argument::Values(&template.frozen),
            Argument::Values(&template.genes),
            Argument::Number(length),
        ];
        let shape: Vec<usize> = std::iter::once(members).chain(template.shape().iter().copied()).collect();
        let launch = Launch::plain(Kernel::Bank, [length.div_ceil(THREADS), members, 1], THREADS);
        Ok(self.launcher.launch(&launch, &arguments, &[(&shape, DType::F32)])?.swap_remove(0))
    }

    fn convolution(
        &self,
        x: &Tensor,
        weight: &Tensor,
        geometry: Geometry,
        first: &First,
        tail: &Tail,
    ) -> Result<Finished> {
        let (of_x, _, channels, height, width) = x.dims5()?;
        let (of_weight, filters, ..) = weight.dims5()?;
        let taps = channels * geometry.window[0] * geometry.window[1];
        let rows = if of_x == 1 { of_weight * filters } else { filters };
        // A cell is a window of the pooling where windows do not overlap and their greatest is that of what is activated.
        let pool = tail.pool.filter(|window| window.size == window.stride && (2..=3).contains(&window.size));
        let tiling = match geometry.linear([height, width]) || Self::by_product(taps, rows) {
            true => None,
            false => Tiling::new(channels, [height, width], filters, geometry, pool),
        };
        match tiling {
            Some(tiling) => self.directly(x, weight, geometry, first, tail, pool, &tiling),
            None => {
                let sums = begun(&self.through_patches(x, weight, geometry)?, first)?;
                let members = sums.dim(0)?.max(tail.norm.as_ref().map_or(Ok(1), |norm| norm.scale.dim(0))?);
                self.finish(&sums, members, tail)
            }
        }
    }

    fn patches(&self, x: &Tensor, geometry: Geometry, taps: &Taps) -> Result<Tensor> {
        self.patches_at(x, geometry, Some(taps))?.get(0)
    }

    fn product(&self, weight: &Tensor, patches: &Tensor) -> Result<Tensor> {
        let (members, rows, taps) = weight.dims3()?;
        let weight = weight.contiguous()?.reshape((1, members * rows, taps))?;
        let sums = self.launcher.product(&weight, &patches.unsqueeze(0)?.contiguous()?, self.precision)?;
        sums.reshape((members, rows, patches.dim(1)?))
    }

    fn moments(&self, x: &Tensor) -> Result<Moments> {
        let (members, batch, channels, height, width) = x.dims5()?;
        let Strided { x, strides: [member, image, channel] } = Strided::new(x)?;
        let numbers = [member, image, channel, height * width].map(Argument::Number);
        let arguments = [&[Argument::Values(&x)][..], &numbers].concat();
        let shape = [members, channels, batch];
        let outputs = [(&shape[..], DType::F32); 2];
        let launch = Launch::plain(Kernel::Moments, [batch, channels, members], SUMMING);
        let parts = self.launcher.launch(&launch, &arguments, &outputs)?;
        self.joined(&parts[0], &parts[1], batch, [1, height], [height, width])
    }

    fn finish(&self, x: &Tensor, members: usize, tail: &Tail) -> Result<Finished> {
        if tail.is_empty() && x.dim(0)? == members {
            return Ok((x.clone(), None));
        }
        let (of_x, batch, channels, height, width) = x.dims5()?;
        let mut computed = None;
        let held = match &tail.norm {
            None => None,
            Some(Normalising { scale, shift, moments }) => {
                let moments = match moments {
                    Some(given) => given.clone(),
                    None => computed.insert(self.moments(x)?).clone(),
                };
                Some([rows(scale)?, rows(shift)?, rows(&moments.mean)?, rows(&moments.inverse)?])
            }
        };
        debug_assert!(of_x == 1 || of_x == members, "{of_x} members for {members}");
        let Strided { x, strides: [member, image, channel] } = Strided::new(x)?;
        let window = tail.pool.unwrap_or(Window { size: 1, stride: 1 });
        let [rows_out, columns_out] = window.outputs([height, width]);
        let shape = [members, batch, channels, rows_out, columns_out];
        let values = |i: usize| held.as_ref().map_or(Argument::Nothing, |held| Argument::Values(&held[i].0));
        let stride = |i: usize| Argument::Number(held.as_ref().map_or(0, |held| held[i].1));
        let arguments = [
            Argument::Values(&x),
            Argument::Number(member),
            Argument::Number(image),
            Argument::Number(channel),
            Argument::Number(width),
            Argument::Number(batch),
            Argument::Number(channels),
            Argument::Number(rows_out),
            Argument::Number(columns_out),
            Argument::Number(window.size),
            Argument::Number(window.stride),
            Argument::Number(number_of(tail.activation)),
            values(0),
            values(1),
            values(2),
            values(3),
            stride(0),
            stride(1),
            stride(2),
        ];
        let launch =
            Launch::plain(Kernel::Finish, by_image(channels * rows_out * columns_out, batch, members), THREADS);
        let value = self.launcher.launch(&launch, &arguments, &[(&shape, DType::F32)])?.swap_remove(0);
        Ok((value, computed))
    }

    fn patch_floats(&self, geometry: Geometry, step: &Step, filters: usize) -> usize {
        let taps = step.input.channels * geometry.window[0] * geometry.window[1];
        let linear = geometry.linear([step.input.height, step.input.width]);
        if !linear && Self::by_product(taps, filters) {
            step.raw.pixels()
        } else {
            0
        }
    }

    fn losses(&self, logits: &Tensor, labels: &Tensor, loss: Loss, by_class: bool) -> Result<Tensor> {
        let (members, batch, classes) = logits.dims3()?;
        let logits = logits.contiguous()?;
        let numbers = [batch, classes, loss as usize].map(Argument::Number);
        let arguments = [&[Argument::Values(&logits), Argument::Values(labels)][..], &numbers].concat();
        let launch = Launch::plain(Kernel::ImageLosses, [batch.div_ceil(SUMMING), members, 1], SUMMING);
        let of_images = self.launcher.launch(&launch, &arguments, &[(&[members, batch], DType::F64)])?.swap_remove(0);
        let rows = if by_class { 1 + classes } else { 1 };
        let arguments = [Argument::Values(&of_images), Argument::Values(labels), Argument::Number(batch)];
        let launch = Launch::plain(Kernel::MeanLosses, [rows, members, 1], SUMMING);
        Ok(self.launcher.launch(&launch, &arguments, &[(&[members, rows], DType::F32)])?.swap_remove(0))
    }
}
