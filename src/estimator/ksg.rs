//! Mutual information by nearest neighbours: of two continuous variables (the first estimator of Kraskov, Stoegbauer &
//! Grassberger 2004), and of a continuous one with labels (Ross 2014), nats.
//!
//! `psi(k) + psi(N) - <psi(n_x + 1) + psi(n_y + 1)>`: n_x counts samples closer in x than the k-th neighbour in both, by the
//! greatest difference of coordinates. With labels: `psi(N) + psi(k) - <psi(N_y)> - <psi(m)>`, m the samples closer than the
//! k-th neighbour of the same label, itself included.
//!
//! At least k samples (itself included) are as near in each variable as in both, so the most that they can be on N samples is
//! `psi(N) - psi(k)`, or `psi(N) - <psi(N_y)>` with labels.
//!
//! For one or two dimensions. In more it falls with the dimension, whatever is known, and would pass for compression.

use rayon::prelude::*;
use statrs::function::gamma::digamma;

use super::codes::{counts, renumbered};
use super::neighbours::{distance, kth};
use super::permuted::mean_over_orders;
use super::{Array, Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::num::mean;
use crate::rng::Seed;

/// I(X;Y) of two continuous variables, nats. NaN where a sample has no k others, more than k samples are equal in both
/// (the variables are not continuous then), or a value is NaN.
///
/// # Panics
/// If they have not as many rows, or k is 0.
pub fn ksg_nats(x: &Array, y: &Array, k: usize) -> f64 {
    assert_eq!(x.rows, y.rows, "rows of both");
    assert!(k > 0, "the nearest neighbour is number 1");
    let n = x.rows;
    let of = |i: usize| {
        let [dx, dy] = [x, y].map(|array| {
            let distances: Vec<f64> = array.iter().map(|row| distance(row, array.row(i))).collect();
            distances
        });
        // Both are NaN or none is: `max` would leave one out.
        let joint = |(a, b): (&f64, &f64)| if a.is_nan() || a > b { *a } else { *b };
        let mut both: Vec<f64> = dx.iter().zip(&dy).map(joint).collect();
        both.swap_remove(i);
        let Some(radius) = kth(&mut both, k).filter(|radius| *radius > 0.0) else { return f64::NAN };
        // The sample itself is among those counted, which is the + 1.
        let within = |distances: &[f64]| digamma(distances.iter().filter(|d| **d < radius).count() as f64);
        within(&dx) + within(&dy)
    };
    let terms: Vec<f64> = (0..n).into_par_iter().map(of).collect();
    if both_hold_nan(x, y) {
        return f64::NAN;
    }
    digamma(k as f64) + digamma(n as f64) - mean(&terms)
}

fn both_hold_nan(x: &Array, y: &Array) -> bool {
    x.values.iter().chain(&y.values).any(|value| value.is_nan())
}

/// I(T;Y) of a continuous variable and labels, nats. Samples that are alone with their label are left out; where a label has
/// fewer than k others, its k is smaller. NaN where nothing is left, where neighbours are equal, or a value is NaN.
///
/// # Panics
/// If there are not as many labels as rows, or k is 0.
pub fn ross_nats(t: &Array, labels: &[u32], k: usize) -> f64 {
    assert_eq!(t.rows, labels.len(), "a label for each row");
    assert!(k > 0, "the nearest neighbour is number 1");
    if t.values.iter().any(|value| value.is_nan()) {
        return f64::NAN;
    }
    let labels = renumbered(labels);
    let sizes = counts(&labels);
    let kept: Vec<usize> = (0..t.rows).filter(|i| sizes[labels[*i] as usize] > 1).collect();
    let of = |i: &usize| {
        let distances: Vec<f64> = kept.iter().map(|j| distance(t.row(*i), t.row(*j))).collect();
        let own = kept.iter().zip(&distances).filter(|(j, _)| *j != i && labels[**j] == labels[*i]);
        let mut own: Vec<f64> = own.map(|(_, distance)| *distance).collect();
        let k = k.min(own.len());
        let Some(radius) = kth(&mut own, k).filter(|radius| *radius > 0.0) else { return f64::NAN };
        let within = distances.iter().filter(|distance| **distance < radius).count();
        digamma(k as f64) - digamma((own.len() + 1) as f64) - digamma(within as f64)
    };
    let terms: Vec<f64> = kept.par_iter().map(of).collect();
    digamma(kept.len() as f64) + mean(&terms)
}

/// The most that [`ross_nats`] can be on these labels: `psi(N) - <psi(N_y)>`, where the k nearest samples of all have the
/// same label. It is above H(Y) by about half of the number of labels over N.
pub fn most_of_labels_nats(labels: &[u32]) -> f64 {
    let sizes: Vec<f64> = counts(&renumbered(labels)).into_iter().filter(|n| *n > 1).map(|n| n as f64).collect();
    let kept: f64 = sizes.iter().sum();
    digamma(kept) - sizes.iter().map(|n| n * digamma(*n)).sum::<f64>() / kept
}

struct Ksg {
    k: usize,
    labels: bool,
    of: Option<&'static str>,
    permutations: usize,
    seed: Seed,
}

/// The row of this estimator.
pub const ENTRY: Entry<dyn Estimator> = Entry {
    name: "ksg",
    summary:
        "information by neighbours, few dimensions: `of` = \"xt\" | \"xy\" | \"ty\", `k` = 3, `labels` for discrete `y`",
    reference: "Kraskov, Stoegbauer & Grassberger 2004; Ross 2014",
    build: |params, ()| {
        let of = params.has("of").then(|| params.choice("of", None, &["xt", "xy", "ty"]));
        params.raw("of");
        Ok(Box::new(Ksg {
            k: params.integer("k", Some(3), 1..=1_000) as usize,
            labels: params.boolean("labels", false),
            of,
            permutations: params.integer("permutations", Some(5), 0..=1_000) as usize,
            seed: Seed::new(params.integer("seed", Some(0), 0..=i64::MAX as u64)),
        }))
    },
};

impl Estimator for Ksg {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        let [one, other] = match self.of {
            Some("xy") => ["x", "y"],
            Some("ty") => ["t", "y"],
            Some(_) => ["x", "t"],
            None if !arrays.has("t") => ["x", "y"],
            None if self.labels => ["t", "y"],
            None => ["x", "t"],
        };
        if self.labels && other != "y" {
            return Err(Error::Config("`labels`: only `y` holds labels, so take `of` = \"xy\" or \"ty\"".to_string()));
        }
        let (a, b) = arrays.pair(one, other)?;
        let rows: Vec<usize> = (0..a.rows).collect();
        let (value, cap, shuffled) = if self.labels {
            let labels = arrays.labels(other)?;
            let of = |labels: &[u32]| ross_nats(a, labels, self.k);
            (of(&labels), most_of_labels_nats(&labels), mean_over_orders(&labels, self.permutations, self.seed, of))
        } else {
            let shuffled = mean_over_orders(&rows, self.permutations, self.seed, |order| {
                let values = order.iter().flat_map(|row| b.row(*row).to_vec()).collect();
                ksg_nats(a, &Array::new(values, b.rows), self.k)
            });
            (ksg_nats(a, b, self.k), digamma(a.rows as f64) - digamma(self.k as f64), shuffled)
        };
        if value.is_nan() {
            let message = format!(
                "`{one}` and `{other}` have fewer than {} rows of a kind, or more equal ones: neighbours need continuous values",
                self.k + 1
            );
            return Err(Error::Config(message));
        }
        Ok(Estimate { shuffled, ..Estimate::new(value, "nats", a.rows).with_cap(cap) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimator::{built, golden};

    fn normals(count: usize, seed: Seed) -> Vec<f64> {
        let mut values = vec![0.0f32; count];
        seed.rng().fill_normal(&mut values);
        values.into_iter().map(f64::from).collect()
    }

    fn column(values: Vec<f64>) -> Array {
        let rows = values.len();
        Array::new(values, rows)
    }

    /// Pairs of standard normals with this correlation.
    fn correlated(rho: f64, n: usize, seed: u64) -> [Array; 2] {
        let seed = Seed::new(seed);
        let (x, z) = (normals(n, seed.child("x")), normals(n, seed.child("z")));
        let y = x.iter().zip(z).map(|(x, z)| rho * x + (1.0 - rho * rho).sqrt() * z).collect();
        [column(x), column(y)]
    }

    #[test]
    fn the_golden_arrays_have_their_values() {
        let mut arrays = golden::arrays();
        let target = arrays.arrays.remove("target").unwrap();
        arrays.arrays.remove("t");
        arrays.arrays.insert("y".to_string(), target);
        let found = built(ENTRY, "").estimate(&arrays).unwrap();
        assert!((found.value - golden::value("ksg1_k3_nats_X64x3_Y64x2")).abs() < 1e-6, "{found:?}");
        let first = |name: &str| column(arrays.arrays[name].iter().map(|row| row[0]).collect());
        let found = ksg_nats(&first("x"), &first("y"), 3);
        assert!((found - golden::value("ksg1_k3_nats_x0_y0")).abs() < 1e-6, "{found}");
    }

    #[test]
    fn gaussian_pairs_have_the_information_of_their_correlation() {
        // -1/2 ln(1 - rho^2). Means and standard deviations over samples of 2,000; here of 1,000, so sqrt 2 of the noise.
        for (rho, mean, sd) in [(0.0, 0.004, 0.012), (0.5, 0.149, 0.016), (0.9, 0.848, 0.015)] {
            let [x, y] = correlated(rho, 1_000, 3);
            let found = ksg_nats(&x, &y, 3);
            assert!((found - mean).abs() < 3.0 * 1.5 * sd, "{rho}: {found}, expected {mean}");
        }
        for (rho, truth) in [
            (0.1, 0.005_025),
            (0.3, 0.047_155),
            (0.5, 0.143_841),
            (0.75, 0.413_339),
            (0.9, 0.830_366),
            (0.99, 1.958_518),
        ] {
            let [x, y] = correlated(rho, 1_000, 3);
            let found = ksg_nats(&x, &y, 3);
            assert!((found - truth).abs() < 0.08, "{rho}: {found}, truth {truth}");
        }
    }

    #[test]
    fn dense_gaussians_of_few_dimensions_have_their_information() {
        // All correlations 0.5: columns share a normal of half their variance.
        for (d, truth) in [(2, 0.293_893), (3, 0.413_339)] {
            let z = normals(1_000 * (2 * d + 1), Seed::new(7));
            let part = |from: usize| {
                let rows = z
                    .chunks(2 * d + 1)
                    .flat_map(|row| row[from..from + d].iter().map(|x| (x + row[2 * d]) / 2f64.sqrt()));
                Array::new(rows.collect(), 1_000)
            };
            let found = ksg_nats(&part(0), &part(d), 3);
            assert!((found - truth).abs() < 0.08, "{d}: {found}, truth {truth}");
        }
    }

    #[test]
    fn an_added_uniform_leaves_the_information_of_its_formula() {
        for (e, truth) in [(0.1f64, 1.709_438), (0.75, 1.0 / 3.0)] {
            let mut rng = Seed::new(6).rng();
            let x: Vec<f64> = (0..1_500).map(|_| f64::from(rng.uniform())).collect();
            let y = x.iter().map(|x| x + e * (2.0 * f64::from(rng.uniform()) - 1.0)).collect();
            let found = ksg_nats(&column(x), &column(y), 3);
            // Of some 0.02 in 1,500 samples, as in the Gaussian case.
            assert!((found - truth).abs() < 0.06, "{e}: {found}, truth {truth}");
        }
    }

    #[test]
    fn labels_under_noise_have_the_information_of_their_distance() {
        // Y = +-1, X = mu Y + N(0, 1): truth, and how far another program's estimate of it was off, mean and deviation.
        for (mu, truth, off, sd) in
            [(0.5, 0.111_42, -0.006_8, 0.012), (1.0, 0.336_83, -0.001_7, 0.014), (2.0, 0.632_72, 0.003_9, 0.006)]
        {
            let labels: Vec<u32> = (0..1_500).map(|i| i % 2).collect();
            let noise = normals(1_500, Seed::new(9));
            let x = labels.iter().zip(noise).map(|(y, z)| mu * (2.0 * f64::from(*y) - 1.0) + z).collect();
            let found = ross_nats(&column(x), &labels, 3);
            assert!(
                (found - truth - off).abs() < 4.0 * sd && (found - truth).abs() < 4.0 * sd,
                "{mu}: {found}, truth {truth}"
            );
        }
    }

    #[test]
    fn a_variable_knows_itself_up_to_the_cap_and_apart_clusters_their_labels() {
        let [x, _] = correlated(0.0, 200, 4);
        let arrays = |t: Array, y: Vec<f64>| Arrays {
            arrays: [("x".to_string(), x.clone()), ("t".to_string(), t), ("y".to_string(), column(y))].into(),
        };
        let t = column(x.values.iter().map(|x| -x).collect());
        for k in [1, 3, 10] {
            let found = built(ENTRY, &format!("k = {k}")).estimate(&arrays(t.clone(), vec![0.0; 200])).unwrap();
            assert!((found.value - found.cap.unwrap()).abs() < 1e-12, "{found:?}");
            // psi(200) - psi(1), - psi(3), - psi(10): differences of harmonic numbers.
            let harmonic: f64 = (k..200).map(|i| 1.0 / f64::from(i)).sum();
            assert!((found.value - harmonic).abs() < 1e-12, "{found:?}");
        }
        let y: Vec<f64> = (0..200).map(|i| f64::from(i % 5 / 2)).collect();
        let t = column(x.values.iter().zip(&y).map(|(x, y)| x + 1e3 * y).collect());
        let found = built(ENTRY, "of = \"ty\"\nlabels = true").estimate(&arrays(t, y)).unwrap();
        assert!((found.value - found.cap.unwrap()).abs() < 1e-12, "{found:?}");
        // 80, 80 and 40 of 200: 1.0549 nats, and a bias of about (3 - 1) / (2 200).
        assert!((found.value - 1.054_9 - 0.005).abs() < 0.000_5, "{found:?}");
    }

    #[test]
    fn in_many_dimensions_it_falls_although_everything_is_known() {
        // T = relu(X W) of 600 samples, a function of X.
        let found = [2, 10, 50].map(|d| {
            let (x, w) = (normals(600 * d, Seed::new(1)), normals(d * d, Seed::new(2)));
            let t = x.chunks(d).flat_map(|row| {
                let unit = |j: usize| row.iter().enumerate().map(|(i, x)| x * w[i * d + j]).sum::<f64>().max(0.0);
                (0..d).map(unit).collect::<Vec<f64>>()
            });
            ksg_nats(&Array::new(x.clone(), 600), &Array::new(t.collect(), 600), 3)
        });
        assert!(found[0] > 1.5 && (0.7..1.5).contains(&found[1]) && found[2] < 0.7, "{found:?}");
    }

    #[test]
    fn what_neighbours_cannot_tell_is_no_number() {
        let (some, equal) = (column(vec![1.0, 2.0, 4.0, 7.0, 11.0]), column(vec![1.0; 5]));
        assert!(ksg_nats(&equal, &equal, 2).is_nan() && ksg_nats(&some, &some, 5).is_nan());
        assert!(ksg_nats(&column(vec![1.0, f64::NAN, 4.0, 7.0, 11.0]), &some, 1).is_nan());
        assert!(ross_nats(&equal, &[0, 0, 0, 1, 1], 1).is_nan() && ross_nats(&some, &[0, 1, 2, 3, 4], 1).is_nan());
        let arrays = Arrays { arrays: [("x".to_string(), equal.clone()), ("t".to_string(), equal)].into() };
        let told = built(ENTRY, "").estimate(&arrays).unwrap_err().to_string();
        assert!(told.contains("neighbours need continuous values"), "{told}");
    }
}
