//! Eigenvalues and eigenvectors of a symmetric matrix: Householder's tridiagonal form, then implicit QL (Golub & Van Loan
//! 2013, sections 8.3.1 and 8.3.3; the shifts of EISPACK's `tql2`, Bowdler, Martin, Reinsch & Wilkinson 1968).
//!
//! The eigenvectors lie in panels of coordinates. A panel goes through reflections and rotations by itself, so panels are
//! shared out among threads, and neither their order nor their number changes a bit.

use rayon::prelude::*;

use super::{alone, dot, wide};

/// Coordinates of a panel: a cache line's worth of vector registers.
const PANEL: usize = 16;

/// Rotations that are gathered before panels go through them.
const GATHERED: usize = 1 << 16;

/// An orthogonal matrix of eigenvectors with the eigenvalues.
#[derive(Clone, Debug, PartialEq)]
pub struct Eigen {
    /// Eigenvalues (k), in no order.
    pub values: Vec<f64>,
    /// Entry `(coordinate, i)` of eigenvector `i` at `coordinate / PANEL * PANEL * k + i * PANEL + coordinate % PANEL`;
    /// the last panel is filled up with zeros.
    panels: Vec<f64>,
}

/// A rotation of eigenvectors `i` and `i + 1`.
struct Rotation {
    i: usize,
    sine: f64,
    cosine: f64,
}

impl Eigen {
    /// The axes of coordinates, with eigenvalues of 1.
    pub fn identity(k: usize) -> Self {
        let mut panels = vec![0.0; k.div_ceil(PANEL) * PANEL * k];
        for (start, panel) in panels.chunks_exact_mut(PANEL * k).enumerate() {
            for i in start * PANEL..k.min((start + 1) * PANEL) {
                panel[i * PANEL + i % PANEL] = 1.0;
            }
        }
        Eigen { values: vec![1.0; k], panels }
    }

    /// Of a symmetric matrix, (k, k), of which the lower triangle is read. `None` where an entry is not finite.
    pub fn of(matrix: &[f64], k: usize) -> Option<Self> {
        let mut eigen = Eigen::identity(k);
        let (mut diagonal, mut beside, reflections) = tridiagonal(matrix, k)?;
        // Q = H_0 H_1 ... from the left on: each row of Q, a lane of a panel, by itself.
        eigen.each_panel(k, |panel| {
            for (v, first) in &reflections {
                reflect(&mut panel[first * PANEL..], v);
            }
        });
        let mut gathered = Vec::new();
        implicit_ql(&mut diagonal, &mut beside, &mut gathered, |gathered| {
            if gathered.len() >= GATHERED {
                eigen.rotate(k, gathered);
                gathered.clear();
            }
        });
        eigen.rotate(k, &gathered);
        eigen.values = diagonal;
        eigen.values.iter().all(|value| value.is_finite()).then_some(eigen)
    }

    /// The eigenvalues alone, (k), in no order: a few times as fast. `None` where an entry is not finite.
    pub fn values_of(matrix: &[f64], k: usize) -> Option<Vec<f64>> {
        let (mut diagonal, mut beside, _) = tridiagonal(matrix, k)?;
        implicit_ql(&mut diagonal, &mut beside, &mut Vec::new(), Vec::clear);
        diagonal.iter().all(|value| value.is_finite()).then_some(diagonal)
    }

    fn each_panel(&mut self, k: usize, work: impl Fn(&mut [f64]) + Sync) {
        let panels = self.panels.par_chunks_exact_mut(PANEL * k).with_min_len(alone(k));
        panels.for_each(|panel| {
            wide(
                #[inline(always)]
                || work(panel),
            );
        });
    }

    fn rotate(&mut self, k: usize, rotations: &[Rotation]) {
        self.each_panel(k, |panel| {
            for Rotation { i, sine, cosine } in rotations {
                let (one, next) = panel[i * PANEL..(i + 2) * PANEL].split_at_mut(PANEL);
                for (a, b) in one.iter_mut().zip(next) {
                    (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
                }
            }
        });
    }

    /// Sums of eigenvectors: for each row of `weights`, (rows, k), `sum_i weight_i vector_i` into the same row of `out`.
    pub fn combine(&self, weights: &[f64], out: &mut [f64]) {
        let k = self.values.len();
        for (start, panel) in self.panels.chunks_exact(PANEL * k).enumerate() {
            let here = start * PANEL..k.min((start + 1) * PANEL);
            for (weights, out) in weights.chunks_exact(k).zip(out.chunks_exact_mut(k)) {
                let mut sums = [0.0; PANEL];
                for (vector, weight) in panel.as_chunks::<PANEL>().0.iter().zip(weights) {
                    for (sum, entry) in sums.iter_mut().zip(vector) {
                        *sum += weight * entry;
                    }
                }
                out[here.clone()].copy_from_slice(&sums[..here.len()]);
            }
        }
    }

    /// Eigenvector `i`, (k).
    pub fn vector(&self, i: usize) -> Vec<f64> {
        let k = self.values.len();
        let entry = |x: usize| self.panels[x / PANEL * PANEL * k + i * PANEL + x % PANEL];
        (0..k).map(entry).collect()
    }

    /// Dot products of `x`, (k), with each eigenvector, (k).
    pub fn project(&self, x: &[f64]) -> Vec<f64> {
        let k = x.len();
        let mut products = vec![0.0; k];
        for (start, panel) in self.panels.chunks_exact(PANEL * k).enumerate() {
            let mut here = [0.0; PANEL];
            let part = &x[start * PANEL..k.min((start + 1) * PANEL)];
            here[..part.len()].copy_from_slice(part);
            for (vector, product) in panel.as_chunks::<PANEL>().0.iter().zip(&mut products) {
                *product += vector.iter().zip(&here).map(|(entry, x)| entry * x).sum::<f64>();
            }
        }
        products
    }

    /// `f(M) x`: `x`, (k), with its part along each eigenvector multiplied by `f(eigenvalue)`.
    pub fn apply(&self, x: &[f64], f: impl Fn(f64) -> f64) -> Vec<f64> {
        let scaled: Vec<f64> = self.project(x).iter().zip(&self.values).map(|(x, value)| x * f(*value)).collect();
        let mut out = vec![0.0; x.len()];
        self.combine(&scaled, &mut out);
        out
    }

    /// Least and greatest eigenvalue.
    pub fn bounds(&self) -> (f64, f64) {
        self.values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(*x), high.max(*x)))
    }

    /// All of its numbers: values, then vectors.
    pub fn numbers(&self) -> Vec<f64> {
        [&self.values[..], &self.panels].concat()
    }

    /// How many [`numbers`](Self::numbers) there are.
    pub fn count(k: usize) -> usize {
        k + k.div_ceil(PANEL) * PANEL * k
    }

    /// From its [`numbers`](Self::numbers).
    pub fn from_numbers(numbers: &[f64], k: usize) -> Self {
        let (values, panels) = numbers.split_at(k);
        Eigen { values: values.to_vec(), panels: panels.to_vec() }
    }
}

/// A reflection `x - 2 v (v . x)`, |v| = 1, of the coordinates from an index on.
type Reflection = (Vec<f64>, usize);

/// Diagonal, entries beside it, and the reflections that lead there.
fn tridiagonal(matrix: &[f64], k: usize) -> Option<(Vec<f64>, Vec<f64>, Vec<Reflection>)> {
    let mut a: Vec<f64> = matrix.to_vec();
    for i in 0..k {
        for j in 0..i {
            a[j * k + i] = a[i * k + j];
        }
    }
    if !a.iter().all(|x| x.is_finite()) {
        return None;
    }
    let (mut beside, mut reflections) = (Vec::with_capacity(k), Vec::with_capacity(k));
    for j in 0..k.saturating_sub(1) {
        let mut v: Vec<f64> = a[j * k + j + 1..(j + 1) * k].to_vec();
        let length = norm(&v);
        // Away from the first axis, so that nothing is cancelled.
        let along = if v[0] > 0.0 { -length } else { length };
        beside.push(along);
        v[0] -= along;
        let size = norm(&v);
        if v.len() == 1 || size == 0.0 {
            beside[j] = a[j * k + j + 1];
            continue;
        }
        v.iter_mut().for_each(|x| *x /= size);
        // A - 2 v w' - 2 w v' with w = A v - v (v . A v), of the part below.
        let rows = a[(j + 1) * k..].par_chunks_exact(k).with_min_len(alone(k));
        let mut w: Vec<f64> = rows.map(|row| dot(&row[j + 1..], &v)).collect();
        let share = dot(&v, &w);
        w.iter_mut().zip(&v).for_each(|(w, v)| *w -= share * v);
        let rows = a[(j + 1) * k..].par_chunks_exact_mut(k).with_min_len(alone(k)).enumerate();
        rows.for_each(|(i, row)| {
            let (own, other) = (2.0 * v[i], 2.0 * w[i]);
            for ((x, v), w) in row[j + 1..].iter_mut().zip(&v).zip(&w) {
                *x -= own * w + other * v;
            }
        });
        reflections.push((v, j + 1));
    }
    Some(((0..k).map(|i| a[i * k + i]).collect(), beside, reflections))
}

/// `Q H` of one panel: rows of `panel` are columns of Q from the reflection's first coordinate on.
#[inline(always)]
fn reflect(panel: &mut [f64], v: &[f64]) {
    let columns = panel.as_chunks_mut::<PANEL>().0;
    let mut along = [0.0; PANEL];
    for (column, v) in columns.iter().zip(v) {
        for (sum, x) in along.iter_mut().zip(column) {
            *sum += v * x;
        }
    }
    for (column, v) in columns.iter_mut().zip(v) {
        for (x, sum) in column.iter_mut().zip(&along) {
            *x -= 2.0 * v * sum;
        }
    }
}

/// Makes a tridiagonal matrix diagonal. The rotations are appended to `rotations`, and shown after each sweep.
fn implicit_ql(
    diagonal: &mut [f64],
    beside: &mut [f64],
    rotations: &mut Vec<Rotation>,
    mut swept: impl FnMut(&mut Vec<Rotation>),
) {
    let k = diagonal.len();
    for first in 0..k {
        // Each off-diagonal entry needs two sweeps or less; sixty is a matrix with a NaN.
        for _ in 0..60 {
            let last = (first..k - 1)
                .find(|i| beside[*i].abs() <= f64::EPSILON * (diagonal[*i].abs() + diagonal[i + 1].abs()))
                .unwrap_or(k - 1);
            if last == first {
                break;
            }
            sweep(diagonal, beside, first, last, rotations);
            swept(rotations);
        }
    }
}

/// One implicit QL sweep of the tridiagonal block `first..=last`.
fn sweep(diagonal: &mut [f64], beside: &mut [f64], first: usize, last: usize, rotations: &mut Vec<Rotation>) {
    let mut g = (diagonal[first + 1] - diagonal[first]) / (2.0 * beside[first]);
    let r = g.hypot(1.0);
    g = diagonal[last] - diagonal[first] + beside[first] / (g + r.copysign(g));
    let (mut sine, mut cosine, mut shift) = (1.0, 1.0, 0.0);
    if let Some(negligible) = beside.get_mut(last) {
        *negligible = 0.0;
    }
    for i in (first..last).rev() {
        let (f, b) = (sine * beside[i], cosine * beside[i]);
        let r = f.hypot(g);
        if i + 1 < last {
            beside[i + 1] = r;
        }
        if r == 0.0 {
            // The block falls apart here.
            diagonal[i + 1] -= shift;
            return;
        }
        (sine, cosine) = (f / r, g / r);
        g = diagonal[i + 1] - shift;
        let r = (diagonal[i] - g) * sine + 2.0 * cosine * b;
        shift = sine * r;
        diagonal[i + 1] = g + shift;
        g = cosine * r - b;
        rotations.push(Rotation { i, sine, cosine });
    }
    diagonal[first] -= shift;
    beside[first] = g;
}

fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(k: usize) -> Vec<f64> {
        // The multiplicative generator of Lewis, Goodman & Miller (1969).
        let mut word = 3 + k as u64;
        let mut uniform = || {
            word = word * 16_807 % 2_147_483_647;
            word as f64 / 2_147_483_647.0 - 0.5
        };
        let mut a = vec![0.0; k * k];
        for i in 0..k {
            for j in 0..=i {
                a[i * k + j] = uniform();
                a[j * k + i] = a[i * k + j];
            }
        }
        a
    }

    fn check(a: &[f64], k: usize) {
        let eigen = Eigen::of(a, k).unwrap();
        assert_eq!(Eigen::values_of(a, k).unwrap(), eigen.values);
        let scale = eigen.values.iter().fold(f64::MIN_POSITIVE, |most, value| most.max(value.abs()));
        let vectors: Vec<Vec<f64>> = (0..k).map(|i| eigen.vector(i)).collect();
        for i in 0..k {
            for (row, entry) in a.chunks_exact(k).zip(&vectors[i]) {
                let error = (dot(row, &vectors[i]) - eigen.values[i] * entry).abs();
                assert!(error < 1e-14 * (k as f64) * scale, "k {k}, vector {i}: {error:e} of {scale:e}");
            }
            for j in 0..k {
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((dot(&vectors[i], &vectors[j]) - expected).abs() < 1e-13, "k {k}: {i} and {j}");
            }
        }
    }

    #[test]
    fn eigenvectors_are_orthonormal_and_the_matrix_stretches_them_by_their_values() {
        for k in [1, 2, 3, 5, 15, 16, 17, 40, 100] {
            check(&random(k), k);
            check(&vec![0.0; k * k], k);
            check(&vec![1.0; k * k], k);
            // Condition 10^12 on a diagonal, and two equal values.
            let mut diagonal = vec![0.0; k * k];
            (0..k).for_each(|i| diagonal[i * k + i] = 10f64.powi(i as i32 % 13));
            check(&diagonal, k);
        }
    }

    #[test]
    fn the_values_of_a_known_matrix_are_found() {
        // The second difference of k = 50: 2 - 2 cos(i pi / 51).
        let k = 50;
        let mut a = vec![0.0; k * k];
        for i in 0..k {
            a[i * k + i] = 2.0;
            if i > 0 {
                a[i * k + i - 1] = -1.0;
            }
        }
        let mut values = Eigen::of(&a, k).unwrap().values;
        values.sort_by(f64::total_cmp);
        for (i, value) in values.iter().enumerate() {
            let expected = 2.0 - 2.0 * ((i + 1) as f64 * std::f64::consts::PI / 51.0).cos();
            assert!((value - expected).abs() < 1e-14, "{i}: {value} against {expected}");
        }
    }

    #[test]
    fn functions_of_the_matrix_are_those_of_its_values() {
        // [[2, 1], [1, 2]] has the values 1 and 3 along (1, -1) and (1, 1).
        let eigen = Eigen::of(&[2.0, f64::NAN, 1.0, 2.0], 2);
        assert!(eigen.is_some(), "only the lower triangle is read");
        let found = eigen.unwrap().apply(&[1.0, 0.0], |value| value.powi(-2));
        assert!((found[0] - 5.0 / 9.0).abs() < 1e-15 && (found[1] + 4.0 / 9.0).abs() < 1e-15, "{found:?}");
        assert!(Eigen::of(&[f64::NAN], 1).is_none() && Eigen::of(&[1.0, 0.0, f64::INFINITY, 1.0], 2).is_none());
    }

    #[test]
    fn numbers_lead_back_and_threads_change_no_bit() {
        let k = 120;
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Eigen::of(&random(k), k).unwrap())
        };
        let eigen = on(1);
        assert_eq!(eigen, on(3));
        assert_eq!(eigen.numbers().len(), Eigen::count(k));
        assert_eq!(Eigen::from_numbers(&eigen.numbers(), k), eigen);
    }
}
