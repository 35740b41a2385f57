//! How far the mean of some losses may lie from what it estimates.
//!
//! `n_b` intervals are drawn in all and all hold together with probability `1 - delta`, each by its share of the rest:
//!
//! ```text
//! Hoeffding   R sqrt(ln(2 n_b / delta) / (2 t))
//! Bernstein   sd sqrt(2 ln(3 n_b / delta) / t) + 3 R ln(3 n_b / delta) / t
//! Student     t(1 - delta / (2 n_b), t - 1) s / sqrt(t)
//! ```
//!
//! The first two (Hoeffding 1963; Audibert, Munos & Szepesvari 2007) hold for any losses that lie within a range R; `sd` is
//! the root of the mean squared deviation. The third holds for normal losses, `s^2` being the unbiased variance.

use crate::num::{mean, sd, t_quantile};

/// A way to bound the error of a mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// Of the range alone.
    Hoeffding {
        /// How far apart two losses can be (R).
        range: f64,
    },
    /// Of the range and of the spread that was seen.
    Bernstein {
        /// How far apart two losses can be (R).
        range: f64,
    },
    /// Of the spread that was seen, as if losses were normal.
    Student,
}

impl Bound {
    /// Half the width of the interval around the mean of `losses` (t), one of `intervals` that all hold with probability
    /// `1 - delta`. Infinite where too few were seen to tell.
    pub fn radius(self, losses: &[f64], intervals: f64, delta: f64) -> f64 {
        let t = losses.len() as f64;
        match self {
            Bound::Hoeffding { range } => range * ((2.0 * intervals / delta).ln() / (2.0 * t)).sqrt(),
            Bound::Bernstein { range } => {
                let (log, mean) = ((3.0 * intervals / delta).ln(), mean(losses));
                let variance = losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>() / t;
                (2.0 * variance * log / t).sqrt() + 3.0 * range * log / t
            }
            Bound::Student if losses.len() < 2 => f64::INFINITY,
            Bound::Student => {
                let quantile = t_quantile(1.0 - delta / (2.0 * intervals), losses.len() as u64 - 1);
                quantile * sd(losses) / t.sqrt()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn radii_are_those_of_the_formulas() {
        let losses = [0.0, 1.0, 0.0, 1.0];
        // ln(2 * 10 / 0.2) = ln 100; R sqrt(ln 100 / 8).
        let hoeffding = Bound::Hoeffding { range: 2.0 }.radius(&losses, 10.0, 0.2);
        assert!((hoeffding - 2.0 * (100f64.ln() / 8.0).sqrt()).abs() < 1e-12, "{hoeffding}");
        // Variance 1/4; ln(3 * 10 / 0.3) = ln 100.
        let bernstein = Bound::Bernstein { range: 2.0 }.radius(&losses, 10.0, 0.3);
        let expected = (0.5 * 100f64.ln() / 4.0).sqrt() + 6.0 * 100f64.ln() / 4.0;
        assert!((bernstein - expected).abs() < 1e-12, "{bernstein}");
        // t(0.975, 3) = 3.1824463 from printed tables; s^2 = 1/3.
        let student = Bound::Student.radius(&losses, 1.0, 0.05);
        assert!((student - 3.182_446_3 * (1.0f64 / 3.0).sqrt() / 2.0).abs() < 1e-6, "{student}");
        assert_eq!(Bound::Student.radius(&[0.5], 1.0, 0.05), f64::INFINITY);
    }
}
