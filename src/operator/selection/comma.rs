//! (mu, lambda) selection (Schwefel 1975): the best mu of the children alone are the next parents, each with equal
//! probability; no parent outlives its children.
//!
//! So a population of n members is n children, and the best genome that was met may be lost: what is deployed is the best
//! of the last generation.

use super::truncation::among_best;
use super::{Candidates, SelectionOperator};
use crate::entry::Entry;
use crate::params::Amount;
use crate::rng::Rng;

struct Comma {
    parents: Amount,
}

/// Default: `parents` 0.15, mu as a share of the children, or a count: the (15, 100) of Baeck & Schwefel 1993.
pub(super) const ENTRY: Entry<dyn SelectionOperator> = Entry {
    name: "comma",
    summary: "(mu, lambda): the best of the children are the next parents, and no parent stays",
    reference: "Schwefel 1975",
    build: |params, ()| Ok(Box::new(Comma { parents: params.amount("parents", Some(Amount::Fraction(0.15))) })),
};

impl SelectionOperator for Comma {
    fn select(&self, from: &Candidates<'_>, count: usize, rng: &mut Rng) -> Vec<usize> {
        among_best(from, self.parents.of(from.losses.len()), count, rng)
    }

    fn survivors(&self, _: usize) -> Option<usize> {
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn the_best_mu_are_parents_as_often_as_each_other_and_none_stays() {
        let comma = Comma { parents: Amount::Fraction(0.5) };
        assert_eq!(comma.survivors(64), Some(0));
        let (order, losses) = ([4, 1, 3, 0, 5, 2], [4.0, 2.0, 6.0, 3.0, 1.0, 5.0]);
        let from = Candidates { order: &order, losses: &losses, by_class: &[] };
        let chosen = comma.select(&from, 9_000, &mut Seed::new(1).rng());
        for member in [4, 1, 3] {
            let times = chosen.iter().filter(|i| **i == member).count();
            assert!(times.abs_diff(3_000) < 4 * 45, "member {member}: {times}");
        }
        assert!(chosen.iter().all(|member| [4, 1, 3].contains(member)));
    }
}
