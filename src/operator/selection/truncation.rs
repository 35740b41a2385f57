//! Truncation selection (Mühlenbein & Schlierkamp-Voosen 1993): each of the best is a parent with equal probability.

use super::{Candidates, SelectionOperator};
use crate::entry::Entry;
use crate::params::Amount;
use crate::rng::Rng;

struct Truncation {
    keep: Amount,
}

/// Default: `keep` 0.5, the better half. A count keeps so many, as the 20 of Such et al. 2017.
pub(super) const ENTRY: Entry<dyn SelectionOperator> = Entry {
    name: "truncation",
    summary: "each of the best, with equal probability",
    reference: "Muehlenbein & Schlierkamp-Voosen 1993; Such et al. 2017",
    build: |params, ()| Ok(Box::new(Truncation { keep: params.amount("keep", Some(Amount::Fraction(0.5))) })),
};

impl SelectionOperator for Truncation {
    fn select(&self, from: &Candidates<'_>, count: usize, rng: &mut Rng) -> Vec<usize> {
        among_best(from, self.keep.of(from.order.len()), count, rng)
    }
}

/// Gives `count` of the best `kept` candidates, each with equal probability.
pub(super) fn among_best(from: &Candidates<'_>, kept: usize, count: usize, rng: &mut Rng) -> Vec<usize> {
    // At least one: half of one member is that member.
    let kept = kept.clamp(1, from.order.len());
    (0..count).map(|_| from.order[rng.below(kept)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn only_the_kept_are_chosen_and_each_as_often() {
        let order = [7, 2, 9, 0, 5, 1];
        for (keep, kept) in [(Amount::Fraction(0.5), 3), (Amount::Count(2), 2), (Amount::Fraction(0.01), 1)] {
            let chosen = Truncation { keep }.select(
                &Candidates { order: &order, losses: &[], by_class: &[] },
                30_000,
                &mut Seed::new(3).rng(),
            );
            let p = 1.0 / kept as f64;
            for (rank, member) in order.iter().enumerate() {
                let times = chosen.iter().filter(|i| *i == member).count() as f64;
                let expected = if rank < kept { p } else { 0.0 };
                let bound = 4.0 * (30_000.0 * expected * (1.0 - expected)).sqrt();
                assert!((times - 30_000.0 * expected).abs() <= bound, "{keep:?}: rank {rank} {times} times");
            }
        }
    }
}
