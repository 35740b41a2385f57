//! How much of the inputs a linear map can read from a representation: the R2 of ridge regression on samples that it has not
//! seen, `R2 = 1 - sum |x - x^|^2 / sum |x - mean|^2`, and the bits of it.
//!
//! A part of the samples fits, a part chooses the strength, the rest is scored: on the samples that fitted, R2 would be `p / n`
//! for `p` unrelated features. `-1/2 sum_k log2(1 - R2_k)` over principal components `k` of the inputs is a lower bound of the
//! information that the representation has of Gaussian inputs.
//!
//! For inputs N(0, I_n) and weights N(0, 1/n), `m = r n` units: R2 before the non-linearity is `min(1, r)`; behind a ReLU it is
//! that of a linear layer with noise, `1 - E[t / (t + l)]`, `t = 1 - 2/pi`, over the eigenvalues `l` of `W'W`, by the law of
//! Marchenko & Pastur (1967).

use super::covariance::{centred, Value};
use super::ridge::{Features, Scores};
use super::{Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::num::{mean, Eigen, Matrix};
use crate::params::Range;
use crate::rng::Seed;

/// Shares of the samples that fit, and that choose the strength; the rest is scored.
pub const SHARES: [f64; 2] = [0.6, 0.15];

/// Strengths that are tried, as multiples of the features' mean variance: three to a factor of ten, 1e-9 to 100.
fn strengths() -> impl Iterator<Item = f64> {
    (-27..=6).map(|i| 10f64.powf(f64::from(i) / 3.0))
}

/// Inputs, or whatever shall be read, turned to their principal components.
pub struct Target {
    /// (rows, d), the greatest variance first.
    components: Vec<f64>,
    rows: usize,
    /// How many components together hold the asked share of the variance.
    counted: usize,
}

impl Target {
    /// Of values, (rows, d): components that hold `share` of the variance count for the bits. `None` for fewer than ten rows,
    /// or where a value is not finite.
    pub fn new<T: Value>(values: &[T], rows: usize, share: f64) -> Option<Self> {
        let d = values.len().checked_div(rows)?;
        if rows < 10 || d == 0 {
            return None;
        }
        let centred = centred(values, rows);
        let matrix = Matrix::new(&centred, rows);
        let eigen = Eigen::of(&matrix.transposed().times(matrix), d)?;
        let mut order: Vec<usize> = (0..d).collect();
        order.sort_by(|a, b| eigen.values[*b].total_cmp(&eigen.values[*a]));
        let vectors: Vec<f64> = order.iter().flat_map(|i| eigen.vector(*i)).collect();
        let components = matrix.times(Matrix::new(&vectors, d).transposed());
        let total: f64 = eigen.values.iter().sum();
        let mut held = 0.0;
        let counted = order.iter().take_while(|i| {
            let before = held;
            held += eigen.values[**i];
            before < share * total && eigen.values[**i] > 0.0
        });
        Some(Target { counted: counted.count(), components, rows })
    }

    /// The same samples in another order: unrelated to any representation.
    #[must_use]
    pub fn permuted(&self, order: &[usize]) -> Self {
        Target { components: taken(&self.components, self.rows, order), ..*self }
    }

    /// Number of components that count for the bits.
    pub fn counted(&self) -> usize {
        self.counted
    }
}

/// What was read from a representation.
#[derive(Clone, Debug, PartialEq)]
pub struct Reconstruction {
    /// Share of the variance that is read; below 0 where the mean would have been a better guess.
    pub r2: f64,
    /// Its standard error over the scored samples.
    pub se: f64,
    /// [`gaussian_bits`] of the components that count.
    pub bits: f64,
    /// The chosen strength.
    pub lambda: f64,
    /// So many samples were scored.
    pub scored: usize,
}

/// A representation that targets are read from.
pub struct Reader {
    /// Rows that fit, that choose the strength, and that are scored.
    parts: [Vec<usize>; 3],
    features: Features,
    chooses: Scores,
    scored: Scores,
}

impl Reader {
    /// Of features, (rows, p). Rows are put in the order of `seed`, the same for any features, then shared out by [`SHARES`].
    /// `None` where a feature is not finite, or there are fewer than ten rows.
    pub fn new<T: Value>(features: &[T], rows: usize, seed: Seed) -> Option<Self> {
        if rows < 10 || features.iter().any(|x| !(*x).into().is_finite()) {
            return None;
        }
        let order = order(rows, seed);
        let [fits, chooses] = SHARES.map(|share| (share * rows as f64).round() as usize);
        let parts = [&order[..fits], &order[fits..fits + chooses], &order[fits + chooses..]].map(<[usize]>::to_vec);
        let [fit, choose, score] = [0, 1, 2].map(|i| taken(features, rows, &parts[i]));
        let features = Features::new(&fit, fits)?;
        let (chooses, scored) = (features.scores(&choose, chooses), features.scores(&score, parts[2].len()));
        Some(Reader { parts, features, chooses, scored })
    }

    /// Reads a target of the same rows.
    pub fn read(&self, target: &Target) -> Option<Reconstruction> {
        let [fit, choose, score] = [0, 1, 2].map(|i| taken(&target.components, target.rows, &self.parts[i]));
        let ridge = self.features.fit(&fit)?;
        let errors = ridge.errors(&self.chooses, &choose);
        let scale = if self.features.scale() > 0.0 { self.features.scale() } else { 1.0 };
        let tried = strengths().map(|strength| (strength * scale, ridge.error_at(&errors, strength * scale)));
        // Of equal errors the greater strength.
        let (lambda, _) = tried.reduce(|best, one| if one.1 <= best.1 { one } else { best })?;
        let scored = self.parts[2].len();
        let score = Deviations::new(&score, &ridge.predict(&self.scored, lambda), scored);
        let bits = gaussian_bits(&score.columns_r2()[..target.counted]);
        let (r2, se) = score.r2();
        Some(Reconstruction { r2, se, bits, lambda, scored })
    }
}

/// Numbers 0 to n - 1 in a random order.
fn order(n: usize, seed: Seed) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    seed.rng().shuffle(&mut order);
    order
}

/// R2 of targets, (rows, d), from features, (rows, p), on the very rows that the regression is fitted to, with
/// `lambda` as in `lambda` of the ridge regression. Too great by about p / n: for comparisons with other programs.
pub fn r2_in_sample<T: Value, X: Value>(features: &[T], targets: &[X], rows: usize, lambda: f64) -> f64 {
    let Some(features) = Features::new(features, rows) else { return f64::NAN };
    let Some(ridge) = features.fit(targets) else { return f64::NAN };
    let targets: Vec<f64> = targets.iter().map(|x| (*x).into()).collect();
    Deviations::new(&targets, &ridge.predict(features.own(), lambda), rows).r2().0
}

/// `-1/2 sum log2(1 - R2_k)` bits; a negative R2 counts as 0.
pub fn gaussian_bits(r2: &[f64]) -> f64 {
    -0.5 * r2.iter().map(|r2| if r2.is_nan() { f64::NAN } else { (1.0 - r2.max(0.0)).log2() }).sum::<f64>()
}

/// R2 of the inputs of a wide random linear layer with `ratio` units for each input: `min(1, r)`.
pub fn random_linear_r2(ratio: f64) -> f64 {
    ratio.min(1.0)
}

/// R2 of the inputs behind the ReLUs of a wide random layer with `ratio` units for each input.
pub fn random_relu_r2(ratio: f64) -> f64 {
    // g = E[1 / (t + l)] solves t g^2 + (t + r - 1) g = 1.
    let t = 1.0 - std::f64::consts::FRAC_2_PI;
    let b = t + ratio - 1.0;
    1.0 - 0.5 * ((b * b + 4.0 * t).sqrt() - b)
}

/// Squared errors of predictions, and squared deviations of what they are about from its mean.
struct Deviations {
    columns: Vec<[f64; 2]>,
    rows: Vec<[f64; 2]>,
}

impl Deviations {
    fn new(targets: &[f64], predicted: &[f64], rows: usize) -> Self {
        let deviations = centred(targets, rows);
        let d = targets.len() / rows;
        let mut of = Deviations { columns: vec![[0.0; 2]; d], rows: vec![[0.0; 2]; rows] };
        for (i, (target, predicted)) in targets.iter().zip(predicted).enumerate() {
            let squares = [(target - predicted).powi(2), deviations[i].powi(2)];
            for (k, square) in squares.into_iter().enumerate() {
                of.columns[i % d][k] += square;
                of.rows[i / d][k] += square;
            }
        }
        of
    }

    fn columns_r2(&self) -> Vec<f64> {
        self.columns.iter().map(|[error, deviation]| 1.0 - error / deviation).collect()
    }

    /// R2 of all, and its standard error over rows, that of a ratio of means.
    fn r2(&self) -> (f64, f64) {
        let [error, deviation] = self.rows.iter().fold([0.0; 2], |sums, row| [sums[0] + row[0], sums[1] + row[1]]);
        let ratio = error / deviation;
        let changes: f64 = self.rows.iter().map(|[error, deviation]| (error - ratio * deviation).powi(2)).sum();
        (1.0 - ratio, changes.sqrt() / deviation)
    }
}

/// Some rows of so many.
fn taken<T: Value>(values: &[T], rows: usize, chosen: &[usize]) -> Vec<f64> {
    let columns = values.len() / rows;
    chosen.iter().flat_map(|i| &values[i * columns..(i + 1) * columns]).map(|x| (*x).into()).collect()
}

struct Held {
    quantity: &'static str,
    share: f64,
    seed: u64,
    permutations: u64,
    lambda: Option<f64>,
}

/// Defaults: `quantity` "r2" (also "bits", over principal components of `x` that hold `share` 0.99 of its variance; and
/// "r2-in-sample", with the strength `lambda`, 0.01), `seed` 0 of the split, `permutations` 3 for `shuffled`.
pub const ENTRY: Entry<dyn Estimator> = Entry {
    name: "reconstruction",
    summary: "R2 or bits of the inputs `x` that ridge regression reads from `t`, on rows that it has not seen",
    reference: "Hoerl & Kennard 1970",
    build: |params, ()| {
        let quantity = params.choice("quantity", Some("r2"), &["r2", "bits", "r2-in-sample"]);
        let inside = quantity == "r2-in-sample";
        let share = params.float("share", Some(0.99), Range::AboveUpTo(0.0, 1.0));
        let seed = params.integer("seed", Some(0), 0..=u64::MAX);
        let permutations = params.integer("permutations", Some(3), 1..=1000);
        let lambda = inside.then(|| params.float("lambda", Some(0.01), Range::AtLeast(0.0)));
        Ok(Box::new(Held { quantity, share, seed, permutations, lambda }))
    },
};

impl Estimator for Held {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        let (x, t) = arrays.pair("x", "t")?;
        if x.values.is_empty() || t.values.is_empty() {
            return Err(Error::Config("`x` or `t` has rows without values: expected at least one column".to_string()));
        }
        let seed = Seed::new(self.seed);
        let permutations = (0..self.permutations).map(|i| order(x.rows, seed.child("permutation").index(i)));
        if let Some(lambda) = self.lambda {
            let of = |x: &[f64]| r2_in_sample(&t.values, x, t.rows, lambda);
            let shuffled: Vec<f64> = permutations.map(|order| of(&taken(&x.values, x.rows, &order))).collect();
            return Ok(Estimate::new(of(&x.values), "1", t.rows).with_cap(1.0).with_shuffled(mean(&shuffled)));
        }
        if x.rows < 10 {
            return Err(Error::Config(format!("`x` has {} rows: a split into three parts needs 10 at least", x.rows)));
        }
        let bits = self.quantity == "bits";
        let value = |found: &Reconstruction| if bits { found.bits } else { found.r2 };
        let unit = if bits { "bits" } else { "1" };
        let reader = Reader::new(&t.values, t.rows, seed.child("split"));
        let (Some(reader), Some(target)) = (reader, Target::new(&x.values, x.rows, self.share)) else {
            return Ok(Estimate::new(f64::NAN, unit, x.rows));
        };
        let Some(found) = reader.read(&target) else { return Ok(Estimate::new(f64::NAN, unit, x.rows)) };
        let by_chance = permutations.filter_map(|order| reader.read(&target.permuted(&order)));
        let shuffled = mean(&by_chance.map(|found| value(&found)).collect::<Vec<_>>());
        let estimate = Estimate::new(value(&found), unit, found.scored).with_shuffled(shuffled);
        Ok(if bits { estimate } else { estimate.with_se(found.se).with_cap(1.0) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{array, golden};
    use super::super::testing::{estimate, normals};
    use super::super::Array;
    use super::*;

    #[test]
    fn the_golden_regression_has_its_r2() {
        let params = "quantity = 'r2-in-sample'\nlambda = 0.01";
        let found = estimate(&ENTRY, params, [("x", array("X")), ("t", array("T"))]).unwrap();
        let expected = golden()["ridge_R2_X_from_T_train_lam0.01N"].as_f64().unwrap();
        assert!((found.value - expected).abs() < 1e-9, "{} against {expected}", found.value);
        // p / (n - 1) by chance.
        assert!((found.shuffled.unwrap() - 4.0 / 63.0).abs() < 0.05, "{found:?}");
    }

    #[test]
    fn unrelated_features_read_p_over_n_of_what_they_were_fitted_to_and_nothing_else() {
        let (rows, d) = (400, 30);
        let x = Array::new(normals(rows * d, 1), rows);
        for (p, expected) in [(100, 0.25), (20, 0.05)] {
            let t = Array::new(normals(rows * p, 2), rows);
            let arrays = || [("x", x.clone()), ("t", t.clone())];
            let inside = estimate(&ENTRY, "quantity = 'r2-in-sample'\nlambda = 0.0", arrays()).unwrap().value;
            assert!((inside - expected).abs() < 0.015, "p {p}: {inside}");
            let held = estimate(&ENTRY, "", arrays()).unwrap();
            assert!(held.value.abs() < 0.03 && held.shuffled.unwrap().abs() < 0.03, "p {p}: {held:?}");
            assert_eq!((held.n, held.cap), (100, Some(1.0)));
        }
    }

    /// R2 before and behind the ReLUs of one random layer.
    fn layer(n: usize, units: usize, rows: usize) -> [f64; 2] {
        let x = normals(n * rows, 5);
        let mut weights = normals(n * units, 6);
        weights.iter_mut().for_each(|w| *w /= (n as f64).sqrt());
        let h = Matrix::new(&x, rows).times(Matrix::new(&weights, n));
        let relu: Vec<f64> = h.iter().map(|h| h.max(0.0)).collect();
        let target = Target::new(&x, rows, 1.0).unwrap();
        [h, relu].map(|t| Reader::new(&t, rows, Seed::new(1)).unwrap().read(&target).unwrap().r2)
    }

    #[test]
    fn random_layers_let_as_much_be_read_as_the_law_of_random_matrices_says() {
        // By quadrature over the density of Marchenko and Pastur (scipy.integrate.quad). The catalogue of this project prints
        // .3246 for r = 1/2, of a simulation, and for r = 1 the closed form 1 - (sqrt(t^2 + 4 t) - t) / 2.
        for (ratio, expected) in [(0.5, 0.325_021_8), (1.0, 0.552_093_8), (2.0, 0.771_700_2), (4.0, 0.895_223_8)] {
            let error = (random_relu_r2(ratio) - expected).abs();
            assert!(error < 1e-6, "{ratio}: {}", random_relu_r2(ratio));
        }
        assert_eq!([0.5, 3.0].map(random_linear_r2), [0.5, 1.0]);
        for (ratio, rows) in [(0.5, 4000), (1.0, 4000), (2.0, 4000), (4.0, 8000)] {
            let n = 40;
            let [before, behind] = layer(n, (ratio * n as f64) as usize, rows);
            assert!((before - random_linear_r2(ratio)).abs() < 0.02, "{ratio}: {before} before");
            assert!((behind - random_relu_r2(ratio)).abs() < 0.02, "{ratio}: {behind} behind");
        }
    }

    #[test]
    fn bits_are_those_of_gaussian_channels() {
        // Two components, signal to noise 15 and 3: 2 + 1 bits.
        let rows = 40_000;
        let (z, noise) = (normals(2 * rows, 8), normals(2 * rows, 9));
        let x: Vec<f64> = z.chunks_exact(2).flat_map(|z| [3.0 * z[0], 2.0 * z[1]]).collect();
        let t: Vec<f64> = z
            .chunks_exact(2)
            .zip(noise.chunks_exact(2))
            .flat_map(|(z, e)| [z[0] + e[0] / 15f64.sqrt(), z[1] + e[1] / 3f64.sqrt()])
            .collect();
        let arrays = || [("x", Array::new(x.clone(), rows)), ("t", Array::new(t.clone(), rows))];
        let both = estimate(&ENTRY, "quantity = 'bits'", arrays()).unwrap();
        assert!((both.value - 3.0).abs() < 0.05 && both.shuffled.unwrap() < 0.01, "{both:?}");
        // The first holds 9/13 of the variance.
        let first = estimate(&ENTRY, "quantity = 'bits'\nshare = 0.6", arrays()).unwrap();
        assert!((first.value - 2.0).abs() < 0.04, "{first:?}");
        assert_eq!(gaussian_bits(&[0.75, -3.0]), 1.0);
    }

    #[test]
    fn dense_gaussians_of_many_dimensions_have_their_information() {
        // All correlations 0.5: columns share a normal of half their variance, and all that is known of the others is their
        // sum. 1/2 ln det of both over det of the whole, nats; neighbours would see but a part of it.
        for (d, nats) in [(2, 0.293_893), (3, 0.413_339), (5, 0.592_812), (25, 1.292_184), (50, 1.624_265)] {
            let r2 = (d as f64 / (d as f64 + 1.0)).powi(2);
            let exact = gaussian_bits(&[r2]);
            assert!((exact * std::f64::consts::LN_2 - nats).abs() < 0.51e-6, "{d}: {exact} bits");
            let rows = 20_000;
            let z = normals(rows * (2 * d + 1), 11);
            let part = |from: usize| {
                let row = |row: &[f64]| {
                    row[from..from + d].iter().map(|x| (x + row[2 * d]) / 2f64.sqrt()).collect::<Vec<f64>>()
                };
                Array::new(z.chunks_exact(2 * d + 1).flat_map(row).collect(), rows)
            };
            let found = estimate(&ENTRY, "quantity = 'bits'", [("x", part(0)), ("t", part(d))]).unwrap();
            // 5,000 rows are held out: log2(1 - R2) of one component is known to sqrt(2 / 5000) / ln 2 / 2 = 0.014.
            assert!((found.value - exact).abs() < 4.0 * 0.015, "{d}: {found:?} against {exact}");
        }
    }

    #[test]
    fn the_standard_error_is_what_samples_vary_by() {
        let of = |stream: u64| {
            let (rows, d) = (400, 3);
            let (x, noise) = (normals(rows * d, 2 * stream), normals(rows * d, 2 * stream + 1));
            let t: Vec<f64> = x.iter().zip(&noise).map(|(x, e)| x + e).collect();
            Reader::new(&t, rows, Seed::new(stream)).unwrap().read(&Target::new(&x, rows, 1.0).unwrap()).unwrap()
        };
        let all: Vec<Reconstruction> = (0..100).map(of).collect();
        let varies = crate::num::sd(&all.iter().map(|x| x.r2).collect::<Vec<_>>());
        let told = mean(&all.iter().map(|x| x.se).collect::<Vec<_>>());
        assert!((told / varies - 1.0).abs() < 0.25, "{told} against {varies}");
        assert!((mean(&all.iter().map(|x| x.r2).collect::<Vec<_>>()) - 0.5).abs() < 0.02);
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let x = || Array::new(normals(40, 1), 20);
        let mut t = x();
        t.values[3] = f64::NAN;
        assert!(estimate(&ENTRY, "", [("x", x()), ("t", t)]).unwrap().value.is_nan());
        let few = || Array::new(vec![1.0, 2.0], 2);
        assert!(estimate(&ENTRY, "", [("x", few()), ("t", few())]).unwrap_err().contains("2 rows"));
        assert!(estimate(&ENTRY, "lambda = 1.0", [("x", x()), ("t", x())]).is_err(), "only in sample");
        // Nothing varies: nothing is read.
        let flat = Array::new(vec![1.0; 20], 20);
        assert!(estimate(&ENTRY, "", [("x", x()), ("t", flat)]).unwrap().value.abs() < 0.6);
    }
}
