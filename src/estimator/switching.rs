//! Switching: on how many units the sign of the pre-activation differs between two samples (the Hamming distance of their
//! sign codes, as a share), and what the cosine of the pre-activations lets one expect, `arccos(c) / pi`.

use rayon::prelude::*;

use super::covariance::Value;
use super::mean_field::sign_change_probability;
use super::{Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::num::Matrix;

/// Signs of pre-activations: bit `j` of a sample is 1 where unit `j` is above 0.
#[derive(Clone, Debug)]
pub struct SignCodes {
    words: Vec<u64>,
    width: usize,
    units: usize,
}

impl SignCodes {
    /// Of values, (rows, units). `None` where one is NaN, or there is none.
    pub fn of<T: Value>(values: &[T], rows: usize) -> Option<Self> {
        let units = values.len().checked_div(rows)?;
        let width = units.div_ceil(64);
        let mut words = vec![0u64; rows * width];
        if units == 0 {
            return None;
        }
        for (row, words) in values.chunks_exact(units).zip(words.chunks_exact_mut(width)) {
            for (values, word) in row.chunks(64).zip(words) {
                for (bit, x) in values.iter().enumerate() {
                    let x: f64 = (*x).into();
                    if x.is_nan() {
                        return None;
                    }
                    *word |= u64::from(x > 0.0) << bit;
                }
            }
        }
        Some(SignCodes { words, width, units })
    }

    /// Share of units whose sign differs between sample `i` of these and sample `j` of others, of as many units.
    pub fn hamming(&self, i: usize, others: &SignCodes, j: usize) -> f64 {
        let row = |codes: &'_ SignCodes, i: usize| i * codes.width..(i + 1) * codes.width;
        let (a, b) = (&self.words[row(self, i)], &others.words[row(others, j)]);
        let differ: u32 = a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum();
        f64::from(differ) / self.units as f64
    }
}

/// The cosine of two vectors, within -1 and 1; NaN where one is 0.
pub fn cosine<T: Value>(a: &[T], b: &[T]) -> f64 {
    let (mut product, mut squares) = (0.0, [0.0; 2]);
    for (a, b) in a.iter().zip(b) {
        let (a, b): (f64, f64) = ((*a).into(), (*b).into());
        product += a * b;
        squares[0] += a * a;
        squares[1] += b * b;
    }
    (product / (squares[0] * squares[1]).sqrt()).clamp(-1.0, 1.0)
}

/// Cosines of all pairs of samples, (rows, rows), of values, (rows, units); NaN with a sample that is 0.
pub fn cosines<T: Value>(values: &[T], rows: usize) -> Vec<f64> {
    let values: Vec<f64> = values.iter().map(|x| (*x).into()).collect();
    let matrix = Matrix::new(&values, rows);
    let mut products = matrix.times(matrix.transposed());
    let lengths: Vec<f64> = (0..rows).map(|i| products[i * rows + i].sqrt()).collect();
    for (row, length) in products.chunks_exact_mut(rows.max(1)).zip(&lengths) {
        row.iter_mut().zip(&lengths).for_each(|(x, other)| *x = (*x / (length * other)).clamp(-1.0, 1.0));
    }
    products
}

/// A mean over pairs of samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairMean {
    /// The mean; NaN of no pair.
    pub mean: f64,
    /// Its standard error: what one sample more or less changes (the infinitesimal jackknife). Pairs share samples, so it is
    /// not that of so many independent numbers. Too great, by up to sqrt(2), where all samples are alike to the others.
    pub se: f64,
    /// Number of pairs.
    pub pairs: usize,
}

/// The mean of `value(i, j)`, symmetric, over all pairs of `rows` samples that are `chosen`.
pub fn mean_over_pairs(
    rows: usize,
    chosen: impl Fn(usize, usize) -> bool + Sync,
    value: impl Fn(usize, usize) -> f64 + Sync,
) -> PairMean {
    let of_row = |i: usize| {
        let pairs = (0..rows).filter(|j| *j != i && chosen(i, *j));
        pairs.fold((0.0, 0usize), |(sum, count), j| (sum + value(i, j), count + 1))
    };
    let sums: Vec<(f64, usize)> = (0..rows).into_par_iter().map(of_row).collect();
    let (sum, count) = sums.iter().fold((0.0, 0), |(sum, count), row| (sum + row.0, count + row.1));
    let mean = sum / count as f64;
    let changes = sums.iter().map(|(sum, count)| (2.0 * (sum - mean * *count as f64)).powi(2)).sum::<f64>();
    PairMean { mean, se: changes.sqrt() / count as f64, pairs: count / 2 }
}

struct Switching {
    quantity: &'static str,
    pairs: &'static str,
    points: usize,
}

/// Defaults: `quantity` "hamming" (also "cosine", and "expected", the mean of `arccos(c) / pi`), `pairs` "any" (also "same"
/// and "different", by the labels `y`), `points` 2000: no more rows of `t`, the first ones.
pub const ENTRY: Entry<dyn Estimator> = Entry {
    name: "switching",
    summary: "share of units of the pre-activations `t` whose sign differs within a pair of rows; or their cosine",
    reference: "Poole et al. 2016; Schoenholz et al. 2017",
    build: |params, ()| {
        let quantity = params.choice("quantity", Some("hamming"), &["hamming", "cosine", "expected"]);
        let pairs = params.choice("pairs", Some("any"), &["any", "same", "different"]);
        let points = params.integer("points", Some(2000), 2..=20_000) as usize;
        Ok(Box::new(Switching { quantity, pairs, points }))
    },
};

impl Estimator for Switching {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        let t = arrays.get("t")?;
        let labels = match self.pairs {
            "any" => vec![0; t.rows],
            _ => {
                arrays.pair("t", "y")?;
                arrays.labels("y")?
            }
        };
        let rows = t.rows.min(self.points);
        let values = &t.values[..rows * t.columns()];
        let chosen = |i: usize, j: usize| (labels[i] == labels[j]) == (self.pairs != "different");
        let found = if self.quantity == "hamming" {
            let Some(codes) = SignCodes::of(values, rows) else {
                return Err(Error::Config("`t` holds a NaN or no value at all: it has no signs".to_string()));
            };
            mean_over_pairs(rows, chosen, |i, j| codes.hamming(i, &codes, j))
        } else {
            let cosines = cosines(values, rows);
            let expected = self.quantity == "expected";
            mean_over_pairs(rows, chosen, |i, j| {
                let c = cosines[i * rows + j];
                if expected {
                    sign_change_probability(c)
                } else {
                    c
                }
            })
        };
        Ok(Estimate::new(found.mean, "1", rows).with_se(found.se))
    }
}

#[cfg(test)]
mod tests {
    use super::super::mean_field::{arccos_map, arccos_map_iterated};
    use super::super::testing::{estimate, normals};
    use super::super::Array;
    use super::*;
    use crate::num::{mean, sd};

    /// Two vectors of that length and cosine.
    fn pair(length: usize, c: f64, stream: u64) -> Vec<f64> {
        let mut z = normals(2 * length, stream);
        let (a, b) = z.split_at_mut(length);
        let along = a.iter().zip(&*b).map(|(a, b)| a * b).sum::<f64>() / a.iter().map(|a| a * a).sum::<f64>();
        b.iter_mut().zip(&*a).for_each(|(b, a)| *b -= along * a);
        let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
        let sizes = [norm(a), norm(b)];
        b.iter_mut().zip(a).for_each(|(b, a)| *b = c * *a / sizes[0] + (1.0 - c * c).sqrt() * *b / sizes[1]);
        z
    }

    #[test]
    fn signs_are_compared_unit_by_unit() {
        let mut values = vec![1.0f32; 2 * 130];
        values[130] = -1.0;
        values[130 + 64] = 0.0;
        values[130 + 129] = -5.0;
        let codes = SignCodes::of(&values, 2).unwrap();
        assert_eq!(codes.hamming(0, &codes, 1), 3.0 / 130.0);
        assert_eq!(codes.hamming(1, &codes, 1), 0.0);
        assert!(SignCodes::of(&[f32::NAN], 1).is_none() && SignCodes::of::<f32>(&[], 0).is_none());
    }

    #[test]
    fn signs_of_random_units_differ_as_often_as_the_angle_says() {
        // 20,000 units on pairs of cosine 0, 0.5, 0.9 and 0.99: within four standard errors.
        for (i, c) in [0.0, 0.5, 0.9, 0.99].into_iter().enumerate() {
            let inputs = pair(32, c, i as u64);
            let units = 20_000;
            let weights = normals(32 * units, 10 + i as u64);
            let h = Matrix::new(&inputs, 2).times(Matrix::new(&weights, 32));
            assert!((cosine(&inputs[..32], &inputs[32..]) - c).abs() < 1e-12);
            let codes = SignCodes::of(&h, 2).unwrap();
            let p = sign_change_probability(c);
            let error = (codes.hamming(0, &codes, 1) - p).abs() / (p * (1.0 - p) / units as f64).sqrt();
            assert!(error < 4.0, "cosine {c}: {} against {p}", codes.hamming(0, &codes, 1));
        }
    }

    #[test]
    fn the_depth_curve_of_a_wide_random_mlp_follows_the_arccos_map() {
        let (width, depth) = (1500, 6);
        for c in [0.0, 0.9] {
            let mut x = pair(width, c, 20);
            for layer in 0..depth {
                let scale = (2.0 / width as f64).sqrt();
                let mut weights = normals(width * width, 21 + layer as u64);
                weights.iter_mut().for_each(|w| *w *= scale);
                let h = Matrix::new(&x, 2).times(Matrix::new(&weights, width));
                let expected = arccos_map_iterated(c, layer);
                let found = cosine(&h[..width], &h[width..]);
                // Each layer adds noise of about 1 / sqrt(width).
                assert!((found - expected).abs() < 0.06, "layer {layer} from {c}: {found} against {expected}");
                let codes = SignCodes::of(&h, 2).unwrap();
                let switched = codes.hamming(0, &codes, 1);
                let error = (switched - sign_change_probability(found)).abs();
                assert!(error < 0.03, "layer {layer} from {c}: {switched}");
                x = h.iter().map(|h| h.max(0.0)).collect();
                let next = cosine(&x[..width], &x[width..]);
                assert!((next - arccos_map(found)).abs() < 0.04, "layer {layer} from {c}: {next}");
            }
        }
    }

    #[test]
    fn the_standard_error_over_pairs_is_what_samples_vary_by() {
        let found = |stream: u64| {
            // Some samples are further from all others than the rest: it matters which were drawn.
            let mut h = normals(40 * 6, 100 + stream);
            h.chunks_exact_mut(6).for_each(|h| {
                let shift = 1.0 + 2.0 * h[5];
                h.iter_mut().for_each(|h| *h += shift);
            });
            let codes = SignCodes::of(&h, 40).unwrap();
            mean_over_pairs(40, |i, j| i % 2 == j % 2, |i, j| codes.hamming(i, &codes, j).powi(2))
        };
        let all: Vec<PairMean> = (0..300).map(found).collect();
        let varies = sd(&all.iter().map(|x| x.mean).collect::<Vec<_>>());
        let told = mean(&all.iter().map(|x| x.se).collect::<Vec<_>>());
        assert!((told / varies - 1.0).abs() < 0.2, "{told} against {varies}");
        assert_eq!(all[0].pairs, 2 * 20 * 19 / 2);
    }

    #[test]
    fn pairs_of_one_class_are_told_from_pairs_of_two() {
        // Two classes on opposite sides: within a class nothing switches, between them all does.
        let value = |params: &str| {
            let t = Array::new(vec![1.0, 2.0, 2.0, 4.0, -1.0, -2.0, -3.0, -6.0], 4);
            let y = Array::new(vec![0.0, 0.0, 1.0, 1.0], 4);
            estimate(&ENTRY, params, [("t", t), ("y", y)]).unwrap().value
        };
        assert_eq!([value("pairs = 'same'"), value("pairs = 'different'")], [0.0, 1.0]);
        assert!((value("") - 4.0 / 6.0).abs() < 1e-15);
        assert!((value("pairs = 'different'\nquantity = 'cosine'") + 1.0).abs() < 1e-15);
        assert!((value("pairs = 'different'\nquantity = 'expected'") - 1.0).abs() < 1e-7);
        assert!((value("points = 2") - 0.0).abs() < 1e-15);
    }
}
