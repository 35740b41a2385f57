//! Entropy of a distribution of which only counts of samples are known, by the estimators of the literature.
//!
//! Of counts n_s that add up to N, with K codes seen, f_1 of them once and f_2 twice, psi the digamma function; all but
//! Miller & Madow's, shrinkage and the plug-in value in nats, then divided by ln 2.

use std::f64::consts::LN_2;

use statrs::function::gamma::digamma;

fn total(counts: &[u64]) -> f64 {
    counts.iter().sum::<u64>() as f64
}

/// `of(n_s)` added up over all codes that were seen.
fn sum(counts: &[u64], of: impl Fn(f64) -> f64) -> f64 {
    counts.iter().filter(|count| **count > 0).map(|count| of(*count as f64)).sum()
}

/// Codes that were seen.
pub fn distinct(counts: &[u64]) -> usize {
    counts.iter().filter(|count| **count > 0).count()
}

/// Codes that were seen so often.
fn seen(counts: &[u64], times: u64) -> f64 {
    counts.iter().filter(|count| **count == times).count() as f64
}

/// Entropy of the shares themselves, nats: the plug-in estimate, biased down. NaN of nothing.
pub fn entropy_nats(counts: &[u64]) -> f64 {
    let n = total(counts);
    if n == 0.0 {
        return f64::NAN;
    }
    // Not -sum, which is -0 where all samples are alike.
    0.0 - sum(counts, |count| count / n * (count / n).ln())
}

/// Entropy of the shares themselves, bits.
pub fn entropy_bits(counts: &[u64]) -> f64 {
    let n = total(counts);
    if n == 0.0 {
        return f64::NAN;
    }
    // Exact for shares that are powers of two.
    0.0 - sum(counts, |count| count / n * (count / n).log2())
}

/// The plug-in value + (K - 1) / (2 N) nats (Miller 1955), bits.
pub fn miller_madow_bits(counts: &[u64]) -> f64 {
    (entropy_nats(counts) + (distinct(counts) as f64 - 1.0) / (2.0 * total(counts))) / LN_2
}

/// `ln N - 1/N sum n_s (psi(n_s) + (-1)^n_s / (n_s + 1))` (Grassberger 1988; that of 2003 has another function), bits.
pub fn grassberger_bits(counts: &[u64]) -> f64 {
    let g = |n: f64| {
        let sign = if n % 2.0 == 0.0 { 1.0 } else { -1.0 };
        digamma(n) + sign / (n + 1.0)
    };
    let n = total(counts);
    (n.ln() - sum(counts, |count| count * g(count)) / n) / LN_2
}

/// `-sum c p_s ln(c p_s) / (1 - (1 - c p_s)^N)` with the coverage c = 1 - f_1 / N (Chao & Shen 2003), bits. Where every code
/// was seen once, f_1 counts as N - 1, so that the coverage is not 0.
pub fn chao_shen_bits(counts: &[u64]) -> f64 {
    let n = total(counts);
    let covered = 1.0 - seen(counts, 1).min(n - 1.0) / n;
    let term = |count: f64| {
        let p = covered * count / n;
        let missed = (n * (-p).ln_1p()).exp();
        -p * p.ln() / (1.0 - missed)
    };
    sum(counts, term) / LN_2
}

/// `sum n_s / N (psi(N) - psi(n_s))` (Zhang 2012, in the form of Chao, Wang & Jost 2013), bits.
pub fn zhang_bits(counts: &[u64]) -> f64 {
    let n = total(counts);
    sum(counts, |count| count / n * (digamma(n) - digamma(count))) / LN_2
}

/// Zhang's value and what codes not seen add: `f_1/N (1-A)^(1-N) (-ln A - sum_{r<N} (1-A)^r / r)` with
/// `A = 2 f_2 / ((N-1) f_1 + 2 f_2)`, or `2 / ((N-1)(f_1-1) + 2)` where no code was seen twice (Chao, Wang & Jost 2013), bits.
pub fn chao_wang_jost_bits(counts: &[u64]) -> f64 {
    let (n, once, twice) = (total(counts), seen(counts, 1), seen(counts, 2));
    if once == 0.0 {
        return zhang_bits(counts);
    }
    let a = if twice > 0.0 {
        2.0 * twice / ((n - 1.0) * once + 2.0 * twice)
    } else {
        2.0 / ((n - 1.0) * (once - 1.0) + 2.0)
    };
    zhang_bits(counts) + once / n * unseen_nats(a, n as usize) / LN_2
}

/// `(1-A)^(1-N) (-ln A - sum_{r<N} (1-A)^r / r)`, which is `sum_{r>=N} (1-A)^(r-N+1) / r`.
fn unseen_nats(a: f64, n: usize) -> f64 {
    let rest = 1.0 - a;
    if a * n as f64 > 1.0 {
        // The difference cancels, the tail falls off after some 1/A < N terms.
        let terms = (40.0 / a) as usize;
        let tail = (n..n + terms).scan(1.0, |power, r| {
            *power *= rest;
            Some(*power / r as f64)
        });
        return tail.sum();
    }
    let head: f64 = (1..n)
        .scan(1.0, |power, r| {
            *power *= rest;
            Some(*power / r as f64)
        })
        .sum();
    (-a.ln() - head) / rest.powi(n as i32 - 1)
}

/// Entropy of shares drawn towards equal ones over the K codes seen, `l / K + (1 - l) p_s` with
/// `l = (1 - sum p^2) / ((N-1) sum (1/K - p)^2)`, at most 1 (Hausser & Strimmer 2009), bits.
pub fn shrink_bits(counts: &[u64]) -> f64 {
    let (n, k) = (total(counts), distinct(counts) as f64);
    let squares = sum(counts, |count| (count / n).powi(2));
    let spread = sum(counts, |count| (1.0 / k - count / n).powi(2));
    let share = if spread == 0.0 { 1.0 } else { ((1.0 - squares) / ((n - 1.0) * spread)).clamp(0.0, 1.0) };
    -sum(counts, |count| {
        let p = share / k + (1.0 - share) * count / n;
        p * p.log2()
    })
}

/// Share of pairs of samples that have the same code: `sum n_s (n_s - 1) / (N (N - 1))`, an unbiased estimate of the
/// probability. NaN for fewer than two samples.
pub fn collision_probability(counts: &[u64]) -> f64 {
    let n = total(counts);
    sum(counts, |count| count * (count - 1.0)) / (n * (n - 1.0))
}

/// Renyi's entropy of order 2 from collisions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CollisionEntropy {
    /// `-log2` of the collision probability; where no pair collides, `log2(N (N - 1) / 2)`, what one pair would give.
    pub bits: f64,
    /// No pair collides: the entropy is about that much or more.
    pub at_least: bool,
}

/// Renyi's entropy of order 2 from collisions (Ma 1981); it needs some sqrt(2^H) samples, not 2^H.
pub fn collision_entropy(counts: &[u64]) -> CollisionEntropy {
    let probability = collision_probability(counts);
    let at_least = probability == 0.0;
    let bits = if at_least { most_collision_bits(total(counts)) } else { -probability.log2() };
    CollisionEntropy { bits, at_least }
}

/// The most that collisions among `n` samples can tell: `log2(n (n - 1) / 2)` bits.
pub fn most_collision_bits(n: f64) -> f64 {
    (n * (n - 1.0) / 2.0).log2()
}

/// H(X|S) = `1/N sum n_s log2 n_s`: what the code forgot about which sample it was, bits. With the plug-in entropy it adds
/// up to log2 N.
pub fn forgotten_bits(counts: &[u64]) -> f64 {
    sum(counts, |count| count * count.log2()) / total(counts)
}

/// Share of the distribution that has been seen, `1 - f_1 / N` (Good 1953).
pub fn coverage(counts: &[u64]) -> f64 {
    1.0 - seen(counts, 1) / total(counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimator::codes::{counts, numbered, sub_code, switches};
    use crate::estimator::golden;
    use crate::num::{mean, sd};
    use crate::rng::Seed;

    fn golden_counts() -> Vec<u64> {
        let t = golden::arrays().arrays.remove("t").unwrap();
        counts(&numbered(&switches(&t.values, t.rows), t.rows))
    }

    #[test]
    fn each_estimator_gives_its_golden_value() {
        let counts = golden_counts();
        let mut sorted = counts.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [2, 2, 3, 4, 5, 5, 6, 8, 9, 10, 10]);
        assert_eq!(distinct(&counts) as f64, golden::value("binary_codes_distinct"));
        for (name, found) in [
            ("binary_code_plugin_bits", entropy_bits(&counts)),
            ("binary_code_MM_bits", miller_madow_bits(&counts)),
            ("binary_code_H2_unbiased_bits", collision_entropy(&counts).bits),
            ("infomeasure_discrete_bits", entropy_bits(&counts)),
            ("infomeasure_miller_madow_bits", miller_madow_bits(&counts)),
            ("infomeasure_grassberger_bits", grassberger_bits(&counts)),
            ("infomeasure_chao_shen_bits", chao_shen_bits(&counts)),
            ("infomeasure_zhang_bits", zhang_bits(&counts)),
            ("infomeasure_chao_wang_jost_bits", chao_wang_jost_bits(&counts)),
            ("infomeasure_shrink_bits", shrink_bits(&counts)),
        ] {
            let expected = golden::value(name);
            assert!((found - expected).abs() < 1e-9, "{name}: {found}, expected {expected}");
        }
        assert!((entropy_bits(&counts) + forgotten_bits(&counts) - 6.0).abs() < 1e-12);
    }

    #[test]
    fn each_code_of_the_golden_array_is_counted() {
        let t = golden::array("T");
        let codes = sub_code(&switches(&t.values, t.rows), t.rows, &[0, 1, 2, 3]);
        let expected = golden::golden()["binary_code_counts"].as_object().unwrap();
        for (code, count) in expected {
            let found = codes.iter().filter(|found| format!("{found:04b}") == *code).count();
            assert_eq!(Some(found as u64), count.as_u64(), "{code}");
        }
        assert_eq!(expected.len(), distinct(&counts(&numbered(&codes, t.rows))));
    }

    #[test]
    fn samples_that_are_all_alike_or_all_different_give_the_ends() {
        let (alike, different) = ([9u64], [1u64; 8]);
        for of in [entropy_bits, miller_madow_bits, zhang_bits, chao_wang_jost_bits, shrink_bits, chao_shen_bits] {
            assert!(of(&alike).abs() < 1e-12, "{}", of(&alike));
        }
        assert_eq!([entropy_bits(&different), forgotten_bits(&different), coverage(&different)], [3.0, 0.0, 0.0]);
        assert_eq!(collision_entropy(&alike), CollisionEntropy { bits: 0.0, at_least: false });
        assert_eq!(collision_entropy(&different), CollisionEntropy { bits: 28f64.log2(), at_least: true });
        assert_eq!(forgotten_bits(&[4, 0, 4]), 2.0);
        assert_eq!(coverage(&[1, 0, 3]), 0.75);
        assert!(entropy_bits(&[]).is_nan() && collision_probability(&[1]).is_nan());
    }

    #[test]
    fn what_is_unseen_is_the_same_as_a_difference_and_as_a_tail() {
        // Either side of A N = 1 the sum by definition, in plain f64, is still good to some digits.
        for (a, n) in [(0.0099, 100), (0.0101, 100), (0.05, 100)] {
            let power = |r: i32| (1.0f64 - a).powi(r);
            let head: f64 = (1..n).map(|r| power(r) / f64::from(r)).sum();
            let expected = (-f64::ln(a) - head) / power(n - 1);
            let found = unseen_nats(a, n as usize);
            assert!((found - expected).abs() < 1e-10 * expected, "{a} {n}: {found} {expected}");
        }
        // Where (1 - A)^N is lost in rounding the sum lies between geometric ones, 1/N and 1/(N + 20/A) times 0.95 / 0.05.
        let found = unseen_nats(0.05, 2_000);
        assert!(found < 19.0 / 2_000.0 && found > 19.0 / 2_400.0, "{found}");
    }

    /// Over draws of N samples from K equally likely codes, mean and standard deviation of: plug-in, Miller-Madow,
    /// Grassberger, Chao-Shen, Chao-Wang-Jost, collisions.
    fn simulated(k: usize, n: usize, draws: u64) -> [(f64, f64); 6] {
        let collisions = |counts: &[u64]| collision_entropy(counts).bits;
        let of = [entropy_bits, miller_madow_bits, grassberger_bits, chao_shen_bits, chao_wang_jost_bits, collisions];
        let drawn: Vec<Vec<u64>> = (0..draws)
            .map(|draw| {
                let mut rng = Seed::new(5).child("codes").index(draw).rng();
                let mut counts = vec![0; k];
                (0..n).for_each(|_| counts[rng.below(k)] += 1);
                counts
            })
            .collect();
        of.map(|of| {
            let values: Vec<f64> = drawn.iter().map(|counts| of(counts)).collect();
            (mean(&values), sd(&values))
        })
    }

    #[test]
    fn each_estimator_has_the_bias_that_is_known_of_it() {
        // The entropy is log2 K. What is expected are single simulations; the one with fewest collisions is also far off.
        let draws = 40;
        for (k, n, expected) in [
            (16, 1_000, [3.990, 4.001, 3.998, 3.990, 4.001, 4.002]),
            (1_000, 1_000, [9.138, 9.593, 9.788, 10.093, 9.966, 9.970]),
            (1_000, 200, [7.483, 8.145, 8.803, 10.299, 10.330, 10.225]),
        ] {
            let found = simulated(k, n, draws);
            let close = found.iter().zip(expected).all(|((mean, sd), one)| (mean - one).abs() < 3.0 * sd + 5e-4);
            assert!(close, "K = {k}, N = {n}: {found:?}, expected {expected:?}");
            for (mean, sd) in &found[4..] {
                let truth = (k as f64).log2();
                assert!(
                    (mean - truth).abs() < 4.0 * sd / (draws as f64).sqrt() + 2e-3,
                    "{mean} +- {sd}, truth {truth}"
                );
            }
        }
        // Nearly all codes seen once: what the first three say follows from N alone, and the others are guesses.
        let found = simulated(100_000, 1_000, draws);
        let expected = [9.959, 10.678, 11.503, 17.602, 17.396];
        let close = found.iter().zip(expected).all(|((mean, sd), one)| (mean - one).abs() < 3.0 * sd);
        assert!(close, "{found:?}");
        assert!(collision_entropy(&vec![1; 1_000]).at_least);
    }
}
