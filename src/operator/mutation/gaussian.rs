//! Gaussian mutation (Rechenberg 1973): a normal step on each gene, or on a random share of them.
//!
//! `gene += sigma * N(0, 1)`. Genes are in units of each weight's init std, so one `sigma` fits layers of any fan-in.

use super::{normal_steps, MutationOperator};
use crate::entry::Entry;
use crate::operator::OperatorContext;
use crate::params::Range;
use crate::rng::{normal_of, uniform_of, Rng};

/// Normal steps.
pub(super) struct Gaussian {
    /// Their standard deviation.
    pub sigma: f32,
    /// The share of genes that change.
    pub rate: f32,
}

/// Defaults: `sigma` 0.1, a tenth of the spread that the base was drawn with, and `rate` 1, the share of genes that
/// change: all of them, as in Such et al. 2017.
pub(super) const ENTRY: Entry<dyn MutationOperator> = Entry {
    name: "gaussian",
    summary: "a normal step on each gene, or on a random share of them",
    reference: "Rechenberg 1973; Such et al. 2017",
    build: |params, ()| {
        Ok(Box::new(Gaussian {
            sigma: params.float("sigma", Some(0.1), Range::AboveUpTo(0.0, 1000.0)) as f32,
            rate: params.float("rate", Some(1.0), Range::AboveUpTo(0.0, 1.0)) as f32,
        }))
    },
};

impl MutationOperator for Gaussian {
    fn mutate(&self, genes: &mut [f32], _: &OperatorContext<'_>, rng: &mut Rng) {
        if self.rate < 1.0 {
            return self.mutate_some(genes, rng);
        }
        normal_steps::step(genes, self.sigma, rng);
    }
}

impl Gaussian {
    /// For each gene a uniform number, and where that is below the rate a normal one from the next word.
    fn mutate_some(&self, genes: &mut [f32], rng: &mut Rng) {
        // Words are drawn ahead, many at once; how many of them are used is known at the end.
        let mut words = [0; 1024];
        for genes in genes.chunks_mut(words.len() / 2) {
            let words = &mut words[..2 * genes.len()];
            rng.clone().fill_word(words);
            let mut used = 0;
            for gene in genes {
                used += 1;
                if uniform_of(words[used - 1]) < self.rate {
                    *gene += self.sigma * normal_of(words[used]);
                    used += 1;
                }
            }
            rng.skip(used as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::testing::with_context;
    use crate::rng::Seed;

    /// Steps from a parent of all threes, many members in one genome.
    fn steps(gaussian: &Gaussian, k: usize) -> Vec<f32> {
        let mut genes = vec![3.0; k];
        with_context(k, |context| gaussian.mutate(&mut genes, context, &mut Seed::new(1).rng()));
        genes
    }

    #[test]
    fn every_gene_moves_by_a_normal_step_of_the_asked_spread() {
        let k = 200_000;
        let genes = steps(&Gaussian { sigma: 0.25, rate: 1.0 }, k);
        normal_steps::assert_normal(&genes.iter().map(|gene| (f64::from(*gene) - 3.0) / 0.25).collect::<Vec<_>>());
    }

    #[test]
    fn a_rate_changes_that_share_of_genes_and_leaves_the_bits_of_the_others() {
        let k = 100_000;
        let genes = steps(&Gaussian { sigma: 0.5, rate: 0.2 }, k);
        let moved: Vec<f64> =
            genes.iter().filter(|gene| gene.to_bits() != 3.0f32.to_bits()).map(|g| f64::from(*g) - 3.0).collect();
        let n = moved.len() as f64;
        // Binomial(k, 0.2); a step of exactly 0 is too rare to matter.
        assert!((n - 20_000.0).abs() < 4.0 * (k as f64 * 0.2 * 0.8).sqrt(), "{n}");
        let variance = moved.iter().map(|step| step * step).sum::<f64>() / n;
        assert!((variance - 0.25).abs() < 4.0 * 0.25 * (2.0 / n).sqrt(), "{variance}");
    }
}
