//! Centred kernel alignment of two representations with linear kernels (Kornblith et al. 2019), and its debiased form by the
//! unbiased HSIC of Song et al. (2012).
//!
//! Biased: `|X'Y|^2 / (|X'X| |Y'Y|)` of centred columns. Unrelated Gaussian data of `p` and `q` columns have about
//! `sqrt(p q / ((n + p)(n + q)))`, not 0. Debiased: `hsic(X, Y) / sqrt(hsic(X, X) hsic(Y, Y))` with, for kernels `K` and `L` with
//! zeros on the diagonal, `hsic = [tr KL + 1'K1 1'L1 / ((n-1)(n-2)) - 2/(n-2) 1'KL1] / (n (n-3))`.

use super::covariance::{centred, Value};
use super::{Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::Result;
use crate::num::{dot, mean, Matrix};
use crate::rng::Seed;

/// The linear kernel of samples: their centred features, or, where there are more features than samples, their Gram matrix.
pub struct Kernel {
    /// (rows, p), or (rows, rows).
    values: Vec<f64>,
    rows: usize,
    is_gram: bool,
    /// Squared length of each sample.
    diagonal: Vec<f64>,
    /// Sum of each row of the kernel without its diagonal.
    sums: Vec<f64>,
}

impl Kernel {
    /// Of values, (rows, p).
    pub fn linear<T: Value>(values: &[T], rows: usize) -> Self {
        let features = centred(values, rows);
        let p = features.len().checked_div(rows).unwrap_or(0);
        let diagonal: Vec<f64> = features.chunks_exact(p.max(1)).map(|row| dot(row, row)).collect();
        // Centred rows add up to 0, so a whole row of the kernel does.
        let sums = diagonal.iter().map(|x| -x).collect();
        let is_gram = p > rows;
        let values = if is_gram {
            let matrix = Matrix::new(&features, rows);
            matrix.times(matrix.transposed())
        } else {
            features
        };
        Kernel { values, rows, is_gram, diagonal, sums }
    }

    /// The same samples in another order.
    #[must_use]
    pub fn permuted(&self, order: &[usize]) -> Self {
        let columns = self.values.len() / self.rows.max(1);
        let row = |i: &usize| &self.values[i * columns..(i + 1) * columns];
        let values = if self.is_gram {
            order.iter().flat_map(|i| order.iter().map(|j| row(i)[*j])).collect()
        } else {
            order.iter().flat_map(row).copied().collect()
        };
        let of = |x: &[f64]| order.iter().map(|i| x[*i]).collect();
        Kernel { values, diagonal: of(&self.diagonal), sums: of(&self.sums), ..*self }
    }

    /// `tr KL` with the diagonals.
    fn inner(&self, other: &Kernel) -> f64 {
        let matrix = |kernel: &'_ Kernel| -> Vec<f64> {
            Matrix::new(&kernel.values, kernel.rows).transposed().times(Matrix::new(&other.values, other.rows))
        };
        match (self.is_gram, other.is_gram) {
            (true, true) => dot(&self.values, &other.values),
            (false, false) => {
                let products = matrix(self);
                dot(&products, &products)
            }
            // tr K F F' = sum of (K F) * F.
            (true, false) => dot(&matrix(self), &other.values),
            (false, true) => other.inner(self),
        }
    }
}

/// The unbiased HSIC of two kernels of the same samples; NaN for fewer than four.
pub fn hsic_unbiased(k: &Kernel, l: &Kernel) -> f64 {
    if k.rows < 4 {
        return f64::NAN;
    }
    let n = k.rows as f64;
    let trace = k.inner(l) - dot(&k.diagonal, &l.diagonal);
    let totals = k.sums.iter().sum::<f64>() * l.sums.iter().sum::<f64>();
    (trace + totals / ((n - 1.0) * (n - 2.0)) - 2.0 / (n - 2.0) * dot(&k.sums, &l.sums)) / (n * (n - 3.0))
}

/// CKA with its bias upwards, 0 to 1; NaN where one of the two does not vary.
pub fn cka_biased(k: &Kernel, l: &Kernel) -> f64 {
    k.inner(l) / (k.inner(k) * l.inner(l)).sqrt()
}

/// CKA by the unbiased HSIC: around 0 for unrelated data. NaN for fewer than four samples, and where one of the two does not
/// vary.
pub fn cka_debiased(k: &Kernel, l: &Kernel) -> f64 {
    hsic_unbiased(k, l) / (hsic_unbiased(k, k) * hsic_unbiased(l, l)).sqrt()
}

/// What [`cka_biased`] is for unrelated Gaussian data of `p` and `q` columns.
pub fn cka_biased_of_unrelated(rows: usize, p: usize, q: usize) -> f64 {
    let [n, p, q] = [rows, p, q].map(|x| x as f64);
    (p * q / ((n + p) * (n + q))).sqrt()
}

struct Cka {
    quantity: &'static str,
    seed: u64,
    permutations: u64,
}

/// Defaults: `quantity` "debiased" (also "biased", and "hsic", the unbiased HSIC itself), `permutations` 10 of the rows for
/// `shuffled`, drawn from `seed` 0.
pub const ENTRY: Entry<dyn Estimator> = Entry {
    name: "cka",
    summary: "linear centred kernel alignment of `x` and `t`, debiased",
    reference: "Kornblith et al. 2019; Song et al. 2012",
    build: |params, ()| {
        let quantity = params.choice("quantity", Some("debiased"), &["debiased", "biased", "hsic"]);
        let seed = params.integer("seed", Some(0), 0..=u64::MAX);
        Ok(Box::new(Cka { quantity, seed, permutations: params.integer("permutations", Some(10), 1..=1000) }))
    },
};

impl Estimator for Cka {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        let (x, t) = arrays.pair("x", "t")?;
        let of = match self.quantity {
            "debiased" => cka_debiased,
            "biased" => cka_biased,
            _ => hsic_unbiased,
        };
        let (k, l) = (Kernel::linear(&x.values, x.rows), Kernel::linear(&t.values, t.rows));
        let permuted = |i: u64| {
            let mut order: Vec<usize> = (0..t.rows).collect();
            Seed::new(self.seed).child("permutation").index(i).rng().shuffle(&mut order);
            of(&k, &l.permuted(&order))
        };
        let shuffled = mean(&(0..self.permutations).map(permuted).collect::<Vec<_>>());
        let estimate = Estimate::new(of(&k, &l), "1", x.rows).with_shuffled(shuffled);
        Ok(if self.quantity == "hsic" { estimate } else { estimate.with_cap(1.0) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{array, golden};
    use super::super::testing::{estimate, normals};
    use super::super::Array;
    use super::*;

    fn both(x: &Array, t: &Array) -> [f64; 2] {
        let (k, l) = (Kernel::linear(&x.values, x.rows), Kernel::linear(&t.values, t.rows));
        [cka_biased(&k, &l), cka_debiased(&k, &l)]
    }

    #[test]
    fn golden_data_have_their_alignment() {
        let golden = golden();
        let keys =
            [("debiased", "cka_linear_debiased_X_T"), ("biased", "cka_linear_biased_X_T"), ("hsic", "uHSIC_X_T")];
        for (quantity, key) in keys {
            let params = format!("quantity = '{quantity}'");
            let found = estimate(&ENTRY, &params, [("x", array("X")), ("t", array("T"))]).unwrap().value;
            assert!((found - golden[key].as_f64().unwrap()).abs() < 1e-9, "{quantity}: {found}");
        }
    }

    #[test]
    fn features_and_gram_matrices_give_the_same() {
        // The golden arrays beside columns of zeros: more columns than rows, and the same kernel.
        let widened = |array: &Array| {
            let rows = array.iter().flat_map(|row| row.iter().copied().chain(vec![0.0; 100]));
            Array::new(rows.collect(), array.rows)
        };
        let (x, t) = (array("X"), array("T"));
        let narrow = both(&x, &t);
        for wide in [both(&widened(&x), &t), both(&x, &widened(&t)), both(&widened(&x), &widened(&t))] {
            wide.iter().zip(narrow).for_each(|(a, b)| assert!((a - b).abs() < 1e-12, "{a} against {b}"));
        }
        let order: Vec<usize> = (0..64).map(|i| (i * 27 + 5) % 64).collect();
        let turned = Array::new(order.iter().flat_map(|i| t.row(*i).to_vec()).collect(), 64);
        for (x, t, other) in [(&x, &t, &turned), (&x, &widened(&t), &widened(&turned))] {
            let (k, l) = (Kernel::linear(&x.values, 64), Kernel::linear(&t.values, 64).permuted(&order));
            let found = [cka_biased(&k, &l), cka_debiased(&k, &l)];
            found.iter().zip(both(x, other)).for_each(|(a, b)| assert!((a - b).abs() < 1e-12, "{a} against {b}"));
        }
    }

    #[test]
    fn unrelated_data_seem_aligned_unless_debiased() {
        // Three standard deviations over draws: 0.024, 0.004, 0.006.
        for (n, p, q, biased, noise) in
            [(100, 100, 100, 0.4959, 0.024), (100, 1000, 1000, 0.908, 0.004), (1000, 50, 200, 0.0888, 0.006)]
        {
            let (x, t) = (Array::new(normals(n * p, 1), n), Array::new(normals(n * q, 2), n));
            let found = both(&x, &t);
            let law = cka_biased_of_unrelated(n, p, q);
            assert!((found[0] - biased).abs() < noise, "{n} {p} {q}: {}", found[0]);
            assert!((found[0] - law).abs() < noise, "{n} {p} {q}: {} against {law}", found[0]);
            assert!(found[1].abs() < 0.05, "{n} {p} {q}: {}", found[1]);
        }
    }

    #[test]
    fn turning_and_scaling_change_nothing() {
        let (x, t) = (array("X"), array("T"));
        let (s, c) = 0.7f64.sin_cos();
        let turned = |row: &[f64]| vec![4.0 * (c * row[0] - s * row[1]), 4.0 * (s * row[0] + c * row[1]), 4.0 * row[2]];
        let y = Array::new(x.iter().flat_map(turned).collect(), x.rows);
        both(&x, &t).iter().zip(both(&y, &t)).for_each(|(a, b)| assert!((a - b).abs() < 1e-12));
        both(&x, &y).iter().for_each(|same| assert!((same - 1.0).abs() < 1e-12, "{same}"));
    }

    #[test]
    fn permuted_rows_say_what_chance_gives() {
        let arrays = || [("x", array("X")), ("t", array("T"))];
        let found = estimate(&ENTRY, "permutations = 100", arrays()).unwrap();
        assert!(found.shuffled.unwrap().abs() < 0.02 && found.cap == Some(1.0), "{found:?}");
        let biased = estimate(&ENTRY, "quantity = 'biased'\npermutations = 100", arrays()).unwrap();
        assert!(biased.shuffled.unwrap() > 0.02, "{biased:?}");
    }

    #[test]
    fn what_cannot_be_told_is_nan() {
        // A number that has no exact float: its mean over six is another one.
        let flat = Array::new(vec![0.1; 6], 6);
        let line = Array::new((0..6).map(f64::from).collect(), 6);
        assert!(both(&flat, &line).iter().all(|x| x.is_nan()));
        let few = Array::new(vec![1.0, 2.0, 4.0], 3);
        assert!(both(&few, &few)[1].is_nan());
        let broken = Array::new(vec![1.0, 2.0, f64::NAN, 1.0, 0.0, 3.0], 6);
        assert!(both(&broken, &line).iter().all(|x| x.is_nan()));
    }
}
