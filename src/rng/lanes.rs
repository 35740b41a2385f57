//! Many words or normals at once: Philox blocks side by side in the widest vector registers of the machine.
//!
//! `pulp` only chooses, at run time, for which registers the same Rust was compiled: there is one source, and multiplies
//! and adds stay apart, so the bits are those of the plain path. Where there is AVX-512, `avx512.rs` does the same.

use super::normal_of;

/// Blocks side by side.
const LANES: usize = 16;

/// Blocks of a [`Group`].
pub(super) const BLOCKS: usize = 32;

/// What is drawn at once: the words, or the normals, of so many blocks.
pub(super) type Group<T> = [T; 4 * BLOCKS];

/// Fills groups with the words of the blocks from `block` on.
pub(super) fn words(key: [u32; 2], block: u64, groups: &mut [Group<u32>]) {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V4::try_new() {
        return super::avx512::words(simd, key, block, groups);
    }
    pulp::Arch::new().dispatch(Fill { key, block, groups, drawn: |word| word });
}

/// Fills groups with the normals of the blocks from `block` on.
pub(super) fn normals(key: [u32; 2], block: u64, groups: &mut [Group<f32>]) {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V4::try_new() {
        return super::avx512::normals(simd, key, block, groups);
    }
    pulp::Arch::new().dispatch(Fill { key, block, groups, drawn: normal_of });
}

struct Fill<'a, T, F> {
    key: [u32; 2],
    block: u64,
    groups: &'a mut [Group<T>],
    /// What a word becomes.
    drawn: F,
}

impl<T: Copy + Default, F: Fn(u32) -> T> pulp::WithSimd for Fill<'_, T, F> {
    type Output = ();

    // Only what is inlined here is compiled for the wide registers.
    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let mut block = self.block;
        for part in self.groups.as_flattened_mut().as_chunks_mut::<{ 4 * LANES }>().0 {
            let words = philox(self.key, block);
            let mut drawn = [[T::default(); LANES]; 4];
            // Nested loops of fixed lengths: flattened iterators are not made into vectors (twice as slow, measured).
            for (drawn, words) in drawn.iter_mut().zip(&words) {
                for (drawn, word) in drawn.iter_mut().zip(words) {
                    *drawn = (self.drawn)(*word);
                }
            }
            for (lane, out) in part.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                *out = [drawn[0][lane], drawn[1][lane], drawn[2][lane], drawn[3][lane]];
            }
            block = block.wrapping_add(LANES as u64);
        }
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
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn filling_gives_the_bits_of_drawing_one_by_one_from_any_place_of_the_stream() {
        for start in 0..6 {
            for length in [0, 1, 3, 63, 64, 65, 127, 128, 130, 255, 1000, 5000] {
                let mut rng = Seed::new(8).child("fill").rng();
                (0..start).for_each(|_| {
                    rng.word();
                });
                let (mut plain, mut skipped, mut words) = (rng.clone(), rng.clone(), rng.clone());
                let one_by_one: Vec<u32> = (0..length).map(|_| plain.word()).collect();
                let next = plain.word();

                let mut filled = vec![0; length];
                words.fill_word(&mut filled);
                assert!(filled == one_by_one, "words, start {start}, length {length}");
                assert_eq!(words.word(), next, "the stream goes on from the same place");

                let mut filled = vec![0.0; length];
                rng.fill_normal(&mut filled);
                let same = filled.iter().zip(&one_by_one).all(|(z, word)| z.to_bits() == normal_of(*word).to_bits());
                assert!(same, "normals, start {start}, length {length}");
                assert_eq!(rng.word(), next, "the stream goes on from the same place");

                skipped.skip(length as u64);
                assert_eq!(skipped.word(), next, "skipped, start {start}, length {length}");
            }
        }
    }

    #[test]
    fn every_way_of_filling_gives_the_same_bits_also_far_in_the_tails() {
        // A million words, of which about 4,600 lie in the tails; the block's number passes 32 bits on the way.
        let (key, block) = ([5, 6], (1 << 32) - 1_000);
        let (mut wide, mut plain) = (vec![[0.0; 4 * BLOCKS]; 8_192], vec![[0.0; 4 * BLOCKS]; 8_192]);
        normals(key, block, &mut wide);
        pulp::Arch::new().dispatch(Fill { key, block, groups: &mut plain, drawn: normal_of });
        assert!(wide.iter().flatten().zip(plain.iter().flatten()).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
}
