//! Blend crossover, BLX-alpha (Eshelman & Schaffer 1993): each gene uniform on the stretch between its parents and a part
//! of its length beyond either end, by itself.
//!
//! `gene = x + t (y - x)` with `t` uniform in [-alpha, 1 + alpha).

use super::CrossoverOperator;
use crate::entry::Entry;
use crate::num::wide;
use crate::operator::OperatorContext;
use crate::params::Range;
use crate::rng::{uniform_of, Rng};

struct Blend {
    alpha: f32,
}

/// Default: `alpha` 0.5, with which a gene lies between its parents as often as beyond them (the paper).
pub(super) const ENTRY: Entry<dyn CrossoverOperator> = Entry {
    name: "blend",
    summary: "each gene uniform between its parents and somewhat beyond (BLX-alpha)",
    reference: "Eshelman & Schaffer 1993",
    build: |params, ()| {
        Ok(Box::new(Blend { alpha: params.float("alpha", Some(0.5), Range::Within(0.0, 10.0)) as f32 }))
    },
};

impl CrossoverOperator for Blend {
    fn cross(&self, child: &mut [f32], other: &[f32], _: &OperatorContext<'_>, rng: &mut Rng) {
        let (mut words, alpha) = ([0; 1024], self.alpha);
        let width = 1.0 + 2.0 * alpha;
        for (child, other) in child.chunks_mut(words.len()).zip(other.chunks(words.len())) {
            let words = &mut words[..child.len()];
            rng.fill_word(words);
            wide(
                #[inline(always)]
                || {
                    for ((gene, other), word) in child.iter_mut().zip(other).zip(words) {
                        *gene += (width * uniform_of(*word) - alpha) * (other - *gene);
                    }
                },
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::testing::with_context;
    use crate::rng::Seed;

    #[test]
    fn each_gene_is_uniform_on_the_widened_stretch_and_equal_genes_keep_their_bits() {
        let k = 100_000;
        // From 2 to 6 with alpha 0.25: uniform in [1, 7).
        let mut child: Vec<f32> = (0..k).map(|i| if i % 4 == 0 { 0.1 } else { 2.0 }).collect();
        let other: Vec<f32> = (0..k).map(|i| if i % 4 == 0 { 0.1 } else { 6.0 }).collect();
        with_context(k, |context| Blend { alpha: 0.25 }.cross(&mut child, &other, context, &mut Seed::new(1).rng()));
        assert!(child.iter().step_by(4).all(|gene| gene.to_bits() == 0.1f32.to_bits()));
        let drawn: Vec<f64> = (0..k).filter(|i| i % 4 != 0).map(|i| f64::from(child[i])).collect();
        assert!(drawn.iter().all(|gene| (1.0..7.0).contains(gene)));
        let n = drawn.len() as f64;
        for quarter in 1..4 {
            let p = f64::from(quarter) / 4.0;
            let below = drawn.iter().filter(|gene| **gene < 1.0 + 6.0 * p).count() as f64;
            assert!((below - n * p).abs() < 4.0 * (n * p * (1.0 - p)).sqrt(), "{below} of {n} below {p}");
        }
        // Neighbours are drawn each by itself.
        let together: f64 =
            drawn.chunks_exact(2).map(|pair| (pair[0] - 4.0) * (pair[1] - 4.0)).sum::<f64>() / (n / 2.0);
        assert!(together.abs() < 4.0 * 3.0 / (n / 2.0).sqrt(), "{together}");
    }
}
