//! Exact entropy of each layer at q bits a value (Lorenzen, Igel & Nielsen 2022): of the whole layer, where most codes of
//! wide layers differ, and of a few units drawn at random, the mean over draws.
//!
//! Levels reach from the layer's least to its greatest value on the test images. Units follow from the layer and the seed,
//! so they are the same in all networks.

use super::binned::{of_codes, of_no_codes};
use super::places::{each_place, width};
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::{counts, entropy_bits, numbered, quantised, renumbered};
use crate::metric::{Measured, Metric, Size, Subject, When};
use crate::num::{mean, sd};
use crate::record::Reading;
use crate::rng::Seed;

struct Quantised {
    bits: Vec<u64>,
    units: usize,
    draws: usize,
    permutations: usize,
}

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "quantised",
    summary:
        "exact entropy of layers at q bits and their information on the label; `bits` = [4, 6, 8], `units` = 8, `draws`",
    reference: "Lorenzen, Igel & Nielsen 2022",
    build: |params, ()| {
        Ok(Box::new(Quantised {
            bits: params.integers("bits", &[4, 6, 8], 1..=16),
            units: params.integer("units", Some(8), 1..=1_000) as usize,
            draws: params.integer("draws", Some(16), 2..=10_000) as usize,
            permutations: params.integer("permutations", Some(3), 0..=1_000) as usize,
        }))
    },
};

impl Quantised {
    /// Of values (rows, units), with labels of the rows; `of_layer` is an address that belongs to the layer.
    fn readings(&self, values: &[f32], labels: &[u32], of_layer: Seed) -> Vec<Reading> {
        let (n, columns) = (labels.len(), values.len() / labels.len().max(1));
        let of = |bits: &u64| {
            let at = *bits as f64;
            let cap = |units: usize| (n as f64).log2().min(at * units as f64);
            let name = "h_units";
            let Ok(levels) = quantised(values, *bits as u32) else {
                let nothing = of_no_codes(n).into_iter().chain([Reading::new(name, f64::NAN, "bits", n)]);
                return nothing.map(|reading| reading.at(at)).collect::<Vec<Reading>>();
            };
            let [entropy, known] = of_codes(&numbered(&levels, n), labels, self.permutations, of_layer);
            let mut readings = vec![entropy.cap(cap(columns)).at(at), known.at(at)];
            if columns > self.units {
                let draw = |i: usize| {
                    let chosen = of_layer.child("units").index(i as u64).rng().choose(columns, self.units);
                    let rows = levels.chunks_exact(columns);
                    let symbols: Vec<u16> = rows.flat_map(|row| chosen.iter().map(|unit| row[*unit])).collect();
                    entropy_bits(&counts(&numbered(&symbols, n)))
                };
                let drawn: Vec<f64> = (0..self.draws).map(draw).collect();
                let se = sd(&drawn) / (self.draws as f64).sqrt();
                readings.push(Reading::new(name, mean(&drawn), "bits", n).se(se).cap(cap(self.units)).at(at));
            }
            readings
        };
        self.bits.iter().flat_map(of).collect()
    }
}

impl Metric for Quantised {
    fn when(&self) -> When {
        When::Landmarks
    }

    fn macs(&self, size: &Size) -> f64 {
        40.0 * self.bits.len() as f64 * size.images as f64 * width(size)
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let labels = renumbered(&subject.test.labels);
        let seed = subject.seed.child(ENTRY.name);
        each_place(subject, |node, values| {
            let of_layer = seed.child(&subject.probe.graph().node(node).name);
            Ok(self.readings(values, &labels, of_layer))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_layers_saturate_and_a_few_of_their_units_do_not() {
        let mut values = vec![0.0f32; 200 * 40];
        Seed::new(4).rng().fill_normal(&mut values);
        let labels: Vec<u32> = (0..200).map(|i| i % 4).collect();
        let metric = Quantised { bits: vec![1, 4], units: 2, draws: 8, permutations: 2 };
        let readings = metric.readings(&values, &labels, Seed::new(1));
        let value = |name: &str, bits: f64| {
            readings.iter().find(|r| r.name == name && r.at == Some(bits)).unwrap_or_else(|| panic!("no {name} {bits}"))
        };
        let whole = value("h_t", 4.0);
        assert!((whole.value - 200f64.log2()).abs() < 1e-12 && whole.cap == Some(200f64.log2()), "{whole:?}");
        let known = value("i_ty", 4.0);
        assert!((known.value - 2.0).abs() < 1e-12 && (known.shuffled.unwrap() - 2.0).abs() < 1e-12, "{known:?}");
        // Two units of one bit each, near fair.
        let two = value("h_units", 1.0);
        assert!(two.value > 1.8 && two.value <= 2.0 && two.cap == Some(2.0) && two.se.unwrap() < 0.1, "{two:?}");
        assert!(value("h_units", 4.0).value > 4.0);
        // A layer of as few units has no draws.
        let narrow = metric.readings(&values[..400], &labels, Seed::new(1));
        assert!(narrow.iter().all(|r| r.name != "h_units"));
        let nan = metric.readings(&[f32::NAN; 400], &labels, Seed::new(1));
        assert!(!nan.is_empty() && nan.iter().all(|r| r.value.is_nan()));
    }
}
