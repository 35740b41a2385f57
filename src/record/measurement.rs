//! What metrics say of a network: numbers in long form, one a line.
//!
//! A file holds what was measured of one network: first the moment, then for each metric a line with its parameters and
//! behind it its readings. Nothing in it depends on the clock or the machine.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{number, Cost, Scores};
use crate::state::Array;

/// A line of a file of measurements.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum MeasurementLine {
    /// The first line: which network.
    Moment {
        /// [`super::FORMAT`] at the time of writing.
        format: u32,
        /// Cost of the run at this moment.
        #[serde(flatten)]
        cost: Cost,
        /// Loss and accuracy.
        #[serde(flatten)]
        scores: Scores,
    },
    /// A metric was computed; its readings follow.
    Metric {
        /// Its registry name.
        metric: String,
        /// Its parameters with all defaults, TOML.
        parameters: String,
        /// Why there are no readings, where the network or the run does not have what the metric needs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        missing: Option<String>,
    },
    /// One number.
    Reading(Reading),
    /// The last line.
    End {
        /// CRC-32 of all bytes before this line, as eight hex digits.
        crc: String,
    },
}

/// What metrics said of one network of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// Cost of the run at this moment.
    pub cost: Cost,
    /// Loss and accuracy.
    pub scores: Scores,
    /// The numbers, metric by metric.
    pub readings: Vec<Reading>,
    /// The arrays that pictures are made of, by metric, each by its name.
    pub arrays: BTreeMap<String, BTreeMap<String, Array>>,
}

impl Measurement {
    /// The numbers of that name of a metric, in the order of the metric.
    pub fn of<'a>(&'a self, metric: &'a str, name: &'a str) -> impl Iterator<Item = &'a Reading> {
        self.readings.iter().filter(move |reading| reading.metric == metric && reading.name == name)
    }
}

/// Before or behind a non-linearity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// What goes into it.
    Pre,
    /// What comes out of it.
    Post,
}

/// One number of a metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The metric's registry name.
    pub metric: String,
    /// Which of its numbers, as in `error`.
    pub name: String,
    /// Of what, where there is one for each of several things, as in `gaussian-noise`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// Place on the axis, where it is a point of a curve: a severity, a standard deviation, a lag.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional")]
    pub at: Option<f64>,
    /// Layer it belongs to, where it belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// On which side of the layer's non-linearity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Side>,
    /// The number.
    #[serde(with = "number")]
    pub value: f64,
    /// Its unit, as in `bits`; `1` for a plain number.
    pub unit: String,
    /// Its standard error.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional")]
    pub se: Option<f64>,
    /// Lower and upper end of its 95 % interval.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "pair")]
    pub interval: Option<[f64; 2]>,
    /// So many samples it is made of.
    pub n: u64,
    /// The most that it can be on so many samples.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional")]
    pub cap: Option<f64>,
    /// The same number of the untrained network.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional")]
    pub init: Option<f64>,
    /// The same number with labels or rows permuted: what chance gives.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional")]
    pub shuffled: Option<f64>,
}

impl Reading {
    /// A number of `n` samples, of a metric that is filled in by whoever computes metrics.
    pub fn new(name: &str, value: f64, unit: &str, n: usize) -> Self {
        Reading {
            metric: String::new(),
            name: name.to_string(),
            of: None,
            at: None,
            layer: None,
            position: None,
            value,
            unit: unit.to_string(),
            se: None,
            interval: None,
            n: n as u64,
            cap: None,
            init: None,
            shuffled: None,
        }
    }

    /// Of what.
    #[must_use]
    pub fn of(self, of: impl Into<String>) -> Self {
        Reading { of: Some(of.into()), ..self }
    }

    /// Place on the axis.
    #[must_use]
    pub fn at(self, at: f64) -> Self {
        Reading { at: Some(at), ..self }
    }

    /// Of a layer.
    #[must_use]
    pub fn layer(self, layer: &str) -> Self {
        Reading { layer: Some(layer.to_string()), ..self }
    }

    /// Of one side of a layer.
    #[must_use]
    pub fn side(self, layer: &str, side: Side) -> Self {
        Reading { position: Some(side), ..self.layer(layer) }
    }

    /// With a standard error.
    #[must_use]
    pub fn se(self, se: f64) -> Self {
        Reading { se: Some(se), ..self }
    }

    /// With a 95 % interval.
    #[must_use]
    pub fn interval(self, interval: [f64; 2]) -> Self {
        Reading { interval: Some(interval), ..self }
    }

    /// With the most that it can be.
    #[must_use]
    pub fn cap(self, cap: f64) -> Self {
        Reading { cap: Some(cap), ..self }
    }

    /// With what chance gives.
    #[must_use]
    pub fn shuffled(self, shuffled: f64) -> Self {
        Reading { shuffled: Some(shuffled), ..self }
    }

    /// Whether it is the same number of another network: all but value and companions are equal.
    pub fn is_of(&self, other: &Reading) -> bool {
        let key = |r: &Reading| (r.metric.clone(), r.name.clone(), r.of.clone(), r.layer.clone(), r.position);
        key(self) == key(other) && self.at.map(f64::to_bits) == other.at.map(f64::to_bits)
    }
}

/// An f64 that may be missing.
mod optional {
    use super::number;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Number(#[serde(with = "number")] f64);

    pub fn serialize<S: Serializer>(x: &Option<f64>, s: S) -> Result<S::Ok, S::Error> {
        x.map(Number).serialize(s)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<f64>, D::Error> {
        Ok(Option::<Number>::deserialize(d)?.map(|x| x.0))
    }
}

/// An interval that may be missing.
mod pair {
    use super::number;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Number(#[serde(with = "number")] f64);

    pub fn serialize<S: Serializer>(pair: &Option<[f64; 2]>, s: S) -> Result<S::Ok, S::Error> {
        pair.map(|ends| ends.map(Number)).serialize(s)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<[f64; 2]>, D::Error> {
        Ok(Option::<[Number; 2]>::deserialize(d)?.map(|ends| ends.map(|end| end.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_comes_back_from_its_line_bit_for_bit() {
        let plain = Reading::new("error", 0.1 + 0.2, "1", 2_000);
        let full = Reading::new("information", f64::INFINITY, "bits", 7)
            .of("kappa")
            .at(f64::NEG_INFINITY)
            .side("relu1", Side::Post)
            .se(1e-300)
            .interval([f64::NEG_INFINITY, 3.0])
            .cap(11.0)
            .shuffled(0.25);
        for reading in [plain.clone(), full] {
            let line = serde_json::to_string(&MeasurementLine::Reading(reading.clone())).unwrap();
            let back: MeasurementLine = serde_json::from_str(&line).unwrap();
            assert_eq!(back, MeasurementLine::Reading(reading), "{line}");
        }
        let line = serde_json::to_string(&plain).unwrap();
        assert_eq!(line, r#"{"metric":"","name":"error","value":0.30000000000000004,"unit":"1","n":2000}"#);
    }

    #[test]
    fn numbers_are_found_by_metric_and_name() {
        let reading = |metric: &str, name: &str, value| Reading {
            metric: metric.to_string(),
            ..Reading::new(name, value, "1", 9)
        };
        let score = crate::record::Score { loss: 1.0, accuracy: 0.5, images: 9 };
        let measurement = Measurement {
            cost: Cost::default(),
            scores: Scores { train: score, validation: score, test: score },
            readings: vec![
                reading("radii", "median", 1.0),
                reading("gap", "median", 2.0),
                reading("radii", "mean", 3.0),
                reading("radii", "median", 4.0),
            ],
            arrays: BTreeMap::new(),
        };
        assert_eq!(measurement.of("radii", "median").map(|r| r.value).collect::<Vec<_>>(), [1.0, 4.0]);
    }

    #[test]
    fn readings_of_two_networks_are_told_from_readings_of_two_things() {
        let one = Reading::new("error", 0.1, "1", 9).of("contrast").at(1.0).layer("conv1");
        assert!(one.is_of(&Reading { value: 0.7, init: Some(0.1), ..one.clone() }));
        let others = [
            Reading { name: "loss".into(), ..one.clone() },
            Reading { of: None, ..one.clone() },
            Reading { at: Some(2.0), ..one.clone() },
            Reading { layer: None, ..one.clone() },
            Reading { position: Some(Side::Pre), ..one.clone() },
        ];
        assert!(others.iter().all(|other| !one.is_of(other)));
    }
}
