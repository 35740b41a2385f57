//! Bounds of the information that a representation holds once noise is added to it (Kolchinsky & Tracey 2017).
//!
//! With `T' = T + sigma Z`, Z standard normal, and `D_ij = |t_i - t_j|^2`, in nats:
//! `upper = -1/N sum_i ln 1/N sum_j exp(-D_ij / (2 sigma^2))`, and `lower` with `8 sigma^2`. They bound I(X;T') of the mixture
//! of N Gaussians at the samples, so they never exceed ln N; near it they say nothing about other samples. `I(T';Y)` is the
//! difference of the same bound of all samples and of those of each class, `I(T') - sum_y p_y I(T' | y)`: an approximation,
//! no bound.

use super::distances::{Centred, Real};
use super::entropies::entropy_nats;
use super::permuted::orders;
use super::{Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::Result;
use crate::num::{dot, mean};
use crate::params::{Params, Range};
use crate::rng::Seed;

/// Both bounds, nats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// From the Kullback-Leibler divergence between components.
    pub upper: f64,
    /// From their Bhattacharyya distance.
    pub lower: f64,
}

/// Information in a noisy representation, nats.
#[derive(Clone, Debug, PartialEq)]
pub struct NoisyInformation {
    /// Bounds of I(X;T').
    pub xt: Bounds,
    /// I(T';Y) by the difference of upper and of lower bounds, for each labelling.
    pub ty: Vec<Bounds>,
}

/// Information in `t`, (rows, units), with noise of each variance (of a unit), for each labelling (rows). Distances are
/// computed once for all. Noise of variance 0 tells different rows apart. NaN where `t` is not finite.
///
/// # Panics
/// If the values cannot be shared out to the rows, or a labelling has another number of labels.
pub fn kolchinsky_tracey_nats<T: Real>(
    t: &Centred<T>,
    variances: &[f64],
    labellings: &[&[u32]],
) -> Vec<NoisyInformation> {
    let n = t.rows();
    assert!(labellings.iter().all(|labels| labels.len() == n), "a label for each row");
    let everyone = vec![1.0; n];
    let classes: Vec<Vec<Vec<f64>>> = labellings.iter().map(|labels| members(labels)).collect();
    // For each row: upper and lower of I(X;T'), then of I(T';Y) for each labelling; variance after variance.
    let rows: Vec<Vec<f64>> = t.each_row(|i, distances| {
        let mut found = Vec::with_capacity(variances.len() * 2 * (1 + labellings.len()));
        let mut kernels = [vec![0.0; n], vec![0.0; n]];
        for variance in variances {
            let [upper, lower] = &mut kernels;
            for ((upper, lower), distance) in upper.iter_mut().zip(lower.iter_mut()).zip(distances) {
                // Equal rows are equal whatever the noise, 0 / 0 too.
                *lower = if *distance == 0.0 { 1.0 } else { (-distance / (8.0 * variance)).exp() };
                let square = *lower * *lower;
                *upper = square * square;
            }
            // Each sum holds the row itself, so it is at least 1 and its logarithm safe.
            let all = kernels.each_ref().map(|kernel| (dot(kernel, &everyone) / n as f64).ln());
            // Not -ln, which is -0 where all rows are equal.
            found.extend(all.map(|ln| 0.0 - ln));
            for (labels, classes) in labellings.iter().zip(&classes) {
                let own = &classes[labels[i] as usize];
                for (kernel, all) in kernels.iter().zip(all) {
                    found.push((dot(kernel, own) / dot(own, own)).ln() - all);
                }
            }
        }
        found
    });
    let column = |at: usize| mean(&rows.iter().map(|row| row[at]).collect::<Vec<f64>>());
    let pair = |at: usize| Bounds { upper: column(at), lower: column(at + 1) };
    let width = 2 * (1 + labellings.len());
    let of = |start: usize| NoisyInformation {
        xt: pair(start),
        ty: (0..labellings.len()).map(|i| pair(start + 2 + 2 * i)).collect(),
    };
    (0..variances.len()).map(|i| of(i * width)).collect()
}

/// For each class and sample 1 where it belongs to the class, else 0.
fn members(labels: &[u32]) -> Vec<Vec<f64>> {
    let classes = labels.iter().max().map_or(0, |most| *most + 1);
    let of = |class| labels.iter().map(|label| if *label == class { 1.0 } else { 0.0 }).collect();
    (0..classes).map(of).collect()
}

/// How the noise is given.
#[derive(Clone, Copy, Debug)]
pub(super) enum Noise {
    /// Variance of a unit.
    Variance(f64),
    /// Standard deviation as a share of the representation's root mean square around unit means.
    Kappa(f64),
}

impl Noise {
    /// `variance`, `sigma` or `kappa`; 0.1 of the root mean square where none is written.
    fn read(params: &Params<'_>) -> Self {
        let [variance, sigma, kappa] =
            ["variance", "sigma", "kappa"].map(|key| params.optional_float(key, Range::AtLeast(0.0)));
        if [variance, sigma, kappa].iter().flatten().count() > 1 {
            params.problem("kappa", "`variance`, `sigma` and `kappa` say the same: write one of them", None);
        }
        match (variance, sigma, kappa) {
            (Some(variance), ..) => Noise::Variance(variance),
            (_, Some(sigma), _) => Noise::Variance(sigma * sigma),
            (.., kappa) => Noise::Kappa(kappa.unwrap_or(0.1)),
        }
    }

    fn variance(self, rms: f64) -> f64 {
        match self {
            Noise::Variance(variance) => variance,
            Noise::Kappa(kappa) => (kappa * rms).powi(2),
        }
    }
}

struct KolchinskyTracey {
    noise: Noise,
    upper: bool,
    of_labels: bool,
    permutations: usize,
    seed: Seed,
}

/// The row of this estimator.
pub const ENTRY: Entry<dyn Estimator> = Entry {
    name: "kolchinsky-tracey",
    summary: "information of noisy `t` on inputs or on `y`; `of`, `bound`, `kappa` = 0.1 | `sigma` | `variance`",
    reference: "Kolchinsky & Tracey 2017",
    build: |params, ()| {
        Ok(Box::new(KolchinskyTracey {
            noise: Noise::read(params),
            upper: params.choice("bound", Some("upper"), &["upper", "lower"]) == "upper",
            of_labels: params.choice("of", Some("xt"), &["xt", "ty"]) == "ty",
            permutations: params.integer("permutations", Some(5), 0..=1_000) as usize,
            seed: Seed::new(params.integer("seed", Some(0), 0..=i64::MAX as u64)),
        }))
    },
};

impl Estimator for KolchinskyTracey {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        let t = arrays.get("t")?;
        let centred = Centred::new(&t.values, t.rows);
        let variance = self.noise.variance(centred.rms());
        let side = |bounds: &Bounds| if self.upper { bounds.upper } else { bounds.lower };
        if !self.of_labels {
            let found = &kolchinsky_tracey_nats(&centred, &[variance], &[])[0];
            return Ok(Estimate::new(side(&found.xt), "nats", t.rows).with_cap((t.rows as f64).ln()));
        }
        arrays.pair("t", "y")?;
        let labels = super::codes::renumbered(&arrays.labels("y")?);
        let permuted = orders(&labels, self.permutations, self.seed);
        let labellings: Vec<&[u32]> = [&labels].into_iter().chain(&permuted).map(Vec::as_slice).collect();
        let found = &kolchinsky_tracey_nats(&centred, &[variance], &labellings)[0].ty;
        let shuffled: Vec<f64> = found[1..].iter().map(side).collect();
        let estimate =
            Estimate::new(side(&found[0]), "nats", t.rows).with_cap(entropy_nats(&super::codes::counts(&labels)));
        Ok(if shuffled.is_empty() { estimate } else { estimate.with_shuffled(mean(&shuffled)) })
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::LN_2;

    use super::*;
    use crate::estimator::{built, golden, Array};

    fn bounds(t: &[f64], rows: usize, variance: f64) -> Bounds {
        kolchinsky_tracey_nats(&Centred::new(t, rows), &[variance], &[])[0].xt
    }

    fn normals(count: usize, seed: u64) -> Vec<f64> {
        let mut values = vec![0.0f32; count];
        Seed::new(seed).child("normals").rng().fill_normal(&mut values);
        values.into_iter().map(f64::from).collect()
    }

    #[test]
    fn the_golden_array_has_its_values() {
        let arrays = golden::arrays();
        for variance in ["0.01", "0.1", "1.0"] {
            for (i, bound) in ["upper", "lower"].into_iter().enumerate() {
                let row = built(ENTRY, &format!("variance = {variance}\nbound = \"{bound}\""));
                let (found, key) =
                    (row.estimate(&arrays).unwrap(), format!("kt_IXT_nats_var{variance}_upper_lower/{i}"));
                assert!((found.value - golden::value(&key)).abs() < 1e-9, "{key}: {found:?}");
                assert_eq!((found.unit, found.cap, found.shuffled), ("nats", Some(64f64.ln()), None));
            }
        }
        let row = built(ENTRY, "sigma = 0.31622776601683794\nof = \"ty\"");
        let found = row.estimate(&arrays).unwrap();
        assert!((found.value - golden::value("kt_ITY_nats_var0.1_upperdiff")).abs() < 1e-9, "{found:?}");
        // 22, 21 and 21 samples; labels in any order are told apart less.
        let cap = entropy_nats(&[22, 21, 21]);
        assert!((found.cap.unwrap() - cap).abs() < 1e-12);
        assert!(found.shuffled.is_some_and(|shuffled| shuffled > 0.0 && shuffled < found.value), "{found:?}");
    }

    #[test]
    fn two_far_clusters_hold_one_bit() {
        let t: Vec<f64> = (0..40).flat_map(|i| [f64::from(i % 2) * 1e3, 7.0]).collect();
        let found = bounds(&t, 40, 1.0);
        assert!((found.upper - LN_2).abs() < 1e-12 && (found.lower - LN_2).abs() < 1e-12, "{found:?}");
        // The class is the cluster: all of it is about the class; and nothing is about a coin.
        let cluster: Vec<u32> = (0..40).map(|i| i % 2).collect();
        let coin: Vec<u32> = (0..40).map(|i| i / 2 % 2).collect();
        let found = &kolchinsky_tracey_nats(&Centred::new(&t, 40), &[1.0], &[&cluster, &coin])[0].ty;
        assert!((found[0].upper - LN_2).abs() < 1e-12 && (found[0].lower - LN_2).abs() < 1e-12, "{found:?}");
        assert!(found[1].upper.abs() < 1e-12 && found[1].lower.abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn equal_samples_hold_nothing_and_far_ones_ln_n() {
        let equal = [0.1, 0.7, 1e6].repeat(50);
        for variance in [0.0, 1.0] {
            let found = bounds(&equal, 50, variance);
            assert_eq!([found.upper, found.lower].map(f64::to_bits), [0; 2], "{found:?}");
        }
        let far: Vec<f64> = (0..50).map(|i| f64::from(i) * 1e4).collect();
        for found in [bounds(&far, 50, 1.0), bounds(&far, 50, 0.0)] {
            assert!((found.upper - 50f64.ln()).abs() < 1e-12 && (found.lower - 50f64.ln()).abs() < 1e-12, "{found:?}");
        }
        assert!(bounds(&[1.0, f64::NAN, 2.0], 3, 1.0).upper.is_nan());
        // A layer of dead units: no spread, no noise, no information.
        let arrays = Arrays { arrays: [("t".to_string(), Array::new(vec![0.0; 60], 20))].into() };
        assert_eq!(built(ENTRY, "kappa = 0.1").estimate(&arrays).unwrap().value, 0.0);
    }

    #[test]
    fn the_information_of_a_gaussian_channel_lies_between_the_bounds() {
        // 1/2 d ln(1 + 1/v) of N(0, 1) in d dimensions; the bounds are those of a simulation of 800 samples.
        for (d, variance, lower, upper) in [(1, 1.0f64, 0.211, 0.596), (5, 1.0, 1.07, 2.98), (5, 0.1, 4.59, 6.36)] {
            let truth = 0.5 * d as f64 * (1.0 + 1.0 / variance).ln();
            let found = bounds(&normals(800 * d, 4), 800, variance);
            assert!(found.lower < truth && truth < found.upper, "{d} {variance}: {found:?}, truth {truth}");
            let close = (found.lower - lower).abs() < 0.06 * lower && (found.upper - upper).abs() < 0.06 * upper;
            assert!(close, "{d} {variance}: {found:?}, expected {lower} {upper}");
        }
        // Near ln 800 = 6.685 the upper bound is none of the channel: 6.931 in truth.
        let found = bounds(&normals(800 * 20, 4), 800, 1.0);
        assert!((found.upper - 6.671).abs() < 0.01 && found.upper < 0.5 * 20.0 * LN_2, "{found:?}");
    }

    #[test]
    fn the_noise_is_a_share_of_the_spread_per_unit() {
        let t = normals(100 * 6, 1);
        let arrays = |t: Vec<f64>| Arrays { arrays: [("t".to_string(), Array::new(t, 100))].into() };
        let row = built(ENTRY, "kappa = 0.3");
        let found = row.estimate(&arrays(t.clone())).unwrap().value;
        let scaled = row.estimate(&arrays(t.iter().map(|x| 5.0 + 40.0 * x).collect())).unwrap().value;
        assert!((found - scaled).abs() < 1e-9, "{found} {scaled}");
        let rms = Centred::new(&t, 100).rms();
        assert!((found - bounds(&t, 100, (0.3 * rms).powi(2)).upper).abs() < 1e-12);
        // f32, as activations are.
        let narrow: Vec<f32> = t.iter().map(|x| *x as f32).collect();
        let narrow = kolchinsky_tracey_nats(&Centred::new(&narrow, 100), &[(0.3 * rms).powi(2)], &[])[0].xt;
        assert!((found - narrow.upper).abs() < 1e-5, "{found} {narrow:?}");
    }
}
