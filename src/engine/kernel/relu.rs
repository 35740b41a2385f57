//! Rectifier and its gradient, which is 0 at 0.

use super::Spread;

/// Values of one task: enough work to be worth a thread.
const CHUNK: usize = 1 << 15;

/// `out` = max(x, 0); NaN is kept.
pub fn forward(x: &[f32], out: &mut [f32], spread: Spread) {
    spread.chunks(out, CHUNK, |i, out, _| {
        for (out, x) in out.iter_mut().zip(&x[i * CHUNK..]) {
            *out = if *x < 0.0 { 0.0 } else { *x };
        }
    });
}

/// Gradient of x from its value and `dy`.
pub fn backward(x: &[f32], dy: &[f32], spread: Spread) -> Vec<f32> {
    let mut dx = vec![0.0; x.len()];
    spread.chunks(&mut dx, CHUNK, |i, dx, _| {
        for (dx, (x, dy)) in dx.iter_mut().zip(x[i * CHUNK..].iter().zip(&dy[i * CHUNK..])) {
            *dx = if *x > 0.0 { *dy } else { 0.0 };
        }
    });
    dx
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_values_and_their_gradients_are_cut_and_nan_is_kept() {
        let x = [-1.0, 0.0, 2.0, f32::NAN];
        let mut out = [9.0; 4];
        forward(&x, &mut out, Spread::Pool);
        assert_eq!(out[..3], [0.0, 0.0, 2.0]);
        assert!(out[3].is_nan());
        assert_eq!(backward(&x, &[1.0, 1.0, 3.0, 1.0], Spread::Here)[..3], [0.0, 0.0, 3.0]);
    }
}
