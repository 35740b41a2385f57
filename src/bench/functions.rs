//! Functions to minimise, from the literature on evolution strategies: each is 0 at its optimum and greater elsewhere.
//!
//! Definitions as in Hansen, Finck, Ros & Auger 2009 (the noiseless functions of COCO; f1 to f20 are their numbers) without
//! the shifts, and without the transformations that make coordinates irregular. The crates that offer test functions
//! lack the ill-conditioned ones, so these few lines are our own.

use std::f64::consts::TAU;

/// A function of `d` coordinates.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Where its definition stands.
    pub reference: &'static str,
    /// The optimum's coordinate, the same in all.
    pub optimum: f64,
    /// Fewest coordinates that it has a meaning for.
    pub least_dim: usize,
    /// The value at a point, (d).
    pub value: fn(&[f64]) -> f64,
}

/// All, in alphabetical order.
pub const FUNCTIONS: &[Function] = &[
    Function { value: cigar, ..row("cigar", "f12 without its bent axes: Hansen et al. 2009") },
    Function { value: discus, ..row("discus", "f11: Hansen et al. 2009") },
    Function { value: ellipsoid, ..row("ellipsoid", "f2 and f10: Hansen et al. 2009") },
    Function { value: rastrigin, ..row("rastrigin", "f3 and f15: Hansen et al. 2009") },
    Function { value: rosenbrock, optimum: 1.0, least_dim: 2, ..row("rosenbrock", "f8 and f9: Hansen et al. 2009") },
    Function {
        value: schwefel,
        optimum: SCHWEFEL_OPTIMUM,
        ..row("schwefel", "f20 without its signs: Hansen et al. 2009")
    },
    Function { value: sphere, ..row("sphere", "f1: Hansen et al. 2009") },
];

/// What most rows have.
const fn row(name: &'static str, reference: &'static str) -> Function {
    Function { name, reference, optimum: 0.0, least_dim: 1, value: sphere }
}

/// The function of that name.
pub fn function(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// `sum x^2`
fn sphere(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum()
}

/// `sum 10^(6 (i - 1) / (d - 1)) x_i^2`: condition number 10^6, all axes of different length.
fn ellipsoid(x: &[f64]) -> f64 {
    let last = (x.len() - 1).max(1) as f64;
    x.iter().enumerate().map(|(i, x)| 10f64.powf(6.0 * i as f64 / last) * x * x).sum()
}

/// `x_1^2 + 10^6 sum of the others' squares`: one long axis.
fn cigar(x: &[f64]) -> f64 {
    x[0] * x[0] + 1e6 * sphere(&x[1..])
}

/// `10^6 x_1^2 + sum of the others' squares`: one short axis.
fn discus(x: &[f64]) -> f64 {
    1e6 * x[0] * x[0] + sphere(&x[1..])
}

/// `sum of 100 (x_i^2 - x_(i+1))^2 + (x_i - 1)^2`: a bent valley; from four coordinates on there is a second minimum near
/// (-1, 1, ..., 1).
fn rosenbrock(x: &[f64]) -> f64 {
    x.windows(2).map(|x| 100.0 * (x[0] * x[0] - x[1]).powi(2) + (x[0] - 1.0).powi(2)).sum()
}

/// `10 (d - sum cos(2 pi x)) + sum x^2`: a minimum at almost every grid point of whole numbers.
fn rastrigin(x: &[f64]) -> f64 {
    10.0 * (x.len() as f64 - x.iter().map(|x| (TAU * x).cos()).sum::<f64>()) + sphere(x)
}

/// Where `z sin(sqrt(z))` is greatest within 500, over 100.
const SCHWEFEL_OPTIMUM: f64 = 4.209_687_462_275_036;

/// `4.189... - 1 / (100 d) sum z sin(sqrt|z|) + penalty` of `z = 100 x` (Schwefel 1981, p. 344, on COCO's scale); beyond 5 a
/// coordinate costs `100 (|x| - 5)^2`, because the sum has no lower bound. Far from the optimum lie minima almost as low.
fn schwefel(x: &[f64]) -> f64 {
    let wave = |x: &f64| 100.0 * x * (100.0 * x).abs().sqrt().sin();
    let beyond = |x: &f64| (x.abs() - 5.0).max(0.0).powi(2);
    let mean = x.iter().map(wave).sum::<f64>() / (100.0 * x.len() as f64);
    4.189_828_872_724_339 - mean + 100.0 * x.iter().map(beyond).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(name: &str, x: &[f64]) -> f64 {
        (function(name).unwrap().value)(x)
    }

    #[test]
    fn values_are_those_of_the_definitions() {
        for (name, x, expected) in [
            ("sphere", &[3.0, -4.0][..], 25.0),
            ("ellipsoid", &[2.0, 3.0, -1.0], 4.0 + 1e3 * 9.0 + 1e6),
            ("ellipsoid", &[2.0], 4.0),
            ("cigar", &[3.0, 1.0, 2.0], 9.0 + 5e6),
            ("discus", &[3.0, 1.0, 2.0], 9e6 + 5.0),
            // 100 (9 - 3)^2 + 4, twice; then 100 (1 - 4)^2 + 4 + 100 (4 - 0)^2 + 1.
            ("rosenbrock", &[3.0, 3.0, 3.0], 7208.0),
            ("rosenbrock", &[-1.0, 2.0, 0.0], 100.0 + 4.0 + 1600.0 + 1.0),
            // A half: cos(pi) = -1.
            ("rastrigin", &[0.5, 1.0], 20.25 + 1.0),
            // sin(10) / 1 of z = 100; the wave of 0 is 0.
            ("schwefel", &[1.0, 0.0], 4.189_828_872_724_339 - 10f64.sin() / 2.0),
            // Six: sin(sqrt 600) and a penalty of 100.
            ("schwefel", &[6.0], 4.189_828_872_724_339 - 6.0 * 600f64.sqrt().sin() + 100.0),
        ] {
            let found = at(name, x);
            assert!((found - expected).abs() <= 1e-12 * expected.abs(), "{name} at {x:?}: {found}, not {expected}");
        }
    }

    #[test]
    fn the_optimum_is_zero_and_every_step_away_from_it_is_up() {
        for function in FUNCTIONS {
            for d in [function.least_dim, 2, 5, 40] {
                let optimum = vec![function.optimum; d];
                let least = (function.value)(&optimum);
                assert!(least.abs() < 1e-12, "{} in {d}: {least}", function.name);
                for i in 0..d {
                    for step in [-0.01, 0.01] {
                        let mut x = optimum.clone();
                        x[i] += step;
                        assert!((function.value)(&x) > 1e-6, "{} in {d}, axis {i}", function.name);
                    }
                }
            }
        }
    }

    #[test]
    fn functions_stand_in_alphabetical_order_under_their_names() {
        assert!(FUNCTIONS.windows(2).all(|pair| pair[0].name < pair[1].name));
        assert!(FUNCTIONS.iter().all(|row| std::ptr::fn_addr_eq(function(row.name).unwrap().value, row.value)));
    }
}
