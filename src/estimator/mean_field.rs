//! What mean-field theory says of wide random MLPs: how the correlation of two inputs and the variance of units go from layer
//! to layer (Poole et al. 2016; Schoenholz et al. 2017; the map of ReLU is the arc-cosine kernel of Cho & Saul 2009).
//!
//! Weights N(0, sw^2/fan-in), biases N(0, sb^2), infinite width. ReLU with He weights (sw^2 = 2, sb = 0) keeps the variance, and
//! the cosine of two pre-activations goes from `c` to `f(c) = [sqrt(1 - c^2) + c (pi - arccos c)] / pi`; the signs of a unit
//! differ with probability `arccos(c) / pi`. For tanh the variance goes to the fixed point of
//! `q = sw^2 E[tanh^2(sqrt(q) z)] + sb^2`, and `chi = sw^2 E[sech^4(sqrt(q) z)]` tells whether two near inputs come together
//! (below 1) or part (above 1).

use std::f64::consts::PI;

/// The cosine behind one ReLU layer with He weights of two inputs whose cosine is `c`.
pub fn arccos_map(c: f64) -> f64 {
    let c = c.clamp(-1.0, 1.0);
    ((1.0 - c * c).sqrt() + c * (PI - c.acos())) / PI
}

/// The slope of [`arccos_map`]: `(pi - arccos c) / pi`, 1 at `c` = 1.
pub fn arccos_map_slope(c: f64) -> f64 {
    1.0 - sign_change_probability(c)
}

/// The cosine after so many ReLU layers.
pub fn arccos_map_iterated(c: f64, layers: usize) -> f64 {
    (0..layers).fold(c, |c, _| arccos_map(c))
}

/// Probability that the signs of a unit differ between two inputs whose pre-activations have cosine `c`: `arccos(c) / pi`.
pub fn sign_change_probability(c: f64) -> f64 {
    c.clamp(-1.0, 1.0).acos() / PI
}

/// Variance of a tanh unit's pre-activation far down: the stable fixed point of the variance map.
pub fn tanh_fixed_variance(weight_variance: f64, bias_variance: f64) -> f64 {
    // From above: the map is increasing and bounded, so it comes down to the greatest fixed point.
    let mut q = weight_variance + bias_variance;
    for _ in 0..100_000 {
        let next = weight_variance * normal_mean(|z| (q.sqrt() * z).tanh().powi(2)) + bias_variance;
        if (next - q).abs() <= 1e-15 * q {
            return next;
        }
        q = next;
    }
    q
}

/// `chi` of tanh layers at variance `q`: how a small difference of two inputs grows in one layer.
pub fn tanh_chi(weight_variance: f64, q: f64) -> f64 {
    weight_variance * mean_squared_slope(q)
}

/// The weight variance at the edge of chaos (`chi` = 1) for a bias variance above 0, and the variance `q` there.
pub fn tanh_edge_of_chaos(bias_variance: f64) -> (f64, f64) {
    // Each q above the bias variance is the fixed point of one weight variance, and chi rises with it.
    let weight_variance = |q: f64| (q - bias_variance) / normal_mean(|z| (q.sqrt() * z).tanh().powi(2));
    let chi = |q: f64| weight_variance(q) * mean_squared_slope(q);
    let (mut low, mut high) = (bias_variance, bias_variance + 1.0);
    while chi(high) < 1.0 {
        high *= 2.0;
    }
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if chi(middle) < 1.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    (weight_variance(high), high)
}

/// E of the squared slope of tanh at `sqrt(q) z`.
fn mean_squared_slope(q: f64) -> f64 {
    normal_mean(|z| (1.0 - (q.sqrt() * z).tanh().powi(2)).powi(2))
}

/// E over a standard normal `z`, by the trapezoid rule, whose error falls exponentially for functions as smooth as these.
fn normal_mean(f: impl Fn(f64) -> f64) -> f64 {
    const STEP: f64 = 1.0 / 64.0;
    const REACH: i32 = 9 * 64;
    let weight = |z: f64| (-0.5 * z * z).exp();
    let sum: f64 = (-REACH..=REACH).map(|i| f64::from(i) * STEP).map(|z| weight(z) * f(z)).sum();
    sum * STEP / (2.0 * PI).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64, digits: i32) {
        assert!((found - expected).abs() <= 0.5001 * 10f64.powi(-digits), "{found} against {expected}");
    }

    #[test]
    fn the_map_of_relu_has_its_known_values() {
        let known = [
            (-1.0, 0.0),
            (-0.5, 0.108_998),
            (0.0, std::f64::consts::FRAC_1_PI),
            (0.25, 0.453_310),
            (0.5, 0.608_998),
            (0.75, 0.788_002),
            (0.9, 0.909_538),
            (0.99, 0.990_300),
        ];
        known.iter().for_each(|(c, expected)| near(arccos_map(*c), *expected, 6));
        assert_eq!(arccos_map(1.0), 1.0);
        assert_eq!(arccos_map_slope(1.0), 1.0);
        let slope = (arccos_map(0.3 + 1e-6) - arccos_map(0.3 - 1e-6)) / 2e-6;
        near(arccos_map_slope(0.3), slope, 8);
    }

    #[test]
    fn the_iterated_map_has_its_known_values() {
        let from_0 = [std::f64::consts::FRAC_1_PI, 0.493_731, 0.604_826, 0.680_954, 0.735_946, 0.777_229];
        from_0.iter().enumerate().for_each(|(i, c)| near(arccos_map_iterated(0.0, i + 1), *c, 6));
        for (layers, c) in [(10, 0.871_536), (20, 0.948_428), (50, 0.987_862), (100, 0.996_423)] {
            near(arccos_map_iterated(0.0, layers), c, 6);
        }
        let from_9 = [0.909_538, 0.917_741, 0.924_851, 0.931_057, 0.936_508, 0.941_325];
        from_9.iter().enumerate().for_each(|(i, c)| near(arccos_map_iterated(0.9, i + 1), *c, 6));
        let hamming = [0.14357, 0.13644, 0.13001, 0.12419, 0.11889, 0.11404];
        for (i, share) in hamming.iter().enumerate() {
            near(sign_change_probability(arccos_map_iterated(0.9, i)), *share, 5);
        }
    }

    #[test]
    fn the_asymptote_is_reached_only_very_deep() {
        let ratio = |layers: usize| {
            let asymptote = 9.0 * PI * PI / (2.0 * (layers * layers) as f64);
            (1.0 - arccos_map_iterated(0.0, layers)) / asymptote
        };
        near(ratio(1000), 0.971, 3);
        near(ratio(10), 0.29, 2);
    }

    #[test]
    fn the_edge_of_chaos_of_tanh_is_where_it_is_known_to_be() {
        let known = [
            (0.001, 1.1892, 0.1073),
            (0.01, 1.4242, 0.2733),
            (0.05, 1.7610, 0.5700),
            (0.1, 1.9861, 0.8058),
            (0.3, 2.5051, 1.4612),
        ];
        for (bias, weight, q) in known {
            let (found, at) = tanh_edge_of_chaos(bias);
            near(found, weight, 4);
            near(at, q, 4);
            near(tanh_chi(found, tanh_fixed_variance(found, bias)), 1.0, 6);
        }
    }

    #[test]
    fn ordered_and_chaotic_networks_of_poole_have_their_numbers() {
        // The catalogue prints 2.375 and 12.603 for sw = 4, of a quadrature that is too coarse there: adaptive quadrature
        // (scipy.integrate.quad) gives these.
        for (sigma, chi, q) in [(1.3, 0.940, 0.607), (2.5, 1.585, 4.079), (4.0, 2.367, 12.604)] {
            let found = tanh_fixed_variance(sigma * sigma, 0.09);
            near(found, q, 3);
            near(tanh_chi(sigma * sigma, found), chi, 3);
        }
    }
}
