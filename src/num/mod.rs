//! Statistics of small samples (mean, standard deviation, percentiles, intervals), matrices, counts in words, wide loops.

mod eigen;
mod interval;
mod mcnemar;
mod product;
mod wide;
mod words;

pub use eigen::Eigen;
pub use interval::{clopper_pearson, t_half_width, t_quantile, wilson};
pub use mcnemar::McNemar;
pub use product::{Matrix, Scalar};
pub use wide::wide;
pub use words::{counted, short, time};

/// Mean; NaN of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Sample standard deviation (divisor n - 1); NaN for fewer than two values.
pub fn sd(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return f64::NAN;
    }
    let mean = mean(values);
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

/// Percentile, `share` in 0 to 1, linear between order statistics (type 7 of Hyndman & Fan 1996, the default of R and
/// NumPy). NaN of nothing, and where a value is NaN.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    if values.is_empty() || values.iter().any(|x| x.is_nan()) {
        return f64::NAN;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = share.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    if low == high {
        return low;
    }
    low + (high - low) * at.fract()
}

/// The sum of the products.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    // Eight sums, so that the loop fills vector registers; their order is the same on every machine.
    let (heads, rest) = a.as_chunks::<8>();
    let (others, tail) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in heads.iter().zip(others) {
        for i in 0..8 {
            sums[i] += a[i] * b[i];
        }
    }
    sums.iter().sum::<f64>() + rest.iter().zip(tail).map(|(a, b)| a * b).sum::<f64>()
}

/// How many rows of `k` values one thread should take at least: to wake another costs about as much as to work on these.
pub fn alone(k: usize) -> usize {
    (16_384 / k).max(1)
}

/// A count with a comma before every third digit: 1234567 as 1,234,567.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes with a binary unit.
pub fn bytes(n: u64) -> String {
    let n = n as f64;
    let (value, unit) = match n {
        n if n >= (1u64 << 30) as f64 => (n / (1u64 << 30) as f64, "GiB"),
        n if n >= (1u64 << 20) as f64 => (n / (1u64 << 20) as f64, "MiB"),
        n if n >= 1024.0 => (n / 1024.0, "KiB"),
        n => return format!("{n} B"),
    };
    let decimals = 2usize.saturating_sub(digits_before(value));
    format!("{value:.decimals$} {unit}")
}

/// Digits before the decimal point, less one.
pub fn digits_before(value: f64) -> usize {
    value.abs().max(1.0).log10() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_deviation_divides_by_n_minus_1() {
        assert_eq!(mean(&[2.0, 4.0, 9.0]), 5.0);
        assert_eq!(sd(&[2.0, 4.0, 9.0]), 13.0f64.sqrt());
    }

    #[test]
    fn too_few_values_give_nan() {
        assert!(mean(&[]).is_nan() && sd(&[1.0]).is_nan() && percentile(&[], 0.5).is_nan());
        assert!(percentile(&[1.0, f64::NAN], 0.0).is_nan());
    }

    #[test]
    fn percentiles_are_linear_between_order_statistics() {
        // numpy.percentile([7, 1, 3, 10], [0, 25, 50, 90, 100])
        let values = [7.0, 1.0, 3.0, 10.0];
        let expected = [(0.0, 1.0), (0.25, 2.5), (0.5, 5.0), (0.9, 9.1), (1.0, 10.0)];
        for (share, value) in expected {
            assert!((percentile(&values, share) - value).abs() < 1e-12, "{share}");
        }
        assert_eq!(percentile(&[1.0, f64::INFINITY], 1.0), f64::INFINITY);
    }

    #[test]
    fn counts_are_grouped_by_thousands() {
        let words = [0, 999, 1_000, 1_234_567].map(grouped);
        assert_eq!(words, ["0", "999", "1,000", "1,234,567"]);
    }
}
