//! Tournament selection (Goldberg & Deb 1991): the best of a few members drawn at random, with replacement.

use super::{Candidates, SelectionOperator};
use crate::entry::Entry;
use crate::rng::Rng;

struct Tournament {
    size: usize,
}

/// Default: `size` 2, the binary tournament of the paper.
pub(super) const ENTRY: Entry<dyn SelectionOperator> = Entry {
    name: "tournament",
    summary: "the best of a few drawn at random",
    reference: "Goldberg & Deb 1991",
    build: |params, ()| Ok(Box::new(Tournament { size: params.integer("size", Some(2), 1..=1_000_000) as usize })),
};

impl SelectionOperator for Tournament {
    fn select(&self, from: &Candidates<'_>, count: usize, rng: &mut Rng) -> Vec<usize> {
        let mut winner =
            || (1..self.size).fold(rng.below(from.order.len()), |best, _| best.min(rng.below(from.order.len())));
        (0..count).map(|_| from.order[winner()]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn a_rank_wins_as_often_as_it_is_the_best_of_the_drawn() {
        let order = [3, 0, 4, 1, 2];
        let count = 50_000;
        let chosen = Tournament { size: 3 }.select(
            &Candidates { order: &order, losses: &[], by_class: &[] },
            count,
            &mut Seed::new(4).rng(),
        );
        for (rank, member) in order.iter().enumerate() {
            // P(all of three at or behind the rank) - P(all behind it).
            let share = |r: usize| ((5 - r) as f64 / 5.0).powi(3);
            let p = share(rank) - share(rank + 1);
            let times = chosen.iter().filter(|i| *i == member).count() as f64;
            let bound = 4.0 * (count as f64 * p * (1.0 - p)).sqrt();
            assert!((times - count as f64 * p).abs() < bound, "rank {rank}: {times} times, p {p}");
        }
    }
}
