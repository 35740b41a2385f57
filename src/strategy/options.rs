//! Options that several strategies have, each read in one place: fitness shaping, step sizes that shrink, populations in
//! pairs.

use super::fitness::{by_member, centred_ranks, nes_utilities};
use crate::params::{Params, Range};

/// What losses are turned into before they weigh members.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shaping {
    /// Centred ranks (Salimans et al. 2017), 0.5 to -0.5.
    CentredRank,
    /// NES utilities (Wierstra et al. 2014), which see the better half alone.
    Nes,
    /// `(mean - loss) / sd`, with the population's standard deviation (divisor n).
    ZScore,
    /// `-loss`.
    Raw,
}

impl Shaping {
    const ALL: [(&'static str, Shaping); 4] = [
        ("centred-rank", Shaping::CentredRank),
        ("nes", Shaping::Nes),
        ("z-score", Shaping::ZScore),
        ("raw", Shaping::Raw),
    ];

    /// Reads `fitness`.
    pub fn read(params: &Params<'_>, default: Shaping) -> Self {
        let name = Self::ALL.iter().find(|(_, shaping)| *shaping == default).map(|(name, _)| *name);
        let chosen = params.choice("fitness", name, &Self::ALL.map(|(name, _)| name));
        Self::ALL.iter().find(|(name, _)| *name == chosen).map_or(default, |(_, shaping)| *shaping)
    }

    /// Fitness by member, greater is better, from the losses and their ranking, (n) each.
    ///
    /// Where the values count and not the ranks, a member without a finite loss has the greatest loss that is finite. With
    /// fewer than two finite losses there are no values to compare, and centred ranks take their place.
    pub fn fitness(self, losses: &[f32], order: &[usize]) -> Vec<f64> {
        let n = losses.len();
        let values = match self {
            Shaping::CentredRank => None,
            Shaping::Nes => return by_member(&nes_utilities(n), order),
            Shaping::ZScore | Shaping::Raw => finite(losses),
        };
        let Some(values) = values else { return by_member(&centred_ranks(n), order) };
        if self == Shaping::Raw {
            return values.into_iter().map(|value| -value).collect();
        }
        let mean = crate::num::mean(&values);
        let sd = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64).sqrt();
        // Equal losses say nothing.
        values.into_iter().map(|value| if sd > 0.0 { (mean - value) / sd } else { 0.0 }).collect()
    }
}

/// Losses with the greatest finite one in place of those that are not; `None` where fewer than two are finite.
pub fn finite(losses: &[f32]) -> Option<Vec<f64>> {
    let known = || losses.iter().filter(|loss| loss.is_finite());
    let greatest = known().fold(f32::NEG_INFINITY, |most, loss| most.max(*loss));
    let or_greatest = |loss: &f32| f64::from(if loss.is_finite() { *loss } else { greatest });
    (known().count() > 1).then(|| losses.iter().map(or_greatest).collect())
}

/// A number that may shrink by a factor each generation.
#[derive(Clone, Copy, Debug)]
pub struct Decayed {
    start: f64,
    factor: f64,
}

impl Decayed {
    /// Reads `sigma`, by default 0.1 (a tenth of the init std that genes are measured in), and `sigma_decay`, by default 1.
    pub fn sigma(params: &Params<'_>) -> Self {
        let start = params.float("sigma", Some(SIGMA), Range::AboveUpTo(0.0, 1000.0));
        Self::of(params, "sigma_decay", start)
    }

    /// `start` with the factor under `key`, by default 1.
    pub fn of(params: &Params<'_>, key: &str, start: f64) -> Self {
        Decayed { start, factor: params.float(key, Some(1.0), Range::AboveUpTo(0.0, 1.0)) }
    }

    /// The value in a generation.
    pub fn at(&self, generation: u64) -> f64 {
        self.start * self.factor.powf(generation as f64)
    }
}

/// The first step size by default: genes are in units of the init std, so members differ from the base by a tenth of its
/// own spread.
pub const SIGMA: f64 = 0.1;

/// Reads an even `population` of at least `least`; `halves` says why it is even.
pub fn even_population(params: &Params<'_>, default: u64, least: u64, halves: &str) -> usize {
    let n = params.integer("population", Some(default), least..=*super::POPULATION.end());
    if n % 2 == 1 {
        let message = format!("`population` = {n}: must be even, because {halves}");
        params.problem("population", message, Some(format!("set {} or {}", n - 1, n + 1)));
    }
    n as usize
}

/// Why members of a mirrored distribution are even.
pub const PAIRS: &str = "members come in antithetic pairs";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::fitness::rank;

    fn shaped(shaping: Shaping, losses: &[f32]) -> Vec<f64> {
        shaping.fitness(losses, &rank(losses))
    }

    #[test]
    fn shapings_have_their_values() {
        let losses = [3.0, 1.0, 2.0, 6.0];
        assert_eq!(shaped(Shaping::CentredRank, &losses), [0.5 - 2.0 / 3.0, 0.5, 0.5 - 1.0 / 3.0, -0.5]);
        assert_eq!(shaped(Shaping::Raw, &losses), [-3.0, -1.0, -2.0, -6.0]);
        // Mean 3, variance (0 + 4 + 1 + 9) / 4.
        let sd = 3.5f64.sqrt();
        assert_eq!(shaped(Shaping::ZScore, &losses), [0.0, 2.0 / sd, 1.0 / sd, -3.0 / sd]);
        let nes = shaped(Shaping::Nes, &losses);
        assert!(nes[1] > nes[2] && nes[2] > nes[0] && nes[0] == nes[3], "{nes:?}");
    }

    #[test]
    fn members_without_a_finite_loss_count_as_the_worst_that_has_one() {
        let losses = [f32::NAN, 1.0, f32::INFINITY, 4.0];
        assert_eq!(shaped(Shaping::Raw, &losses), [-4.0, -1.0, -4.0, -4.0]);
        assert_eq!(shaped(Shaping::ZScore, &[2.0, 2.0]), [0.0, 0.0]);
        // Only one number: ranks, so that the survivor still leads.
        let losses = [f32::NAN, f32::INFINITY, f32::NAN];
        for shaping in [Shaping::Raw, Shaping::ZScore] {
            assert_eq!(shaped(shaping, &losses), [0.0, 0.5, -0.5]);
        }
    }
}
