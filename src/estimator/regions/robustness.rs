//! How often a point keeps its class under Gaussian noise, and the distance of a plane that would be kept as often.
//!
//! `p_sigma(x) = P(class(x + sigma Z) = class(x))`, `R_sigma = sigma Phi^-1(p_sigma)`. Of a linear classifier of two classes
//! `R_sigma` is the distance for every sigma; one that rises with sigma tells of a region wider than its nearest plane.

use statrs::distribution::{Beta, ContinuousCDF, Normal};

use super::classifier::{predicted, Classifier};
use super::directions::push_moved;
use crate::rng::Seed;

/// Points that are evaluated at the same time.
const POINTS: usize = 4096;

/// For each of `sigmas` and `points` (n, D), (sigmas, n): how many of `draws` noisy points have the class of the point. Noise
/// of a point is that of its number and the same for all sigmas but for its size. Nothing is clipped. `None` where the point
/// has no class.
pub fn kept_under_noise(
    classifier: &dyn Classifier,
    points: &[f32],
    sigmas: &[f64],
    draws: usize,
    seed: Seed,
) -> Vec<Vec<Option<u64>>> {
    let (dimension, classes) = (classifier.dimension(), classifier.classes());
    let own = predicted(&classifier.logits(points), classes);
    let mut kept: Vec<Vec<Option<u64>>> =
        sigmas.iter().map(|_| own.iter().map(|class| (*class != u32::MAX).then_some(0)).collect()).collect();
    let pairs: Vec<(usize, usize)> = (0..own.len()).flat_map(|i| (0..draws).map(move |draw| (i, draw))).collect();
    let mut noise = vec![0.0; dimension];
    for pairs in pairs.chunks((POINTS / sigmas.len().max(1)).max(1)) {
        let mut noisy = Vec::with_capacity(pairs.len() * sigmas.len() * dimension);
        for (i, draw) in pairs {
            seed.index(*i as u64).index(*draw as u64).rng().fill_normal(&mut noise);
            let point = &points[i * dimension..(i + 1) * dimension];
            sigmas.iter().for_each(|sigma| push_moved(point, &noise, *sigma, &mut noisy));
        }
        let now = predicted(&classifier.logits(&noisy), classes);
        for (place, class) in now.into_iter().enumerate() {
            let (i, sigma) = (pairs[place / sigmas.len()].0, place % sigmas.len());
            if class == own[i] {
                kept[sigma][i] = kept[sigma][i].map(|kept| kept + 1);
            }
        }
    }
    kept
}

/// The interval of a probability of which `kept` of `n` trials came true (Clopper & Pearson 1934), with this confidence. NaN
/// without a trial, for more than `n`, or for a confidence outside 0 to 1.
pub fn clopper_pearson(kept: u64, n: u64, confidence: f64) -> [f64; 2] {
    if n == 0 || kept > n || !(0.0..1.0).contains(&confidence) {
        return [f64::NAN; 2];
    }
    let tail = (1.0 - confidence) / 2.0;
    let quantile =
        |a: u64, b: u64, share: f64| Beta::new(a as f64, b as f64).map_or(f64::NAN, |beta| beta.inverse_cdf(share));
    let low = if kept == 0 { 0.0 } else { quantile(kept, n - kept + 1, tail) };
    let high = if kept == n { 1.0 } else { quantile(kept + 1, n - kept, 1.0 - tail) };
    [low, high]
}

/// A distance, as far as the draws tell it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distance {
    /// Some draws kept their class and some did not.
    Is(f64),
    /// All did: with 95 % confidence it is no less.
    AtLeast(f64),
    /// None did: with 95 % confidence it is no more.
    AtMost(f64),
}

impl Distance {
    /// The number alone.
    pub fn value(self) -> f64 {
        match self {
            Distance::Is(value) | Distance::AtLeast(value) | Distance::AtMost(value) => value,
        }
    }
}

/// `R_sigma`, where `kept` of `n` draws at `sigma` had the class of their point; at the ends `sigma Phi^-1(0.05^(1/n))` and
/// its negative. NaN without a draw.
pub fn effective_distance(sigma: f64, kept: u64, n: u64) -> Distance {
    if n == 0 || kept > n {
        return Distance::Is(f64::NAN);
    }
    let normal = Normal::standard();
    let end = || sigma * normal.inverse_cdf(0.05f64.powf(1.0 / n as f64));
    match kept {
        0 => Distance::AtMost(-end()),
        kept if kept == n => Distance::AtLeast(end()),
        kept => Distance::Is(sigma * normal.inverse_cdf(kept as f64 / n as f64)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::classifier::testing::{normals, Linear};
    use super::*;

    #[test]
    fn intervals_are_those_of_scipy() {
        // scipy.stats.binomtest(kept, n).proportion_ci(0.95, method="exact")
        for (kept, n, low, high) in [
            (0, 10, 0.0, 0.308_497_107_818_763),
            (10, 10, 0.691_502_892_181_237, 1.0),
            (7, 10, 0.347_547_149_939_999, 0.933_260_488_822_266),
            (950, 1000, 0.934_609_512_084_506, 0.962_664_602_395_339),
        ] {
            let [a, b] = clopper_pearson(kept, n, 0.95);
            assert!((a - low).abs() < 1e-9 && (b - high).abs() < 1e-9, "{kept} of {n}: {a}, {b}");
        }
        assert!(clopper_pearson(0, 0, 0.95)[0].is_nan() && clopper_pearson(3, 2, 0.95)[0].is_nan());
    }

    #[test]
    fn of_a_plane_the_share_is_phi_of_its_distance_and_the_distance_is_found_at_every_sigma() {
        let dimension = 25;
        let w: Vec<f64> = (0..dimension).map(|_| 0.2).collect();
        // Length 1: the plane is at distance 1, 0.3 and -0.1, which is the other side.
        let classifier = Linear::plane(&w, 0.5);
        let points: Vec<f32> = [1.5, 0.8, 0.4].iter().flat_map(|x| [*x as f32 * 0.2; 25]).collect();
        let sigmas = [0.4, 0.8, 2.0];
        let draws = 20_000;
        let kept = kept_under_noise(&classifier, &points, &sigmas, draws, Seed::new(4));
        for (sigma, kept) in sigmas.iter().zip(&kept) {
            for (kept, distance) in kept.iter().zip([1.0f64, 0.3, 0.1]) {
                let (kept, n) = (kept.unwrap(), draws as u64);
                let share = Normal::standard().cdf(distance / sigma);
                let found = kept as f64 / draws as f64;
                // Four standard errors.
                assert!((found - share).abs() < 4.0 * (share * (1.0 - share) / draws as f64).sqrt(), "{sigma}");
                let [low, high] = clopper_pearson(kept, n, 0.9999);
                assert!(low < share && share < high);
                let Distance::Is(radius) = effective_distance(*sigma, kept, n) else { panic!("{kept} of {n}") };
                assert!((radius - distance).abs() < 0.03 * (1.0 + sigma), "{radius} against {distance}");
            }
        }
        let alone = kept_under_noise(&classifier, &points[..25], &sigmas[1..2], draws, Seed::new(4));
        assert_eq!(alone[0][0], kept[1][0], "a point's noise does not depend on those beside it");
        let twice = kept_under_noise(&classifier, &points[..25].repeat(2), &sigmas, draws, Seed::new(4));
        assert!(twice.iter().all(|kept| kept[0] != kept[1]), "each point has its own noise: {twice:?}");
    }

    #[test]
    fn where_all_draws_are_kept_or_none_the_distance_is_a_bound() {
        let Distance::AtLeast(most) = effective_distance(0.5, 1000, 1000) else { panic!() };
        let Distance::AtMost(least) = effective_distance(0.5, 0, 1000) else { panic!() };
        // scipy.stats.norm.ppf(0.05 ** (1 / 1000)) * 0.5
        assert!((most - 1.374_369_531_481_315).abs() < 1e-9, "{most}");
        assert_eq!(most, -least);
        assert!(effective_distance(0.5, 0, 0).value().is_nan());
        let nan = Linear { weight: vec![f64::NAN; 10], bias: vec![0.0; 2] };
        assert_eq!(kept_under_noise(&nan, &normals(5, 1), &[1.0], 3, Seed::new(1)), [[None]]);
    }
}
