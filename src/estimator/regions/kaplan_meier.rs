//! Quantiles of times of which some are only known to be longer (Kaplan & Meier 1958).
//!
//! `S(t) = product over times t_i <= t of (1 - d_i / n_i)`: of the `n_i` still at risk at `t_i`, `d_i` end there. Where all
//! are censored at one time, as radii at the last step of a scan, its quantiles are those of the sample as far as they are
//! known.

use crate::rng::Seed;

/// A time, or a time up to which nothing was seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Time {
    /// Greater than 0.
    pub value: f64,
    /// Whether it ended then; else it was longer.
    pub seen: bool,
    /// How often it counts.
    pub weight: f64,
}

/// The estimate of how many last longer.
#[derive(Clone, Debug, PartialEq)]
pub struct KaplanMeier {
    /// Ascending times at which some ended, with the share that lasted longer.
    pub steps: Vec<[f64; 2]>,
}

impl KaplanMeier {
    /// Of these times. Nothing, where a time is NaN.
    pub fn new(mut times: Vec<Time>) -> Self {
        if times.iter().any(|time| time.value.is_nan()) {
            return KaplanMeier { steps: Vec::new() };
        }
        times.sort_by(|a, b| a.value.total_cmp(&b.value));
        KaplanMeier { steps: steps(times.iter().map(|time| (*time, time.weight))) }
    }

    /// The time by which a share has ended; `None` where it is longer than what was seen.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = 1.0 - share;
        // A share that is reached but for rounding is reached.
        let step = self.steps.iter().find(|[_, lasting]| *lasting <= wanted + 1e-12);
        step.map(|[time, _]| *time)
    }
}

/// The 95 % percentile interval of a quantile, by `resamples` of the groups with replacement (Efron 1979): times of one group
/// belong together. Infinite where a resample's quantile is longer than what was seen; NaN of nothing.
pub fn quantile_interval(groups: &[Vec<Time>], share: f64, resamples: usize, seed: Seed) -> [f64; 2] {
    let mut times: Vec<(Time, usize)> =
        groups.iter().enumerate().flat_map(|(group, times)| times.iter().map(move |time| (*time, group))).collect();
    if times.is_empty() || resamples == 0 || times.iter().any(|(time, _)| time.value.is_nan()) {
        return [f64::NAN; 2];
    }
    times.sort_by(|a, b| a.0.value.total_cmp(&b.0.value));
    let quantile = |resample: u64| {
        let mut rng = seed.index(resample).rng();
        let mut counts = vec![0.0; groups.len()];
        groups.iter().for_each(|_| counts[rng.below(groups.len())] += 1.0);
        let weighted = times.iter().map(|(time, group)| (*time, time.weight * counts[*group]));
        KaplanMeier { steps: steps(weighted) }.quantile(share).unwrap_or(f64::INFINITY)
    };
    let mut quantiles: Vec<f64> = (0..resamples as u64).map(quantile).collect();
    quantiles.sort_by(f64::total_cmp);
    let last = (resamples - 1) as f64;
    // Order statistics, not between them: one of them may be infinite.
    [quantiles[(0.025 * last).floor() as usize], quantiles[(0.975 * last).ceil() as usize]]
}

/// Steps of times in their order. What is censored at a time was still at risk then.
fn steps(times: impl Iterator<Item = (Time, f64)> + Clone) -> Vec<[f64; 2]> {
    let mut at_risk: f64 = times.clone().map(|(_, weight)| weight).sum();
    let (mut lasting, mut steps): (f64, Vec<[f64; 2]>) = (1.0, Vec::new());
    let mut times = times.peekable();
    while let Some((time, weight)) = times.next() {
        let (mut ended, mut left) = (if time.seen { weight } else { 0.0 }, weight);
        while let Some((next, weight)) = times.next_if(|(next, _)| next.value == time.value) {
            ended += if next.seen { weight } else { 0.0 };
            left += weight;
        }
        if ended > 0.0 {
            lasting *= 1.0 - ended / at_risk;
            steps.push([time.value, lasting.max(0.0)]);
        }
        at_risk -= left;
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(values: &[(f64, bool)]) -> Vec<Time> {
        values.iter().map(|(value, seen)| Time { value: *value, seen: *seen, weight: 1.0 }).collect()
    }

    #[test]
    fn the_remission_times_of_the_textbook_have_their_median() {
        // Freireich et al. 1963, 6-mercaptopurine: 23 is the median, S(6) = 0.857, S(23) = 0.448 of every textbook.
        let seen = [6.0, 6.0, 6.0, 7.0, 10.0, 13.0, 16.0, 22.0, 23.0];
        let censored = [6.0, 9.0, 10.0, 11.0, 17.0, 19.0, 20.0, 25.0, 32.0, 32.0, 34.0, 35.0];
        let all: Vec<(f64, bool)> =
            censored.iter().map(|t| (*t, false)).chain(seen.iter().map(|t| (*t, true))).collect();
        let of_all = KaplanMeier::new(times(&all));
        let expected = [
            [6.0, 0.857_143],
            [7.0, 0.806_723],
            [10.0, 0.752_941],
            [13.0, 0.690_196],
            [16.0, 0.627_451],
            [22.0, 0.537_815],
            [23.0, 0.448_179],
        ];
        for (found, expected) in of_all.steps.iter().zip(&expected) {
            assert!(found[0] == expected[0] && (found[1] - expected[1]).abs() < 1e-6, "{found:?}");
        }
        assert_eq!((of_all.steps.len(), of_all.quantile(0.5), of_all.quantile(0.6)), (7, Some(23.0), None));
    }

    #[test]
    fn weights_are_repetitions_and_one_censoring_leaves_the_sample() {
        let mut weighted = times(&[(1.0, true), (2.0, false), (3.0, true)]);
        weighted[0].weight = 2.0;
        weighted[2].weight = 0.0;
        let repeated = times(&[(1.0, true), (1.0, true), (2.0, false)]);
        assert_eq!(KaplanMeier::new(weighted), KaplanMeier::new(repeated));
        let sample = [(4.0, true), (2.0, true), (9.0, false), (9.0, false), (5.0, true)];
        let of_sample = KaplanMeier::new(times(&sample));
        assert_eq!(
            [0.2, 0.4, 0.6, 0.7].map(|share| of_sample.quantile(share)),
            [Some(2.0), Some(4.0), Some(5.0), None]
        );
        assert_eq!(KaplanMeier::new(times(&[(f64::NAN, true)])).quantile(0.5), None);
    }

    #[test]
    fn the_interval_of_a_median_is_that_of_the_binomial_and_groups_widen_it() {
        // Of 400 distinct times the median's interval is about the order statistics 200 -+ 1.96 * 10.
        let all: Vec<Vec<Time>> = (1..=400).map(|i| times(&[(f64::from(i), true)])).collect();
        let [low, high] = quantile_interval(&all, 0.5, 2000, Seed::new(1));
        assert!((low - 180.4).abs() < 5.0 && (high - 219.6).abs() < 5.0, "{low}, {high}");
        // Ten equal times in each of forty groups: as wide as of forty.
        let grouped: Vec<Vec<Time>> = (1..=40).map(|i| times(&[(f64::from(10 * i), true); 10])).collect();
        let [low, high] = quantile_interval(&grouped, 0.5, 2000, Seed::new(1));
        assert!((low - 140.0).abs() <= 20.0 && (high - 260.0).abs() <= 20.0, "{low}, {high}");
        // Nearly half are censored: in some samples more than half.
        let censored: Vec<Vec<Time>> = (1..=100).map(|i| times(&[(f64::from(i.min(55)), i < 55)])).collect();
        let [low, high] = quantile_interval(&censored, 0.5, 500, Seed::new(1));
        assert!(low < 50.0 && high == f64::INFINITY, "{low}, {high}");
        assert!(quantile_interval(&[], 0.5, 10, Seed::new(1))[0].is_nan());
    }
}
