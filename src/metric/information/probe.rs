//! What a linear probe reads of the label in each layer: V-information of logistic regression, held out (Xu et al. 2020).
//!
//! Fitted, chosen and tested on three parts of the test images, the same in all networks. Wide layers are projected to
//! `dimensions` by a random matrix that is the same in all networks too.

use super::places::{each_place, width};
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::{counts, entropy_bits, orders, renumbered, Probe, Probed, Split};
use crate::metric::{Measured, Metric, Size, Subject, When};
use crate::num::{mean, wilson};
use crate::record::Reading;

struct LinearProbe {
    dimensions: usize,
    permutations: usize,
}

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "probe",
    summary: "bits and accuracy of a linear probe of the label, held out; `dimensions` = 512, `permutations` = 1",
    reference: "Xu et al. 2020",
    build: |params, ()| {
        Ok(Box::new(LinearProbe {
            dimensions: params.integer("dimensions", Some(512), 1..=4_096) as usize,
            permutations: params.integer("permutations", Some(1), 0..=100) as usize,
        }))
    },
};

/// Readings of a probe, with those of probes of permuted labels.
fn readings(found: &Probed, permuted: &[Probed], entropy: f64) -> Vec<Reading> {
    let right = (found.accuracy * found.n as f64).round();
    let bits = Reading::new("v_information", found.bits, "bits", found.n).se(found.bits_se).cap(entropy);
    let accuracy = Reading::new("accuracy", found.accuracy, "1", found.n);
    let accuracy = accuracy.interval(wilson(right, found.n as f64)).cap(1.0);
    if permuted.is_empty() {
        return vec![bits, accuracy];
    }
    let chance = |of: fn(&Probed) -> f64| mean(&permuted.iter().map(of).collect::<Vec<f64>>());
    vec![bits.shuffled(chance(|probed| probed.bits)), accuracy.shuffled(chance(|probed| probed.accuracy))]
}

impl Metric for LinearProbe {
    fn when(&self) -> When {
        When::Landmarks
    }

    fn macs(&self, size: &Size) -> f64 {
        // Projection, and some sixty passes over the fitted part, forward and back, for each labelling.
        let wide = size.sites.iter().flatten().filter(|length| **length > self.dimensions);
        let projected = wide.map(|length| (length * self.dimensions) as f64).sum::<f64>();
        let read = width(size).min((2 * size.sites.len() * self.dimensions) as f64);
        let fits = 60.0 * 2.0 * 0.6 * read * size.classes as f64 * (1 + self.permutations) as f64;
        size.images as f64 * (projected + fits)
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let seed = subject.seed.child(ENTRY.name);
        let labels = renumbered(&subject.test.labels);
        if labels.len() < 5 {
            return Ok(Measured::missing("a probe needs five test images and more"));
        }
        let split = Split::new(labels.len(), seed)?;
        let entropy = entropy_bits(&counts(&labels));
        let permuted = orders(&labels, self.permutations, seed);
        each_place(subject, |node, values| {
            let (projected, _) = subject.projected(values, node, self.dimensions);
            let probe = Probe::new(&projected, split.clone());
            let shuffled: Vec<Probed> = permuted.iter().map(|labels| probe.read(labels)).collect();
            Ok(readings(&probe.read(&labels), &shuffled, entropy))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_its_companions() {
        let found = Probed { bits: 1.5, bits_se: 0.1, accuracy: 0.75, n: 400, prior_bits: 3.0, penalty: 0.1 };
        let permuted = [Probed { bits: -0.1, accuracy: 0.1, ..found }, Probed { bits: 0.3, accuracy: 0.3, ..found }];
        let [bits, accuracy] = &readings(&found, &permuted, 3.3)[..] else { panic!("two readings") };
        assert_eq!((bits.name.as_str(), bits.value, bits.se, bits.cap), ("v_information", 1.5, Some(0.1), Some(3.3)));
        assert!((bits.shuffled.unwrap() - 0.1).abs() < 1e-12 && (accuracy.shuffled.unwrap() - 0.2).abs() < 1e-12);
        assert_eq!((accuracy.value, accuracy.interval, accuracy.n), (0.75, Some(wilson(300.0, 400.0)), 400));
        assert!(readings(&found, &[], 3.3).iter().all(|reading| reading.shuffled.is_none()));
    }
}
