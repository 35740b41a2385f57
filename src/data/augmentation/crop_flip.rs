//! Random crop and horizontal flip (He et al. 2016, section 4.2): the image is framed by `padding` pixels of zeros, a window
//! of its own size is cut out at a random place, and mirrored left to right with probability `flip`.
//!
//! The frame is byte 0, put on before normalisation: the same as torchvision's `RandomCrop(size, padding)` and
//! `RandomHorizontalFlip(flip)` before `ToTensor` and `Normalize`. After normalisation it is black, not the mean.

use super::Augmentation;
use crate::entry::Entry;
use crate::params::{Params, Range};
use crate::rng::Rng;

struct CropFlip {
    padding: usize,
    flip: f32,
}

pub(super) const ENTRY: Entry<dyn Augmentation, [usize; 3]> = Entry {
    name: "crop-flip",
    summary: "random crop of the zero-padded image, horizontal flip; `padding` = 4, `flip` = 0.5",
    reference: "He et al. 2016, section 4.2",
    build: |params, shape| Ok(Box::new(CropFlip::read(params, *shape))),
};

impl CropFlip {
    /// Defaults: `padding` 4 pixels on each side (0: no crop) and `flip` 0.5 (0: no flip), both from the paper.
    fn read(params: &Params<'_>, [_, height, width]: [usize; 3]) -> Self {
        // With a wider frame nothing of an image could be left.
        let widest = height.min(width) as u64 - 1;
        CropFlip {
            padding: params.integer("padding", Some(4.min(widest)), 0..=widest) as usize,
            flip: params.float("flip", Some(0.5), Range::Within(0.0, 1.0)) as f32,
        }
    }
}

impl Augmentation for CropFlip {
    fn changes(&self) -> bool {
        self.padding > 0 || self.flip > 0.0
    }

    fn apply(&self, image: &[u8], [_, height, width]: [usize; 3], rng: &mut Rng, out: &mut [u8]) {
        let padding = self.padding;
        // The window's upper left corner in the framed image.
        let [top, left] = [(); 2].map(|()| rng.below(2 * padding + 1));
        let flipped = rng.uniform() < self.flip;
        // What of a row is left, where it begins in the image, and where in the window.
        let length = width - left.abs_diff(padding);
        let (from, to) = (left.saturating_sub(padding), padding.saturating_sub(left));
        let to = if flipped { width - to - length } else { to };
        out.fill(0);
        let planes = image.chunks_exact(height * width).zip(out.chunks_exact_mut(height * width));
        for (image, out) in planes {
            for (y, out) in out.chunks_exact_mut(width).enumerate() {
                let Some(row) = (y + top).checked_sub(padding).filter(|row| *row < height) else { continue };
                let (pixels, out) = (&image[row * width + from..][..length], &mut out[to..][..length]);
                if flipped {
                    out.iter_mut().rev().zip(pixels).for_each(|(out, pixel)| *out = *pixel);
                } else {
                    out.copy_from_slice(pixels);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    /// The same by one pixel after the other: pixel (y, x) of the window at (top, left), mirrored or not.
    fn plain(image: &[u8], [c, h, w]: [usize; 3], padding: usize, top: usize, left: usize, flipped: bool) -> Vec<u8> {
        let pixel = |channel: usize, y: usize, x: usize| {
            let (y, x) = ((y + top) as isize - padding as isize, (x + left) as isize - padding as isize);
            let inside = (0..h as isize).contains(&y) && (0..w as isize).contains(&x);
            if inside {
                image[channel * h * w + y as usize * w + x as usize]
            } else {
                0
            }
        };
        let of_row = |channel, y| (0..w).map(move |x| pixel(channel, y, if flipped { w - 1 - x } else { x }));
        (0..c).flat_map(|channel| (0..h).flat_map(move |y| of_row(channel, y))).collect()
    }

    #[test]
    fn it_is_the_window_of_the_framed_image_pixel_by_pixel() {
        let shapes = [([3, 5, 7], 2), ([1, 6, 4], 3), ([2, 3, 3], 0), ([1, 5, 5], 4)];
        for (shape, padding) in shapes {
            let [c, h, w] = shape;
            // No pixel is 0, so that the frame is seen.
            let image: Vec<u8> = (0..c * h * w).map(|i| (i % 251) as u8 + 1).collect();
            let augmentation = CropFlip { padding, flip: 0.5 };
            for i in 0..200 {
                let mut out = vec![77; image.len()];
                augmentation.apply(&image, shape, &mut Seed::new(4).index(i).rng(), &mut out);
                let mut rng = Seed::new(4).index(i).rng();
                let (top, left) = (rng.below(2 * padding + 1), rng.below(2 * padding + 1));
                let flipped = rng.uniform() < 0.5;
                assert_eq!(out, plain(&image, shape, padding, top, left, flipped), "{shape:?} {padding} {i}");
            }
        }
    }

    #[test]
    fn every_shift_is_as_likely_as_every_other_and_half_of_the_images_are_flipped() {
        // One bright pixel left of the middle tells shift and flip: a flip moves it to the right half.
        let (shape, n) = ([1, 21, 21], 40_000);
        let mut image = vec![0; 21 * 21];
        image[10 * 21 + 4] = 1;
        let augmentation = CropFlip { padding: 4, flip: 0.5 };
        let (mut shifts, mut flips, mut out) = ([[0u32; 9]; 9], 0, vec![0; image.len()]);
        for i in 0..n {
            augmentation.apply(&image, shape, &mut Seed::new(9).index(i).rng(), &mut out);
            let at = out.iter().position(|pixel| *pixel == 1).unwrap();
            let (y, x) = (at / 21, at % 21);
            let flipped = x > 10;
            flips += u32::from(flipped);
            shifts[y - 6][if flipped { 20 - x } else { x }] += 1;
        }
        // Five standard deviations of a binomial count.
        let within = |count: u32, p: f64| {
            let (mean, spread) = (n as f64 * p, (n as f64 * p * (1.0 - p)).sqrt());
            assert!((f64::from(count) - mean).abs() < 5.0 * spread, "{count} against {mean} +- {spread}");
        };
        shifts.iter().flatten().for_each(|count| within(*count, 1.0 / 81.0));
        within(flips, 0.5);
    }

    #[test]
    fn a_probability_of_nought_or_one_is_exact_and_nothing_to_do_is_no_change() {
        let image: Vec<u8> = (1..=12).collect();
        for (flip, expected) in [(0.0, [1, 2, 3]), (1.0, [3, 2, 1])] {
            for i in 0..100 {
                let mut out = vec![0; 12];
                let augmentation = CropFlip { padding: 0, flip };
                augmentation.apply(&image, [2, 2, 3], &mut Seed::new(1).index(i).rng(), &mut out);
                assert_eq!(out[..3], expected);
                assert_eq!(augmentation.changes(), flip > 0.0);
            }
        }
        assert!(CropFlip { padding: 1, flip: 0.0 }.changes());
    }
}
