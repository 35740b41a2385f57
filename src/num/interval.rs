//! Intervals: Student's t distribution for whole degrees of freedom (Abramowitz & Stegun 1964, 26.7.3 and 26.7.4) and the
//! 95 % interval of a mean over seeds; intervals of a share.

use statrs::function::beta::inv_beta_reg;

use super::sd;

/// Half width of the 95 % Student t interval of the mean: `t(0.975, n - 1) * sd / sqrt(n)`. NaN for fewer than two
/// values.
pub fn t_half_width(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return f64::NAN;
    }
    t_quantile(0.975, values.len() as u64 - 1) * sd(values) / (values.len() as f64).sqrt()
}

/// The value that Student's t with `freedom` degrees of freedom stays below with the given probability. NaN without
/// freedom or for a probability outside 0 to 1.
pub fn t_quantile(probability: f64, freedom: u64) -> f64 {
    if freedom == 0 || !(0.0..=1.0).contains(&probability) {
        return f64::NAN;
    }
    if probability < 0.5 {
        return -t_quantile(1.0 - probability, freedom);
    }
    if probability == 1.0 {
        return f64::INFINITY;
    }
    // P(|T| < t) rises from 0 at angle 0 to 1 at angle pi / 2, so the angle, and with it t, is found by bisection.
    let within = 2.0 * probability - 1.0;
    let (mut low, mut high) = (0.0, std::f64::consts::FRAC_PI_2);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if probability_within(middle, freedom) < within {
            low = middle;
        } else {
            high = middle;
        }
    }
    (0.5 * (low + high)).tan() * (freedom as f64).sqrt()
}

/// P(|T| < t) with t = sqrt(freedom) * tan(angle): a finite sum for whole degrees of freedom.
fn probability_within(angle: f64, freedom: u64) -> f64 {
    let (sine, cosine) = angle.sin_cos();
    // Odd: cos + 2/3 cos^3 + 2*4/(3*5) cos^5 + ...; even: 1 + 1/2 cos^2 + 1*3/(2*4) cos^4 + ...
    let odd = freedom % 2 == 1;
    let mut term = if odd { cosine } else { 1.0 };
    let mut sum = 0.0;
    let mut power = u64::from(odd);
    while power + 2 <= freedom {
        sum += term;
        power += 2;
        term *= cosine * cosine * (power - 1) as f64 / power as f64;
    }
    if odd {
        (angle + sine * sum) / std::f64::consts::FRAC_PI_2
    } else {
        sine * sum
    }
}

/// The 95 % interval of a share, `right` of `n` (Wilson 1927). NaN for no trial.
pub fn wilson(right: f64, n: f64) -> [f64; 2] {
    // The 0.975 quantile of the normal distribution.
    const Z: f64 = 1.959_963_984_540_054;
    let share = right / n;
    let centre = share + Z * Z / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    [-1.0, 1.0].map(|side| ((centre + side * half) / (1.0 + Z * Z / n)).clamp(0.0, 1.0))
}

/// The exact interval of a share, `right` of `n`, which holds it with a probability of at least `level` whatever it is
/// (Clopper & Pearson 1934): quantiles of the beta distributions (right, n - right + 1) and (right + 1, n - right). NaN for
/// no trial, for more right than trials, and for a level outside 0 to 1.
pub fn clopper_pearson(right: u64, n: u64, level: f64) -> [f64; 2] {
    if n == 0 || right > n || !(level > 0.0 && level < 1.0) {
        return [f64::NAN; 2];
    }
    let (r, w, outside) = (right as f64, (n - right) as f64, 0.5 - 0.5 * level);
    let low = if right == 0 { 0.0 } else { inv_beta_reg(r, w + 1.0, outside) };
    let high = if right == n { 1.0 } else { inv_beta_reg(r + 1.0, w, 1.0 - outside) };
    [low, high]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_agree_with_the_printed_table() {
        // Tables of Student's t, and scipy.stats.t.ppf.
        let known = [
            (0.975, 1, 12.7062047362),
            (0.975, 2, 4.3026527297),
            (0.975, 3, 3.1824463053),
            (0.975, 4, 2.7764451052),
            (0.975, 9, 2.2621571628),
            (0.975, 29, 2.0452296421),
            (0.975, 30, 2.0422724563),
            (0.975, 1000, 1.9623390808),
            (0.95, 1, 6.3137515147),
            (0.95, 8, 1.8595480375),
            (0.995, 7, 3.4994832974),
        ];
        for (probability, freedom, value) in known {
            let found = t_quantile(probability, freedom);
            assert!((found - value).abs() < 1e-8, "t({probability}, {freedom}) = {found}, expected {value}");
        }
    }

    #[test]
    fn the_distribution_is_symmetric() {
        assert_eq!(t_quantile(0.025, 2), -t_quantile(0.975, 2));
        assert!(t_quantile(0.5, 3).abs() < 1e-15);
        assert!(t_quantile(0.9, 0).is_nan() && t_quantile(1.5, 3).is_nan());
    }

    #[test]
    fn three_values_have_a_wide_interval() {
        // t(0.975, 2) * sqrt(13) / sqrt(3), by hand.
        assert!((t_half_width(&[2.0, 4.0, 9.0]) - 8.956_686_1).abs() < 1e-6, "{}", t_half_width(&[2.0, 4.0, 9.0]));
        assert!(t_half_width(&[2.0]).is_nan());
    }

    #[test]
    fn wilson_intervals_are_those_of_scipy() {
        // scipy.stats.binomtest(right, n).proportion_ci(method="wilson")
        for (right, n, low, high) in
            [(90.0, 100.0, 0.825_634_338_5, 0.944_770_862_9), (0.0, 10.0, 0.0, 0.277_532_799_9)]
        {
            let [a, b] = wilson(right, n);
            assert!((a - low).abs() < 1e-9 && (b - high).abs() < 1e-9, "{a} {b}");
        }
        assert!(wilson(0.0, 0.0)[0].is_nan());
    }

    #[test]
    fn exact_intervals_are_those_of_scipy() {
        let reference: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/reference/intervals.json")).unwrap();
        for row in reference["clopper_pearson"]["rows"].as_array().unwrap() {
            let at = |i: usize| row[i].as_f64().unwrap();
            let [low, high] = clopper_pearson(at(0) as u64, at(1) as u64, at(2));
            assert!((low - at(3)).abs() < 1e-9 && (high - at(4)).abs() < 1e-9, "{row}: {low} {high}");
        }
        let bad = [(0, 0, 0.95), (3, 2, 0.95), (1, 2, 1.0), (1, 2, f64::NAN)];
        assert!(bad.iter().all(|(right, n, level)| clopper_pearson(*right, *n, *level)[0].is_nan()));
    }
}
