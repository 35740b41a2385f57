//! Roulette wheel (Holland 1975): a parent with a probability in proportion to its fitness.
//!
//! Losses are no fitness: they are to be small. The fitness is `worst - loss`, with the worst of the generation: the scaling
//! window of Grefenstette 1986, one generation long, for losses of other batches are never compared. So the worst is no
//! parent, and where all are equal each is as likely. Unlike the other selections it asks for the differences of losses, so
//! one loss far above the others makes these nearly equal.

use super::shares::{proportional, uniform, Wheel};
use super::{Candidates, SelectionOperator};
use crate::entry::Entry;
use crate::rng::Rng;

struct Roulette;

pub(super) const ENTRY: Entry<dyn SelectionOperator> = Entry {
    name: "roulette",
    summary: "in proportion to how far a loss is below the worst",
    reference: "Holland 1975; Grefenstette 1986",
    build: |_, ()| Ok(Box::new(Roulette)),
};

impl SelectionOperator for Roulette {
    fn select(&self, from: &Candidates<'_>, count: usize, rng: &mut Rng) -> Vec<usize> {
        let wheel = Wheel::new(&proportional(from));
        (0..count).map(|_| from.order[wheel.at(uniform(rng))]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn members_are_chosen_in_proportion_to_what_their_loss_is_below_the_worst() {
        let count = 50_000;
        let (order, losses) = ([2, 0, 4, 3], [1.0, f32::NAN, -1.0, 3.0, 1.5]);
        let from = Candidates { order: &order, losses: &losses, by_class: &[] };
        let chosen = Roulette.select(&from, count, &mut Seed::new(4).rng());
        // Fitness 4, 2, 1.5 and 0 of 7.5.
        for (member, p) in order.iter().zip([4.0 / 7.5, 2.0 / 7.5, 1.5 / 7.5, 0.0]) {
            let times = chosen.iter().filter(|i| *i == member).count() as f64;
            let bound = 4.0 * (count as f64 * p * (1.0 - p)).sqrt();
            assert!((times - count as f64 * p).abs() <= bound, "member {member}: {times} times, p {p}");
        }
    }
}
