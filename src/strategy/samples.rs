//! Normal samples around a mean, and weighted sums over them: what strategies with a search distribution share.
//!
//! The standard normals `z` are kept from ask to tell, one f32 for each gene and member or pair: `(gene - mean) / sigma`
//! would lose bits wherever the gene was rounded, and drawing again costs several times the read.

use rayon::prelude::*;

use super::fitness::{block, fours, BLOCK};
use crate::error::{Error, Result};
use crate::num::{alone, wide};
use crate::operator::Population;
use crate::rng::{Rng, Seed};

/// Normals reach to 6.338, so genes within this many steps of the mean are all that can be proposed.
pub const REACH: f64 = 6.34;

/// The step size: one for all genes, or one for each (k).
#[derive(Clone, Copy)]
pub enum Spread<'a> {
    /// The same for all.
    One(f64),
    /// By gene.
    Each(&'a [f64]),
}

impl Spread<'_> {
    #[inline(always)]
    fn of(&self, gene: usize) -> f64 {
        match self {
            Spread::One(sigma) => *sigma,
            Spread::Each(sigma) => sigma[gene],
        }
    }

    fn part(&self, start: usize, length: usize) -> Spread<'_> {
        match self {
            Spread::One(sigma) => Spread::One(*sigma),
            Spread::Each(sigma) => Spread::Each(&sigma[start..start + length]),
        }
    }
}

/// What was sampled last, and memory to be used again.
#[derive(Default)]
pub struct Samples {
    /// Standard normals, a row of k for each member or pair; empty before the first `ask`.
    pub noise: Vec<f32>,
    /// The genes that were told last.
    genes: Vec<f32>,
}

impl Samples {
    /// `n` members `mean + sigma z`; the noise of member `i` is that of `seed.index(i)`.
    pub fn single<M: Copy + Into<f64> + Sync>(
        &mut self,
        n: usize,
        mean: &[M],
        spread: Spread<'_>,
        seed: Seed,
    ) -> Population {
        self.draw(n, mean.len(), 1, seed, |genes, noise, start| {
            let spread = spread.part(start, noise.len());
            let mean = &mean[start..start + noise.len()];
            for (j, ((gene, z), mean)) in genes[0].iter_mut().zip(noise).zip(mean).enumerate() {
                *gene = ((*mean).into() + spread.of(j) * f64::from(*z)) as f32;
            }
        })
    }

    /// `n / 2` antithetic pairs: members `2p` and `2p + 1` are `mean + sigma z` and `mean - sigma z`, with the noise of
    /// `seed.index(p)`.
    pub fn pairs<M: Copy + Into<f64> + Sync>(
        &mut self,
        n: usize,
        mean: &[M],
        spread: Spread<'_>,
        seed: Seed,
    ) -> Population {
        self.draw(n / 2, mean.len(), 2, seed, |genes, noise, start| {
            let spread = spread.part(start, noise.len());
            let mean = &mean[start..start + noise.len()];
            let [plus, minus] = genes else { unreachable!("a pair has two members") };
            mirror([&mut **plus, &mut **minus], noise, mean, spread);
        })
    }

    /// Antithetic pairs from the rows of noise that are there already.
    pub fn place_pairs<M: Copy + Into<f64> + Sync>(&mut self, mean: &[M], spread: Spread<'_>) -> Population {
        let k = mean.len();
        let mut genes = std::mem::take(&mut self.genes);
        genes.resize(2 * self.noise.len(), 0.0);
        let pairs = genes.par_chunks_mut(2 * k).zip(self.noise.par_chunks(k));
        pairs.with_min_len(alone(k)).for_each(|(pair, noise)| {
            let (plus, minus) = pair.split_at_mut(k);
            mirror([plus, minus], noise, mean, spread);
        });
        Population::from_genes(genes, k)
    }

    /// Draws `rows` rows of noise, and has `place` write the genes of the `members` of each, block by block.
    fn draw(
        &mut self,
        rows: usize,
        k: usize,
        members: usize,
        seed: Seed,
        place: impl Fn(&mut [&mut [f32]], &[f32], usize) + Sync,
    ) -> Population {
        let mut genes = std::mem::take(&mut self.genes);
        genes.resize(rows * members * k, 0.0);
        self.noise.resize(rows * k, 0.0);
        let rows = genes.par_chunks_mut(members * k).zip(self.noise.par_chunks_mut(k)).enumerate();
        rows.with_min_len(alone(k)).for_each(|(row, (genes, noise))| {
            let mut rng = seed.index(row as u64).rng();
            let mut of_member: Vec<&mut [f32]> = genes.chunks_exact_mut(k).collect();
            for (i, noise) in noise.chunks_mut(BLOCK).enumerate() {
                rng.fill_normal(noise);
                let range = i * BLOCK..i * BLOCK + noise.len();
                let mut parts: Vec<&mut [f32]> = of_member.iter_mut().map(|genes| &mut genes[range.clone()]).collect();
                wide(
                    #[inline(always)]
                    || place(&mut parts, noise, range.start),
                );
            }
        });
        Population::from_genes(genes, k)
    }

    /// Whether members were asked for.
    ///
    /// # Errors
    /// If none were.
    pub fn asked(&self, strategy: &str) -> Result<()> {
        if self.noise.is_empty() {
            return Err(Error::Learner(format!("strategy `{strategy}`: told losses before it was asked for members")));
        }
        Ok(())
    }

    /// Takes back the members that were told.
    pub fn give_back(&mut self, asked: Population) {
        self.genes = asked.into_genes();
    }

    /// `sum(w z)` over the rows for each gene, (k); each gene's sum runs over the rows in order.
    pub fn sum(&self, weights: &[f64], k: usize) -> Vec<f64> {
        let mut sums = vec![0.0; k];
        let size = block(k);
        let blocks = sums.par_chunks_mut(size).enumerate().with_min_len(alone(size * weights.len()));
        blocks.for_each(|(block, sums)| {
            wide(
                #[inline(always)]
                || {
                    for (z, w) in fours(&self.noise, k, block * size..block * size + sums.len(), weights) {
                        add(z, w, sums);
                    }
                },
            );
        });
        sums
    }

    /// `sum(w z)` and `sum(v (z^2 - 1))` over the rows for each gene, (k) each.
    pub fn sums(&self, weights: &[f64], square_weights: &[f64], k: usize) -> (Vec<f64>, Vec<f64>) {
        let (mut first, mut second) = (vec![0.0; k], vec![0.0; k]);
        let size = block(k);
        let blocks = first.par_chunks_mut(size).zip(second.par_chunks_mut(size)).enumerate();
        blocks.with_min_len(alone(size * weights.len())).for_each(|(block, (first, second))| {
            let genes = block * size..block * size + first.len();
            wide(
                #[inline(always)]
                || {
                    let rows = fours(&self.noise, k, genes.clone(), weights);
                    for ((z, w), (_, v)) in rows.zip(fours(&self.noise, k, genes, square_weights)) {
                        add_both(z, w, v, first, second);
                    }
                },
            );
        });
        (first, second)
    }

    /// Forgets what was drawn, as after a load.
    pub fn clear(&mut self) {
        self.noise.clear();
    }
}

/// Places a pair on both sides of the mean.
#[inline(always)]
fn mirror<M: Copy + Into<f64>>(pair: [&mut [f32]; 2], noise: &[f32], mean: &[M], spread: Spread<'_>) {
    let [plus, minus] = pair;
    for (j, (((plus, minus), z), mean)) in plus.iter_mut().zip(minus).zip(noise).zip(mean).enumerate() {
        let (mean, step) = ((*mean).into(), spread.of(j) * f64::from(*z));
        (*plus, *minus) = ((mean + step) as f32, (mean - step) as f32);
    }
}

/// Sums of `w z`, four rows at a time.
#[inline(always)]
fn add(z: [&[f32]; 4], w: [f64; 4], sums: &mut [f64]) {
    let z = z.map(|z| &z[..sums.len()]);
    for j in 0..sums.len() {
        for i in 0..4 {
            sums[j] += w[i] * f64::from(z[i][j]);
        }
    }
}

/// Sums of `w z` and `v (z^2 - 1)`, four rows at a time.
#[inline(always)]
fn add_both(z: [&[f32]; 4], w: [f64; 4], v: [f64; 4], first: &mut [f64], second: &mut [f64]) {
    let (z, second) = (z.map(|z| &z[..first.len()]), &mut second[..first.len()]);
    for j in 0..first.len() {
        for i in 0..4 {
            let z = f64::from(z[i][j]);
            first[j] += w[i] * z;
            second[j] += v[i] * (z * z - 1.0);
        }
    }
}

/// Adds `sigma z` to genes, with `z` the next normals of the stream.
pub fn perturb(genes: &mut [f32], sigma: f64, rng: &mut Rng) {
    let mut noise = [0.0; BLOCK];
    for genes in genes.chunks_mut(BLOCK) {
        let noise = &mut noise[..genes.len()];
        rng.fill_normal(noise);
        wide(
            #[inline(always)]
            || {
                let step = |(gene, z): (&mut f32, &mut f32)| *gene = (f64::from(*gene) + sigma * f64::from(*z)) as f32;
                genes.iter_mut().zip(noise).for_each(step);
            },
        );
    }
}

/// Whether all that may be proposed around a mean fits into f32.
///
/// # Errors
/// If not, with `remedy`.
pub fn check_reach<M: Copy + Into<f64>>(strategy: &str, mean: &[M], spread: Spread<'_>, remedy: &str) -> Result<()> {
    // No early end, so that many are looked at together; NaN is not below anything.
    let fits = |j: usize, mean: M| mean.into().abs() + REACH * spread.of(j) < f64::from(f32::MAX);
    if mean.iter().enumerate().fold(true, |all, (j, mean)| all & fits(j, *mean)) {
        return Ok(());
    }
    Err(Error::Learner(format!("strategy `{strategy}`: it diverged beyond what f32 can hold: {remedy}")))
}

/// Why a search distribution cannot go on: no member differs from the mean in any gene.
pub fn collapsed<M: Copy + Into<f64>>(mean: &[M], spread: Spread<'_>) -> Option<String> {
    let moves = |j: usize, mean: f64| (mean + spread.of(j)) as f32 != mean as f32 && spread.of(j) > 0.0;
    if mean.iter().enumerate().any(|(j, mean)| moves(j, (*mean).into())) {
        return None;
    }
    let greatest = (0..mean.len()).fold(0.0, |most: f64, j| most.max(spread.of(j)));
    Some(format!("the step sizes have shrunk to at most {greatest:.1e}: members no longer differ"))
}

/// Least, geometric mean and greatest of the step sizes, (k).
pub fn extent(sigma: &[f64]) -> [f64; 3] {
    let (least, log, greatest) = sigma
        .iter()
        .fold((f64::INFINITY, 0.0, 0.0f64), |(least, log, most), s| (least.min(*s), log + s.ln(), most.max(*s)));
    [least, (log / sigma.len() as f64).exp(), greatest]
}

#[cfg(test)]
mod tests {
    use super::*;

    const K: usize = 2_500;

    fn mean() -> Vec<f64> {
        (0..K).map(|j| 0.25 * j as f64).collect()
    }

    #[test]
    fn members_are_the_mean_plus_sigma_times_the_normals_of_their_address() {
        let sigma: Vec<f64> = (0..K).map(|j| 0.5 + j as f64).collect();
        let mut samples = Samples::default();
        let asked = samples.single(3, &mean(), Spread::Each(&sigma), Seed::new(9));
        for member in 0..3 {
            let mut rng = Seed::new(9).index(member as u64).rng();
            for (j, gene) in asked.member(member).iter().enumerate() {
                let expected = (0.25 * j as f64 + sigma[j] * f64::from(rng.normal())) as f32;
                assert_eq!(gene.to_bits(), expected.to_bits(), "member {member}, gene {j}");
            }
        }
    }

    #[test]
    fn pairs_lie_opposite_each_other() {
        let mut samples = Samples::default();
        let asked = samples.pairs(4, &mean(), Spread::One(0.5), Seed::new(3));
        for pair in 0..2 {
            let mut rng = Seed::new(3).index(pair as u64).rng();
            for j in 0..K {
                let (mean, step) = (0.25 * j as f64, 0.5 * f64::from(rng.normal()));
                assert_eq!(asked.member(2 * pair)[j].to_bits(), ((mean + step) as f32).to_bits());
                assert_eq!(asked.member(2 * pair + 1)[j].to_bits(), ((mean - step) as f32).to_bits());
            }
        }
    }

    #[test]
    fn sums_run_over_the_rows() {
        let mut samples = Samples::default();
        samples.single(6, &mean(), Spread::One(1.0), Seed::new(4));
        let (w, v) = ([0.5, -1.0, 0.25, 0.0, 2.0, -0.5], [1.0, 0.5, -2.0, 0.125, 0.0, 3.0]);
        let z = |row: usize, j: usize| f64::from(samples.noise[row * K + j]);
        let (first, second) = samples.sums(&w, &v, K);
        assert_eq!(samples.sum(&w, K), first);
        for j in 0..K {
            let (mut a, mut b) = (0.0, 0.0);
            for row in 0..6 {
                a += w[row] * z(row, j);
                b += v[row] * (z(row, j) * z(row, j) - 1.0);
            }
            assert!((first[j] - a).abs() < 1e-12 && (second[j] - b).abs() < 1e-12, "{j}");
        }
    }

    #[test]
    fn a_distribution_that_no_longer_moves_or_leaves_f32_is_told() {
        assert_eq!(collapsed(&[1.0, -2.0], Spread::Each(&[1e-6, 1e-12])), None);
        assert!(collapsed(&[1.0, -2.0], Spread::Each(&[1e-9, 1e-12])).unwrap().contains("1.0e-9"));
        assert!(collapsed(&[0.0f32], Spread::One(0.0)).is_some());
        assert!(check_reach("it", &[1e30], Spread::One(1.0), "").is_ok());
        for (mean, sigma) in [(f64::NAN, 1.0), (0.0, 1e38), (f64::INFINITY, 1.0)] {
            assert!(check_reach("it", &[0.0, mean], Spread::One(sigma), "lower `lr`").is_err(), "{mean}, {sigma}");
        }
    }
}
