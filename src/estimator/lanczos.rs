//! The extreme eigenvalues of a symmetric matrix that can only be multiplied with (Lanczos 1950), every new direction made
//! orthogonal to all before it, twice: without that, eigenvalues are found again and again (Golub & Van Loan 2013, 10.3).

use crate::error::Result;
use crate::num::{dot, Eigen};
use crate::rng::Seed;

/// The ends of a spectrum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ends {
    /// The greatest eigenvalue, from below.
    pub greatest: f64,
    /// An eigenvalue lies within this of `greatest`.
    pub uncertainty: f64,
    /// The least eigenvalue, from above.
    pub least: f64,
}

/// The ends of the spectrum of a (k, k) matrix from at most `steps` products, beginning with a random direction from
/// `seed`. All of it NaN where a product is.
///
/// # Errors
/// Those of `product`.
///
/// # Panics
/// If there is no step, or no direction.
pub fn lanczos(product: impl Fn(&[f64]) -> Result<Vec<f64>>, k: usize, steps: usize, seed: Seed) -> Result<Ends> {
    assert!(k > 0 && steps > 0, "a matrix and a step");
    let mut rng = seed.rng();
    let mut directions: Vec<Vec<f64>> = Vec::new();
    let mut next: Vec<f64> = (0..k).map(|_| f64::from(rng.normal())).collect();
    let (mut diagonal, mut beside, mut greatest) = (Vec::new(), Vec::new(), 0.0f64);
    for _ in 0..steps.min(k) {
        let length = dot(&next, &next).sqrt();
        let direction: Vec<f64> = next.iter().map(|x| x / length).collect();
        next = product(&direction)?;
        let along = dot(&next, &direction);
        diagonal.push(along);
        directions.push(direction);
        greatest = greatest.max(dot(&next, &next).sqrt());
        for _ in 0..2 {
            for earlier in &directions {
                let share = dot(&next, earlier);
                next.iter_mut().zip(earlier).for_each(|(x, y)| *x -= share * y);
            }
        }
        let rest = dot(&next, &next).sqrt();
        beside.push(rest);
        // All directions that the matrix leads to are found: what is left is rounding.
        if rest <= 1e-10 * greatest {
            break;
        }
    }
    let m = diagonal.len();
    let mut tridiagonal = vec![0.0; m * m];
    for i in 0..m {
        tridiagonal[i * m + i] = diagonal[i];
        if i + 1 < m {
            (tridiagonal[i * m + i + 1], tridiagonal[(i + 1) * m + i]) = (beside[i], beside[i]);
        }
    }
    let Some(eigen) = Eigen::of(&tridiagonal, m) else {
        return Ok(Ends { greatest: f64::NAN, uncertainty: f64::NAN, least: f64::NAN });
    };
    let (top, greatest) = eigen.values.iter().copied().enumerate().fold((0, f64::NEG_INFINITY), |best, value| {
        if value.1 > best.1 {
            value
        } else {
            best
        }
    });
    let uncertainty = (beside[m - 1] * eigen.vector(top)[m - 1]).abs();
    Ok(Ends { greatest, uncertainty, least: eigen.values.into_iter().fold(f64::INFINITY, f64::min) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A diagonal matrix with a few values far out.
    fn scaled(v: &[f64]) -> Result<Vec<f64>> {
        Ok(v.iter().enumerate().map(|(i, x)| x * value(i)).collect())
    }

    fn value(i: usize) -> f64 {
        match i {
            17 => 50.0,
            40 => 20.0,
            100 => -12.0,
            i => i as f64 / 200.0,
        }
    }

    #[test]
    fn the_ends_are_found_in_a_few_steps() {
        let ends = lanczos(scaled, 200, 20, Seed::new(3)).unwrap();
        assert!((ends.greatest - 50.0).abs() < 1e-9, "{ends:?}");
        assert!((ends.least + 12.0).abs() < 1e-6, "{ends:?}");
        let early = lanczos(scaled, 200, 3, Seed::new(3)).unwrap();
        assert!(early.greatest < 50.0 && 50.0 - early.greatest <= early.uncertainty, "{early:?}");
    }

    #[test]
    fn few_directions_end_it_early_and_exactly() {
        let twice = |v: &[f64]| Ok(v.iter().map(|x| 2.0 * x).collect());
        let ends = lanczos(twice, 30, 10, Seed::new(1)).unwrap();
        assert!((ends.greatest - 2.0).abs() < 1e-12 && (ends.least - 2.0).abs() < 1e-12, "{ends:?}");
        let nothing = |v: &[f64]| Ok(vec![0.0; v.len()]);
        assert_eq!(lanczos(nothing, 3, 5, Seed::new(1)).unwrap().greatest, 0.0);
        let broken = |v: &[f64]| Ok(vec![f64::NAN; v.len()]);
        assert!(lanczos(broken, 3, 5, Seed::new(1)).unwrap().greatest.is_nan());
    }
}
