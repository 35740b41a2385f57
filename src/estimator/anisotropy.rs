//! Whether a walk diffuses more along the directions in which the loss is curved.
//!
//! Along an eigenvector `e_i` of the Hessian, with eigenvalue `lambda_i`: `C_ii` is the variance of steps, and `D_i` half the
//! slope of the mean squared displacement against the lag, which counts memory too. Both are fitted by `c lambda^gamma` where
//! lambda is above 0. Isotropic noise, as of an evolution strategy, has gamma 0; noise with the Hessian as covariance 1.
//! The efficiency `d Tr(HC) / (Tr H Tr C)` is 1 where noise does not look at curvature.

use super::lags::log_spaced;
use super::line::Line;
use super::msd::time_averaged_msd;
use super::steps::{finite, steps, walk};
use super::{Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::num::{sd, Eigen, Matrix};

/// Places or steps along directions: `rows` rows of k values each, `directions` (m, k) as rows; gives (m, rows), the course
/// along each direction in a row.
pub fn along(values: &[f64], rows: usize, directions: &[f64], m: usize) -> Vec<f64> {
    Matrix::new(directions, m).times(Matrix::new(values, rows).transposed())
}

/// Diffusion along each of `m` directions: half the slope of the mean squared displacement against the lag. `courses` is
/// (m, rows), of [`along`].
///
/// The line has an intercept and the weights `1 / lag^2`, so that all lags count by their relative error. NaN for fewer than
/// two lags; below 0 is possible by chance.
pub fn diffusion(courses: &[f64], m: usize, lags: &[usize]) -> Vec<f64> {
    let rows = courses.len() / m.max(1);
    let x: Vec<f64> = lags.iter().map(|lag| *lag as f64).collect();
    let weights: Vec<f64> = x.iter().map(|lag| lag.powi(-2)).collect();
    let of = |course: &[f64]| 0.5 * Line::weighted(&x, &time_averaged_msd(course, rows, lags), &weights).slope;
    courses.chunks_exact(rows.max(1)).map(of).collect()
}

/// Variance along each of `m` directions, divisor rows - 1. `courses` is (m, rows), of [`along`] for steps.
pub fn variance(courses: &[f64], m: usize) -> Vec<f64> {
    let rows = courses.len() / m.max(1);
    courses.chunks_exact(rows.max(1)).map(|course| sd(course).powi(2)).collect()
}

/// The exponent gamma of `c lambda^gamma`: least squares of the logarithms, on eigenvalues above `floor` times the greatest
/// and numbers above 0; `n` of the line is how many these are. NaN for fewer than two.
pub fn exponent(eigenvalues: &[f64], numbers: &[f64], floor: f64) -> Line {
    let most = eigenvalues.iter().copied().fold(0.0, f64::max);
    let points = eigenvalues.iter().zip(numbers).filter(|(lambda, x)| **lambda > floor * most && **x > 0.0);
    let (x, y): (Vec<f64>, Vec<f64>) = points.map(|(lambda, number)| (lambda.ln(), number.ln())).unzip();
    Line::through(&x, &y)
}

/// `d Tr(HC) / (Tr H Tr C)` from the eigenvalues of H and the variances along its eigenvectors: of all directions, or within
/// those given (Zhu et al. 2019 compare `Tr(HC)`, which decides how noise escapes).
pub fn efficiency(eigenvalues: &[f64], variances: &[f64]) -> f64 {
    let both: f64 = eigenvalues.iter().zip(variances).map(|(lambda, c)| lambda * c).sum();
    eigenvalues.len() as f64 * both / (eigenvalues.iter().sum::<f64>() * variances.iter().sum::<f64>())
}

/// Directions of curvature below this share of the greatest are flat: rounding decides their eigenvalue.
pub const FLAT: f64 = 1e-6;

/// What `quantity` may be.
const QUANTITIES: [&str; 3] = ["diffusion-exponent", "noise-exponent", "efficiency"];

struct Anisotropy {
    quantity: &'static str,
}

pub(super) const ENTRY: Entry<dyn Estimator> = Entry {
    name: "anisotropy",
    summary: "diffusion of a walk along the eigenvectors of `hessian`, as a power of their eigenvalues",
    reference: "Zhu et al. 2019",
    // Default: the exponent of diffusion. `noise-exponent` and `efficiency` are of the variance of steps.
    build: |params, ()| {
        let quantity = params.choice("quantity", Some(QUANTITIES[0]), &QUANTITIES);
        let quantity = QUANTITIES.into_iter().find(|name| *name == quantity).unwrap_or(QUANTITIES[0]);
        Ok(Box::new(Anisotropy { quantity }))
    },
};

impl Estimator for Anisotropy {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        let (walk, hessian) = (walk(arrays, 22)?, finite(arrays, "hessian")?);
        let k = walk.columns();
        if [hessian.rows, hessian.columns()] != [k, k] {
            let message = format!(
                "`hessian` is {} x {}: must be {k} x {k}, as `walk` has {k} columns",
                hessian.rows,
                hessian.columns()
            );
            return Err(Error::Config(message));
        }
        let eigen = Eigen::of(&hessian.values, k)
            .ok_or_else(|| Error::Config("`hessian` has no eigenvalues: its numbers are too large".to_string()))?;
        let directions: Vec<f64> = (0..k).flat_map(|i| eigen.vector(i)).collect();
        let numbers = if self.quantity == QUANTITIES[0] {
            let lags = log_spaced((walk.rows - 1) / 10, super::msd_exponent::PER_DECADE);
            diffusion(&along(&walk.values, walk.rows, &directions, k), k, &lags)
        } else {
            variance(&along(&steps(&walk.values, walk.rows), walk.rows - 1, &directions, k), k)
        };
        if self.quantity == QUANTITIES[2] {
            return Ok(Estimate::new(efficiency(&eigen.values, &numbers), "1", k));
        }
        let line = exponent(&eigen.values, &numbers, FLAT);
        Ok(Estimate::new(line.slope, "1", line.n).with_se(line.slope_se))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{brownian, estimate, normals};
    use super::super::Array;
    use super::*;

    const K: usize = 12;

    /// Orthonormal directions in rows, and a Hessian with eigenvalues 2^0 to 2^-5.5 along them.
    fn quadratic() -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let noise = normals(K * K, 3);
        let gram = Matrix::new(&noise, K).times(Matrix::new(&noise, K).transposed());
        let eigen = Eigen::of(&gram, K).unwrap();
        let directions: Vec<f64> = (0..K).flat_map(|i| eigen.vector(i)).collect();
        let eigenvalues: Vec<f64> = (0..K).map(|i| 2f64.powf(-0.5 * i as f64)).collect();
        let scaled: Vec<f64> = directions
            .chunks_exact(K)
            .zip(&eigenvalues)
            .flat_map(|(row, lambda)| row.iter().map(move |x| x * lambda))
            .collect();
        let hessian = Matrix::new(&directions, K).transposed().times(Matrix::new(&scaled, K));
        (eigenvalues, directions, hessian)
    }

    /// SGD on `1/2 sum lambda w^2` with noise of variance `lambda^power` along each direction, turned into the weights.
    fn walk(eigenvalues: &[f64], directions: &[f64], power: f64, eta: f64, rows: usize) -> Vec<f64> {
        let noise = normals(rows * K, 8);
        let mut turned = vec![0.0; K];
        for i in 0..(rows - 1) * K {
            let lambda = eigenvalues[i % K];
            turned.push(turned[i] - eta * (lambda * turned[i] + lambda.powf(power).sqrt() * noise[i]));
        }
        Matrix::new(&turned, rows).times(Matrix::new(directions, K))
    }

    #[test]
    fn noise_that_follows_the_hessian_has_exponent_1_and_isotropic_noise_0() {
        let (eigenvalues, directions, hessian) = quadratic();
        for power in [0.0, 1.0, 2.0] {
            let rows = 4_000;
            // Short lags and a small rate: within a lag of 400 nothing comes back.
            let walk = Array::new(walk(&eigenvalues, &directions, power, 1e-5, rows), rows);
            let arrays = || [("walk", walk.clone()), ("hessian", Array::new(hessian.clone(), K))];
            let diffusion = estimate(&ENTRY, "", arrays()).unwrap();
            assert!((diffusion.value - power).abs() < 0.12 && diffusion.n == K, "{power}: {diffusion:?}");
            let noise = estimate(&ENTRY, "quantity = \"noise-exponent\"", arrays()).unwrap();
            assert!((noise.value - power).abs() < 0.03, "{power}: {noise:?}");
            let efficiency = estimate(&ENTRY, "quantity = \"efficiency\"", arrays()).unwrap().value;
            let sum = |power: f64| eigenvalues.iter().map(|lambda| lambda.powf(power)).sum::<f64>();
            let expected = K as f64 * sum(1.0 + power) / (sum(1.0) * sum(power));
            assert!((efficiency / expected - 1.0).abs() < 0.03, "{efficiency} {expected}");
        }
    }

    #[test]
    fn the_stationary_variance_on_a_quadratic_is_that_of_theory() {
        let (eigenvalues, directions, _) = quadratic();
        let (eta, rows) = (0.5, 30_000);
        // C = H: eta C / (2 lambda) = eta / 2 for small eta along every direction; eta / (2 - eta lambda) exactly.
        let walk = walk(&eigenvalues, &directions, 1.0, eta, rows);
        let found = variance(&along(&walk, rows, &directions, K), K);
        for (found, lambda) in found.iter().zip(&eigenvalues) {
            assert!((found / (eta / (2.0 - eta * lambda)) - 1.0).abs() < 0.12, "{lambda}: {found}");
        }
    }

    #[test]
    fn held_directions_diffuse_less_than_their_steps_say() {
        let (eigenvalues, directions, _) = quadratic();
        let rows = 20_000;
        let walk = walk(&eigenvalues, &directions, 0.0, 0.3, rows);
        let courses = along(&walk, rows, &directions, K);
        let by_steps = variance(&along(&steps(&walk, rows), rows - 1, &directions, K), K);
        let long = diffusion(&courses, K, &[50, 100, 200]);
        assert!(long[0].abs() < 0.01 * by_steps[0], "{} {}", long[0], by_steps[0]);
        // Free steps of variance s^2 diffuse by s^2 / 2.
        let free = diffusion(&brownian(rows, 1, 2), 1, &[1, 2, 4, 8]);
        assert!((free[0] - 0.5).abs() < 0.03, "{free:?}");
    }

    #[test]
    fn flat_and_falling_directions_are_left_out_of_the_fit() {
        let line = exponent(&[1.0, 0.1, 0.01, 1e-9, -0.5, 0.5], &[3.0, 0.3, 0.03, 7.0, 7.0, -1.0], FLAT);
        assert!((line.slope - 1.0).abs() < 1e-12 && line.n == 3, "{line:?}");
        assert!(exponent(&[1.0, -1.0], &[1.0, 1.0], FLAT).slope.is_nan());
        assert_eq!(efficiency(&[1.0, 3.0], &[2.0, 2.0]), 1.0);
        assert_eq!(efficiency(&[1.0, 3.0], &[0.0, 2.0]), 1.5);
        assert!(diffusion(&[0.0, 1.0, 2.0], 1, &[1])[0].is_nan());
    }

    #[test]
    fn a_hessian_of_another_size_is_refused() {
        let arrays = [("walk", Array::new(vec![0.0; 66], 22)), ("hessian", Array::new(vec![0.0; 4], 2))];
        let error = estimate(&ENTRY, "", arrays).unwrap_err();
        assert_eq!(error, "`hessian` is 2 x 2: must be 3 x 3, as `walk` has 3 columns");
    }
}
