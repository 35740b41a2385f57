//! What each layer holds of the image and of the label once noise is added to it, by the bounds of Kolchinsky & Tracey (2017):
//! the information plane of networks whose activations have no ends.
//!
//! Noise of standard deviation kappa times the layer's root mean square around unit means: of this network (`own-rms`), so
//! that the scale of the layer does not matter, and of the untrained one (`init-rms`), so that it does. I(X;T) never exceeds
//! ln N, and is a bound on more than these N images only well below: a layer of many units is there for small kappa whatever
//! was learned, so there are several.

use super::places::{each_place, width};
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::{
    counts, entropy_nats, kolchinsky_tracey_nats, orders, renumbered, Bounds, Centred, NoisyInformation,
};
use crate::metric::{Measured, Metric, Size, Subject, When};
use crate::num::mean;
use crate::params::Range;
use crate::record::Reading;
use crate::rng::Seed;

struct KolchinskyTracey {
    kappa: Vec<f64>,
    permutations: usize,
}

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "kolchinsky-tracey",
    summary: "I(X;T) and I(T;Y) of noisy layers, upper and lower; `kappa` = [0.1, ..., 30] of its rms, `permutations`",
    reference: "Kolchinsky & Tracey 2017",
    build: |params, ()| {
        Ok(Box::new(KolchinskyTracey {
            // From a tenth of a unit's spread on. Distances grow with the number of units and the noise of a unit does not, so
            // wide layers are at their cap until kappa is some sqrt(units / ln N).
            kappa: params.floats("kappa", &[0.1, 0.3, 1.0, 3.0, 10.0, 30.0], Range::Above(0.0)),
            permutations: params.integer("permutations", Some(3), 0..=1_000) as usize,
        }))
    },
};

/// Labels of the images, then the same in random orders.
struct Labels {
    labellings: Vec<Vec<u32>>,
    entropy: f64,
}

impl Labels {
    fn new(labels: &[u32], permutations: usize, seed: Seed) -> Self {
        let labels = renumbered(labels);
        let entropy = entropy_nats(&counts(&labels));
        let permuted = orders(&labels, permutations, seed);
        Labels { labellings: [labels].into_iter().chain(permuted).collect(), entropy }
    }
}

impl KolchinskyTracey {
    /// Of values (rows, units); `init_rms` is the spread of the same units before training.
    fn readings(&self, values: &[f32], labels: &Labels, init_rms: f64) -> Vec<Reading> {
        let n = labels.labellings[0].len();
        let layer = Centred::new(values, n);
        let scales = [("own-rms", layer.rms()), ("init-rms", init_rms)];
        let noises: Vec<(&str, f64, f64)> = scales
            .iter()
            .flat_map(|(of, rms)| self.kappa.iter().map(move |kappa| (*of, *kappa, kappa * rms)))
            .collect();
        let variances: Vec<f64> = noises.iter().map(|(.., sd)| sd * sd).collect();
        let labellings: Vec<&[u32]> = labels.labellings.iter().map(Vec::as_slice).collect();
        let found = kolchinsky_tracey_nats(&layer, &variances, &labellings);
        let of = |((of, kappa, sd), information): (&(&str, f64, f64), &NoisyInformation)| {
            let reading = |name: &str, value, unit| Reading::new(name, value, unit, n).of(*of).at(*kappa);
            let mut readings = vec![reading("noise_sd", *sd, "1")];
            for (name, upper) in [("upper", true), ("lower", false)] {
                let side = |bounds: &Bounds| if upper { bounds.upper } else { bounds.lower };
                let [xt, ty] = ["xt", "ty"].map(|of| format!("i_{of}_{name}"));
                readings.push(reading(&xt, side(&information.xt), "nats").cap((n as f64).ln()));
                let known = reading(&ty, side(&information.ty[0]), "nats").cap(labels.entropy);
                let shuffled: Vec<f64> = information.ty[1..].iter().map(side).collect();
                readings.push(if shuffled.is_empty() { known } else { known.shuffled(mean(&shuffled)) });
            }
            readings
        };
        noises.iter().zip(&found).flat_map(of).collect()
    }
}

impl Metric for KolchinskyTracey {
    fn when(&self) -> When {
        When::Landmarks
    }

    fn macs(&self, size: &Size) -> f64 {
        // Products, and for each pair of images and noise an exponential and two sums for each labelling.
        let pairs = (size.images as f64).powi(2);
        let kernels = 4.0 * (self.kappa.len() * size.sites.len()) as f64;
        pairs * (width(size) + kernels * (5.0 + 0.5 * self.permutations as f64))
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let seed = subject.seed.child(ENTRY.name);
        let labels = Labels::new(&subject.test.labels, self.permutations, seed);
        each_place(subject, |node, values| {
            let init_rms = Centred::new(&subject.untrained_values(node), subject.images()).rms();
            Ok(self.readings(values, &labels, init_rms))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_noise_follows_the_layer_or_stays_where_it_was_before_training() {
        let mut values = vec![0.0f32; 60 * 4];
        Seed::new(1).rng().fill_normal(&mut values);
        let labels: Vec<u32> = (0..60).map(|i| 5 + i % 3).collect();
        let labels = Labels::new(&labels, 2, Seed::new(2));
        let metric = KolchinskyTracey { kappa: vec![0.3], permutations: 2 };
        let rms = Centred::new(&values, 60).rms();
        let grown: Vec<f32> = values.iter().map(|x| 10.0 * x).collect();
        let (before, after) = (metric.readings(&values, &labels, rms), metric.readings(&grown, &labels, rms));
        let get = |readings: &[Reading], of: &str, name: &str| {
            let found = readings.iter().find(|reading| reading.name == name && reading.of.as_deref() == Some(of));
            found.unwrap_or_else(|| panic!("no {name} {of}")).clone()
        };
        for name in ["i_xt_upper", "i_xt_lower", "i_ty_upper", "i_ty_lower"] {
            let [own, init] = ["own-rms", "init-rms"].map(|of| get(&before, of, name));
            assert_eq!(own.value, init.value, "{name}");
            let [own_after, init_after] = ["own-rms", "init-rms"].map(|of| get(&after, of, name));
            assert!((own.value - own_after.value).abs() < 1e-5 && init_after.value > own.value + 1e-3, "{name}");
            assert_eq!((own.at, own.unit.as_str(), own.n), (Some(0.3), "nats", 60));
        }
        assert!((get(&before, "own-rms", "noise_sd").value - 0.3 * rms).abs() < 1e-12);
        let [xt, ty] = ["i_xt_upper", "i_ty_upper"].map(|name| get(&before, "own-rms", name));
        assert!((xt.cap.unwrap() - 60f64.ln()).abs() < 1e-12 && xt.shuffled.is_none());
        // Normal values know nothing of the labels, and yet the estimate is far above 0: as with shuffled labels.
        assert!((ty.cap.unwrap() - 3f64.ln()).abs() < 1e-12);
        assert!(ty.value > 0.2 && (ty.value - ty.shuffled.unwrap()).abs() < 0.2, "{ty:?}");
    }
}
