//! Matrix-based entropy of order alpha (Sanchez Giraldo, Rao & Principe 2015), bits: `log2(sum l^alpha) / (1 - alpha)` of the
//! eigenvalues l of a kernel matrix of trace 1, here the Gaussian kernel `exp(-D / (2 s^2)) / N`, and for labels `1[y = y'] / N`.
//!
//! Joint entropy is that of the entry-wise product, scaled to trace 1, and `I = S(A) + S(B) - S(A, B)`. The width of the kernel
//! sets the value: it is no mutual information, and needs the same width in all that is compared.

use super::distances::Centred;
use super::permuted::mean_over_orders;
use super::{Array, Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::num::{percentile, Eigen};
use crate::params::Range;
use crate::rng::Seed;

/// The Gaussian kernel matrix of rows, of trace 1. With `sigma` 0 only equal rows are alike.
pub fn gaussian_kernel(rows: &Array, sigma: f64) -> Vec<f64> {
    let n = rows.rows as f64;
    let kernel = |d: &f64| if *d == 0.0 { 1.0 / n } else { (-d / (2.0 * sigma * sigma)).exp() / n };
    let each = Centred::new(&rows.values, rows.rows).each_row(|_, distances| {
        let row: Vec<f64> = distances.iter().map(kernel).collect();
        row
    });
    each.concat()
}

/// The kernel matrix of labels, of trace 1.
pub fn label_kernel(labels: &[u32]) -> Vec<f64> {
    let n = labels.len() as f64;
    labels.iter().flat_map(|a| labels.iter().map(move |b| if a == b { 1.0 / n } else { 0.0 })).collect()
}

/// Median distance between two different rows: a width for the kernel. NaN for one row.
pub fn median_distance(rows: &Array) -> f64 {
    let each = Centred::new(&rows.values, rows.rows).each_row(|i, distances| {
        let later: Vec<f64> = distances[i + 1..].iter().map(|distance| distance.sqrt()).collect();
        later
    });
    percentile(&each.concat(), 0.5)
}

/// Entropy of order `alpha` of a symmetric matrix (n, n) of trace 1, bits. NaN where an entry is not finite.
pub fn renyi_bits(matrix: &[f64], n: usize, alpha: f64) -> f64 {
    if alpha == 2.0 {
        // sum l^2 is the sum of the squares of all entries.
        return -matrix.iter().map(|x| x * x).sum::<f64>().log2();
    }
    let Some(eigen) = Eigen::of(matrix, n) else { return f64::NAN };
    // Those that rounding left below 0, or that are nothing but rounding, are 0.
    let values = eigen.values.iter().filter(|value| **value > 1e-14);
    if alpha == 1.0 {
        return -values.map(|value| value * value.log2()).sum::<f64>();
    }
    values.map(|value| value.powf(alpha)).sum::<f64>().log2() / (1.0 - alpha)
}

/// The matrix of two variables together: entry by entry, scaled to trace 1.
pub fn joint_kernel(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
    let trace: f64 = (0..n).map(|i| a[i * (n + 1)] * b[i * (n + 1)]).sum();
    a.iter().zip(b).map(|(a, b)| a * b / trace).collect()
}

struct Renyi {
    alpha: f64,
    sigma: Option<f64>,
    of: &'static str,
    permutations: usize,
    seed: Seed,
}

/// The row of this estimator.
pub const ENTRY: Entry<dyn Estimator> = Entry {
    name: "renyi",
    summary: "matrix-based entropy: `of` = \"t\" | \"x\" | \"xt\" | \"ty\", `alpha` = 1.01, `sigma` (median distance)",
    reference: "Sanchez Giraldo, Rao & Principe 2015; Yu et al. 2018",
    build: |params, ()| {
        Ok(Box::new(Renyi {
            // 1.01 as Yu et al., for Shannon's entropy in the limit.
            alpha: params.float("alpha", Some(1.01), Range::Above(0.0)),
            sigma: params.optional_float("sigma", Range::Above(0.0)),
            of: params.choice("of", Some("t"), &["t", "x", "xt", "ty"]),
            permutations: params.integer("permutations", Some(1), 0..=1_000) as usize,
            seed: Seed::new(params.integer("seed", Some(0), 0..=i64::MAX as u64)),
        }))
    },
};

impl Renyi {
    fn kernel(&self, rows: &Array) -> Vec<f64> {
        gaussian_kernel(rows, self.sigma.unwrap_or_else(|| median_distance(rows)))
    }
}

impl Estimator for Renyi {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        let first = arrays.get(if self.of.starts_with('x') { "x" } else { "t" })?;
        let n = first.rows;
        if n < 2 {
            return Err(Error::Config("one row is alike to itself alone: two and more are needed".to_string()));
        }
        let (a, bits) = (self.kernel(first), |matrix: &[f64]| renyi_bits(matrix, n, self.alpha));
        let cap = (n as f64).log2();
        if self.of.len() == 1 {
            return Ok(Estimate::new(bits(&a), "bits", n).with_cap(cap));
        }
        let labels = self.of == "ty";
        let b = if labels {
            arrays.pair("t", "y")?;
            label_kernel(&arrays.labels("y")?)
        } else {
            self.kernel(arrays.pair("x", "t")?.1)
        };
        let apart = bits(&a) + bits(&b);
        let of = |order: &[usize]| {
            let row = |i: &usize| order.iter().map(|j| b[i * n + j]).collect::<Vec<f64>>();
            apart - bits(&joint_kernel(&a, &order.iter().flat_map(row).collect::<Vec<f64>>(), n))
        };
        let rows: Vec<usize> = (0..n).collect();
        let shuffled = mean_over_orders(&rows, self.permutations, self.seed, of);
        let cap = if labels { cap.min(bits(&b)) } else { cap };
        Ok(Estimate { shuffled, ..Estimate::new(of(&rows), "bits", n).with_cap(cap) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimator::{built, golden};

    #[test]
    fn the_golden_arrays_have_their_values() {
        let arrays = golden::arrays();
        for alpha in ["1.01", "2.0"] {
            for (of, key) in [("x", "H_X"), ("t", "H_T"), ("xt", "I_XT"), ("ty", "I_TY")] {
                let row = built(ENTRY, &format!("alpha = {alpha}\nsigma = 1\nof = \"{of}\""));
                let (found, key) = (row.estimate(&arrays).unwrap(), format!("renyi_a{alpha}_sigma1_bits/{key}"));
                assert!((found.value - golden::value(&key)).abs() < 1e-9, "{key}: {found:?}");
            }
        }
    }

    #[test]
    fn matrices_of_known_eigenvalues_have_their_entropies() {
        let n = 16;
        let labels: Vec<u32> = (0..16).map(|i| i % 2).collect();
        let identity: Vec<f64> = (0..n * n).map(|i| if i % (n + 1) == 0 { 1.0 / n as f64 } else { 0.0 }).collect();
        for alpha in [1.0, 1.01, 2.0] {
            assert!((renyi_bits(&identity, n, alpha) - 4.0).abs() < 1e-10, "{alpha}");
            assert!(renyi_bits(&label_kernel(&[3; 16]), n, alpha).abs() < 1e-10, "{alpha}");
            assert!((renyi_bits(&label_kernel(&labels), n, alpha) - 1.0).abs() < 1e-10, "{alpha}");
        }
        assert!(renyi_bits(&[f64::NAN], 1, 1.01).is_nan() && renyi_bits(&[f64::NAN], 1, 2.0).is_nan());
    }

    #[test]
    fn the_width_of_the_kernel_sets_the_value_and_labels_that_mean_nothing_are_known() {
        let mut t = vec![0.0f32; 100 * 784];
        Seed::new(5).rng().fill_normal(&mut t);
        let t = Array::new(t.into_iter().map(f64::from).collect(), 100);
        let y = Array::new((0..100).map(|i| f64::from(i % 10)).collect(), 100);
        let arrays = Arrays { arrays: [("t".to_string(), t), ("y".to_string(), y)].into() };
        let of =
            |sigma: f64, of: &str| built(ENTRY, &format!("sigma = {sigma}\nof = \"{of}\"")).estimate(&arrays).unwrap();
        assert!((of(5.0, "t").value - 100f64.log2()).abs() < 1e-3, "{:?}", of(5.0, "t"));
        let known = of(5.0, "ty");
        let [value, shuffled, cap] = [known.value, known.shuffled.unwrap(), known.cap.unwrap()];
        assert!([value, shuffled, cap].iter().all(|bits| (bits - 10f64.log2()).abs() < 1e-3), "{known:?}");
        assert!(of(100.0, "t").value < 1.0 && of(100.0, "ty").value < 0.5);
    }

    #[test]
    fn the_median_distance_is_that_of_pairs() {
        // 1, 2, 3, 3, 4, 6 apart.
        assert_eq!(median_distance(&Array::new(vec![0.0, 1.0, 3.0, 6.0 + 1e-9], 4)).round(), 3.0);
    }
}
