//! What learners are compared in: numbers of an evaluation, costs, and any number that a metric gave.

use std::cmp::Ordering;
use std::fmt;

use super::moment::{seconds, At, Moment};
use crate::record::{Reading, RunRecords, Score, Scores, Side};

/// One number of a run at a moment.
#[derive(Clone, Debug, PartialEq)]
pub enum Quantity {
    /// A number that every run has.
    Plain(Plain),
    /// A number that a metric gave.
    Measured(Key),
}

/// Numbers that every run has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plain {
    /// Test accuracy.
    TestAccuracy,
    /// Test loss.
    TestLoss,
    /// Training accuracy minus test accuracy.
    AccuracyGap,
    /// Test loss minus training loss.
    LossGap,
    /// Test accuracy of the network with the least validation loss of the whole run; at the end alone.
    ChosenTestAccuracy,
    /// Accuracy on the training snapshot.
    TrainAccuracy,
    /// Loss on the training snapshot.
    TrainLoss,
    /// Validation accuracy.
    ValidationAccuracy,
    /// Validation loss.
    ValidationLoss,
    /// Steps up to the evaluation.
    Steps,
    /// Forward passes of one image up to it.
    Images,
    /// Multiply-accumulates up to it.
    Macs,
    /// Seconds of training up to it.
    Seconds,
}

/// Which number of a metric: all that tells its readings of one network apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The metric's name.
    pub metric: String,
    /// Which of its numbers.
    pub name: String,
    /// Of what.
    pub of: Option<String>,
    /// Place on the axis.
    pub at: Option<f64>,
    /// Its layer.
    pub layer: Option<String>,
    /// Before or behind the layer's non-linearity.
    pub position: Option<Side>,
}

/// Why a run has no number at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absent {
    /// It never came there.
    NeverReached,
    /// It came there, but this was not measured.
    NotMeasured,
    /// It is no finite number.
    NotFinite,
}

impl Plain {
    /// All.
    pub const ALL: [Plain; 13] = [
        Plain::TestAccuracy,
        Plain::TestLoss,
        Plain::AccuracyGap,
        Plain::LossGap,
        Plain::ChosenTestAccuracy,
        Plain::TrainAccuracy,
        Plain::TrainLoss,
        Plain::ValidationAccuracy,
        Plain::ValidationLoss,
        Plain::Steps,
        Plain::Images,
        Plain::Macs,
        Plain::Seconds,
    ];

    /// The word in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Plain::TestAccuracy => "test-accuracy",
            Plain::TestLoss => "test-loss",
            Plain::AccuracyGap => "accuracy-gap",
            Plain::LossGap => "loss-gap",
            Plain::ChosenTestAccuracy => "chosen-test-accuracy",
            Plain::TrainAccuracy => "train-accuracy",
            Plain::TrainLoss => "train-loss",
            Plain::ValidationAccuracy => "validation-accuracy",
            Plain::ValidationLoss => "validation-loss",
            Plain::Steps => "steps",
            Plain::Images => "images",
            Plain::Macs => "macs",
            Plain::Seconds => "seconds",
        }
    }

    /// Its unit; `1` is a share, 0 to 1.
    pub fn unit(self) -> &'static str {
        match self {
            Plain::TestLoss | Plain::LossGap | Plain::TrainLoss | Plain::ValidationLoss => "nats",
            Plain::Steps => "steps",
            Plain::Images => "images",
            Plain::Macs => "MACs",
            Plain::Seconds => "s",
            _ => "1",
        }
    }

    /// Whether it is a share of images.
    pub fn is_share(self) -> bool {
        self.unit() == "1"
    }

    fn value(self, run: &RunRecords, step: u64, at_end: bool) -> Option<f64> {
        let end = run.end.as_ref()?;
        let (cost, scores) = match at_end {
            true => (end.cost, end.last),
            false => run.evaluations.iter().find(|at| at.cost.step == step).map(|at| (at.cost, at.scores))?,
        };
        let Scores { train, validation, test } = scores;
        let accuracy = |score: Score| Some(score.accuracy);
        let loss = |score: Score| Some(score.loss);
        match self {
            Plain::TestAccuracy => accuracy(test),
            Plain::TestLoss => loss(test),
            Plain::AccuracyGap => Some(train.accuracy - test.accuracy),
            Plain::LossGap => Some(test.loss - train.loss),
            Plain::ChosenTestAccuracy => accuracy(end.best_by_validation.test),
            Plain::TrainAccuracy => accuracy(train),
            Plain::TrainLoss => loss(train),
            Plain::ValidationAccuracy => accuracy(validation),
            Plain::ValidationLoss => loss(validation),
            Plain::Steps => Some(cost.step as f64),
            Plain::Images => Some(cost.images as f64),
            Plain::Macs => Some(cost.macs as f64),
            Plain::Seconds => seconds(run, cost.step),
        }
    }
}

impl Key {
    /// Which number a reading is.
    pub fn of(reading: &Reading) -> Self {
        let Reading { metric, name, of, at, layer, position, .. } = reading.clone();
        Key { metric, name, of, at, layer, position }
    }

    fn is_of(&self, reading: &Reading) -> bool {
        *self == Key::of(reading)
    }

    /// By metric, name and so on; places on an axis by number.
    pub(super) fn order(&self, other: &Key) -> Ordering {
        let key = |x: &Key| (x.metric.clone(), x.layer.clone(), x.position, x.name.clone(), x.of.clone());
        let at = |x: &Key| x.at.unwrap_or(f64::NEG_INFINITY);
        key(self).cmp(&key(other)).then(at(self).total_cmp(&at(other)))
    }
}

/// As it is asked for: `radii.median:of=random,at=0.5,layer=conv1,position=post`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |side| if side == Side::Pre { "pre" } else { "post" };
        let more = [
            self.of.as_ref().map(|of| format!("of={of}")),
            self.at.map(|at| format!("at={at}")),
            self.layer.as_ref().map(|layer| format!("layer={layer}")),
            self.position.map(|position| format!("position={}", side(position))),
        ];
        let more: Vec<String> = more.into_iter().flatten().collect();
        let colon = if more.is_empty() { "" } else { ":" };
        write!(f, "{}.{}{colon}{}", self.metric, self.name, more.join(","))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Quantity::Plain(plain) => f.write_str(plain.name()),
            Quantity::Measured(key) => key.fmt(f),
        }
    }
}

impl Quantity {
    /// Whether it has a meaning at such moments.
    pub(super) fn exists_at(&self, at: At) -> bool {
        *self != Quantity::Plain(Plain::ChosenTestAccuracy) || at == At::End
    }

    /// The number of a finished run at a moment.
    pub(super) fn value(&self, run: &RunRecords, moment: Moment) -> Result<f64, Absent> {
        // A run whose clock was never read is nowhere on the axis of seconds.
        if moment.at() == At::Seconds && run.laps.is_empty() {
            return Err(Absent::NotMeasured);
        }
        let step = moment.step(run).ok_or(Absent::NeverReached)?;
        let value = match self {
            Quantity::Plain(plain) => plain.value(run, step, moment.at() == At::End),
            Quantity::Measured(key) => {
                let there = run.measurements.iter().filter(|there| there.cost.step == step);
                there.flat_map(|there| &there.readings).rfind(|reading| key.is_of(reading)).map(|reading| reading.value)
            }
        };
        value.ok_or(Absent::NotMeasured).and_then(|x| if x.is_finite() { Ok(x) } else { Err(Absent::NotFinite) })
    }

    /// What is made equal at such moments; nothing is at the end.
    pub(super) fn matched_at(at: At) -> Option<Quantity> {
        match at {
            At::Loss => Some(Quantity::Plain(Plain::TrainLoss)),
            At::Macs => Some(Quantity::Plain(Plain::Macs)),
            At::Seconds => Some(Quantity::Plain(Plain::Seconds)),
            At::End => None,
        }
    }

    /// Its unit, as the runs have it; `1` is a plain number.
    pub(super) fn unit<'a>(&self, mut runs: impl Iterator<Item = &'a RunRecords>) -> String {
        match self {
            Quantity::Plain(plain) => plain.unit().to_string(),
            Quantity::Measured(key) => {
                let unit = |run: &'a RunRecords| {
                    let readings = run.measurements.iter().flat_map(|there| &there.readings);
                    readings.into_iter().find(|reading| key.is_of(reading)).map(|reading| reading.unit.clone())
                };
                runs.find_map(unit).unwrap_or_default()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{measure, run};
    use super::*;
    use crate::record::{Landmark, Method};

    const END: Moment = Moment::At(Landmark::End);

    #[test]
    fn plain_numbers_are_those_of_the_evaluation_at_the_moment() {
        let mut run = run("a", Method::Backprop, 1, &[(0, 2.0, 0.1), (3, 1.0, 0.4), (8, 0.5, 0.7)]);
        let end = run.end.as_mut().unwrap();
        end.best_by_validation.test.accuracy = 0.75;
        run.evaluations[1].scores.test.loss = 1.25;
        let value = |plain, moment| Quantity::Plain(plain).value(&run, moment).unwrap();
        let at_loss = Moment::At(Landmark::Loss(1.2));
        let expected = [0.4, 1.25, 0.1, 0.25, 0.75, 0.5, 1.0, 0.4, 1.0, 3.0, 12.0, 30.0, 1.5];
        for (plain, expected) in Plain::ALL.into_iter().zip(expected) {
            assert!((value(plain, at_loss) - expected).abs() < 1e-12, "{}", plain.name());
        }
        assert_eq!((value(Plain::TestAccuracy, END), value(Plain::Seconds, END)), (0.7, 4.0));
        assert_eq!(value(Plain::TestAccuracy, Moment::Macs(79)), 0.4);
        let gone = Quantity::Plain(Plain::TestLoss).value(&run, Moment::At(Landmark::Loss(0.4)));
        assert_eq!(gone, Err(Absent::NeverReached));
    }

    #[test]
    fn a_reading_is_that_of_the_step_with_all_of_its_keys() {
        let mut run = run("a", Method::Backprop, 1, &[(0, 2.0, 0.1), (8, 0.5, 0.7)]);
        measure(&mut run, 0, "radii", Reading::new("median", 1.0, "sd", 5).of("random"));
        measure(&mut run, 8, "radii", Reading::new("median", 2.0, "sd", 5).of("random"));
        measure(&mut run, 8, "radii", Reading::new("median", 3.0, "sd", 5).of("random").at(0.5));
        measure(&mut run, 8, "radii", Reading::new("empty", f64::NAN, "sd", 0));
        let read = |i: usize, j: usize| Quantity::Measured(Key::of(&run.measurements[i].readings[j]));
        assert_eq!(read(0, 0).value(&run, END), Ok(2.0));
        assert_eq!(read(1, 1).value(&run, END), Ok(3.0));
        assert_eq!(read(1, 1).value(&run, Moment::Macs(5)), Err(Absent::NotMeasured));
        assert_eq!(read(1, 2).value(&run, END), Err(Absent::NotFinite));
        assert_eq!(
            (read(1, 1).to_string(), read(1, 1).unit([&run].into_iter())),
            ("radii.median:of=random,at=0.5".to_string(), "sd".to_string())
        );
    }

    #[test]
    fn without_a_clock_seconds_are_not_measured() {
        let mut run = run("a", Method::Backprop, 1, &[(0, 2.0, 0.1), (8, 0.5, 0.7)]);
        run.laps.clear();
        let value = |plain, moment| Quantity::Plain(plain).value(&run, moment);
        assert_eq!(value(Plain::TestAccuracy, Moment::Seconds(1.0)), Err(Absent::NotMeasured));
        assert_eq!(value(Plain::Seconds, END), Err(Absent::NotMeasured));
    }
}
