//! Uniform reset (the unbiased mutation of Montana & Davis 1989; the uniform mutation of Michalewicz 1992): the weights of some
//! genes are drawn again from what their layer was drawn from, `gene = draw - base`.
//!
//! "Uniform" means: whatever the present value is. Where the init is a constant (the biases of most inits, batch-norm), the
//! weight goes back to that constant.

use super::{chosen, places, MutationOperator};
use crate::entry::Entry;
use crate::operator::OperatorContext;
use crate::params::Amount;
use crate::rng::Rng;

struct UniformReset {
    genes: Amount,
}

/// Default: `genes` 0.01, one in a hundred, at least one: together they move as far as steps of `gaussian` with `sigma` 0.14.
/// (Montana & Davis have 0.1, of a few hundred weights.)
pub(super) const ENTRY: Entry<dyn MutationOperator> = Entry {
    name: "uniform-reset",
    summary: "the weights of some genes are drawn again from the init of their layer",
    reference: "Montana & Davis 1989; Michalewicz 1992",
    build: |params, ()| Ok(Box::new(UniformReset { genes: chosen::read(params, Amount::Fraction(0.01)) })),
};

impl MutationOperator for UniformReset {
    fn mutate(&self, genes: &mut [f32], context: &OperatorContext<'_>, rng: &mut Rng) {
        let (spans, mut at) = (&context.subset.spans, 0);
        for gene in chosen::choose(self.genes, genes.len(), rng) {
            // Both go upwards, so that spans are looked through once at most.
            while spans.get(at).is_some_and(|span| span.gene + span.length <= gene) {
                at += 1;
            }
            genes[gene] = places::redraw(context, at, gene, rng);
        }
    }

    fn needs_spans(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::places::testing::{with_places, GENES};
    use super::*;
    use crate::operator::mutation::normal_steps::assert_normal;
    use crate::rng::Seed;

    #[test]
    fn each_weight_comes_from_the_init_of_its_own_layer() {
        with_places(|context| {
            let weights = |seed: u64| {
                let mut genes = context.parents.member(context.parent).to_vec();
                let all = UniformReset { genes: Amount::Fraction(1.0) };
                all.mutate(&mut genes, context, &mut Seed::new(8).index(seed).rng());
                genes.iter().zip(context.base).map(|(gene, base)| gene + base).collect::<Vec<f32>>()
            };
            let all: Vec<Vec<f32>> = (0..4_000).map(weights).collect();
            let of = |genes: std::ops::Range<usize>| {
                all.iter().flat_map(move |w| w[genes.clone()].iter().map(|w| f64::from(*w)))
            };
            assert_normal(&of(0..25).collect::<Vec<_>>());
            assert!(of(25..29).all(|w| w == 0.0) && of(29..32).all(|w| w == 1.0) && of(32..35).all(|w| w == 0.0));
            // Uniform in (-2, 2), the variance 4/3 with a standard error of sqrt((16/5 - 16/9) / n).
            let n = of(35..55).count() as f64;
            assert!(of(35..55).all(|w| w.abs() <= 2.0));
            assert!((of(35..55).sum::<f64>() / n).abs() < 4.0 * (4.0 / 3.0 / n).sqrt());
            let variance = of(35..55).map(|w| w * w).sum::<f64>() / n;
            assert!((variance - 4.0 / 3.0).abs() < 4.0 * ((16.0 / 5.0 - 16.0 / 9.0) / n).sqrt(), "{variance}");
        });
    }

    #[test]
    fn the_others_keep_their_bits() {
        with_places(|context| {
            let parent = context.parents.member(context.parent);
            let mut genes = parent.to_vec();
            UniformReset { genes: Amount::Count(11) }.mutate(&mut genes, context, &mut Seed::new(9).rng());
            assert_eq!((0..GENES).filter(|i| genes[*i].to_bits() != parent[*i].to_bits()).count(), 11);
        });
    }
}
