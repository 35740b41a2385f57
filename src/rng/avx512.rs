//! Many normals at once where the processor has AVX-512: the bits of [`lanes`](super::lanes), twice as fast.
//!
//! What the compiler does not find by itself: words stay in halves of 64 bits, as the product of two of them leaves
//! them; blocks are dealt to lanes so that two unpacks put their words in order; and of the table's 257 pieces, the 64
//! that hold 99.6 % of the words are looked up by permutation of registers, where a gather would cost more than all else.
//! The words of the far tails are done again one by one.

use pulp::x86::V4;
use std::arch::x86_64::{__m512, __m512i};

use super::lanes::{Group, BLOCKS};
use super::normal_of;
use super::normal_table::NORMAL_TABLE;

/// Pieces that are looked up by permutation, as exponent and top three bits of the fraction: the last 64 of the table,
/// tail probabilities from 1.125 / 512 up to 1/2.
const PIECES: std::ops::Range<u32> = (127 << 3) + 193..(127 << 3) + 257;

/// Coefficients of [`PIECES`], each at the low six bits of its number.
static TABLE: [[[u32; 16]; 4]; 4] = {
    let mut table = [[[0; 16]; 4]; 4];
    let mut piece = PIECES.start;
    while piece < PIECES.end {
        let mut power = 0;
        while power < 4 {
            let place = (piece & 63) as usize;
            table[power][place / 16][place % 16] = NORMAL_TABLE[(piece - (127 << 3)) as usize][power];
            power += 1;
        }
        piece += 1;
    }
    table
};

/// Fills `groups` with the words of the blocks from `block` on.
pub(super) fn words(simd: V4, key: [u32; 2], block: u64, groups: &mut [Group<u32>]) {
    simd.vectorize(Words { simd, key, block, groups });
}

/// Fills `groups` with the normals of the blocks from `block` on.
pub(super) fn normals(simd: V4, key: [u32; 2], block: u64, groups: &mut [Group<f32>]) {
    simd.vectorize(Normals { simd, key, block, groups });
}

struct Words<'a> {
    simd: V4,
    key: [u32; 2],
    block: u64,
    groups: &'a mut [Group<u32>],
}

struct Normals<'a> {
    simd: V4,
    key: [u32; 2],
    block: u64,
    groups: &'a mut [Group<f32>],
}

// Only what is inlined into `call` is compiled for these registers, which closures given to `map` are not.
impl pulp::NullaryFnOnce for Words<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let keys = keys(self.key);
        for (i, group) in self.groups.iter_mut().enumerate() {
            *group = pulp::cast(philox(self.simd, &keys, self.block.wrapping_add((i * BLOCKS) as u64)));
        }
    }
}

impl pulp::NullaryFnOnce for Normals<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let keys = keys(self.key);
        for (i, group) in self.groups.iter_mut().enumerate() {
            let words = philox(self.simd, &keys, self.block.wrapping_add((i * BLOCKS) as u64));
            let mut tails = 0;
            for (i, out) in group.as_chunks_mut::<16>().0.iter_mut().enumerate() {
                let (z, tail) = normals_of(self.simd, words[i]);
                *out = pulp::cast(z);
                tails |= u128::from(tail) << (16 * i);
            }
            if tails != 0 {
                mend(group, &pulp::cast(words), tails);
            }
        }
    }
}

/// Draws the normals again whose bit is set.
#[cold]
#[inline(never)]
fn mend(group: &mut Group<f32>, words: &Group<u32>, mut tails: u128) {
    while tails != 0 {
        let i = tails.trailing_zeros() as usize;
        group[i] = normal_of(words[i]);
        tails &= tails - 1;
    }
}

/// The keys of the ten rounds.
fn keys(key: [u32; 2]) -> [[u32; 2]; 10] {
    let mut keys = [key; 10];
    for round in 1..10 {
        let [a, b] = keys[round - 1];
        keys[round] = [a.wrapping_add(0x9e37_79b9), b.wrapping_add(0xbb67_ae85)];
    }
    keys
}

/// The words of the blocks `block..block + 32` in their order. Only the low halves of the lanes of `c` count.
#[inline(always)]
fn philox(simd: V4, keys: &[[u32; 2]; 10], block: u64) -> [__m512i; 8] {
    let f = simd.avx512f;
    let (left, right) = (f._mm512_set1_epi64(0xd251_1f53), f._mm512_set1_epi64(0xcd9e_8d57));
    let order = f._mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
    let mut c = [[f._mm512_setzero_si512(); 4]; 4];
    for (c, i) in c.iter_mut().zip([0, 8, 16, 24]) {
        c[0] = f._mm512_add_epi64(f._mm512_set1_epi64(block.wrapping_add(i) as i64), order);
        c[1] = f._mm512_srli_epi64::<32>(c[0]);
    }
    for k in keys {
        let (k0, k1) = (f._mm512_set1_epi32(k[0] as i32), f._mm512_set1_epi32(k[1] as i32));
        // Four chains of rounds side by side: each waits for its products.
        for c in &mut c {
            let (a, b) = (f._mm512_mul_epu32(c[0], left), f._mm512_mul_epu32(c[2], right));
            let (high_a, high_b) = (f._mm512_srli_epi64::<32>(a), f._mm512_srli_epi64::<32>(b));
            // 0x96 is the exclusive or of three.
            c[0] = f._mm512_ternarylogic_epi32::<0x96>(high_b, c[1], k0);
            c[2] = f._mm512_ternarylogic_epi32::<0x96>(high_a, c[3], k1);
            (c[1], c[3]) = (b, a);
        }
    }
    let mut words = [f._mm512_setzero_si512(); 8];
    for (words, c) in words.as_chunks_mut::<2>().0.iter_mut().zip(c) {
        // Words 0 and 1, and 2 and 3, side by side; then the even lanes, which are four blocks in order, and the odd.
        let low = f._mm512_mask_shuffle_epi32::<0xa0>(c[0], 0xaaaa, c[1]);
        let high = f._mm512_mask_shuffle_epi32::<0xa0>(c[2], 0xaaaa, c[3]);
        *words = [f._mm512_unpacklo_epi64(low, high), f._mm512_unpackhi_epi64(low, high)];
    }
    words
}

/// [`normal_of`] of each word; a bit for each that lies outside the [`PIECES`] and is wrong.
#[inline(always)]
fn normals_of(simd: V4, words: __m512i) -> (__m512, u16) {
    let f = simd.avx512f;
    let odd = f._mm512_or_si512(f._mm512_slli_epi32::<1>(words), f._mm512_set1_epi32(1));
    let bits = f._mm512_castps_si512(f._mm512_cvtepu32_ps(odd));
    // (bits << 3 & 0x7fffff) | 1.0f32: 0xea is `a & b | c`.
    let (place, one) = (f._mm512_set1_epi32(0x007f_ffff), f._mm512_castps_si512(f._mm512_set1_ps(1.0)));
    let x = f._mm512_ternarylogic_epi32::<0xea>(f._mm512_slli_epi32::<3>(bits), place, one);
    let x = f._mm512_sub_ps(f._mm512_castsi512_ps(x), f._mm512_set1_ps(1.0));
    let piece = f._mm512_srli_epi32::<20>(bits);
    let upper = f._mm512_test_epi32_mask(piece, f._mm512_set1_epi32(32));
    let mut z = coefficient(simd, 3, piece, upper);
    for power in [2, 1, 0] {
        z = f._mm512_add_ps(f._mm512_mul_ps(z, x), coefficient(simd, power, piece, upper));
    }
    // z ^ (word & sign): 0x6a is `(a & b) ^ c`.
    let sign = f._mm512_set1_epi32(i32::MIN);
    let z = f._mm512_ternarylogic_epi32::<0x6a>(words, sign, f._mm512_castps_si512(z));
    let tail = f._mm512_cmplt_epu32_mask(bits, f._mm512_set1_epi32((PIECES.start << 20) as i32));
    (f._mm512_castsi512_ps(z), tail)
}

/// The coefficients of one power for 16 pieces, by the low six bits of their numbers; `upper` tells the sixth.
#[inline(always)]
fn coefficient(simd: V4, power: usize, piece: __m512i, upper: u16) -> __m512 {
    let (f, table) = (simd.avx512f, &TABLE[power]);
    let low = f._mm512_permutex2var_ps(pulp::cast(table[0]), piece, pulp::cast(table[1]));
    let high = f._mm512_permutex2var_ps(pulp::cast(table[2]), piece, pulp::cast(table[3]));
    f._mm512_mask_blend_ps(upper, low, high)
}
