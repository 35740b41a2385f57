//! Sign flip: the weights of some genes change their sign, `weight = -weight`, that is `gene = -gene - 2 base`.
//!
//! In lottery tickets the signs of the kept initial weights matter, their sizes hardly (Zhou, Lan, Liu & Yosinski 2019). A base
//! that is 0 (in a subspace, where genes are coordinates) flips the gene itself.

use super::{chosen, places, MutationOperator};
use crate::entry::Entry;
use crate::operator::OperatorContext;
use crate::params::Amount;
use crate::rng::Rng;

struct SignFlip {
    genes: Amount,
}

/// Default: `genes` 0.01, one in a hundred, at least one. A flip moves a weight by 1.6 init stds in the mean (of a normal init), so
/// that so many of them move a network as far as `gaussian` with `sigma` 0.2 does.
pub(super) const ENTRY: Entry<dyn MutationOperator> = Entry {
    name: "sign-flip",
    summary: "the weights of some genes change their sign",
    reference: "Zhou et al. 2019",
    build: |params, ()| Ok(Box::new(SignFlip { genes: chosen::read(params, Amount::Fraction(0.01)) })),
};

impl MutationOperator for SignFlip {
    fn mutate(&self, genes: &mut [f32], context: &OperatorContext<'_>, rng: &mut Rng) {
        for gene in chosen::choose(self.genes, genes.len(), rng) {
            genes[gene] = -genes[gene] - 2.0 * places::base(context, gene);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::places::testing::{with_places, GENES};
    use super::*;
    use crate::operator::testing::with_context;
    use crate::rng::Seed;

    #[test]
    fn weights_change_their_sign_and_nothing_else() {
        with_places(|context| {
            let parent = context.parents.member(context.parent);
            let mut genes = parent.to_vec();
            SignFlip { genes: Amount::Count(20) }.mutate(&mut genes, context, &mut Seed::new(1).rng());
            let weight = |genes: &[f32], i: usize| context.base[i] + genes[i];
            let changed: Vec<usize> = (0..GENES).filter(|i| genes[*i].to_bits() != parent[*i].to_bits()).collect();
            assert_eq!(changed.len(), 20);
            assert!(changed.iter().all(|i| (weight(&genes, *i) + weight(parent, *i)).abs() < 1e-5), "{genes:?}");
        });
    }

    #[test]
    fn without_a_base_the_gene_itself_is_flipped_and_a_second_flip_undoes_the_first() {
        with_context(64, |context| {
            let start: Vec<f32> = (0..64).map(|i| 1.0 + i as f32).collect();
            let (mut genes, flip) = (start.clone(), SignFlip { genes: Amount::Fraction(0.5) });
            flip.mutate(&mut genes, context, &mut Seed::new(2).rng());
            assert_eq!((0..64).filter(|i| genes[*i] == -start[*i]).count(), 32);
            flip.mutate(&mut genes, context, &mut Seed::new(2).rng());
            assert_eq!(genes, start);
        });
    }
}
