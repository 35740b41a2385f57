//! Loss and accuracy on both sides, and what is lost between training and test images.
//!
//! `gap` of the loss = test loss - training loss and of the accuracy = training accuracy - test accuracy, both greater for worse
//! generalisation, on the fixed training snapshot; accuracies with their Wilson (1927) interval over images.

use crate::entry::Entry;
use crate::error::Result;
use crate::metric::{Measured, Metric, Size, Subject, When};
use crate::num::wilson;
use crate::record::{Reading, Score};

struct Gap;

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "gap",
    summary: "loss and accuracy on training and test images with intervals, and the gaps between them",
    reference: "Wilson 1927",
    build: |_, ()| Ok(Box::new(Gap)),
};

impl Metric for Gap {
    fn when(&self) -> When {
        When::Always
    }

    fn macs(&self, _: &Size) -> f64 {
        0.0
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let scores = subject.snapshot.scores;
        let (train, test) = (scores.train, scores.test);
        let mut measured = Measured::default();
        for (split, score) in [("train", train), ("test", test)] {
            let Score { loss, accuracy, images } = score;
            let n = images as usize;
            let interval = wilson((accuracy * images as f64).round(), images as f64);
            measured.push(Reading::new("loss", loss, "nats", n).of(split));
            measured.push(Reading::new("accuracy", accuracy, "1", n).of(split).interval(interval));
        }
        let n = test.images as usize;
        measured.push(Reading::new("gap", test.loss - train.loss, "nats", n).of("loss"));
        measured.push(Reading::new("gap", train.accuracy - test.accuracy, "1", n).of("accuracy"));
        Ok(measured)
    }
}
