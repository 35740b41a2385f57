//! Generalisation: what is lost between training and test images, and how sure the test accuracy is.
//!
//! `gap_loss_nats` = test loss - training loss and `gap_accuracy` = training accuracy - test accuracy, both greater for
//! worse generalisation, on the fixed training snapshot; `test_accuracy` with its Wilson (1927) interval over test images.

use super::Metric;
use crate::entry::Entry;
use crate::error::Result;
use crate::learner::Snapshot;
use crate::num::wilson;
use crate::record::Reading;

struct Generalisation;

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "generalisation",
    summary: "gaps of loss and accuracy between training and test images; Wilson interval of the test accuracy",
    reference: "Wilson 1927",
    build: |_, ()| Ok(Box::new(Generalisation)),
};

impl Metric for Generalisation {
    fn compute(&self, snapshot: &Snapshot<'_>) -> Result<Vec<Reading>> {
        let (train, test) = (snapshot.scores.train, snapshot.scores.test);
        let right = (test.accuracy * test.images as f64).round();
        let reading = |name: &str, value, interval| Reading {
            metric: ENTRY.name.to_string(),
            name: name.to_string(),
            layer: None,
            value,
            interval,
        };
        Ok(vec![
            reading("gap_loss_nats", test.loss - train.loss, None),
            reading("gap_accuracy", train.accuracy - test.accuracy, None),
            reading("test_accuracy", test.accuracy, Some(wilson(right, test.images as f64))),
        ])
    }
}
