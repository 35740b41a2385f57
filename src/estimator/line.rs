//! A straight line through points by least squares, with the interval of its slope.

use crate::num::t_quantile;

/// The line and how well it fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Rise of y with x.
    pub slope: f64,
    /// y where x is 0.
    pub intercept: f64,
    /// Standard error of the slope where the points are independent; NaN for two points.
    pub slope_se: f64,
    /// Weighted sum of squared residuals.
    pub residuals: f64,
    /// Number of points.
    pub n: usize,
}

impl Line {
    /// Through all points with equal weights. All NaN for fewer than two different x, and where a number is not finite.
    pub fn through(x: &[f64], y: &[f64]) -> Self {
        Line::weighted(x, y, &vec![1.0; x.len()])
    }

    /// The same with a weight for each point: `sum w (y - intercept - slope x)^2` is least.
    pub fn weighted(x: &[f64], y: &[f64], weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        let centre = |values: &[f64]| values.iter().zip(weights).map(|(v, w)| v * w).sum::<f64>() / total;
        let (x_mean, y_mean) = (centre(x), centre(y));
        let points = || x.iter().zip(y).zip(weights).map(|((x, y), w)| (x - x_mean, y - y_mean, *w));
        let xx: f64 = points().map(|(x, _, w)| w * x * x).sum();
        let xy: f64 = points().map(|(x, y, w)| w * x * y).sum();
        let slope = if xx > 0.0 { xy / xx } else { f64::NAN };
        let residuals: f64 = points().map(|(x, y, w)| w * (y - slope * x).powi(2)).sum();
        let n = x.len();
        let slope_se = if n > 2 { (residuals / (n - 2) as f64 / xx).sqrt() } else { f64::NAN };
        Line { slope, intercept: y_mean - slope * x_mean, slope_se, residuals, n }
    }

    /// Half width of the 95 % Student t interval of the slope. NaN for fewer than three points.
    pub fn half_width(&self) -> f64 {
        t_quantile(0.975, self.n.saturating_sub(2) as u64) * self.slope_se
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slope_and_interval_are_those_of_scipy() {
        // scipy.stats.linregress([1, 2, 4, 7], [2.0, 1.0, 5.0, 6.0]): slope 0.8095238, intercept 0.6666667, stderr
        // 0.2776644; scipy.stats.t.ppf(0.975, 2) is 4.3026527.
        let line = Line::through(&[1.0, 2.0, 4.0, 7.0], &[2.0, 1.0, 5.0, 6.0]);
        assert!((line.slope - 17.0 / 21.0).abs() < 1e-12, "{line:?}");
        assert!((line.intercept - 2.0 / 3.0).abs() < 1e-12, "{line:?}");
        assert!((line.slope_se - 0.277_664_375_945).abs() < 1e-9, "{line:?}");
        assert!((line.half_width() - 4.302_652_729_7 * line.slope_se).abs() < 1e-9);
    }

    #[test]
    fn a_point_of_weight_two_counts_as_two_points() {
        let once = Line::weighted(&[0.0, 1.0, 3.0], &[1.0, 0.0, 2.0], &[1.0, 2.0, 1.0]);
        let twice = Line::through(&[0.0, 1.0, 1.0, 3.0], &[1.0, 0.0, 0.0, 2.0]);
        assert!((once.slope - twice.slope).abs() < 1e-12 && (once.intercept - twice.intercept).abs() < 1e-12);
    }

    #[test]
    fn what_has_no_line_has_no_numbers() {
        assert!(Line::through(&[], &[]).slope.is_nan());
        assert!(Line::through(&[2.0, 2.0], &[1.0, 3.0]).slope.is_nan());
        assert!(Line::through(&[1.0, 2.0], &[1.0, f64::INFINITY]).slope.is_nan());
        assert!(Line::through(&[1.0, 2.0], &[1.0, 3.0]).half_width().is_nan());
    }
}
