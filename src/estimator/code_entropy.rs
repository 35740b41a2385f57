//! How many different codes a layer has, and how evenly they are used: of whole rows, of which units are above 0, or of the
//! switches of a few units drawn at random.

use super::codes::{counts, drawn_units, numbered, sub_code, switches};
use super::entropies::{
    chao_shen_bits, chao_wang_jost_bits, collision_entropy, collision_probability, coverage, distinct, entropy_bits,
    forgotten_bits, grassberger_bits, miller_madow_bits, most_collision_bits, shrink_bits, zhang_bits,
};
use super::{Array, Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::num::{mean, sd};
use crate::rng::Seed;

/// What can be said of the counts of codes.
const QUANTITIES: [&str; 12] = [
    "chao-shen",
    "chao-wang-jost",
    "collision-probability",
    "collisions",
    "conditional",
    "coverage",
    "distinct",
    "grassberger",
    "miller-madow",
    "plug-in",
    "shrink",
    "zhang",
];

/// A quantity of counts by its name; `collisions` is Renyi's entropy of order 2.
fn quantity(name: &str, counts: &[u64]) -> f64 {
    match name {
        "chao-shen" => chao_shen_bits(counts),
        "chao-wang-jost" => chao_wang_jost_bits(counts),
        "collision-probability" => collision_probability(counts),
        "collisions" => collision_entropy(counts).bits,
        "conditional" => forgotten_bits(counts),
        "coverage" => coverage(counts),
        "distinct" => distinct(counts) as f64,
        "grassberger" => grassberger_bits(counts),
        "miller-madow" => miller_madow_bits(counts),
        "plug-in" => entropy_bits(counts),
        "shrink" => shrink_bits(counts),
        _ => zhang_bits(counts),
    }
}

/// Sub-codes of random units.
#[derive(Clone, Copy)]
struct SubCodes {
    units: usize,
    draws: usize,
    seed: Seed,
}

struct CodeEntropy {
    quantity: &'static str,
    of_switches: bool,
    sub_codes: Option<SubCodes>,
}

/// The row of this estimator.
pub const ENTRY: Entry<dyn Estimator> = Entry {
    name: "code-entropy",
    summary: "codes of `t`: `quantity` = \"miller-madow\" | \"collisions\" | ..., `code` = \"switches\" | \"values\", `units`",
    reference: "Miller 1955; Ma 1981; Chao, Wang & Jost 2013",
    build: |params, ()| {
        let units = params.optional_integer("units", 1..=64);
        let [draws, seed] = [("draws", 64, 1..=100_000), ("seed", 0, 0..=i64::MAX as u64)]
            .map(|(key, default, range)| params.integer(key, Some(default), range));
        let of_switches = params.choice("code", Some("switches"), &["switches", "values"]) == "switches";
        if units.is_some() && !of_switches {
            params.problem("units", "`units` are drawn of switches: leave `code` out", None);
        }
        Ok(Box::new(CodeEntropy {
            quantity: params.choice("quantity", Some("miller-madow"), &QUANTITIES),
            of_switches,
            sub_codes: units.map(|units| SubCodes {
                units: units as usize,
                draws: draws as usize,
                seed: Seed::new(seed),
            }),
        }))
    },
};

impl CodeEntropy {
    fn unit(&self) -> &'static str {
        match self.quantity {
            "collision-probability" | "coverage" | "distinct" => "1",
            _ => "bits",
        }
    }

    /// The most that it can be for `n` samples of codes of so many bits, if there is such a thing.
    fn cap(&self, n: usize, bits: Option<usize>) -> Option<f64> {
        let n = n as f64;
        match self.quantity {
            "collision-probability" | "coverage" => Some(1.0),
            "distinct" => Some(bits.map_or(n, |bits| n.min((bits as f64).exp2()))),
            "collisions" => Some(most_collision_bits(n)),
            "conditional" => Some(n.log2()),
            "plug-in" | "shrink" => Some(bits.map_or(n.log2(), |bits| n.log2().min(bits as f64))),
            // Corrections for what was not seen go beyond what N samples can show.
            _ => bits.map(|bits| bits as f64),
        }
    }

    fn with_cap(&self, estimate: Estimate, bits: Option<usize>) -> Estimate {
        let cap = self.cap(estimate.n, bits);
        Estimate { cap, ..estimate }
    }

    fn of_sub_codes(&self, t: &Array, SubCodes { units, draws, seed }: SubCodes) -> Result<Estimate> {
        if units > t.columns() {
            let message = format!("`units` = {units}: `t` has {}, so take at most as many", t.columns());
            return Err(Error::Config(message));
        }
        let switches = switches(&t.values, t.rows);
        let draw = |i: usize| {
            let chosen = drawn_units(t.columns(), units, seed.child("sub-code").index(i as u64));
            quantity(self.quantity, &counts(&numbered(&sub_code(&switches, t.rows, &chosen), t.rows)))
        };
        let values: Vec<f64> = (0..draws).map(draw).collect();
        let estimate = Estimate::new(mean(&values), self.unit(), t.rows);
        let se = (draws > 1).then(|| sd(&values) / (draws as f64).sqrt());
        Ok(self.with_cap(Estimate { se, ..estimate }, Some(units)))
    }
}

impl Estimator for CodeEntropy {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        let t = arrays.get("t")?;
        if let Some(sub_codes) = self.sub_codes {
            return self.of_sub_codes(t, sub_codes);
        }
        let (codes, bits) = if self.of_switches {
            (numbered(&switches(&t.values, t.rows), t.rows), Some(t.columns()))
        } else {
            // 0 and -0 are the same value.
            let bits: Vec<u64> = t.values.iter().map(|value| (value + 0.0).to_bits()).collect();
            (numbered(&bits, t.rows), None)
        };
        Ok(self.with_cap(Estimate::new(quantity(self.quantity, &counts(&codes)), self.unit(), t.rows), bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimator::{built, golden};

    fn estimate(params: &str, t: Array) -> Estimate {
        built(ENTRY, params).estimate(&Arrays { arrays: [("t".to_string(), t)].into() }).unwrap()
    }

    #[test]
    fn switches_of_the_golden_array_have_its_entropy() {
        let t = golden::arrays().arrays.remove("t").unwrap();
        let found = estimate("", t.clone());
        assert!((found.value - golden::value("binary_code_MM_bits")).abs() < 1e-9, "{found:?}");
        assert_eq!((found.unit, found.n, found.cap), ("bits", 64, Some(4.0)));
        assert_eq!(estimate("quantity = \"distinct\"", t.clone()).value, 11.0);
        assert_eq!(estimate("quantity = \"distinct\"\ncode = \"values\"", t).value, 64.0);
    }

    #[test]
    fn independent_fair_units_hold_as_many_bits_as_are_drawn() {
        let mut values = vec![0.0f32; 4_000 * 20];
        Seed::new(2).rng().fill_normal(&mut values);
        let t = Array::new(values.into_iter().map(f64::from).collect(), 4_000);
        let found = estimate("units = 8\ndraws = 16", t.clone());
        // Miller-Madow leaves less than the square of the bias of 255 / (2 N ln 2).
        assert!((found.value - 8.0).abs() < 0.003 && found.cap == Some(8.0), "{found:?}");
        assert!(found.se.is_some_and(|se| se > 0.0 && se < 0.003));
        let plain = estimate("units = 8\ndraws = 16\nquantity = \"plug-in\"", t);
        assert!((plain.value - (8.0 - 255.0 / (8_000.0 * 2f64.ln()))).abs() < 0.005, "{plain:?}");
    }

    #[test]
    fn more_units_than_there_are_is_an_error() {
        let arrays = Arrays { arrays: [("t".to_string(), Array::new(vec![1.0; 6], 3))].into() };
        let error = built(ENTRY, "units = 5").estimate(&arrays).unwrap_err().to_string();
        assert_eq!(error, "`units` = 5: `t` has 2, so take at most as many");
    }

    #[test]
    fn values_that_are_equal_but_in_the_sign_of_zero_are_one_code() {
        let t = Array::new(vec![0.0, -0.0, 1.0], 3);
        assert_eq!(estimate("code = \"values\"\nquantity = \"distinct\"", t).value, 2.0);
    }
}
