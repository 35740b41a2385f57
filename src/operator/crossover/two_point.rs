//! Two-point crossover (De Jong 1975): the genes between two cuts come from the second parent.
//!
//! As in the paper the genome is a ring, its last gene beside its first, so that no gene has a better chance than another:
//! the first cut is any of the k places between two genes of the ring, the second any other. A single gene has no two
//! and stays.

use super::CrossoverOperator;
use crate::entry::Entry;
use crate::operator::OperatorContext;
use crate::rng::Rng;

struct TwoPoint;

pub(super) const ENTRY: Entry<dyn CrossoverOperator> = Entry {
    name: "two-point",
    summary: "the genes between two cuts from the second parent; the genome is a ring",
    reference: "De Jong 1975",
    build: |_, ()| Ok(Box::new(TwoPoint)),
};

impl CrossoverOperator for TwoPoint {
    fn cross(&self, child: &mut [f32], other: &[f32], _: &OperatorContext<'_>, rng: &mut Rng) {
        let k = child.len();
        if k > 1 {
            let start = rng.below(k);
            let end = start + 1 + rng.below(k - 1);
            child[start..end.min(k)].copy_from_slice(&other[start..end.min(k)]);
            let around = end.saturating_sub(k);
            child[..around].copy_from_slice(&other[..around]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::testing::with_context;
    use crate::rng::Seed;

    #[test]
    fn one_arc_of_the_ring_comes_from_the_second_parent_and_every_arc_is_as_likely() {
        let (k, count) = (5, 60_000);
        let (first, other) = ([1.0f32, 2.0, 3.0, 4.0, 5.0], [-1.0f32, -2.0, -3.0, -4.0, -5.0]);
        // By the first gene of the arc and its length.
        let (mut arcs, mut rng) = ([[0; 5]; 5], Seed::new(1).rng());
        with_context(k, |context| {
            for _ in 0..count {
                let mut child = first;
                TwoPoint.cross(&mut child, &other, context, &mut rng);
                assert!(child.iter().zip(&first).all(|(gene, own)| gene.abs() == *own), "no gene moves: {child:?}");
                let taken = |i: usize| child[i % k] < 0.0;
                let starts: Vec<usize> = (0..k).filter(|i| taken(*i) && !taken(i + k - 1)).collect();
                assert_eq!(starts.len(), 1, "one arc: {child:?}");
                arcs[starts[0]][(0..k).filter(|i| taken(*i)).count()] += 1;
            }
        });
        let (n, p) = (f64::from(count), 1.0 / 20.0);
        for arcs in arcs {
            assert_eq!(arcs[0], 0);
            for times in &arcs[1..] {
                assert!((f64::from(*times) - n * p).abs() < 4.0 * (n * p * (1.0 - p)).sqrt(), "{arcs:?}");
            }
        }
    }

    #[test]
    fn a_single_gene_stays() {
        let mut child = [1.0];
        with_context(1, |context| TwoPoint.cross(&mut child, &[2.0], context, &mut Seed::new(1).rng()));
        assert_eq!(child, [1.0]);
    }
}
