//! Shares of members: how often each is expected among the parents, and draws by them.

use super::Candidates;
use crate::rng::Rng;

/// Linear ranking (Baker 1985): the share of each rank falls in equal steps from `pressure / n` of the best to
/// `(2 - pressure) / n` of the worst; `pressure` in [1, 2]. They add up to 1.
pub fn linear_ranks(n: usize, pressure: f64) -> Vec<f64> {
    let (n, last) = (n as f64, (n.max(2) - 1) as f64);
    if n == 1.0 {
        return vec![1.0];
    }
    (0..=last as usize).map(|rank| (pressure - 2.0 * (pressure - 1.0) * rank as f64 / last) / n).collect()
}

/// In proportion to the fitness `worst - loss` of each rank, where the worst is that of the generation and infinite losses
/// have none; all equal where no fitness is above 0.
pub fn proportional(from: &Candidates<'_>) -> Vec<f64> {
    let losses = || from.order.iter().map(|member| f64::from(from.losses[*member]));
    let worst = losses().filter(|loss| loss.is_finite()).fold(f64::NEG_INFINITY, f64::max);
    // Less than any finite loss is as good as the least there is in f32.
    let fitness = |loss: f64| if loss < worst { worst - loss.max(f64::from(f32::MIN)) } else { 0.0 };
    let fitness: Vec<f64> = losses().map(fitness).collect();
    let sum: f64 = fitness.iter().sum();
    if sum > 0.0 {
        return fitness.into_iter().map(|fitness| fitness / sum).collect();
    }
    // Equal losses; those that are infinite stay out where others are not.
    let equal: Vec<f64> = losses().map(|loss| if loss <= worst || worst.is_infinite() { 1.0 } else { 0.0 }).collect();
    let sum: f64 = equal.iter().sum();
    equal.into_iter().map(|share| share / sum).collect()
}

/// Sums of the shares up to each rank.
pub struct Wheel {
    ends: Vec<f64>,
}

impl Wheel {
    /// The wheel of these shares, one of them at least above 0.
    pub fn new(shares: &[f64]) -> Self {
        let mut sum = 0.0;
        let ends = shares.iter().map(|share| {
            sum += share;
            sum
        });
        Wheel { ends: ends.collect() }
    }

    /// The rank at a place in [0, 1) of the wheel. One without a share is never met.
    pub fn at(&self, place: f64) -> usize {
        // A place that was rounded up to 1 is the last one below it.
        let (whole, place) = (self.ends[self.ends.len() - 1], place.min(1.0 - f64::EPSILON / 2.0));
        self.ends.partition_point(|end| *end <= place * whole)
    }
}

/// Uniform in [0, 1), 53 bits: 24 would not tell the shares of a large population apart.
pub fn uniform(rng: &mut Rng) -> f64 {
    let bits = u64::from(rng.word()) << 32 | u64::from(rng.word());
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_ranks_fall_in_equal_steps_and_add_up_to_one() {
        assert_eq!(linear_ranks(4, 1.0), [0.25; 4]);
        let shares = linear_ranks(5, 1.75);
        let expected = [0.35, 0.275, 0.2, 0.125, 0.05];
        assert!(shares.iter().zip(expected).all(|(share, expected)| (share - expected).abs() < 1e-15), "{shares:?}");
        assert_eq!((linear_ranks(1, 2.0), linear_ranks(2, 2.0)), (vec![1.0], vec![1.0, 0.0]));
    }

    #[test]
    fn fitness_is_what_a_loss_is_below_the_worst() {
        let of = |losses: &[f32]| {
            let order: Vec<usize> = (0..losses.len()).collect();
            proportional(&Candidates { order: &order, losses, by_class: &[] })
        };
        assert_eq!(of(&[-2.0, 1.0, 2.0]), [0.8, 0.2, 0.0]);
        assert_eq!(of(&[3.0; 4]), [0.25; 4]);
        let huge = f32::INFINITY;
        assert_eq!(of(&[1.0, 2.0, 3.0, huge]), [2.0 / 3.0, 1.0 / 3.0, 0.0, 0.0]);
        assert_eq!(of(&[1.0, 1.0, huge]), [0.5, 0.5, 0.0]);
        assert_eq!(of(&[huge, huge]), [0.5; 2]);
        assert_eq!(of(&[-huge, 0.0]), [1.0, 0.0]);
        assert_eq!(of(&[-huge, -huge]), [0.5; 2]);
        // The order leads to the losses, not the place.
        let from = Candidates { order: &[2, 0], losses: &[5.0, f32::NAN, 1.0], by_class: &[] };
        assert_eq!(proportional(&from), [1.0, 0.0]);
    }

    #[test]
    fn the_wheel_gives_each_rank_its_stretch_and_none_to_a_share_of_zero() {
        let wheel = Wheel::new(&[0.0, 0.5, 0.0, 0.25, 0.25, 0.0]);
        let places = [0.0, 0.499, 0.5, 0.749, 0.75, 1.0 - f64::EPSILON / 2.0];
        assert_eq!(places.map(|place| wheel.at(place)), [1, 1, 3, 3, 4, 4]);
    }
}
