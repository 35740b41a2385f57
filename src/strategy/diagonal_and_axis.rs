//! A covariance of a diagonal and one axis, `C = D (I + v v') D`, and its natural gradient: what VD-CMA and CR-FM-NES share.
//!
//! Akimoto, Auger & Hansen 2014, section 3: with `u = v / |v|` and `y = D^(-1) step / sigma` of a member, the gradient's parts
//! are `p = y^2 - |v|^2 / (1 + |v|^2) (y . u) y u - 1` and `q = (y . u) y - ((y . u)^2 + 1 + |v|^2) / 2 u`; the inverse of the Fisher
//! matrix is applied with `alpha` as great as keeps it invertible. All sums are linear in the members' weights.

use rayon::prelude::*;

use crate::error::Result;
use crate::num::{alone, dot};
use crate::rng::Seed;
use crate::state::State;

/// D and v.
#[derive(Clone, Debug)]
pub struct DiagonalAndAxis {
    /// Diagonal of D, (k), positive.
    pub d: Vec<f64>,
    /// v, (k); all 0 before the first generation.
    pub v: Vec<f64>,
}

/// A step of D and v.
#[derive(Clone, Debug)]
pub struct Gradient {
    /// Of D over D, (k): `s` in the paper.
    pub d: Vec<f64>,
    /// Of v, (k).
    pub v: Vec<f64>,
}

impl DiagonalAndAxis {
    /// The identity, until its axis is drawn.
    pub fn new(k: usize) -> Self {
        DiagonalAndAxis { d: vec![1.0; k], v: vec![0.0; k] }
    }

    /// Draws the axis, a normal of variance `1 / k` in each coordinate, where there is none.
    pub fn begin(&mut self, seed: Seed) {
        if self.v.iter().any(|v| *v != 0.0) {
            return;
        }
        let mut rng = seed.child("axis").rng();
        let scale = 1.0 / (self.v.len() as f64).sqrt();
        self.v.iter_mut().for_each(|v| *v = scale * f64::from(rng.normal()));
        // An axis of no length has no direction.
        if self.v.iter().all(|v| *v == 0.0) {
            self.v[0] = scale;
        }
    }

    /// `(I + v v')^(1/2) z` in place of `z`, (k).
    pub fn stretch(&self, z: &mut [f64]) {
        let square = dot(&self.v, &self.v);
        let along = ((1.0 + square).sqrt() - 1.0) * dot(&self.v, z) / square;
        z.iter_mut().zip(&self.v).for_each(|(z, v)| *z += along * v);
    }

    /// The standard deviations of the genes where the step size is 1.
    pub fn spread(&self) -> impl Iterator<Item = f64> + '_ {
        self.d.iter().zip(&self.v).map(|(d, v)| d * (1.0 + v * v).sqrt())
    }

    /// The natural gradient of the members `y`, (n, k), with their weights, (n).
    pub fn gradient(&self, y: &[f64], weights: &[f64]) -> Gradient {
        let k = self.d.len();
        let square = dot(&self.v, &self.v);
        let length = square.sqrt();
        let u: Vec<f64> = self.v.iter().map(|v| v / length).collect();
        let along: Vec<f64> = y.par_chunks_exact(k).with_min_len(alone(k)).map(|y| dot(y, &u)).collect();
        let sums = |j: usize| {
            let (mut p, mut q) = (0.0, 0.0);
            for ((y, weight), along) in y.chunks_exact(k).zip(weights).zip(&along) {
                let y = y[j];
                p += weight * (y * y - square / (1.0 + square) * along * y * u[j] - 1.0);
                q += weight * (along * y - 0.5 * (along * along + 1.0 + square) * u[j]);
            }
            (p, q)
        };
        let (p, q): (Vec<f64>, Vec<f64>) = (0..k).into_par_iter().with_min_len(alone(weights.len())).map(sums).unzip();
        // The parts of the inverse Fisher matrix.
        let uu: Vec<f64> = u.iter().map(|u| u * u).collect();
        let most = uu.iter().fold(0.0f64, |most, x| most.max(*x));
        let gamma = 1.0 + square;
        let alpha = ((square * square + (2.0 * gamma - gamma.sqrt()) / most).sqrt() / (2.0 + square)).min(1.0);
        let b = 2.0 * alpha * alpha - (1.0 - alpha * alpha) * square * square / gamma;
        let inverse: Vec<f64> = uu.iter().map(|uu| 1.0 / (2.0 - (b + 2.0 * alpha * alpha) * uu)).collect();
        let u_q = dot(&u, &q);
        let r: Vec<f64> =
            (0..k).map(|j| p[j] - alpha / gamma * ((2.0 + square) * q[j] * u[j] - square * u_q * uu[j])).collect();
        let inverse_uu: Vec<f64> = inverse.iter().zip(&uu).map(|(h, uu)| h * uu).collect();
        let share = b / (1.0 + b * dot(&uu, &inverse_uu)) * dot(&r, &inverse_uu);
        let s: Vec<f64> = (0..k).map(|j| r[j] * inverse[j] - share * inverse_uu[j]).collect();
        let s_uu = dot(&s, &uu);
        let v = (0..k).map(|j| (q[j] - alpha * ((2.0 + square) * u[j] * s[j] - s_uu * u[j])) / length).collect();
        Gradient { d: s, v }
    }

    /// Goes along a gradient, at most so far that neither v nor an entry of D changes by more than 70 % (as in pycma).
    pub fn follow(&mut self, gradient: &Gradient) {
        let length = (dot(&self.v, &self.v) / dot(&gradient.v, &gradient.v)).sqrt();
        let most = gradient.d.iter().fold(0.0f64, |most, s| most.max(s.abs()));
        // No gradient gives NaN or infinity, which `min` passes over.
        let factor = 1f64.min(0.7 * length).min(0.7 / most);
        self.v.iter_mut().zip(&gradient.v).for_each(|(v, g)| *v += factor * g);
        self.d.iter_mut().zip(&gradient.d).for_each(|(d, s)| *d += factor * *d * s);
    }

    /// The k-th root of the determinant of `C^(1/2)`.
    pub fn size(&self) -> f64 {
        let k = self.d.len() as f64;
        let log: f64 = self.d.iter().map(|d| d.ln()).sum();
        (log / k + dot(&self.v, &self.v).ln_1p() / (2.0 * k)).exp()
    }

    /// Puts both into a state, under names that begin with `prefix`.
    pub fn save(&self, prefix: &str, state: &mut State) {
        state.put_f64(&format!("{prefix}.diagonal"), &self.d);
        state.put_f64(&format!("{prefix}.axis"), &self.v);
    }

    /// From a state.
    ///
    /// # Errors
    /// If it is of another strategy or size.
    pub fn load(prefix: &str, state: &State, k: usize) -> Result<Self> {
        Ok(DiagonalAndAxis {
            d: state.f64s(&format!("{prefix}.diagonal"), k)?.to_vec(),
            v: state.f64s(&format!("{prefix}.axis"), k)?.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(value: &serde_json::Value) -> Vec<f64> {
        value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    }

    #[test]
    fn a_step_is_that_of_the_sampler_of_pycma() {
        let all: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/reference/cma_steps.json")).unwrap();
        for fixture in all["vd"].as_array().unwrap() {
            let k = fixture["k"].as_u64().unwrap() as usize;
            let mut model = DiagonalAndAxis { d: numbers(&fixture["diagonal"]), v: numbers(&fixture["axis"]) };
            let (mut y, mut weights) = (numbers(&fixture["steps"]), numbers(&fixture["weights"]));
            y.extend(numbers(&fixture["path_after"]));
            let [c_mu, c_1] = ["c_mu", "c_1"].map(|key| fixture[key].as_f64().unwrap());
            weights.iter_mut().for_each(|weight| *weight *= c_mu);
            weights.push(c_1);
            y.chunks_exact_mut(k).for_each(|y| y.iter_mut().zip(&model.d).for_each(|(y, d)| *y /= d));
            let gradient = model.gradient(&y, &weights);
            model.follow(&gradient);
            for (found, key) in [(&model.d, "diagonal_after"), (&model.v, "axis_after")] {
                for (found, expected) in found.iter().zip(numbers(&fixture[key])) {
                    assert!((found - expected).abs() < 1e-10, "{key}: {found} against {expected}");
                }
            }
        }
    }

    #[test]
    fn stretched_normals_have_the_covariance_and_its_size() {
        let model = DiagonalAndAxis { d: vec![1.0, 2.0, 0.5], v: vec![1.0, -2.0, 0.5] };
        let k = 3;
        // The stretch is symmetric, so its columns are its rows.
        let rows: Vec<Vec<f64>> = (0..k)
            .map(|i| {
                let mut unit = vec![0.0; k];
                unit[i] = 1.0;
                model.stretch(&mut unit);
                unit
            })
            .collect();
        for i in 0..k {
            for j in 0..k {
                let expected = model.v[i] * model.v[j] + if i == j { 1.0 } else { 0.0 };
                assert!((dot(&rows[i], &rows[j]) - expected).abs() < 1e-14, "{i} {j}");
            }
        }
        // det(I + v v') = 1 + 5.25, det(D) = 1.
        assert!((model.size() - 6.25f64.powf(1.0 / 6.0)).abs() < 1e-14);
        let spread: Vec<f64> = model.spread().collect();
        assert!((spread[1] - 2.0 * 5f64.sqrt()).abs() < 1e-14);
    }
}
