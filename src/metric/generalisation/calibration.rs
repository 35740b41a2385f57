//! Whether a network is as often right as it says it is: expected calibration error with the floor that chance sets, Brier
//! score, and by how much the confidence exceeds the accuracy, on all test images.
//!
//! They depend on the scale of the logits, as radii and accuracies do not: evolution on the error alone leaves that scale to
//! chance.

use super::judged::judge_split;
use crate::data::Split;
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::brier::brier;
use crate::estimator::ece::{confidence, ece, ece_floor, BINS};
use crate::metric::{Measured, Metric, Size, Subject, When};
use crate::num::{mean, sd};
use crate::record::Reading;

struct Calibration {
    bins: usize,
}

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "calibration",
    summary: "expected calibration error with its floor, Brier score, confidence above accuracy; `bins` = 15",
    reference: "Guo et al. 2017; Brier 1950",
    build: |params, ()| {
        let bins = params.integer("bins", Some(BINS as u64), 1..=10_000) as usize;
        Ok(Box::new(Calibration { bins }))
    },
};

impl Metric for Calibration {
    fn when(&self) -> When {
        When::Landmarks
    }

    fn macs(&self, size: &Size) -> f64 {
        size.forward * size.images as f64
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let samples = judge_split(subject, subject.probe, Split::Test)?;
        let n = samples.samples();
        let (confidences, right): (Vec<f64>, Vec<f64>) =
            samples.rows().map(|(row, label)| confidence(row, label)).unzip();
        let brier = brier(&samples);
        let above: Vec<f64> = confidences.iter().zip(&right).map(|(confidence, right)| confidence - right).collect();
        let spread = |values: &[f64]| sd(values) / (n as f64).sqrt();
        let mut measured = Measured::default();
        let error = Reading::new("ece", ece(&confidences, &right, self.bins), "1", n);
        measured.push(error.shuffled(ece_floor(&confidences, self.bins)).cap(1.0));
        let score = Reading::new("brier", brier.value, "1", n).se(brier.se.unwrap_or(f64::NAN));
        measured.push(score.shuffled(brier.shuffled.unwrap_or(f64::NAN)).cap(2.0));
        measured.push(Reading::new("confidence", mean(&confidences), "1", n).se(spread(&confidences)).cap(1.0));
        measured.push(Reading::new("overconfidence", mean(&above), "1", n).se(spread(&above)));
        Ok(measured)
    }
}
