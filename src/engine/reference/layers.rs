//! Layers composed of candle's operations: images are (batch, channels, height, width), features (batch, features).
//!
//! Not candle's own layers where those of version 0.11 are wrong: the gradient of `conv2d` fails for some image sizes, that
//! of `max_pool2d` is divided by the size of the window, and `relu` and `maximum` lose a NaN.

use candle_core::{bail, Result, Tensor, D};

use crate::engine::statistics::EPSILON;
use crate::graph::{Activation, LEAK};

/// (batch, filters, oh, ow) of `x` (batch, c, h, w), `weight` (filters, c, k, k) and `bias` (filters).
///
/// # Errors
/// If the shapes do not fit.
pub fn conv2d(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, stride: usize, padding: usize) -> Result<Tensor> {
    let (filters, channels, size, _) = weight.dims4()?;
    let x = x.pad_with_zeros(2, padding, padding)?.pad_with_zeros(3, padding, padding)?;
    // For each place of the window, one product over channels of what all windows hold there.
    let mut sum: Option<Tensor> = None;
    for (i, view) in window_views(&x, size, stride)?.iter().enumerate() {
        let (batch, _, height, width) = view.dims4()?;
        // Contiguous, for candle's product of a transposed left factor is wrong.
        let rows = view.permute((0, 2, 3, 1))?.contiguous()?.reshape((batch * height * width, channels))?;
        let tap = weight.narrow(2, i / size, 1)?.narrow(3, i % size, 1)?.reshape((filters, channels))?;
        let product = rows.matmul(&tap.t()?.contiguous()?)?.reshape((batch, height, width, filters))?;
        sum = Some(match sum {
            Some(sum) => (sum + product)?,
            None => product,
        });
    }
    let Some(sum) = sum else { bail!("a convolution needs a window") };
    let sum = sum.permute((0, 3, 1, 2))?.contiguous()?;
    match bias {
        Some(bias) => sum.broadcast_add(&per_channel(bias)?),
        None => Ok(sum),
    }
}

/// (batch, outputs) of `x` (batch, inputs), `weight` (outputs, inputs) and `bias` (outputs).
///
/// # Errors
/// If the shapes do not fit.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let y = x.contiguous()?.matmul(&weight.t()?.contiguous()?)?;
    match bias {
        Some(bias) => y.broadcast_add(bias),
        None => Ok(y),
    }
}

/// Mean and biased variance (channels) of the images.
///
/// # Errors
/// If `x` holds no images.
pub fn moments(x: &Tensor) -> Result<(Tensor, Tensor)> {
    let (batch, channels, height, width) = x.dims4()?;
    let rows = x.transpose(0, 1)?.contiguous()?.reshape((channels, batch * height * width))?;
    let mean = rows.mean_keepdim(D::Minus1)?;
    let variance = rows.broadcast_sub(&mean)?.sqr()?.mean(D::Minus1)?;
    Ok((mean.squeeze(D::Minus1)?, variance))
}

/// (x - mean) / sqrt(variance + eps) * scale + shift, with (channels) values each.
///
/// # Errors
/// If the shapes do not fit.
pub fn normalise(x: &Tensor, mean: &Tensor, variance: &Tensor, scale: &Tensor, shift: &Tensor) -> Result<Tensor> {
    let inverse_std = (variance + EPSILON)?.sqrt()?.recip()?;
    x.broadcast_sub(&per_channel(mean)?)?
        .broadcast_mul(&per_channel(&inverse_std)?)?
        .broadcast_mul(&per_channel(scale)?)?
        .broadcast_add(&per_channel(shift)?)
}

/// max(x, 0), of the shape of `x`; NaN is kept, and at 0 the gradient is 0.
///
/// # Errors
/// If candle fails.
pub fn relu(x: &Tensor) -> Result<Tensor> {
    x.le(0.0)?.where_cond(&x.zeros_like()?, x)
}

/// A function of each value, of the shape of `x`; NaN is kept.
///
/// # Errors
/// If candle fails.
pub fn activation(x: &Tensor, activation: Activation) -> Result<Tensor> {
    match activation {
        Activation::Relu => relu(x),
        Activation::Leaky => x.le(0.0)?.where_cond(&(x * f64::from(LEAK))?, x),
        Activation::Tanh => x.tanh(),
        Activation::Gelu => x.gelu_erf(),
    }
}

/// Greatest value of each window; a NaN wins, and the first of equals has the gradient.
///
/// # Errors
/// If the window does not fit the image.
pub fn max_pool(x: &Tensor, size: usize, stride: usize) -> Result<Tensor> {
    let views = window_views(x, size, stride)?;
    views[1..].iter().try_fold(views[0].clone(), |best, view| {
        // One of the two holds at most: a NaN is not less than anything.
        let stays = (view.le(&best)? + best.ne(&best)?)?;
        stays.where_cond(&best, view)
    })
}

/// Mean of each window.
///
/// # Errors
/// If the window does not fit the image.
pub fn avg_pool(x: &Tensor, size: usize, stride: usize) -> Result<Tensor> {
    let views = window_views(x, size, stride)?;
    let sum = views[1..].iter().try_fold(views[0].clone(), |sum, view| sum + view)?;
    sum / (size * size) as f64
}

/// (channels) as something that fits images.
fn per_channel(values: &Tensor) -> Result<Tensor> {
    values.reshape((1, (), 1, 1))
}

/// The `size * size` views of `x` (batch, c, h, w) that hold one place of every window, (batch, c, oh, ow) each.
fn window_views(x: &Tensor, size: usize, stride: usize) -> Result<Vec<Tensor>> {
    let (.., height, width) = x.dims4()?;
    if size == 0 || stride == 0 || size > height.min(width) {
        bail!("a window of {size} by steps of {stride} does not fit an image of {height} x {width}");
    }
    let every = |from: usize, n: usize| {
        let places = (n - size) / stride + 1;
        Tensor::from_iter((0..places).map(|i| (from + i * stride) as u32), x.device())
    };
    let mut views = Vec::with_capacity(size * size);
    for dy in 0..size {
        let rows = x.index_select(&every(dy, height)?, 2)?;
        for dx in 0..size {
            views.push(rows.index_select(&every(dx, width)?, 3)?);
        }
    }
    Ok(views)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    /// Values that no sum repeats.
    fn values(n: usize) -> Vec<f64> {
        (0..n).map(|i| ((i * i + 3 * i) % 101) as f64 / 17.0 - 2.5).collect()
    }

    fn tensor(shape: &[usize]) -> Tensor {
        Tensor::from_vec(values(shape.iter().product()), shape, &Device::Cpu).unwrap()
    }

    #[test]
    fn convolutions_are_those_of_the_definition_on_images_of_any_sides() {
        for (sides, size, stride, padding) in
            [([5, 7], 3, 1, 1), ([6, 4], 3, 2, 0), ([3, 8], 2, 3, 1), ([4, 4], 1, 1, 0)]
        {
            let [height, width]: [usize; 2] = sides;
            let (x, weight, bias) = (tensor(&[2, 3, height, width]), tensor(&[4, 3, size, size]), tensor(&[4]));
            let y = conv2d(&x, &weight, Some(&bias), stride, padding).unwrap();
            let outputs = [height, width].map(|side| (side + 2 * padding - size) / stride + 1);
            assert_eq!(y.dims(), [2, 4, outputs[0], outputs[1]]);
            let (x, w, b, y) =
                (values(x.elem_count()), values(weight.elem_count()), values(4), y.flatten_all().unwrap());
            for (place, y) in y.to_vec1::<f64>().unwrap().into_iter().enumerate() {
                let (ox, oy) = (place % outputs[1], place / outputs[1] % outputs[0]);
                let (filter, image) = (place / (outputs[0] * outputs[1]) % 4, place / (4 * outputs[0] * outputs[1]));
                let mut expected = b[filter];
                for channel in 0..3 {
                    for (dy, dx) in (0..size).flat_map(|dy| (0..size).map(move |dx| (dy, dx))) {
                        let (row, column) = (oy * stride + dy, ox * stride + dx);
                        let inside =
                            (padding..padding + height).contains(&row) && (padding..padding + width).contains(&column);
                        if inside {
                            let pixel = ((image * 3 + channel) * height + row - padding) * width + column - padding;
                            expected += x[pixel] * w[((filter * 3 + channel) * size + dy) * size + dx];
                        }
                    }
                }
                assert!((y - expected).abs() < 1e-12, "{sides:?}, {size}, {stride}, {padding}: {y} against {expected}");
            }
        }
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let shape = [2, 3, 5, 7];
        let (weight, scale) = (tensor(&[4, 3, 3, 3]), tensor(&[3]));
        type Layer<'a> = &'a dyn Fn(&Tensor) -> Result<Tensor>;
        let layers: [(&str, Layer<'_>); 6] = [
            ("conv2d", &|x| conv2d(x, &weight, None, 2, 1)),
            ("conv2d, same", &|x| conv2d(x, &weight, None, 1, 1)),
            ("relu", &relu),
            ("max_pool", &|x| max_pool(x, 3, 2)),
            ("avg_pool", &|x| avg_pool(x, 2, 1)),
            ("batch-norm", &|x| {
                let (mean, variance) = moments(x)?;
                normalise(x, &mean, &variance, &scale, &scale)
            }),
        ];
        for (name, layer) in layers {
            let x = Var::from_tensor(&tensor(&shape)).unwrap();
            let loss = |x: &Tensor| -> Result<Tensor> {
                let y = layer(x)?;
                (&y * tensor(y.dims()))?.sum_all()
            };
            let gradient = loss(&x).unwrap().backward().unwrap().get(&x).unwrap().flatten_all().unwrap();
            let gradient = gradient.to_vec1::<f64>().unwrap();
            for i in (0..gradient.len()).step_by(7) {
                let at = |step: f64| {
                    let mut moved = values(gradient.len());
                    moved[i] += step;
                    let moved = Tensor::from_vec(moved, &shape, &Device::Cpu).unwrap();
                    loss(&moved).unwrap().to_scalar::<f64>().unwrap()
                };
                let difference = (at(1e-6) - at(-1e-6)) / 2e-6;
                assert!(
                    (difference - gradient[i]).abs() < 1e-6 * (1.0 + difference.abs()),
                    "{name}, {i}: {difference} against {}",
                    gradient[i]
                );
            }
        }
    }

    #[test]
    fn a_value_that_is_no_number_is_kept_wherever_it_stands() {
        for i in 0..4 {
            let mut x = [3.0, -1.0, 2.0, 0.0];
            x[i] = f64::NAN;
            let x = Tensor::from_slice(&x, (1, 1, 2, 2), &Device::Cpu).unwrap();
            let kept = |y: Tensor| y.flatten_all().unwrap().to_vec1::<f64>().unwrap().iter().any(|y| y.is_nan());
            assert!(kept(relu(&x).unwrap()) && kept(max_pool(&x, 2, 2).unwrap()), "{i}");
        }
    }
}
