//! What the CMA family shares: recombination weights, learning rates, and the two evolution paths with the step size.
//!
//! Equations are those of Hansen 2016, "The CMA Evolution Strategy: A Tutorial" (arXiv:1604.00772v2 of 2023); `k` genes,
//! `n` members, which the tutorial calls `n` and `lambda`.

use crate::error::Result;
use crate::params::Params;
use crate::state::State;

/// Weights and learning rates.
#[derive(Clone, Debug)]
pub struct Rates {
    /// By rank (n): positive ones add up to 1; negative ones come after `mu` (eq 53).
    pub weights: Vec<f64>,
    /// Members with a positive weight.
    pub mu: usize,
    /// Variance-effective members of the mean's weights (eq 8).
    pub mu_eff: f64,
    /// Of the path of the step size (eq 55).
    pub c_sigma: f64,
    /// Damping of the step size (eq 55).
    pub d_sigma: f64,
    /// Of the path of the covariance (eq 56).
    pub c_c: f64,
    /// Of the rank-one update (eq 57).
    pub c_1: f64,
    /// Of the rank-mu update (eq 58).
    pub c_mu: f64,
}

impl Rates {
    /// Table 1 for `n` members of `k` genes. Covariance rates are multiplied by `boost` (1 of a full matrix); without
    /// `active` the weights of the worse half are 0.
    pub fn new(n: usize, k: usize, boost: f64, active: bool) -> Self {
        let raw: Vec<f64> = (1..=n).map(|i| ((n as f64 + 1.0) / 2.0).ln() - (i as f64).ln()).collect(); // (49)
        let mu = n / 2;
        let effective = |raw: &[f64]| raw.iter().sum::<f64>().powi(2) / raw.iter().map(|w| w * w).sum::<f64>();
        let (mu_eff, mu_eff_minus) = (effective(&raw[..mu]), effective(&raw[mu..]));
        let d = k as f64;
        let c_sigma = (mu_eff + 2.0) / (d + mu_eff + 5.0); // (55)
        let d_sigma = 1.0 + 2.0 * (((mu_eff - 1.0) / (d + 1.0)).sqrt() - 1.0).max(0.0) + c_sigma; // (55)
        let c_c = (4.0 + mu_eff / d) / (d + 4.0 + 2.0 * mu_eff / d); // (56)
        let c_1 = (boost * 2.0 / ((d + 1.3).powi(2) + mu_eff)).min(1.0); // (57)
        let rank_mu = 2.0 * (0.25 + mu_eff + 1.0 / mu_eff - 2.0) / ((d + 2.0).powi(2) + mu_eff);
        let c_mu = (boost * rank_mu).min(1.0 - c_1); // (58)
        let alpha = (1.0 + c_1 / c_mu) // (50)
            .min(1.0 + 2.0 * mu_eff_minus / (mu_eff + 2.0)) // (51)
            .min((1.0 - c_1 - c_mu) / (d * c_mu)); // (52)
        let positive: f64 = raw.iter().filter(|w| **w > 0.0).sum();
        let negative: f64 = raw.iter().filter(|w| **w < 0.0).sum::<f64>().abs();
        let weight = |w: f64| match w {
            w if w >= 0.0 => w / positive,
            _ if !active => 0.0,
            w => alpha * w / negative, // (53)
        };
        Rates { weights: raw.into_iter().map(weight).collect(), mu, mu_eff, c_sigma, d_sigma, c_c, c_1, c_mu }
    }

    /// Members by default: `4 + floor(3 ln k)` (eq 48).
    pub fn population(params: &Params<'_>, k: usize) -> usize {
        let default = 4 + (3.0 * (k as f64).ln()) as u64;
        params.integer("population", Some(default), super::POPULATION) as usize
    }

    /// The factor of the old covariance, of which `delta` is what the stalled path lost (eq 47).
    pub fn decay(&self, delta: f64) -> f64 {
        (1.0 + self.c_1 * delta - self.c_1 - self.c_mu * self.weights.iter().sum::<f64>()).max(0.0)
    }

    /// `c_mu` times the weight of a member by its rank, where `length` is `|C^(-1/2) y|^2` (eq 46).
    pub fn rank_mu(&self, rank: usize, length: f64, k: usize) -> f64 {
        let weight = self.weights[rank];
        // A member on the mean itself says nothing.
        self.c_mu * if weight >= 0.0 { weight } else { weight * k as f64 / length.max(1e-8) }
    }
}

/// Step size and evolution paths.
#[derive(Clone, Debug)]
pub struct Paths {
    /// Overall step size.
    pub sigma: f64,
    /// Path of the step size, in isotropic coordinates (k).
    pub of_sigma: Vec<f64>,
    /// Path of the covariance (k).
    pub of_covariance: Vec<f64>,
    /// Generations told.
    pub generation: u64,
}

impl Paths {
    /// At the start.
    pub fn new(sigma: f64, k: usize) -> Self {
        Paths { sigma, of_sigma: vec![0.0; k], of_covariance: vec![0.0; k], generation: 0 }
    }

    /// Takes in the weighted mean step `y_w` and the same in isotropic coordinates; gives `delta(h_sigma)` of eq 47.
    pub fn advance(&mut self, rates: &Rates, y_w: &[f64], isotropic: &[f64]) -> f64 {
        let Rates { mu_eff, c_sigma, d_sigma, c_c, .. } = *rates;
        let d = y_w.len() as f64;
        // E|N(0, I)|, below (44).
        let expected = expected_length(d);
        let grow = (c_sigma * (2.0 - c_sigma) * mu_eff).sqrt();
        for (path, step) in self.of_sigma.iter_mut().zip(isotropic) {
            *path = (1.0 - c_sigma) * *path + grow * step; // (43)
        }
        let length = self.of_sigma.iter().map(|x| x * x).sum::<f64>().sqrt();
        self.sigma *= (c_sigma / d_sigma * (length / expected - 1.0)).exp(); // (44)
        self.generation += 1;
        // The path is short at first, because it starts at 0.
        let full = (1.0 - (1.0 - c_sigma).powf(2.0 * self.generation as f64)).sqrt();
        let moves = length / full < (1.4 + 2.0 / (d + 1.0)) * expected;
        let grow = if moves { (c_c * (2.0 - c_c) * mu_eff).sqrt() } else { 0.0 };
        for (path, step) in self.of_covariance.iter_mut().zip(y_w) {
            *path = (1.0 - c_c) * *path + grow * step; // (45)
        }
        if moves {
            0.0
        } else {
            c_c * (2.0 - c_c)
        }
    }

    /// Puts all of it into a state, under names that begin with `prefix`.
    pub fn save(&self, prefix: &str, state: &mut State) {
        state.put_f64(&format!("{prefix}.step_size"), &[self.sigma]);
        state.put_f64(&format!("{prefix}.path_sigma"), &self.of_sigma);
        state.put_f64(&format!("{prefix}.path_covariance"), &self.of_covariance);
        state.put_u64(&format!("{prefix}.generation"), &[self.generation]);
    }

    /// From a state.
    ///
    /// # Errors
    /// If it is of another strategy or size.
    pub fn load(prefix: &str, state: &State, k: usize) -> Result<Self> {
        Ok(Paths {
            sigma: state.f64s(&format!("{prefix}.step_size"), 1)?[0],
            of_sigma: state.f64s(&format!("{prefix}.path_sigma"), k)?.to_vec(),
            of_covariance: state.f64s(&format!("{prefix}.path_covariance"), k)?.to_vec(),
            generation: state.u64s(&format!("{prefix}.generation"), 1)?[0],
        })
    }
}

/// The expected length of a vector of `k` standard normals, within 0.1 % at k = 1 and better with more.
pub fn expected_length(k: f64) -> f64 {
    k.sqrt() * (1.0 - 1.0 / (4.0 * k) + 1.0 / (21.0 * k * k))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_of_table_1() {
        // cma 4.5.0, `es = cma.CMAEvolutionStrategy(10 * [3], 1, {"popsize": 10})`: es.sp.weights.mueff, es.sp.cc, es.sp.c1,
        // es.sp.cmu, es.sp.weights; its c_sigma and d_sigma are not those of the tutorial.
        let rates = Rates::new(10, 10, 1.0, true);
        let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found} against {expected}");
        close(rates.mu_eff, 3.167_299_281_410_702);
        close(rates.c_c, 0.294_990_383_035_622_25);
        close(rates.c_1, 0.015_283_824_524_751_714);
        close(rates.c_mu, 0.023_551_776_650_417_48);
        let weights = [
            0.456_272_646_903_406,
            0.270_753_097_001_785_2,
            0.162_231_117_158_669_78,
            0.085_233_547_100_144_8,
            0.025_509_591_835_974_777,
            -0.080_012_607_580_872_24,
            -0.221_764_160_999_146_53,
            -0.344_554_941_784_820_93,
            -0.452_864_086_378_421_96,
            -0.549_749_917_697_385_3,
        ];
        rates.weights.iter().zip(weights).for_each(|(found, expected)| close(*found, expected));
        close(rates.c_sigma, (2.0 + rates.mu_eff) / (15.0 + rates.mu_eff));
        close(rates.d_sigma, 1.0 + rates.c_sigma);
        assert_eq!(rates.mu, 5);
        // With the default population no decay is left: c_1 + c_mu sum(w) = 0.
        close(rates.decay(0.0), 1.0);
        assert!(rates.weights.windows(2).all(|w| w[0] > w[1]));
        let passive = Rates::new(10, 10, 1.0, false);
        assert!(passive.weights[5..].iter().all(|w| *w == 0.0) && passive.weights[..5] == rates.weights[..5]);
    }

    #[test]
    fn rates_stay_within_their_bounds_for_any_number_of_members_and_genes() {
        for k in [1, 2, 3, 10, 1000] {
            for n in [2, 3, 4, 5, 10, 100, 5000] {
                for boost in [1.0, (k as f64 + 2.0) / 3.0] {
                    let rates = Rates::new(n, k, boost, true);
                    assert!(
                        rates.c_1 > 0.0 && rates.c_mu >= 0.0 && rates.c_1 + rates.c_mu <= 1.0,
                        "{n} {k}: {rates:?}"
                    );
                    assert!(rates.weights.iter().all(|w| w.is_finite()), "{n} {k}: {rates:?}");
                    assert!((rates.weights[..rates.mu].iter().sum::<f64>() - 1.0).abs() < 1e-12);
                    assert!(rates.decay(0.0) >= 0.0, "{n} {k}");
                }
            }
        }
    }

    #[test]
    fn the_expected_length_is_that_of_the_gamma_function() {
        // sqrt(2) Gamma((k + 1) / 2) / Gamma(k / 2).
        for (k, length, off) in
            [(1.0, 0.797_884_560_8, 1e-3), (10.0, 3.084_327_759_9, 2e-4), (1e4, 99.997_500_03, 1e-7)]
        {
            assert!((expected_length(k) / length - 1.0f64).abs() < off, "{k}: {}", expected_length(k));
        }
    }
}
