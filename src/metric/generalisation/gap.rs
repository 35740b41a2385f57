//! Loss and accuracy on both sides, and what is lost between training and test images.
//!
//! `gap` of the loss = test loss - training loss and of the accuracy = training accuracy - test accuracy, both greater for
//! worse generalisation, on the fixed training snapshot. Accuracies have their Wilson (1927) interval over images, the test
//! loss a bootstrap interval (BCa, Efron 1987).
//!
//! `predicted_entropy` is that of the classes that test images are assigned to: an untrained network can put most into one
//! class (Francazi et al. 2024), whose decision region is then huge and means nothing.
//!
//! Where other learners have reached the same landmark, the same images compare them: differences (this network less the
//! other) with paired bootstrap intervals, and McNemar's test of equal accuracies.

use super::judged::{judge_batch, judge_split};
use crate::data::Split;
use crate::engine::Probe;
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::accuracy::{discordant, right};
use crate::estimator::bootstrap::{Resamples, RESAMPLES};
use crate::estimator::classified::{predicted, Classified};
use crate::estimator::nll::{nll_nats, surprise_nats};
use crate::metric::{Measured, Metric, Size, Subject, When};
use crate::num::{mean, wilson, McNemar};
use crate::record::{Reading, Score};

struct Gap {
    resamples: usize,
}

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "gap",
    summary: "loss and accuracy with intervals, the gaps between training and test, and comparisons of learners",
    reference: "Wilson 1927; Efron 1987; McNemar 1947",
    build: |params, ()| {
        let resamples = params.integer("resamples", Some(RESAMPLES as u64), 1..=1_000_000) as usize;
        Ok(Box::new(Gap { resamples }))
    },
};

impl Metric for Gap {
    fn when(&self) -> When {
        When::Always
    }

    fn macs(&self, size: &Size) -> f64 {
        size.forward * (size.images + size.snapshot) as f64
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let scores = subject.snapshot.scores;
        let (train, test) = (scores.train, scores.test);
        let own = judge_split(subject, subject.probe, Split::Test)?;
        let losses = own.each(surprise_nats);
        let resamples = Resamples { n: losses.len(), times: self.resamples, seed: subject.seed.child("gap") };
        let [of_train, of_test] = [judge_batch(subject.probe, subject.train)?, own.clone()]
            .map(|samples| nll_nats(&samples).se.unwrap_or(f64::NAN));
        let mut measured = Measured::default();
        for (split, score, se) in [("train", train, of_train), ("test", test, of_test)] {
            let Score { loss, accuracy, images } = score;
            let n = images as usize;
            let interval = wilson((accuracy * images as f64).round(), images as f64);
            let loss = Reading::new("loss", loss, "nats", n).of(split).se(se);
            measured.push(if split == "test" { loss.interval(resamples.mean_interval(&losses, 0.95)) } else { loss });
            let accuracy = Reading::new("accuracy", accuracy, "1", n).of(split).se(binomial_se(&score));
            measured.push(accuracy.interval(interval));
        }
        let n = test.images as usize;
        let loss = Reading::new("gap", test.loss - train.loss, "nats", n).of("loss");
        measured.push(loss.se(of_train.hypot(of_test)));
        let accuracy = Reading::new("gap", train.accuracy - test.accuracy, "1", n).of("accuracy");
        measured.push(accuracy.se(binomial_se(&train).hypot(binomial_se(&test))));
        let entropy = Reading::new("predicted_entropy", predicted_entropy_bits(&own), "bits", own.samples());
        measured.push(entropy.of("test").cap((own.classes() as f64).log2()));
        for peer in subject.peers {
            compare(subject, &peer.probe, &peer.learner, &own, &resamples, &mut measured)?;
        }
        Ok(measured)
    }
}

/// The standard error of an accuracy.
fn binomial_se(score: &Score) -> f64 {
    (score.accuracy * (1.0 - score.accuracy) / score.images as f64).sqrt()
}

/// Entropy of the classes that samples are assigned to, bits. NaN where a sample is assigned to none.
fn predicted_entropy_bits(samples: &Classified) -> f64 {
    let mut counts = vec![0u64; samples.classes()];
    for (row, _) in samples.rows() {
        let Some(class) = predicted(row) else { return f64::NAN };
        counts[class] += 1;
    }
    let share = |count: u64| count as f64 / samples.samples() as f64;
    // Positive zero for a single class.
    counts.into_iter().filter(|count| *count > 0).map(|count| share(count) * -share(count).log2()).sum::<f64>() + 0.0
}

/// Adds how the network stands to another one on the same test images.
fn compare(
    subject: &Subject<'_>,
    other: &Probe,
    name: &str,
    own: &Classified,
    resamples: &Resamples,
    measured: &mut Measured,
) -> Result<()> {
    let other = judge_split(subject, other, Split::Test)?;
    let n = own.samples();
    for (what, unit, score) in [("accuracy", "1", right as fn(&[f64], usize) -> f64), ("loss", "nats", surprise_nats)] {
        let differences: Vec<f64> =
            own.each(score).iter().zip(other.each(score)).map(|(own, other)| own - other).collect();
        let reading = Reading::new(&format!("{what}_difference"), mean(&differences), unit, n).of(name);
        measured.push(reading.interval(resamples.mean_interval(&differences, 0.95)));
    }
    let [only_own, only_other] = discordant(&own.each(right), &other.each(right));
    let test = McNemar::of(only_own, only_other);
    let count = |what: &str, count: u64| Reading::new(what, count as f64, "images", n).of(name);
    measured.push(count("right_here_alone", only_own));
    measured.push(count("right_there_alone", only_other));
    let p = |what: &str, p: f64| Reading::new(what, p, "1", (only_own + only_other) as usize).of(name);
    measured.push(p("mcnemar_p", test.corrected));
    measured.push(p("mcnemar_p_exact", test.exact));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_classes_in_equal_parts_are_one_bit_and_one_class_is_none() {
        let samples = |rows: &[[f64; 3]]| Classified::new(rows.concat(), vec![0; rows.len()]).unwrap();
        let (first, second) = ([2.0, 1.0, 0.0], [0.0, 1.0, 0.5]);
        assert_eq!(predicted_entropy_bits(&samples(&[first, second, first, second])), 1.0);
        assert_eq!(predicted_entropy_bits(&samples(&[first, first])), 0.0);
        let quarter = predicted_entropy_bits(&samples(&[first, first, first, second]));
        assert!((quarter - 0.811_278_124_459_132_9).abs() < 1e-12, "{quarter}");
        assert!(predicted_entropy_bits(&samples(&[first, [f64::NAN; 3]])).is_nan());
    }
}
