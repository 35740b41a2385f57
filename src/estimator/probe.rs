//! What a linear probe can read of the labels: V-information of multinomial logistic regression (Xu et al. 2020), bits.
//!
//! `H_V(Y) - H_V(Y|T)`: the entropy of the classes among the samples that are fitted, less the mean `-log2 p(y|t)` on samples
//! held out. Columns are standardised by the fitted samples; the penalty is the one with the least loss on samples of a third
//! kind. It can be below 0 (the probe is worse than the classes' shares), never above H(Y), and can grow with depth: what
//! cannot be read linearly in one layer may be in the next.

use super::codes::{counts, renumbered};
use super::distances::Real;
use super::entropies::entropy_bits;
use super::logistic::Samples;
use super::permuted::orders;
use super::{Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::num::{mean, sd};
use crate::rng::Seed;

/// Penalties that are tried from the first on until the validation loss rises: on the mean loss in nats, of standardised
/// columns.
const PENALTIES: [f64; 6] = [10.0, 1.0, 0.1, 0.01, 1e-3, 1e-4];

/// No entry of the gradient is larger at the end of a fit; nats.
const TOLERANCE: f64 = 1e-4;

/// What a probe found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probed {
    /// V-information, bits.
    pub bits: f64,
    /// Its standard error over the samples held out.
    pub bits_se: f64,
    /// Share of the samples held out whose label is the most likely one.
    pub accuracy: f64,
    /// Samples held out.
    pub n: usize,
    /// The most it can be: entropy of the classes among the fitted samples, bits.
    pub prior_bits: f64,
    /// The penalty that was chosen.
    pub penalty: f64,
}

/// Rows by what they are for.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// Fitted.
    pub train: Vec<usize>,
    /// They choose the penalty.
    pub validation: Vec<usize>,
    /// Held out.
    pub test: Vec<usize>,
}

impl Split {
    /// Rows in random order: three fifths, one fifth, one fifth. It follows from the seed and the number of rows alone.
    ///
    /// # Errors
    /// For fewer than 5 rows.
    pub fn new(rows: usize, seed: Seed) -> Result<Self> {
        if rows < 5 {
            let message = format!("{rows} rows: a probe needs 5 and more, to fit, to choose and to be tested on");
            return Err(Error::Config(message));
        }
        let mut order: Vec<usize> = (0..rows).collect();
        seed.child("split").rng().shuffle(&mut order);
        let [validation, test] = [rows * 3 / 5, rows * 4 / 5];
        let part = |range: std::ops::Range<usize>| order[range].to_vec();
        Ok(Split { train: part(0..validation), validation: part(validation..test), test: part(test..rows) })
    }
}

/// Rows of a representation, standardised for a probe.
pub struct Probe {
    standard: Vec<f64>,
    columns: usize,
    split: Split,
}

impl Probe {
    /// Of values (rows, columns).
    ///
    /// # Panics
    /// If the values cannot be shared out to the rows that are split.
    pub fn new<T: Real>(values: &[T], split: Split) -> Self {
        let rows = split.train.len() + split.validation.len() + split.test.len();
        assert!(values.len().is_multiple_of(rows), "{} values are no {rows} rows", values.len());
        let columns = values.len() / rows;
        let mut standard: Vec<f64> = values.iter().map(|x| (*x).into()).collect();
        for column in 0..columns {
            let fitted: Vec<f64> = split.train.iter().map(|row| standard[row * columns + column]).collect();
            let (centre, spread) = (mean(&fitted), sd(&fitted));
            // A column that is constant where it is fitted says nothing. Rounding is no spread.
            let said = spread > 1e-12 * centre.abs() || spread.is_nan();
            for x in standard[column..].iter_mut().step_by(columns) {
                *x = if said { (*x - centre) / spread } else { 0.0 };
            }
        }
        Probe { standard, columns, split }
    }

    fn samples(&self, rows: &[usize], labels: &[u32], classes: usize) -> Samples {
        let values = rows.iter().map(|row| &self.standard[row * self.columns..(row + 1) * self.columns]);
        Samples::new(values, rows.iter().map(|row| labels[*row]).collect(), classes)
    }

    /// Reads the labels, one for each row. NaN where the representation is not finite.
    ///
    /// # Panics
    /// If there are not as many labels as rows.
    pub fn read(&self, labels: &[u32]) -> Probed {
        assert_eq!(labels.len() * self.columns, self.standard.len(), "a label for each row");
        let labels = renumbered(labels);
        let classes = labels.iter().max().map_or(0, |most| *most as usize + 1);
        let [train, validation, test] = [&self.split.train, &self.split.validation, &self.split.test]
            .map(|rows| self.samples(rows, &labels, classes));
        let loss =
            |weights: &[f64]| mean(&validation.scores(weights).iter().map(|(loss, _)| *loss).collect::<Vec<_>>());
        let mut best: Option<(f64, f64, Vec<f64>)> = None;
        for penalty in PENALTIES {
            let weights = train.fit(penalty, best.as_ref().map(|(.., weights)| weights.clone()), TOLERANCE);
            let found = loss(&weights);
            if best.as_ref().is_some_and(|(least, ..)| found >= *least || found.is_nan()) {
                break;
            }
            best = Some((found, penalty, weights));
        }
        let (_, penalty, weights) = best.expect("the first penalty is taken");
        let scores = test.scores(&weights);
        let missing: Vec<f64> = scores.iter().map(|(loss, _)| loss / std::f64::consts::LN_2).collect();
        let mut sizes = vec![0; classes];
        self.split.train.iter().for_each(|row| sizes[labels[*row] as usize] += 1);
        let (n, prior_bits) = (scores.len(), entropy_bits(&sizes));
        Probed {
            bits: prior_bits - mean(&missing),
            bits_se: sd(&missing) / (n as f64).sqrt(),
            accuracy: scores.iter().filter(|(_, right)| *right).count() as f64 / n as f64,
            n,
            prior_bits,
            penalty,
        }
    }
}

struct LinearProbe {
    accuracy: bool,
    permutations: usize,
    seed: Seed,
}

/// The row of this estimator.
pub const ENTRY: Entry<dyn Estimator> = Entry {
    name: "probe",
    summary:
        "what a linear probe reads of `y` in `t`, held out: `quantity` = \"bits\" | \"accuracy\", `permutations` = 5",
    reference: "Xu et al. 2020",
    build: |params, ()| {
        Ok(Box::new(LinearProbe {
            accuracy: params.choice("quantity", Some("bits"), &["bits", "accuracy"]) == "accuracy",
            permutations: params.integer("permutations", Some(5), 0..=1_000) as usize,
            seed: Seed::new(params.integer("seed", Some(0), 0..=i64::MAX as u64)),
        }))
    },
};

impl Estimator for LinearProbe {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        let (t, _) = arrays.pair("t", "y")?;
        let labels = arrays.labels("y")?;
        let probe = Probe::new(&t.values, Split::new(t.rows, self.seed)?);
        let found = probe.read(&labels);
        let side = |found: &Probed| if self.accuracy { found.accuracy } else { found.bits };
        let permuted = orders(&labels, self.permutations, self.seed);
        let shuffled: Vec<f64> = permuted.iter().map(|labels| side(&probe.read(labels))).collect();
        let estimate = if self.accuracy {
            let se = (found.accuracy * (1.0 - found.accuracy) / found.n as f64).sqrt();
            Estimate::new(found.accuracy, "1", found.n).with_se(se).with_cap(1.0)
        } else {
            Estimate::new(found.bits, "bits", found.n)
                .with_se(found.bits_se)
                .with_cap(entropy_bits(&counts(&renumbered(&labels))))
        };
        Ok(if shuffled.is_empty() { estimate } else { estimate.with_shuffled(mean(&shuffled)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimator::{built, Array};

    /// Y = +-1 as labels, and rows of mu Y + N(0, 1) with columns of noise beside it.
    fn two_gaussians(n: usize, mu: f64, columns: usize) -> (Vec<f64>, Vec<u32>) {
        let mut values = vec![0.0f32; n * columns];
        Seed::new(12).rng().fill_normal(&mut values);
        let labels: Vec<u32> = (0..n as u32).map(|i| i % 2).collect();
        let mut values: Vec<f64> = values.into_iter().map(f64::from).collect();
        for (row, label) in values.chunks_exact_mut(columns).zip(&labels) {
            row[0] += mu * (2.0 * f64::from(*label) - 1.0);
        }
        (values, labels)
    }

    #[test]
    fn two_gaussians_have_their_mutual_information() {
        // For these logistic regression is the right model, so V-information is I(T;Y): 0.11142, 0.33683, 0.63272 nats.
        for (mu, nats) in [(0.5, 0.111_42), (1.0, 0.336_83), (2.0, 0.632_72)] {
            let (t, y) = two_gaussians(10_000, mu, 1);
            let found = Probe::new(&t, Split::new(10_000, Seed::new(1)).unwrap()).read(&y);
            let truth = nats / std::f64::consts::LN_2;
            assert!((found.bits - truth).abs() < 3.0 * found.bits_se + 2e-3, "{mu}: {found:?}, truth {truth}");
            assert!(found.bits_se < 0.02 && found.n == 2_000 && (found.prior_bits - 1.0).abs() < 1e-3, "{found:?}");
            // The share on the right side of 0: Phi(mu).
            let right = 0.5 * (1.0 + statrs::function::erf::erf(mu / 2f64.sqrt()));
            assert!((found.accuracy - right).abs() < 4.0 * (right * (1.0 - right) / 2_000.0).sqrt(), "{found:?}");
        }
    }

    #[test]
    fn fitted_samples_flatter_and_an_unpenalised_fit_is_worse_held_out() {
        // Truth 0.48594 bits. 2,000 samples with 99 columns of noise: 0.530 where fitted, 0.438 held out; held against the
        // true model on the same samples, whose noise is theirs: 0.044 above and 0.048 below.
        let (t, y) = two_gaussians(4_000, 1.0, 100);
        let rows: Vec<&[f64]> = t.chunks(100).collect();
        let samples =
            |part: std::ops::Range<usize>| Samples::new(rows[part.clone()].iter().copied(), y[part].to_vec(), 2);
        let (train, test) = (samples(0..2_000), samples(2_000..4_000));
        let weights = train.fit(0.0, None, 1e-5);
        // Of true weights the logit is 2 mu x, half of it for each class.
        let mut right = vec![0.0; weights.len()];
        (right[0], right[1]) = (-1.0, 1.0);
        let bits = |of: &Samples, weights: &[f64]| {
            let losses: Vec<f64> = of.scores(weights).iter().map(|(loss, _)| loss / std::f64::consts::LN_2).collect();
            1.0 - mean(&losses)
        };
        let [fitted, held_out] = [&train, &test].map(|of| bits(of, &weights) - bits(of, &right));
        assert!((fitted - 0.044).abs() < 0.015 && (held_out + 0.048).abs() < 0.015, "{fitted} {held_out}");
        // The probe, on 1,200 of 2,000: the penalty brings back most of it.
        let found = Probe::new(&t[..200_000], Split::new(2_000, Seed::new(1)).unwrap()).read(&y[..2_000]);
        assert!(found.bits < 0.486 + 2.0 * found.bits_se && found.bits > 0.486 - 0.12, "{found:?}");
    }

    #[test]
    fn a_fit_without_a_penalty_is_right_on_many_samples_of_one_column_and_worthless_on_few_of_many() {
        // Truth 0.48594 bits. 2,000 samples of one column: 0.487 where fitted, 0.488 held out. 200 samples with 99 columns of
        // noise, which a plane divides: 1.000 where fitted, and far below nothing held out (-3.858 in one program's fit, which
        // ends where its optimiser does).
        let bits = |n: usize, columns: usize| {
            let (t, y) = two_gaussians(2 * n, 1.0, columns);
            let rows: Vec<&[f64]> = t.chunks(columns).collect();
            let samples =
                |part: std::ops::Range<usize>| Samples::new(rows[part.clone()].iter().copied(), y[part].to_vec(), 2);
            let (train, test) = (samples(0..n), samples(n..2 * n));
            let weights = train.fit(0.0, None, 1e-5);
            [&train, &test].map(|of| {
                let losses: Vec<f64> = of.scores(&weights).iter().map(|(loss, _)| *loss).collect();
                1.0 - mean(&losses) / std::f64::consts::LN_2
            })
        };
        // A sample's loss has a standard deviation of about 0.8 bits: 0.018 of 2,000.
        let [fitted, held_out] = bits(2_000, 1);
        assert!((fitted - 0.487).abs() < 4.0 * 0.018 && (held_out - 0.488).abs() < 4.0 * 0.018, "{fitted} {held_out}");
        let [fitted, held_out] = bits(200, 100);
        assert!(fitted > 0.999_5 && held_out < -1.0, "{fitted} {held_out}");
    }

    #[test]
    fn labels_that_mean_nothing_are_not_read() {
        let (t, y) = two_gaussians(500, 0.0, 40);
        let arrays = Arrays {
            arrays: [
                ("t".to_string(), Array::new(t, 500)),
                ("y".to_string(), Array::new(y.iter().map(|y| f64::from(*y)).collect(), 500)),
            ]
            .into(),
        };
        let found = built(ENTRY, "").estimate(&arrays).unwrap();
        assert!(found.value < 0.02 && found.value > -0.1 && found.cap == Some(1.0) && found.n == 100, "{found:?}");
        assert!(found.shuffled.is_some_and(|shuffled| shuffled < 0.02 && shuffled > -0.1), "{found:?}");
        let found = built(ENTRY, "quantity = \"accuracy\"\npermutations = 0").estimate(&arrays).unwrap();
        assert!((found.value - 0.5).abs() < 0.2 && found.shuffled.is_none() && found.unit == "1", "{found:?}");
    }

    #[test]
    fn labels_themselves_are_read_whole_and_constant_columns_are_nothing() {
        let y: Vec<u32> = (0..600).map(|i| i % 3).collect();
        let own: Vec<f32> = y.iter().flat_map(|y| [(*y == 1) as u32 as f32, (*y == 2) as u32 as f32, 0.1]).collect();
        let split = Split::new(600, Seed::new(3)).unwrap();
        let found = Probe::new(&own, split.clone()).read(&y);
        assert!(found.accuracy == 1.0 && found.bits > 0.99 * 3f64.log2() && found.bits < found.prior_bits, "{found:?}");
        let fitted: Vec<u32> = split.train.iter().map(|row| y[*row]).collect();
        assert_eq!(found.prior_bits, entropy_bits(&counts(&fitted)));
        let nothing = Probe::new(&[0.1f32; 600], split.clone()).read(&y);
        assert!(nothing.bits.abs() < 0.02, "{nothing:?}");
        assert!(Probe::new(&[f32::NAN; 600], split).read(&y).bits.is_nan());
        assert!(Split::new(4, Seed::new(1)).is_err());
    }
}
