//! Layers as differentiable tensor operations with a member axis: images are (m, batch, c, h, w), features
//! (m, batch, f), weights (m, ...), and each leading m is 1 (shared) or the number of members.
//!
//! On the CPU they are this crate's kernels, wrapped as custom operations of candle; on other devices, and where the
//! reference is asked for, they are composed of candle's own operations. Gradients are for one member.

mod avg_pool;
mod batch_norm;
mod conv;
mod linear;
mod max_pool;
mod norm_relu;
mod relu;
mod weighted;

pub use avg_pool::avg_pool;
pub use batch_norm::{batch_norm, moments, normalise, Statistics};
pub use conv::conv2d;
pub use linear::linear;
pub use max_pool::max_pool;
pub use norm_relu::norm_relu;
pub use relu::relu;

use candle_core::{bail, CpuStorage, Layout, Result, Shape, Storage, Tensor};

use super::kernel::Spread;

/// Which implementation computes a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernels {
    /// This crate's CPU kernels.
    Cpu(Spread),
    /// candle's operations: any device, slower, the reference.
    Candle,
}

/// The contiguous f32 values of an operation's argument.
fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!("the argument is not contiguous"),
    }
}

/// Calls `work` with the f32 values of a tensor on the CPU.
fn with_values<T>(tensor: &Tensor, work: impl FnOnce(&[f32]) -> Result<T>) -> Result<T> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => work(values(storage, layout)?),
        _ => bail!("the tensor is not on the CPU"),
    }
}

/// The gradient of an operation's argument, computed only where it is asked for.
fn wanted(argument: &Tensor, gradient: impl FnOnce() -> Result<Vec<f32>>) -> Result<Option<Tensor>> {
    let tensor = || Tensor::from_vec(gradient()?, argument.shape(), argument.device());
    argument.track_op().then(tensor).transpose()
}

/// The member axis of an operation's result: the arguments' axes must be 1 or equal.
fn members(axes: &[usize]) -> Result<usize> {
    let members = axes.iter().copied().max().unwrap_or(1);
    if axes.iter().all(|axis| *axis == 1 || *axis == members) {
        Ok(members)
    } else {
        bail!("member axes {axes:?} are neither 1 nor equal")
    }
}

/// Refuses gradients of more than one member.
fn one_member(axes: &[usize]) -> Result<()> {
    if axes.iter().all(|axis| *axis == 1) {
        Ok(())
    } else {
        bail!("gradients are for one member, got member axes {axes:?}")
    }
}

/// The member `i` of a tensor, or its only one.
fn member(tensor: &Tensor, i: usize) -> Result<Tensor> {
    tensor.get(if tensor.dim(0)? == 1 { 0 } else { i })
}

/// Height and width of images (m, batch, c, h, w), into which a window of this size must fit.
fn image_size(images: &Shape, size: usize, stride: usize) -> Result<(usize, usize)> {
    let (.., height, width) = images.dims5()?;
    if size == 0 || stride == 0 || size > height.min(width) {
        bail!("a window of {size} by steps of {stride} does not fit an image of {height} x {width}");
    }
    Ok((height, width))
}

/// The `size * size` views of `x` (m, batch, c, h, w) that hold one place of every window, (m, batch, c, oh, ow) each.
fn window_views(x: &Tensor, size: usize, stride: usize) -> Result<Vec<Tensor>> {
    let (height, width) = image_size(x.shape(), size, stride)?;
    let every = |from: usize, n: usize| {
        let places = (n - size) / stride + 1;
        Tensor::from_iter((0..places).map(|i| (from + i * stride) as u32), x.device())
    };
    let mut views = Vec::with_capacity(size * size);
    for dy in 0..size {
        let rows = x.index_select(&every(dy, height)?, 3)?;
        for dx in 0..size {
            views.push(rows.index_select(&every(dx, width)?, 4)?);
        }
    }
    Ok(views)
}
