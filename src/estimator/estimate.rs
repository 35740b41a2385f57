//! A number with what is needed to judge it.

use serde::Serialize;

/// A number, its unit, and its companions: `None` where it has none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// Its unit, as in `bits`, `nats` or `1` for a plain number.
    pub unit: &'static str,
    /// Its standard error.
    pub se: Option<f64>,
    /// So many samples it is made of.
    pub n: usize,
    /// The most that it can be on so many samples.
    pub cap: Option<f64>,
    /// The same number before training.
    pub init: Option<f64>,
    /// The same number where labels or rows are permuted: what chance gives. A mean over permutations.
    pub shuffled: Option<f64>,
}

impl Estimate {
    /// A number of `n` samples without companions.
    pub fn new(value: f64, unit: &'static str, n: usize) -> Self {
        Estimate { value, unit, se: None, n, cap: None, init: None, shuffled: None }
    }

    /// The same with a standard error.
    #[must_use]
    pub fn with_se(self, se: f64) -> Self {
        Estimate { se: Some(se), ..self }
    }

    /// The same with a cap.
    #[must_use]
    pub fn with_cap(self, cap: f64) -> Self {
        Estimate { cap: Some(cap), ..self }
    }

    /// The same with what chance gives.
    #[must_use]
    pub fn with_shuffled(self, shuffled: f64) -> Self {
        Estimate { shuffled: Some(shuffled), ..self }
    }
}
