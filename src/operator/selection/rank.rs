//! Linear ranking (Baker 1985): the probability of a parent falls in equal steps with its rank.
//!
//! `p = (pressure - 2 (pressure - 1) rank / (n - 1)) / n` for the ranks 0, the best, to n - 1.

use super::shares::{linear_ranks, uniform, Wheel};
use super::{Candidates, SelectionOperator};
use crate::entry::Entry;
use crate::params::Range;
use crate::rng::Rng;

struct Rank {
    pressure: f64,
}

/// Default: `pressure` 2, the children that the best may expect of n, in [1, 2]: with 2 the expectations are nearly those of a
/// binary tournament (Goldberg & Deb 1991). Baker took 1.1, which is next to no selection.
pub(super) const ENTRY: Entry<dyn SelectionOperator> = Entry {
    name: "rank",
    summary: "with a probability that falls in equal steps from the best to the worst",
    reference: "Baker 1985",
    build: |params, ()| Ok(Box::new(Rank { pressure: params.float("pressure", Some(2.0), Range::Within(1.0, 2.0)) })),
};

impl SelectionOperator for Rank {
    fn select(&self, from: &Candidates<'_>, count: usize, rng: &mut Rng) -> Vec<usize> {
        let wheel = Wheel::new(&linear_ranks(from.order.len(), self.pressure));
        (0..count).map(|_| from.order[wheel.at(uniform(rng))]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn each_rank_is_chosen_with_its_probability() {
        let (order, count) = ([3, 0, 4, 1, 2], 50_000);
        let from = Candidates { order: &order, losses: &[], by_class: &[] };
        for (pressure, shares) in [(2.0, [0.4, 0.3, 0.2, 0.1, 0.0]), (1.5, [0.3, 0.25, 0.2, 0.15, 0.1])] {
            let chosen = Rank { pressure }.select(&from, count, &mut Seed::new(4).rng());
            for (member, p) in order.iter().zip(shares) {
                let times = chosen.iter().filter(|i| *i == member).count() as f64;
                let bound = 4.0 * (count as f64 * p * (1.0 - p)).sqrt();
                assert!((times - count as f64 * p).abs() <= bound, "{pressure}: {times} times, p {p}");
            }
        }
    }
}
