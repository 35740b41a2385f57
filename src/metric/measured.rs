//! What a metric found.

use crate::record::Reading;
use crate::state::Array;

/// Numbers and arrays of one network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// The numbers.
    pub readings: Vec<Reading>,
    /// What pictures are made of, by name: labels of a plane, row after row.
    pub arrays: Vec<(String, Array)>,
    /// Why there are no numbers, where the network or the run does not have what they are made of.
    pub missing: Option<String>,
}

impl Measured {
    /// Nothing, and why.
    pub fn missing(because: impl Into<String>) -> Self {
        Measured { missing: Some(because.into()), ..Measured::default() }
    }

    /// Takes in a number.
    pub fn push(&mut self, reading: Reading) {
        self.readings.push(reading);
    }
}

impl From<Vec<Reading>> for Measured {
    fn from(readings: Vec<Reading>) -> Self {
        Measured { readings, ..Measured::default() }
    }
}
