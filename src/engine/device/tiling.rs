//! How the convolution kernel cuts its work: a pure function of sizes, never of how many members there are, so that no bit
//! depends on them.

use super::operations::Geometry;
use crate::plan::Window;

/// Threads of a block that are aimed at: several blocks share a multiprocessor.
const THREADS: usize = 256;

/// Most threads of a block.
const MOST_THREADS: usize = 1024;

/// Shared memory that any device gives a block without being asked.
pub const SHARED_BYTES: usize = 48 * 1024;

/// The constants of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiling {
    /// Side of a cell, the outputs that one thread computes of a filter.
    pub cell: usize,
    /// Cells of a line.
    pub cells_x: usize,
    /// Filters of a thread.
    pub filters: usize,
    /// Threads that share a cell, each with its filters: 1, 2 or 4.
    pub tiles: usize,
    /// Images of a block.
    pub images: usize,
    /// Rows of cells of a block.
    pub band: usize,
    /// Bands of an image.
    pub bands: usize,
    /// Channels in shared memory at a time.
    pub channels_at_once: usize,
    /// Threads of a block.
    pub threads: usize,
    /// Bytes of shared memory.
    pub shared_bytes: usize,
}

/// What the kernel does beside its sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Around {
    /// Whether cells are pooled.
    pub pooled: bool,
    /// Whether statistics are gathered.
    pub statistics: bool,
    /// Number of the activation.
    pub activation: usize,
}

impl Tiling {
    /// For `channels` of `size` and so many filters, where `pool` follows that a cell can be; `None` where a block would need more
    /// than there is.
    pub fn new(
        channels: usize,
        size: [usize; 2],
        filters: usize,
        geometry: Geometry,
        pool: Option<Window>,
    ) -> Option<Self> {
        let [height, width] = geometry.outputs(size);
        let cell = pool.map_or(if height * width == 1 { 1 } else { 2 }, |window| window.size);
        let (cells_y, cells_x) = (height.div_ceil(cell), width.div_ceil(cell));
        // About 32 sums a thread.
        let of_thread = filters.next_power_of_two().min(if cell <= 2 { 8 } else { 4 });
        let mut tiles = filters.div_ceil(of_thread).next_power_of_two().min(4);
        while tiles > 1 && tiles * cells_x > THREADS {
            tiles /= 2;
        }
        let taps = geometry.window[0] * geometry.window[1];
        let tile = |outputs: usize, window: usize| (outputs * cell - 1) * geometry.stride + window;
        let of_block = of_thread * tiles;
        let floats = |images: usize, band: usize| {
            let pixels = tile(band, geometry.window[0]) * tile(cells_x, geometry.window[1]);
            images * pixels + taps * (of_block + 4)
        };
        let room = SHARED_BYTES / size_of::<f32>();
        // A block whose threads fill it, or one as large as a channel's pixels leave room for.
        let mut bands = (tiles * cells_x * cells_y).div_ceil(THREADS).min(cells_y);
        while bands < cells_y && floats(1, cells_y.div_ceil(bands)) > room {
            bands += 1;
        }
        let band = cells_y.div_ceil(bands);
        let bands = cells_y.div_ceil(band);
        let mut images = if bands == 1 { (THREADS / (tiles * cells_x * cells_y)).max(1) } else { 1 };
        while images > 1 && floats(images, band) > room {
            images -= 1;
        }
        // Of each warp as many threads for each tile.
        let threads = (images * band * cells_x).div_ceil(32 / tiles) * 32;
        let of_channel = floats(images, band);
        let most = room / of_channel;
        if most == 0 || threads > MOST_THREADS {
            return None;
        }
        let channels_at_once = channels.div_ceil(channels.div_ceil(most));
        let sums = of_thread * threads + images * of_block;
        let shared_bytes = size_of::<f32>() * (channels_at_once * of_channel).max(sums);
        let tiling = Tiling {
            cell,
            cells_x,
            filters: of_thread,
            tiles,
            images,
            band,
            bands,
            channels_at_once,
            threads,
            shared_bytes,
        };
        (shared_bytes <= SHARED_BYTES).then_some(tiling)
    }

    /// What the kernel is compiled with.
    pub fn constants(
        &self,
        channels: usize,
        size: [usize; 2],
        filters: usize,
        geometry: Geometry,
        around: Around,
    ) -> [(&'static str, usize); 22] {
        let [rows, columns] = geometry.outputs(size);
        [
            ("CHANNELS", channels),
            ("HEIGHT", size[0]),
            ("WIDTH", size[1]),
            ("FILTERS_ALL", filters),
            ("OUT_HEIGHT", rows),
            ("OUT_WIDTH", columns),
            ("WINDOW_HEIGHT", geometry.window[0]),
            ("WINDOW_WIDTH", geometry.window[1]),
            ("STRIDE", geometry.stride),
            ("PADDING", geometry.padding),
            ("CELL", self.cell),
            ("CELLS_X", self.cells_x),
            ("FILTERS", self.filters),
            ("TILES", self.tiles),
            ("IMAGES", self.images),
            ("BAND", self.band),
            ("BANDS", self.bands),
            ("CHANNELS_AT_ONCE", self.channels_at_once),
            ("POOLED", usize::from(around.pooled)),
            ("STATISTICS", usize::from(around.statistics)),
            ("ACTIVATION", around.activation),
            ("THREADS", self.threads),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAME: Geometry = Geometry { window: [3, 3], stride: 1, padding: 1 };
    const HALVE: Option<Window> = Some(Window { size: 2, stride: 2 });

    #[test]
    fn the_second_convolution_of_the_common_task_is_one_image_with_all_filters_and_channels_at_once() {
        let tiling = Tiling::new(16, [14, 14], 32, SAME, HALVE).unwrap();
        // 49 windows by 4 threads of 8 filters; 16 channels of 16 x 16 pixels and of 9 taps by 32 + 4 weights.
        let expected = Tiling {
            cell: 2,
            cells_x: 7,
            filters: 8,
            tiles: 4,
            images: 1,
            band: 7,
            bands: 1,
            channels_at_once: 16,
            threads: 224,
            shared_bytes: 4 * 16 * (256 + 9 * 36),
        };
        assert_eq!(tiling, expected);
    }

    #[test]
    fn blocks_hold_whole_small_images_or_bands_of_large_ones_and_stay_within_their_memory() {
        for channels in [1, 3, 64, 513] {
            for side in [1, 2, 5, 7, 14, 28, 32, 64, 224] {
                for filters in [1, 2, 3, 8, 10, 64, 600] {
                    for (window, stride, padding) in [(1, 1, 0), (3, 1, 1), (3, 2, 1), (5, 1, 2), (11, 4, 5)] {
                        let geometry = Geometry { window: [window; 2], stride, padding };
                        if side + 2 * padding < window {
                            continue;
                        }
                        let Some(t) = Tiling::new(channels, [side; 2], filters, geometry, None) else {
                            panic!("{channels} {side} {filters} {geometry:?}");
                        };
                        let [rows, columns] = geometry.outputs([side; 2]);
                        assert!(t.band * t.bands * t.cell >= rows && (t.bands - 1) * t.band * t.cell < rows, "{t:?}");
                        assert!(t.cells_x * t.cell >= columns && (t.bands == 1 || t.images == 1), "{t:?}");
                        assert!(t.threads >= t.images * t.band * t.cells_x * t.tiles && t.threads <= MOST_THREADS);
                        assert!((1..=channels).contains(&t.channels_at_once) && t.shared_bytes <= SHARED_BYTES);
                        assert!(
                            t.filters * t.tiles <= (2 * filters).next_power_of_two() && [1, 2, 4].contains(&t.tiles),
                            "{t:?} for {filters}"
                        );
                    }
                }
            }
        }
        let wide = Geometry { window: [3, 9000], stride: 1, padding: 0 };
        assert_eq!(Tiling::new(1, [3, 20_000], 1, wide, None), None);
    }
}
