//! Signal-to-noise ratio of vectors that are drawn again and again at the same weights: gradients of minibatches, updates of
//! a strategy.
//!
//! With mean `m` of `B` vectors and `tr` the trace of their covariance (divisor B - 1), the naive ratio is `|m| / sqrt(tr)`.
//! Because `E|m|^2 = |E g|^2 + tr / B` it does not fall below `1 / sqrt(B)` where there is no signal at all. Free of that
//! bias is `SNR^2 = (|m|^2 - tr / B) / tr`, which may be negative.

use super::random_signs::RandomSigns;
use super::steps::finite;
use super::{Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::{Error, Result};

/// Signal and noise of a set of vectors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Snr {
    /// Length of the mean vector.
    pub norm_of_mean: f64,
    /// Square root of the trace of the covariance, divisor B - 1.
    pub root_trace: f64,
    /// `norm_of_mean / root_trace`: biased, at least about `1 / sqrt(B)`.
    pub naive: f64,
    /// Unbiased signal over noise, squared; may be negative.
    pub unbiased_squared: f64,
    /// What the square of `naive` comes out as where there is no signal: `1 / B`.
    pub floor_squared: f64,
    /// Standard errors of the four by jackknife over the vectors, in their order; NaN for fewer than three.
    pub se: [f64; 4],
}

impl Snr {
    /// Of `rows` vectors, (rows, k). NaN for fewer than two.
    pub fn of<T: Copy + Into<f64>>(vectors: &[T], rows: usize) -> Self {
        let k = (vectors.len() / rows.max(1)).max(1);
        let b = rows as f64;
        let mut mean = vec![0.0; k];
        for vector in vectors.chunks_exact(k) {
            mean.iter_mut().zip(vector).for_each(|(sum, x)| *sum += (*x).into());
        }
        mean.iter_mut().for_each(|sum| *sum /= b);
        let square: f64 = mean.iter().map(|x| x * x).sum();
        // Of each vector less the mean: its square, and its product with the mean.
        let apart: Vec<[f64; 2]> = vectors
            .chunks_exact(k)
            .map(|vector| {
                vector.iter().zip(&mean).fold([0.0; 2], |[own, along], (x, m)| {
                    let c: f64 = (*x).into() - m;
                    [own + c * c, along + c * m]
                })
            })
            .collect();
        let scatter: f64 = apart.iter().map(|[own, _]| own).sum();
        let [norm_of_mean, root_trace, naive, unbiased_squared] = numbers(square, scatter, b);
        // Without vector i the mean moves by -c_i / (B - 1), and the scatter loses B / (B - 1) |c_i|^2.
        let without = |[own, along]: &[f64; 2]| {
            let less = b - 1.0;
            numbers(square - 2.0 * along / less + own / (less * less), scatter - b / less * own, less)
        };
        let left_out: Vec<[f64; 4]> = apart.iter().map(without).collect();
        let se = [0, 1, 2, 3].map(|i| jackknife(&left_out.iter().map(|numbers| numbers[i]).collect::<Vec<f64>>()));
        Snr { norm_of_mean, root_trace, naive, unbiased_squared, floor_squared: 1.0 / b, se }
    }
}

/// The four numbers from the square of the mean, the sum of squares around it, and the number of vectors.
fn numbers(square: f64, scatter: f64, b: f64) -> [f64; 4] {
    let trace = if b > 1.0 { scatter.max(0.0) / (b - 1.0) } else { f64::NAN };
    let (norm, root) = (square.max(0.0).sqrt(), trace.sqrt());
    [norm, root, norm / root, (square - trace / b) / trace]
}

/// Standard error of a number from its values with one sample left out: `sqrt((n - 1) / n sum (x_i - mean)^2)`.
pub fn jackknife(left_out: &[f64]) -> f64 {
    let n = left_out.len() as f64;
    let mean = crate::num::mean(left_out);
    if left_out.len() < 3 {
        return f64::NAN;
    }
    ((n - 1.0) / n * left_out.iter().map(|x| (x - mean).powi(2)).sum::<f64>()).sqrt()
}

/// Of the array `grads`, (batches, weights).
struct SnrOfGrads {
    /// Which of the four numbers.
    which: usize,
    nulls: RandomSigns,
}

/// What `quantity` may be: the four numbers of [`Snr`].
const QUANTITIES: [&str; 4] = ["norm-of-mean", "root-trace", "naive-snr", "unbiased-snr2"];

pub(super) const ENTRY: Entry<dyn Estimator> = Entry {
    name: "snr",
    summary: "signal over noise of vectors drawn at the same weights: mean, covariance, naive and unbiased ratio",
    reference: "Shwartz-Ziv & Tishby 2017, with the bias removed",
    // Default: the unbiased one.
    build: |params, ()| {
        let quantity = params.choice("quantity", Some(QUANTITIES[3]), &QUANTITIES);
        let which = QUANTITIES.iter().position(|name| *name == quantity).unwrap_or(3);
        Ok(Box::new(SnrOfGrads { which, nulls: RandomSigns::read(params) }))
    },
};

impl Estimator for SnrOfGrads {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        let grads = finite(arrays, "grads")?;
        if grads.rows < 2 {
            return Err(Error::Config("`grads` has 1 row: needs at least 2, one for each batch".to_string()));
        }
        let number = |vectors: &[f64]| {
            let snr = Snr::of(vectors, grads.rows);
            ([snr.norm_of_mean, snr.root_trace, snr.naive, snr.unbiased_squared][self.which], snr.se[self.which])
        };
        let (value, se) = number(&grads.values);
        let shuffled = self.nulls.of_rows(grads, |vectors| number(vectors).0);
        Ok(Estimate::new(value, "1", grads.rows).with_se(se).with_shuffled(shuffled))
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{array, golden};
    use super::super::testing::{estimate, normals};
    use super::*;
    use crate::estimator::es_theory;

    #[test]
    fn the_golden_gradients_have_their_four_numbers() {
        let (grads, golden) = (array("grads"), golden());
        let snr = Snr::of(&grads.values, grads.rows);
        let expected = |name: &str| golden["snr_32x5"][name].as_f64().unwrap();
        assert!((snr.norm_of_mean - expected("norm_mean")).abs() < 1e-9);
        assert!((snr.root_trace - expected("sqrt_tr_cov")).abs() < 1e-9);
        assert!((snr.naive - expected("naive_snr")).abs() < 1e-9);
        assert!((snr.unbiased_squared - expected("unbiased_snr2")).abs() < 1e-9);
        assert_eq!(snr.floor_squared, 1.0 / 32.0);
        for (quantity, value) in QUANTITIES.iter().zip([snr.norm_of_mean, snr.root_trace, snr.naive]) {
            let found = estimate(&ENTRY, &format!("quantity = \"{quantity}\""), [("grads", grads.clone())]).unwrap();
            assert_eq!((found.value, found.n), (value, 32));
        }
        let found = estimate(&ENTRY, "", [("grads", grads)]).unwrap();
        assert_eq!((found.value, found.se), (snr.unbiased_squared, Some(snr.se[3])));
    }

    #[test]
    fn standard_errors_are_those_of_leaving_each_vector_out_in_turn() {
        let (grads, k) = (array("grads"), 5);
        let left_out: Vec<Snr> = (0..grads.rows)
            .map(|i| Snr::of(&[&grads.values[..i * k], &grads.values[(i + 1) * k..]].concat(), grads.rows - 1))
            .collect();
        let se = Snr::of(&grads.values, grads.rows).se;
        let by_hand = |number: fn(&Snr) -> f64| jackknife(&left_out.iter().map(number).collect::<Vec<f64>>());
        let expected = [
            by_hand(|snr| snr.norm_of_mean),
            by_hand(|snr| snr.root_trace),
            by_hand(|snr| snr.naive),
            by_hand(|snr| snr.unbiased_squared),
        ];
        se.iter().zip(expected).for_each(|(se, expected)| assert!((se - expected).abs() < 1e-9, "{se} {expected}"));
        // Of a mean the jackknife is the textbook's sd / sqrt(n).
        let means: Vec<f64> = (0..4).map(|i| (10.0 - [1.0, 2.0, 3.0, 4.0][i]) / 3.0).collect();
        assert!((jackknife(&means) - crate::num::sd(&[1.0, 2.0, 3.0, 4.0]) / 2.0).abs() < 1e-12);
    }

    #[test]
    fn without_signal_the_naive_ratio_rests_at_its_floor_and_the_unbiased_one_at_zero() {
        let (rows, k, repeats) = (32, 50, 300);
        let mean_of = |signal: f64| {
            let all = (0..repeats).map(|i| {
                let mut vectors = normals(rows * k, i);
                vectors.iter_mut().for_each(|x| *x += signal);
                let snr = Snr::of(&vectors, rows);
                [snr.naive, snr.unbiased_squared]
            });
            let sums = all.fold([0.0; 2], |sums, one| [sums[0] + one[0], sums[1] + one[1]]);
            sums.map(|sum| sum / repeats as f64)
        };
        // Of one set the naive ratio has a standard deviation of about 0.018, the unbiased square of 0.0063.
        let [naive, unbiased] = mean_of(0.0);
        assert!((naive - 32f64.sqrt().recip()).abs() < 0.004, "{naive}");
        assert!(unbiased.abs() < 0.001_5, "{unbiased}");
        // |E g|^2 / tr = k 0.02 / k.
        let [_, unbiased] = mean_of(0.02f64.sqrt());
        assert!((unbiased - 0.02).abs() < 0.003, "{unbiased}");
    }

    #[test]
    fn steps_of_an_evolution_strategy_have_the_ratio_of_theory_whatever_the_gradient() {
        // g = sum over pairs of (e . gradient) e / n, for a linear loss: (d, n, length of the gradient).
        for (d, pairs, length) in [(10, 5, 1.0), (10, 5, 1e-3), (4, 20, 7.0)] {
            let rows = 8_000;
            let mut vectors = vec![0.0; rows * d];
            for (i, vector) in vectors.chunks_exact_mut(d).enumerate() {
                for noise in normals(pairs * d, i as u64).chunks_exact(d) {
                    // The gradient lies along the first axis.
                    let rise = length * noise[0];
                    vector.iter_mut().zip(noise).for_each(|(x, e)| *x += rise * e / pairs as f64);
                }
            }
            let snr = Snr::of(&vectors, rows);
            let expected = es_theory::snr_squared(pairs, d);
            assert!((snr.unbiased_squared / expected - 1.0).abs() < 0.05, "{} {expected}", snr.unbiased_squared);
            // Cov = (|g|^2 I + g g') / n: along the gradient twice as much as across it.
            let variance = |axis: usize| {
                let along: Vec<f64> = vectors.chunks_exact(d).map(|vector| vector[axis]).collect();
                crate::num::sd(&along).powi(2) * pairs as f64 / (length * length)
            };
            assert!((variance(0) - 2.0).abs() < 0.2, "{}", variance(0));
            assert!((variance(1) - 1.0).abs() < 0.1, "{}", variance(1));
            let second = (snr.norm_of_mean.powi(2) + snr.root_trace.powi(2)) / (length * length);
            assert!((second / es_theory::second_moment(pairs, d) - 1.0).abs() < 0.03, "{second}");
        }
    }

    #[test]
    fn random_signs_leave_the_floor_and_bad_arrays_are_refused() {
        let mut vectors = normals(32 * 200, 1);
        vectors.iter_mut().for_each(|x| *x += 1.0);
        let grads = super::super::Array::new(vectors, 32);
        let found = estimate(&ENTRY, "quantity = \"naive-snr\"\nshuffles = 20", [("grads", grads)]).unwrap();
        assert!(found.value > 0.9, "{found:?}");
        // Signs turn the mean into noise of variance 2 in each weight: B of them leave 1 / sqrt(B).
        assert!((found.shuffled.unwrap() - 0.177).abs() < 0.06, "{found:?}");
        let one = super::super::Array::new(vec![1.0, 2.0], 1);
        assert!(estimate(&ENTRY, "", [("grads", one)]).unwrap_err().contains("needs at least 2"));
        assert!(Snr::of(&[1.0, 2.0], 1).naive.is_nan() && Snr::of(&[1.0, f64::NAN], 2).naive.is_nan());
        assert!(Snr::of::<f64>(&[], 0).unbiased_squared.is_nan());
    }
}
