//! (mu + lambda) selection (Rechenberg 1973; Schwefel 1975): the best mu of parents and children together are the next
//! parents, each with equal probability.
//!
//! The mu parents stay as members of the next generation and are evaluated again beside their lambda children, because
//! losses of different batches are never compared. So a population of n members is mu parents and n - mu children.

use super::truncation::among_best;
use super::{Candidates, SelectionOperator};
use crate::entry::Entry;
use crate::params::Amount;
use crate::rng::Rng;

struct Plus {
    parents: Amount,
}

/// Default: `parents` 0.125, mu as a share of parents and children together, or a count: seven children for each parent, as
/// in the (15, 100) of Baeck & Schwefel 1993.
pub(super) const ENTRY: Entry<dyn SelectionOperator> = Entry {
    name: "plus",
    summary: "(mu + lambda): the best of parents and children stay and are the next parents",
    reference: "Rechenberg 1973; Schwefel 1975",
    build: |params, ()| Ok(Box::new(Plus { parents: params.amount("parents", Some(Amount::Fraction(0.125))) })),
};

impl SelectionOperator for Plus {
    fn select(&self, from: &Candidates<'_>, count: usize, rng: &mut Rng) -> Vec<usize> {
        among_best(from, self.parents.of(from.losses.len()), count, rng)
    }

    fn survivors(&self, n: usize) -> Option<usize> {
        Some(self.parents.of(n).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn the_best_mu_are_parents_as_often_as_each_other_and_stay() {
        let plus = Plus { parents: Amount::Count(2) };
        assert_eq!((plus.survivors(9), Plus { parents: Amount::Fraction(0.125) }.survivors(64)), (Some(2), Some(8)));
        assert_eq!(Plus { parents: Amount::Fraction(0.125) }.survivors(4), Some(1), "at least one");
        let (order, losses) = ([4, 1, 3, 0], [4.0, 2.0, f32::NAN, 3.0, 1.0]);
        let from = Candidates { order: &order, losses: &losses, by_class: &[] };
        let chosen = plus.select(&from, 10_000, &mut Seed::new(1).rng());
        let times = |member: usize| chosen.iter().filter(|i| **i == member).count();
        assert_eq!(times(4) + times(1), 10_000);
        assert!(times(4).abs_diff(5_000) < 4 * 50, "{}", times(4));
        // The share is of all members, also where some of them failed.
        let half = Plus { parents: Amount::Fraction(0.4) };
        let chosen = half.select(&from, 100, &mut Seed::new(1).rng());
        assert!(chosen.contains(&4) && chosen.contains(&1) && chosen.iter().all(|member| [4, 1].contains(member)));
    }
}
