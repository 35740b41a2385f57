//! PNG bytes of a scene: drawn larger than the page, then averaged, which smooths every edge.

use super::backend::{bitmap, BITMAP_SCALE};
use super::scene::Scene;

/// Draws a scene as a PNG file.
pub(super) fn png(scene: &Scene) -> Vec<u8> {
    let (width, height, large) = bitmap(scene);
    let small = average(&large, width as usize, BITMAP_SCALE as usize);
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width / BITMAP_SCALE, height / BITMAP_SCALE);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    // The size fits the bytes and memory does not refuse.
    encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(&small))
        .unwrap_or_else(|error| unreachable!("encoding into memory failed: {error}"));
    out
}

/// Means over blocks of `scale` x `scale` pixels, rounded; `width` is that of `pixels` and divisible by `scale`.
fn average(pixels: &[u8], width: usize, scale: usize) -> Vec<u8> {
    let row = width * 3;
    let mut sums = vec![0u32; row / scale];
    let mut out = Vec::with_capacity(pixels.len() / (scale * scale));
    let area = (scale * scale) as u32;
    for rows in pixels.chunks_exact(row * scale) {
        sums.fill(0);
        for line in rows.chunks_exact(row) {
            for (x, pixel) in line.chunks_exact(3).enumerate() {
                for (channel, &value) in pixel.iter().enumerate() {
                    sums[x / scale * 3 + channel] += u32::from(value);
                }
            }
        }
        out.extend(sums.iter().map(|sum| ((sum + area / 2) / area) as u8));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_become_their_mean() {
        let line = |a: u8, b: u8| [a, 0, 9, a, 0, 9, b, 6, 0, b, 6, 0];
        let pixels = [line(10, 0), line(20, 1)].concat();
        assert_eq!(average(&pixels, 4, 2), [15, 0, 9, 1, 6, 0]);
    }
}
