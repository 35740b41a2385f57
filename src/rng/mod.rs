//! Addressed randomness: a stream is a function of a seed and a path of labels, never of who drew before.
//!
//! Generator: Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011), integers only, so equal bits on every machine and GPU.
//! Normals: inverse CDF from a committed table with one multiply-add chain (`*` and `+` apart), so equal bits too.
//! Nothing here is global and no state needs to be saved: a resumed run asks for the same address again.

#[cfg(target_arch = "x86_64")]
mod avx512;
mod lanes;
mod normal_table;

use normal_table::NORMAL_TABLE;

/// The address of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    /// The root of all streams of one experiment.
    pub fn new(seed: u64) -> Self {
        Seed(mix(seed ^ 0x7375_6265_766f_0001))
    }

    /// The address below this one under a label.
    #[must_use]
    pub fn child(self, label: &str) -> Self {
        // FNV-1a over the label, then mixed with the parent; distinct labels give unrelated addresses.
        let hash =
            label.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
        Seed(mix(self.0 ^ mix(hash)))
    }

    /// The address below this one under a number, as in a generation or a member.
    #[must_use]
    pub fn index(self, index: u64) -> Self {
        Seed(mix(self.0.wrapping_add(mix(index ^ 0x9e37_79b9_7f4a_7c15))))
    }

    /// The stream at this address, from its start.
    pub fn rng(self) -> Rng {
        Rng { key: [self.0 as u32, (self.0 >> 32) as u32], block: 0, buffer: [0; 4], used: 4 }
    }
}

/// The finaliser of SplitMix64 (Steele, Lea & Flood 2014): a bijection that spreads every bit.
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Ten rounds of Philox4x32 on one counter block.
fn philox(key: [u32; 2], counter: [u32; 4]) -> [u32; 4] {
    let (mut c, mut k) = (counter, key);
    for _ in 0..10 {
        let a = u64::from(c[0]) * 0xd251_1f53;
        let b = u64::from(c[2]) * 0xcd9e_8d57;
        c = [(b >> 32) as u32 ^ c[1] ^ k[0], b as u32, (a >> 32) as u32 ^ c[3] ^ k[1], a as u32];
        k = [k[0].wrapping_add(0x9e37_79b9), k[1].wrapping_add(0xbb67_ae85)];
    }
    c
}

/// The word's upper 24 bits as a number in [0, 1).
#[inline(always)]
pub(crate) fn uniform_of(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// The upper-tail normal quantile of the word's low 31 bits, with the sign of its top bit.
#[inline(always)]
pub(crate) fn normal_of(word: u32) -> f32 {
    // The odd integer 2u+1 as a float is p * 2^33; its exponent and top three mantissa bits choose the piece, the other
    // twenty bits are the place within it.
    let bits = (((word & 0x7fff_ffff) << 1 | 1) as f32).to_bits();
    // The table's last piece is the greatest index there is; saying so lets the compiler gather without a check.
    let c = &NORMAL_TABLE[((bits >> 20) - (127 << 3)).min(256) as usize];
    let x = f32::from_bits((bits << 12) >> 9 | 0x3f80_0000) - 1.0;
    let z = ((f32::from_bits(c[3]) * x + f32::from_bits(c[2])) * x + f32::from_bits(c[1])) * x + f32::from_bits(c[0]);
    f32::from_bits(z.to_bits() ^ (word & 0x8000_0000))
}

/// A stream of random numbers. It implements [`rand::Rng`], so the distributions of `rand_distr` work on it.
#[derive(Clone, Debug)]
pub struct Rng {
    key: [u32; 2],
    block: u64,
    buffer: [u32; 4],
    used: usize,
}

impl Rng {
    /// 32 uniform bits.
    pub fn word(&mut self) -> u32 {
        if self.used == 4 {
            self.buffer = philox(self.key, [self.block as u32, (self.block >> 32) as u32, 0, 0]);
            self.block += 1;
            self.used = 0;
        }
        self.used += 1;
        self.buffer[self.used - 1]
    }

    /// Uniform in [0, 1), 24 bits.
    pub fn uniform(&mut self) -> f32 {
        uniform_of(self.word())
    }

    /// Standard normal; variance 0.9999999, range +-6.338.
    pub fn normal(&mut self) -> f32 {
        normal_of(self.word())
    }

    /// Fills with standard normals: the same as [`normal`](Self::normal) for each, many times as fast.
    pub fn fill_normal(&mut self, out: &mut [f32]) {
        self.fill(out, normal_of, lanes::normals);
    }

    /// Fills with uniform bits: the same as [`word`](Self::word) for each, many times as fast.
    pub fn fill_word(&mut self, out: &mut [u32]) {
        self.fill(out, |word| word, lanes::words);
    }

    /// Goes on as if so many words had been drawn.
    pub fn skip(&mut self, words: u64) {
        let buffered = words.min(4 - self.used as u64);
        self.used += buffered as usize;
        self.block += (words - buffered) / 4;
        (0..(words - buffered) % 4).for_each(|_| {
            self.word();
        });
    }

    /// Fills with what is drawn from each word: `one` of a word, `many` of whole groups of blocks.
    fn fill<T: Copy + Default>(
        &mut self,
        out: &mut [T],
        one: impl Fn(u32) -> T,
        many: impl Fn([u32; 2], u64, &mut [lanes::Group<T>]),
    ) {
        let (buffered, rest) = out.split_at_mut(out.len().min(4 - self.used));
        buffered.iter_mut().for_each(|x| *x = one(self.word()));
        let (groups, rest) = rest.as_chunks_mut();
        many(self.key, self.block, groups);
        self.block += (groups.len() * lanes::BLOCKS) as u64;
        // The whole blocks of the rest are the beginning of one more group.
        let (blocks, last) = rest.split_at_mut(rest.len() / 4 * 4);
        if !blocks.is_empty() {
            let mut group = [[T::default(); 4 * lanes::BLOCKS]];
            many(self.key, self.block, &mut group);
            blocks.copy_from_slice(&group[0][..blocks.len()]);
            self.block += (blocks.len() / 4) as u64;
        }
        last.iter_mut().for_each(|x| *x = one(self.word()));
    }

    /// Uniform in `0..n`, without bias (Lemire 2019).
    ///
    /// # Panics
    /// If `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "nothing to draw from");
        let n = n as u64;
        let mut draw = || u64::from(self.word()) << 32 | u64::from(self.word());
        let mut product = u128::from(draw()) * u128::from(n);
        if (product as u64) < n {
            let threshold = n.wrapping_neg() % n;
            while (product as u64) < threshold {
                product = u128::from(draw()) * u128::from(n);
            }
        }
        (product >> 64) as usize
    }

    /// Puts the items into random order (Fisher & Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }

    /// `count` distinct numbers of `0..n`, ascending.
    pub fn choose(&mut self, n: usize, count: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..n).collect();
        let count = count.min(n);
        for i in 0..count {
            let j = i + self.below(n - i);
            all.swap(i, j);
        }
        all.truncate(count);
        all.sort_unstable();
        all
    }
}

impl rand::TryRng for Rng {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.word())
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from(self.word()) | u64::from(self.word()) << 32)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in out.chunks_mut(4) {
            chunk.copy_from_slice(&self.word().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_published_known_answers() {
        assert_eq!(philox([0; 2], [0; 4]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox([!0; 2], [!0; 4]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
    }

    #[test]
    fn streams_keep_their_golden_values() {
        let mut rng = Seed::new(1).child("init").index(3).rng();
        let words: Vec<u32> = (0..4).map(|_| rng.word()).collect();
        assert_eq!(words, GOLDEN_WORDS, "a change of streams is a change of every result: a major version");
    }
    const GOLDEN_WORDS: [u32; 4] = [1_457_145_810, 2_589_498_322, 2_179_543_025, 597_921_590];

    #[test]
    fn normals_have_the_moments_of_a_normal() {
        let mut rng = Seed::new(7).child("moments").rng();
        let n = 1_000_000;
        let (mut sum, mut square, mut fourth) = (0.0f64, 0.0, 0.0);
        for _ in 0..n {
            let z = f64::from(rng.normal());
            sum += z;
            square += z * z;
            fourth += z.powi(4);
        }
        let n = f64::from(n);
        // Four standard errors: 1/sqrt(n), sqrt(2/n), sqrt(96/n).
        assert!((sum / n).abs() < 4.0 / n.sqrt());
        assert!((square / n - 1.0).abs() < 4.0 * (2.0 / n).sqrt());
        assert!((fourth / n - 3.0).abs() < 4.0 * (96.0 / n).sqrt());
    }

    #[test]
    fn normal_quantiles_match_the_inverse_cdf() {
        // Upper-tail probabilities (2u+1)/2^33 and their quantiles from statistics.NormalDist().inv_cdf.
        for (u, z) in [
            (0u32, 6.337_957_754_553_79f64),
            (1, 6.166_429_517_819_749),
            (0x0100_0000, 2.660_067_458_579_971_5),
            (0x2000_0000, 1.150_349_380_481_083_1),
            (0x4000_0000, 0.674_489_749_829_738_4),
            (0x7fff_ffff, 0.0),
        ] {
            assert!((f64::from(normal_of(u)) - z).abs() < 1e-6, "{u:#x}: {} against {z}", normal_of(u));
            assert_eq!(normal_of(u | 0x8000_0000), -normal_of(u));
        }
    }

    #[test]
    fn choose_gives_distinct_sorted_numbers_each_equally_often() {
        let mut counts = [0usize; 7];
        for t in 0..7_000 {
            let chosen = Seed::new(5).index(t).rng().choose(7, 3);
            assert!(chosen.windows(2).all(|w| w[0] < w[1]));
            chosen.iter().for_each(|i| counts[*i] += 1);
        }
        // Binomial(7000, 3/7): standard deviation 41.4.
        assert!(counts.iter().all(|c| c.abs_diff(3_000) < 166), "{counts:?}");
    }
}
