//! Information of codes on inputs and on labels, by plug-in entropies: for layers that were made discrete.

use super::codes::{counts, joint, numbered, renumbered};
use super::entropies::entropy_bits;
use super::permuted::mean_over_orders;
use super::{Arrays, Estimate};
use crate::error::Result;
use crate::params::Params;
use crate::rng::Seed;

/// I(T;Y) = H(T) + H(Y) - H(T,Y) of codes and labels, bits; both are numbers from 0 on without gaps. H(Y) whatever the
/// labels where all codes are different: read it beside the same with shuffled labels.
///
/// # Panics
/// If there are not as many of both.
pub fn mutual_information_bits(codes: &[u32], labels: &[u32]) -> f64 {
    let [t, y, both] = [codes, labels, &joint(codes, labels)].map(|codes| entropy_bits(&counts(codes)));
    // Rounding can leave less than nothing.
    (t + y - both).max(0.0)
}

/// What an estimator of discrete layers is asked: I(X;T), which is H(T) as each input has one code, or I(T;Y).
pub(super) struct Question {
    of_labels: bool,
    permutations: usize,
    seed: Seed,
}

impl Question {
    /// `of` = "xt" | "ty", `permutations` = 5, `seed` = 0.
    pub fn read(params: &Params<'_>) -> Self {
        Question {
            of_labels: params.choice("of", Some("xt"), &["xt", "ty"]) == "ty",
            permutations: params.integer("permutations", Some(5), 0..=1_000) as usize,
            seed: Seed::new(params.integer("seed", Some(0), 0..=i64::MAX as u64)),
        }
    }

    /// The answer for symbols of `t`, (rows, units), of so many bits each.
    pub fn answer<S: std::hash::Hash + Eq>(
        &self,
        symbols: &[S],
        bits: Option<f64>,
        arrays: &Arrays,
    ) -> Result<Estimate> {
        let t = arrays.get("t")?;
        let codes = numbered(symbols, t.rows);
        if !self.of_labels {
            let n = (t.rows as f64).log2();
            let cap = bits.map_or(n, |bits| n.min(bits * t.columns() as f64));
            // Rounding can exceed the cap.
            return Ok(Estimate::new(entropy_bits(&counts(&codes)).min(cap), "bits", t.rows).with_cap(cap));
        }
        arrays.pair("t", "y")?;
        let labels = renumbered(&arrays.labels("y")?);
        let of = |labels: &[u32]| mutual_information_bits(&codes, labels);
        let shuffled = mean_over_orders(&labels, self.permutations, self.seed, of);
        let estimate = Estimate::new(of(&labels), "bits", t.rows).with_cap(entropy_bits(&counts(&labels)));
        Ok(Estimate { shuffled, ..estimate })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_are_labels_know_them_and_independent_ones_do_not() {
        let labels: Vec<u32> = (0..24).map(|i| i % 3).collect();
        assert!((mutual_information_bits(&labels, &labels) - 3f64.log2()).abs() < 1e-12);
        let other: Vec<u32> = (0..24).map(|i| i / 3 % 4).collect();
        assert!(mutual_information_bits(&other, &labels).abs() < 1e-12);
        // All codes different: H(Y), whatever the labels.
        let all: Vec<u32> = (0..24).collect();
        assert!((mutual_information_bits(&all, &labels) - 3f64.log2()).abs() < 1e-12);
    }
}
