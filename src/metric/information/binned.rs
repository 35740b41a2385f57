//! The information plane of layers in bins (Shwartz-Ziv & Tishby 2017; Saxe et al. 2018), by four rules side by side: what
//! differs between them is the bins' doing, not the network's.
//!
//! H(T), which is I(X;T) where each image has one code, and I(T;Y), which is H(Y) for any labels where all codes differ.

use super::places::{each_place, width};
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::{
    binned, counts, entropy_bits, mean_over_orders, mutual_information_bits, numbered, renumbered, Bins,
};
use crate::metric::{Measured, Metric, Size, Subject, When};
use crate::params::Range;
use crate::record::Reading;
use crate::rng::Seed;

/// Readings of codes: entropy, and information on labels.
pub(super) fn of_codes(codes: &[u32], labels: &[u32], permutations: usize, seed: Seed) -> [Reading; 2] {
    let n = labels.len();
    let entropy = Reading::new("h_t", entropy_bits(&counts(codes)), "bits", n).cap((n as f64).log2());
    let of = |labels: &[u32]| mutual_information_bits(codes, labels);
    let known = Reading::new("i_ty", of(labels), "bits", n).cap(entropy_bits(&counts(labels)));
    let shuffled = mean_over_orders(labels, permutations, seed, of);
    [entropy, Reading { shuffled, ..known }]
}

/// Readings of a layer that has no codes, as it is not finite.
pub(super) fn of_no_codes(n: usize) -> [Reading; 2] {
    ["h_t", "i_ty"].map(|name| Reading::new(name, f64::NAN, "bits", n))
}

struct Binned {
    bins: usize,
    fine_bins: usize,
    width: f64,
    permutations: usize,
}

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "binned",
    summary: "entropy of binned layers and their information on the label, by four rules; `bins` = 30, `width` = 0.07",
    reference: "Shwartz-Ziv & Tishby 2017; Saxe et al. 2018",
    build: |params, ()| {
        Ok(Box::new(Binned {
            // 30 bins as Shwartz-Ziv & Tishby, a width of 0.07 as Saxe et al.
            bins: params.integer("bins", Some(30), 2..=1_000_000) as usize,
            fine_bins: params.integer("fine_bins", Some(256), 2..=1_000_000) as usize,
            width: params.float("width", Some(0.07), Range::Above(0.0)),
            permutations: params.integer("permutations", Some(3), 0..=1_000) as usize,
        }))
    },
};

impl Binned {
    /// Of values (rows, units), with labels of the rows.
    fn readings(&self, values: &[f32], labels: &[u32], seed: Seed) -> Vec<Reading> {
        let rules = [
            ("range", self.bins as f64, Bins::Range(self.bins)),
            ("range", self.fine_bins as f64, Bins::Range(self.fine_bins)),
            ("equal-mass", self.bins as f64, Bins::EqualMass(self.bins)),
            ("width", self.width, Bins::Width(self.width)),
        ];
        let of = |(rule, at, bins): (&str, f64, Bins)| {
            let readings = match binned(values, bins) {
                Ok(symbols) => of_codes(&numbered(&symbols, labels.len()), labels, self.permutations, seed),
                // Values that are not finite, or too far from 0 for their bins to have numbers.
                Err(_) => of_no_codes(labels.len()),
            };
            readings.map(|reading| reading.of(rule).at(at))
        };
        rules.into_iter().flat_map(of).collect()
    }
}

impl Metric for Binned {
    fn when(&self) -> When {
        When::Landmarks
    }

    fn macs(&self, size: &Size) -> f64 {
        // Four rules, one of which sorts: some four hundred operations a value.
        400.0 * size.images as f64 * width(size)
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let labels = renumbered(&subject.test.labels);
        each_place(subject, |_, values| Ok(self.readings(values, &labels, subject.seed.child(ENTRY.name))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_its_own_numbers_and_chance_beside_them() {
        let labels: Vec<u32> = (0..64).map(|i| i % 2).collect();
        // Two values a label, 0.03 apart, and 1 between labels.
        let values: Vec<f32> = (0..64).map(|i| (i % 2) as f32 + 0.03 * (i / 2 % 2) as f32).collect();
        let metric = Binned { bins: 2, fine_bins: 1_000, width: 0.5, permutations: 4 };
        let readings = metric.readings(&values, &labels, Seed::new(1));
        let entropies: Vec<(Option<&str>, f64)> =
            readings.iter().filter(|r| r.name == "h_t").map(|r| (r.of.as_deref(), r.value)).collect();
        assert_eq!(
            entropies,
            [(Some("range"), 1.0), (Some("range"), 2.0), (Some("equal-mass"), 1.0), (Some("width"), 1.0)]
        );
        for known in readings.iter().filter(|r| r.name == "i_ty") {
            assert!((known.value - 1.0).abs() < 1e-12 && known.cap == Some(1.0), "{known:?}");
            assert!(known.shuffled.is_some_and(|shuffled| shuffled < 0.3), "{known:?}");
        }
        assert!(readings.iter().all(|r| r.n == 64 && (r.name != "h_t" || r.cap == Some(6.0))));
        let nan = metric.readings(&[f32::NAN; 64], &labels, Seed::new(1));
        assert!(nan.len() == readings.len() && nan.iter().all(|r| r.value.is_nan()));
    }
}
