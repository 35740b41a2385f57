//! Simulated binary crossover (Deb & Agrawal 1995): genes are spread around the mean of their parents as one-point crossover
//! of binary numbers would spread them.
//!
//! The spread factor of a gene, from a uniform `u` (their section 4): `beta = (2 u)^(1 / (eta + 1))` where `u <= 1/2`, else
//! `(1 / (2 - 2 u))^(1 / (eta + 1))`. Two children lie at `(x + y) / 2 -+ beta (y - x) / 2`; there is one child here, and
//! for each gene a fair coin tells which of both it gets. So a crossed gene is expected at the mean of its parents.

use super::CrossoverOperator;
use crate::entry::Entry;
use crate::operator::OperatorContext;
use crate::params::Range;
use crate::rng::{uniform_of, Rng};

struct Sbx {
    eta: f32,
    share: f32,
}

/// Defaults: `eta` 2, one of those (2 to 5) that the paper finds close to crossover of binary numbers; greater ones stay
/// nearer to the parents (20 in Deb et al. 2002). `share` 0.5, the probability that a gene is crossed, by itself (the
/// paper's for several variables).
pub(super) const ENTRY: Entry<dyn CrossoverOperator> = Entry {
    name: "sbx",
    summary: "genes spread around the mean of both parents (simulated binary crossover)",
    reference: "Deb & Agrawal 1995",
    build: |params, ()| {
        Ok(Box::new(Sbx {
            eta: params.float("eta", Some(2.0), Range::Within(0.0, 1000.0)) as f32,
            share: params.float("share", Some(0.5), Range::Within(0.0, 1.0)) as f32,
        }))
    },
};

impl CrossoverOperator for Sbx {
    fn cross(&self, child: &mut [f32], other: &[f32], _: &OperatorContext<'_>, rng: &mut Rng) {
        let (mut words, power) = ([0; 2048], 1.0 / (self.eta + 1.0));
        for (child, other) in child.chunks_mut(words.len() / 2).zip(other.chunks(words.len() / 2)) {
            let words = &mut words[..2 * child.len()];
            rng.fill_word(words);
            for ((gene, other), words) in child.iter_mut().zip(other).zip(words.as_chunks::<2>().0) {
                if uniform_of(words[0]) >= self.share {
                    continue;
                }
                let beta = spread_factor(uniform_of(words[1]), power);
                // The lowest bit of a word is no part of its uniform number.
                let side = if words[1] & 1 == 0 { -1.0 } else { 1.0 };
                // Written so that equal genes keep their bits.
                *gene += 0.5 * (1.0 + side * beta) * (other - *gene);
            }
        }
    }
}

/// `beta` of a uniform number in [0, 1), with `power` = 1 / (eta + 1).
fn spread_factor(u: f32, power: f32) -> f32 {
    if u <= 0.5 { 2.0 * u } else { 0.5 / (1.0 - u) }.powf(power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::testing::with_context;
    use crate::rng::Seed;

    /// Children of a parent of all ones and one of all threes.
    fn children(sbx: &Sbx, k: usize) -> Vec<f32> {
        let mut child = vec![1.0; k];
        with_context(k, |context| sbx.cross(&mut child, &vec![3.0; k], context, &mut Seed::new(1).rng()));
        child
    }

    #[test]
    fn the_spread_factor_has_the_distribution_of_the_paper_on_both_sides_of_the_mean() {
        let k = 200_000;
        for eta in [0.0f32, 2.0, 20.0] {
            let signed: Vec<f64> =
                children(&Sbx { eta, share: 1.0 }, k).iter().map(|gene| f64::from(*gene) - 2.0).collect();
            let n = k as f64;
            let near = |times: usize, p: f64| (times as f64 - n * p).abs() < 4.0 * (n * p * (1.0 - p)).sqrt();
            // Symmetric: either side half of the time, whatever the spread. Means would not do: with eta 0 there is none.
            assert!(near(signed.iter().filter(|beta| **beta < 0.0).count(), 0.5), "eta {eta}");
            for beta in [0.5f64, 0.9, 1.25, 2.0] {
                let raised = beta.powf(f64::from(eta) + 1.0);
                // P(spread <= beta), the integral of (eta + 1) / 2 times beta^eta, and of beta^-(eta + 2) from 1 on.
                let below = if beta <= 1.0 { 0.5 * raised } else { 1.0 - 0.5 / raised };
                let times = signed.iter().filter(|signed| signed.abs() <= beta).count();
                assert!(near(times, below), "eta {eta}: {times} of {n} up to {beta}, p {below}");
                let right = signed.iter().filter(|signed| (0.0..=beta).contains(*signed)).count();
                assert!(near(right, 0.5 * below), "eta {eta}: {right} of {n} on the right up to {beta}");
            }
        }
    }

    #[test]
    fn a_share_of_genes_is_crossed_and_the_others_keep_their_bits() {
        let k = 100_000;
        let child = children(&Sbx { eta: 2.0, share: 0.3 }, k);
        // Hardly a crossed gene falls on its parent again: beta must round to 1.
        let kept = child.iter().filter(|gene| gene.to_bits() == 1f32.to_bits()).count() as f64;
        assert!((kept - 70_000.0).abs() < 4.0 * (k as f64 * 0.3 * 0.7).sqrt(), "{kept}");
    }
}
