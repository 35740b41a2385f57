//! Sparse mutation (after the biased mutation of Montana & Davis 1989): a normal step on exactly a share or a count of the
//! genes; the others keep their bits.
//!
//! Where `gaussian` with a `rate` asks every gene, here the cost is that of the genes that change.

use super::{chosen, MutationOperator};
use crate::entry::Entry;
use crate::operator::OperatorContext;
use crate::params::{Amount, Range};
use crate::rng::Rng;

struct Sparse {
    sigma: f32,
    genes: Amount,
}

/// Defaults: `genes` 0.1, the share of Montana & Davis; `sigma` 0.1, as of `gaussian`.
pub(super) const ENTRY: Entry<dyn MutationOperator> = Entry {
    name: "sparse",
    summary: "a normal step on exactly a share or a count of the genes",
    reference: "Montana & Davis 1989; Bentley & Floyd 1987",
    build: |params, ()| {
        Ok(Box::new(Sparse {
            sigma: params.float("sigma", Some(0.1), Range::AboveUpTo(0.0, 1000.0)) as f32,
            genes: chosen::read(params, Amount::Fraction(0.1)),
        }))
    },
};

impl MutationOperator for Sparse {
    fn mutate(&self, genes: &mut [f32], _: &OperatorContext<'_>, rng: &mut Rng) {
        for gene in chosen::choose(self.genes, genes.len(), rng) {
            genes[gene] += self.sigma * rng.normal();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::mutation::normal_steps::assert_normal;
    use crate::operator::testing::with_context;
    use crate::rng::Seed;

    #[test]
    fn exactly_the_asked_share_moves_by_normal_steps_and_the_rest_keeps_its_bits() {
        for (amount, moved) in [(Amount::Fraction(0.3), 30_000), (Amount::Count(17), 17)] {
            let k = 100_000;
            let mut genes = vec![3.0f32; k];
            let sparse = Sparse { sigma: 0.25, genes: amount };
            with_context(k, |context| sparse.mutate(&mut genes, context, &mut Seed::new(3).rng()));
            let steps = genes.iter().filter(|gene| gene.to_bits() != 3.0f32.to_bits());
            let steps: Vec<f64> = steps.map(|gene| (f64::from(*gene) - 3.0) / 0.25).collect();
            // A step of exactly 0, one in sixteen million, is not counted.
            assert_eq!(steps.len(), moved, "{amount:?}");
            assert_normal(&steps);
        }
    }
}
