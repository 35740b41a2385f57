//! Stochastic universal sampling (Baker 1987): one spin of a wheel with as many pointers as parents are wanted, equally far
//! apart.
//!
//! A member is chosen as often as its share times the count says, rounded up or down; independent draws spread much wider.
//! The chosen are then put into random order, for who is crossed with whom is chance.

use super::shares::{linear_ranks, proportional, uniform, Wheel};
use super::{Candidates, SelectionOperator};
use crate::entry::Entry;
use crate::params::Range;
use crate::rng::Rng;

struct StochasticUniversal {
    shares: Shares,
}

/// What the wheel is divided by.
enum Shares {
    /// Linear ranking, with its pressure.
    Rank(f64),
    /// The fitness of the roulette.
    Proportional,
}

/// Defaults: `shares` `rank`, those of selection `rank`, with its `pressure` of 2; or `proportional`, those of selection
/// `roulette`, as in the paper. Ranks need no scale of the losses.
pub(super) const ENTRY: Entry<dyn SelectionOperator> = Entry {
    name: "stochastic-universal",
    summary: "by rank or in proportion, with the least spread of the counts",
    reference: "Baker 1987",
    build: |params, ()| {
        let shares = match params.choice("shares", Some("rank"), &["rank", "proportional"]) {
            "rank" => Shares::Rank(params.float("pressure", Some(2.0), Range::Within(1.0, 2.0))),
            _ => Shares::Proportional,
        };
        Ok(Box::new(StochasticUniversal { shares }))
    },
};

impl SelectionOperator for StochasticUniversal {
    fn select(&self, from: &Candidates<'_>, count: usize, rng: &mut Rng) -> Vec<usize> {
        let wheel = Wheel::new(&match self.shares {
            Shares::Rank(pressure) => linear_ranks(from.order.len(), pressure),
            Shares::Proportional => proportional(from),
        });
        let spin = uniform(rng);
        let mut chosen: Vec<usize> =
            (0..count).map(|pointer| from.order[wheel.at((pointer as f64 + spin) / count as f64)]).collect();
        rng.shuffle(&mut chosen);
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn each_member_is_chosen_as_often_as_expected_but_for_rounding_and_exactly_so_in_the_mean() {
        let (order, losses) = ([5, 2, 0, 4, 3], [1.0, f32::NAN, -1.0, 3.0, 1.5, -1.25]);
        let from = Candidates { order: &order, losses: &losses, by_class: &[] };
        // Fitness 4.25, 4, 2, 1.5, 0 of 11.75.
        let proportional = [4.25, 4.0, 2.0, 1.5, 0.0].map(|fitness| fitness / 11.75);
        for (shares, expected) in
            [(Shares::Rank(1.5), [0.3, 0.25, 0.2, 0.15, 0.1]), (Shares::Proportional, proportional)]
        {
            let selection = StochasticUniversal { shares };
            for count in [1, 3, 7, 64] {
                let (spins, mut totals) = (4_000, [0.0; 5]);
                for spin in 0..spins {
                    let chosen = selection.select(&from, count, &mut Seed::new(1).index(spin).rng());
                    assert_eq!(chosen.len(), count);
                    for (rank, member) in order.iter().enumerate() {
                        let (times, wanted) =
                            (chosen.iter().filter(|i| *i == member).count() as f64, expected[rank] * count as f64);
                        assert!((times - wanted).abs() < 1.0 + 1e-9, "{times} times, {wanted} expected");
                        totals[rank] += times;
                    }
                }
                for (total, share) in totals.iter().zip(expected) {
                    // One more or less of `part` on the count's whole: a Bernoulli variable for each spin.
                    let (n, wanted) = (spins as f64, share * count as f64);
                    let part = wanted.fract();
                    let bound = 4.0 * (n * part * (1.0 - part)).sqrt() + 1e-6 * n;
                    assert!((total - n * wanted).abs() <= bound, "{total}, {} expected", n * wanted);
                }
            }
        }
    }

    #[test]
    fn the_chosen_come_in_random_order() {
        let order: Vec<usize> = (0..10).collect();
        let from = Candidates { order: &order, losses: &[], by_class: &[] };
        let selection = StochasticUniversal { shares: Shares::Rank(1.0) };
        let (spins, mut first) = (20_000, 0.0);
        for spin in 0..spins {
            first += selection.select(&from, 10, &mut Seed::new(2).index(spin).rng())[0] as f64;
        }
        // The place of a member is uniform: mean 4.5, variance 8.25.
        assert!((first / spins as f64 - 4.5).abs() < 4.0 * (8.25 / spins as f64).sqrt(), "{first}");
    }
}
