//! Many normals at once: Philox blocks side by side in the widest vector registers of the machine.
//!
//! `pulp` only chooses, at run time, for which registers the same Rust was compiled: there is one source, and multiplies
//! and adds stay apart, so the bits are those of the plain path.

use super::normal_of;

/// Blocks side by side.
pub(super) const LANES: usize = 16;

/// Fills whole groups of `4 * LANES` with the normals of the blocks from `block` on; gives the first block not used.
pub(super) fn fill(key: [u32; 2], block: u64, groups: &mut std::slice::ChunksExactMut<'_, f32>) -> u64 {
    pulp::Arch::new().dispatch(Fill { key, block, groups })
}

struct Fill<'a, 'b> {
    key: [u32; 2],
    block: u64,
    groups: &'a mut std::slice::ChunksExactMut<'b, f32>,
}

impl pulp::WithSimd for Fill<'_, '_> {
    type Output = u64;

    // Only what is inlined here is compiled for the wide registers.
    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> u64 {
        let mut block = self.block;
        for group in self.groups {
            let words = philox(self.key, block);
            let mut z = [[0.0; LANES]; 4];
            // Nested loops of fixed lengths: flattened iterators are not made into vectors (twice as slow, measured).
            for (z, words) in z.iter_mut().zip(&words) {
                for (z, word) in z.iter_mut().zip(words) {
                    *z = normal_of(*word);
                }
            }
            for (lane, out) in group.chunks_exact_mut(4).enumerate() {
                out.iter_mut().zip(&z).for_each(|(out, z)| *out = z[lane]);
            }
            block += LANES as u64;
        }
        block
    }
}

/// [`super::philox`] on the blocks `block..block + LANES`: word `w` of block `lane` is `[w][lane]`.
#[inline(always)]
// Indices show the compiler lanes of equal length; an iterator over four arrays at once would not.
#[allow(clippy::needless_range_loop)]
fn philox(key: [u32; 2], block: u64) -> [[u32; LANES]; 4] {
    let mut c = [[0u32; LANES]; 4];
    for lane in 0..LANES {
        let block = block.wrapping_add(lane as u64);
        (c[0][lane], c[1][lane]) = (block as u32, (block >> 32) as u32);
    }
    let mut k = key;
    for _ in 0..10 {
        for lane in 0..LANES {
            let a = u64::from(c[0][lane]) * 0xd251_1f53;
            let b = u64::from(c[2][lane]) * 0xcd9e_8d57;
            c[0][lane] = (b >> 32) as u32 ^ c[1][lane] ^ k[0];
            c[2][lane] = (a >> 32) as u32 ^ c[3][lane] ^ k[1];
            (c[1][lane], c[3][lane]) = (b as u32, a as u32);
        }
        k = [k[0].wrapping_add(0x9e37_79b9), k[1].wrapping_add(0xbb67_ae85)];
    }
    c
}

#[cfg(test)]
mod tests {
    use crate::rng::Seed;

    #[test]
    fn filling_gives_the_bits_of_drawing_one_by_one_from_any_place_of_the_stream() {
        for start in 0..6 {
            for length in [0, 1, 3, 63, 64, 65, 130, 1000] {
                let mut rng = Seed::new(8).child("fill").rng();
                (0..start).for_each(|_| {
                    rng.word();
                });
                let mut plain = rng.clone();
                let mut filled = vec![0.0; length];
                rng.fill_normal(&mut filled);
                let bits = |z: f32| z.to_bits();
                let one_by_one: Vec<u32> = (0..length).map(|_| bits(plain.normal())).collect();
                let filled: Vec<u32> = filled.into_iter().map(bits).collect();
                assert_eq!(filled, one_by_one, "start {start}, length {length}");
                assert_eq!(rng.word(), plain.word(), "the stream goes on from the same place");
            }
        }
    }
}
