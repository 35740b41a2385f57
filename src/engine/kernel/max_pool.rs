//! Max pooling and its gradient, which goes to the first greatest value of each window.

use super::Spread;

/// Shape of a pooling layer; images and channels are one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Height of the input.
    pub height: usize,
    /// Width of the input.
    pub width: usize,
    /// Side of the window.
    pub size: usize,
    /// Step in both directions.
    pub stride: usize,
}

impl Geometry {
    /// Height of the output.
    pub fn out_height(&self) -> usize {
        (self.height - self.size) / self.stride + 1
    }

    /// Width of the output.
    pub fn out_width(&self) -> usize {
        (self.width - self.size) / self.stride + 1
    }

    /// Index of the first greatest value of the window at (`oy`, `ox`); a NaN counts as greatest.
    fn greatest(&self, image: &[f32], oy: usize, ox: usize) -> usize {
        let start = oy * self.stride * self.width + ox * self.stride;
        let mut best = start;
        for y in 0..self.size {
            for i in start + y * self.width..start + y * self.width + self.size {
                if image[i] > image[best] || (image[i].is_nan() && !image[best].is_nan()) {
                    best = i;
                }
            }
        }
        best
    }
}

/// `out` (rows, oh, ow) of `x` (rows, h, w).
pub fn forward(g: &Geometry, x: &[f32], out: &mut [f32], spread: Spread) {
    let (plane, out_w) = (g.height * g.width, g.out_width());
    spread.chunks(out, g.out_height() * out_w, |row, out, _| {
        let x = &x[row * plane..][..plane];
        for (oy, out) in out.chunks_exact_mut(out_w).enumerate() {
            if g.size == 2 && g.stride == 2 {
                let top = &x[2 * oy * g.width..][..2 * out_w];
                let bottom = &x[(2 * oy + 1) * g.width..][..2 * out_w];
                for (out, (a, b)) in out.iter_mut().zip(top.chunks_exact(2).zip(bottom.chunks_exact(2))) {
                    *out = greater(greater(a[0], a[1]), greater(b[0], b[1]));
                }
            } else {
                out.iter_mut().enumerate().for_each(|(ox, out)| *out = x[g.greatest(x, oy, ox)]);
            }
        }
    });
}

/// The greater of two; NaN if either is.
fn greater(a: f32, b: f32) -> f32 {
    if b > a || b.is_nan() {
        b
    } else {
        a
    }
}

/// Gradient of `x` (rows, h, w) from `dy` (rows, oh, ow).
pub fn backward(g: &Geometry, x: &[f32], dy: &[f32], spread: Spread) -> Vec<f32> {
    let (plane, out_w) = (g.height * g.width, g.out_width());
    let out_plane = g.out_height() * out_w;
    let mut dx = vec![0.0; x.len()];
    spread.chunks(&mut dx, plane, |row, dx, _| {
        let x = &x[row * plane..][..plane];
        let dy = &dy[row * out_plane..][..out_plane];
        if g.size == 2 && g.stride == 2 {
            halve_backward(g.width, x, dy, dx);
        } else {
            for (at, dy) in dy.iter().enumerate() {
                dx[g.greatest(x, at / out_w, at % out_w)] += dy;
            }
        }
    });
    dx
}

/// The gradient of one plane for windows of 2 x 2: the same places as [`Geometry::greatest`], without branches.
fn halve_backward(width: usize, x: &[f32], dy: &[f32], dx: &mut [f32]) {
    let half = width / 2;
    let rows = x.chunks_exact(2 * width).zip(dx.chunks_exact_mut(2 * width)).zip(dy.chunks_exact(half));
    for ((x, dx), dy) in rows {
        let (top, bottom) = x.split_at(width);
        let (dx_top, dx_bottom) = dx.split_at_mut(width);
        let inputs = top.chunks_exact(2).zip(bottom.chunks_exact(2));
        let outputs = dx_top.chunks_exact_mut(2).zip(dx_bottom.chunks_exact_mut(2));
        for (((a, b), (da, db)), dy) in inputs.zip(outputs).zip(dy) {
            let later = |best: f32, x: f32| x > best || (x.is_nan() && !best.is_nan());
            let right = later(a[0], a[1]);
            let best = if right { a[1] } else { a[0] };
            let third = later(best, b[0]);
            let best = if third { b[0] } else { best };
            let fourth = later(best, b[1]);
            let put = |here: bool| if here { *dy } else { 0.0 };
            (da[0], da[1]) = (put(!right && !third && !fourth), put(right && !third && !fourth));
            (db[0], db[1]) = (put(third && !fourth), put(fourth));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_give_their_greatest_and_its_place_gets_the_gradient() {
        let x: Vec<f32> = [1, 5, 2, 0, 3, 4, 4, 9, 1, 7, 8, 6, 2, 0, 3, 1].map(|x: i32| x as f32).to_vec();
        for (size, stride, expected, places) in
            [(2, 2, vec![5.0, 9.0, 7.0, 8.0], vec![1, 7, 9, 10]), (3, 1, vec![8.0, 9.0, 8.0, 9.0], vec![10, 7, 10, 7])]
        {
            let g = Geometry { height: 4, width: 4, size, stride };
            let mut out = vec![0.0; 4];
            forward(&g, &x, &mut out, Spread::Here);
            assert_eq!(out, expected);
            let dx = backward(&g, &x, &[1.0, 2.0, 3.0, 4.0], Spread::Pool);
            let mut by_hand = vec![0.0; 16];
            places.iter().zip([1.0, 2.0, 3.0, 4.0]).for_each(|(place, dy)| by_hand[*place] += dy);
            assert_eq!(dx, by_hand);
        }
    }

    #[test]
    fn odd_borders_are_dropped_and_nan_is_kept() {
        let g = Geometry { height: 3, width: 5, size: 2, stride: 2 };
        let mut x = vec![0.0; 15];
        x[6] = f32::NAN;
        let mut out = vec![0.0; 2];
        forward(&g, &x, &mut out, Spread::Here);
        assert!(out[0].is_nan() && out[1] == 0.0);
    }
}
