//! One-point crossover (Holland 1975): from one cut on, all genes come from the second parent.
//!
//! The cut is drawn among the k - 1 places between two genes, each as likely; a single gene has none and stays. Genes
//! stand in the order of the network, so neighbours of a filter mostly stay together.

use super::CrossoverOperator;
use crate::entry::Entry;
use crate::operator::OperatorContext;
use crate::rng::Rng;

struct OnePoint;

pub(super) const ENTRY: Entry<dyn CrossoverOperator> = Entry {
    name: "one-point",
    summary: "from one cut on, all genes from the second parent",
    reference: "Holland 1975",
    build: |_, ()| Ok(Box::new(OnePoint)),
};

impl CrossoverOperator for OnePoint {
    fn cross(&self, child: &mut [f32], other: &[f32], _: &OperatorContext<'_>, rng: &mut Rng) {
        if child.len() > 1 {
            let cut = 1 + rng.below(child.len() - 1);
            child[cut..].copy_from_slice(&other[cut..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::testing::with_context;
    use crate::rng::Seed;

    #[test]
    fn one_tail_comes_from_the_second_parent_and_every_cut_is_as_likely() {
        let (k, count) = (6, 50_000);
        let (first, other) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [-1.0f32; 6]);
        let (mut cuts, mut rng) = ([0; 6], Seed::new(1).rng());
        with_context(k, |context| {
            for _ in 0..count {
                let mut child = first;
                OnePoint.cross(&mut child, &other, context, &mut rng);
                let cut = child.iter().position(|gene| *gene == -1.0).expect("at least the last gene");
                assert!(child[..cut] == first[..cut] && child[cut..] == other[cut..], "{child:?}");
                cuts[cut] += 1;
            }
        });
        assert_eq!(cuts[0], 0, "the child keeps at least the first gene");
        let (n, p) = (f64::from(count), 0.2);
        for times in &cuts[1..] {
            assert!((f64::from(*times) - n * p).abs() < 4.0 * (n * p * (1.0 - p)).sqrt(), "{cuts:?}");
        }
    }

    #[test]
    fn a_single_gene_stays() {
        let mut child = [1.0];
        with_context(1, |context| OnePoint.cross(&mut child, &[2.0], context, &mut Seed::new(1).rng()));
        assert_eq!(child, [1.0]);
    }
}
