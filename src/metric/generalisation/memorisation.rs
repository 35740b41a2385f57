//! What a network has learned by heart, where the labels of training images are noisy (Zhang et al. 2017).
//!
//! A training image whose label is not the true one cannot be got right by what generalises: `memorised` is the share of these
//! that are assigned to their false label, `restored` the share assigned to the true one in spite of it. Memorised
//! information is `sum_i (log2 K + log2 p(label_i))` over the mislabelled images that are looked at, what their labels
//! cost less than at chance: below 0 where the network is sure of something else. A linear threshold unit can store two
//! patterns a weight (Cover 1965): a bound for the bits of a trained number to be seen beside.
//!
//! Compare learners at the same training loss: not to fit noise for want of training is no virtue.

use super::judged::{judge, judge_split};
use crate::data::Split;
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::accuracy::right;
use crate::estimator::classified::Classified;
use crate::estimator::nll::surprise_nats;
use crate::metric::{Measured, Metric, Size, Subject, When};
use crate::num::wilson;
use crate::record::Reading;

/// Training images by default: all of the sets that come with the program.
const IMAGES: u64 = 60_000;

struct Memorisation {
    images: usize,
}

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "memorisation",
    summary: "with noisy labels: training accuracy on clean and false labels, memorised bits; `images` = 60000",
    reference: "Zhang et al. 2017",
    build: |params, ()| {
        let images = params.integer("images", Some(IMAGES), 1..=u64::MAX) as usize;
        Ok(Box::new(Memorisation { images }))
    },
};

impl Metric for Memorisation {
    fn when(&self) -> When {
        When::Landmarks
    }

    fn macs(&self, size: &Size) -> f64 {
        size.forward * (self.images + size.images) as f64
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let data = &subject.task.data;
        if !data.has_label_noise() {
            return Ok(Measured::missing("all labels are true: `label_noise` of `[data]` makes some of them false"));
        }
        let n = self.images.min(data.len(Split::Train));
        let samples = judge(subject.probe, n, |range| data.range(Split::Train, range))?;
        let truth: Vec<usize> = data.true_labels(Split::Train)[..n].iter().map(|label| usize::from(*label)).collect();
        let found = Found::of(&samples, &truth);
        let test = judge_split(subject, subject.probe, Split::Test)?.each(right);
        let chance = 1.0 / samples.classes() as f64;
        let share = |name: &str, of: &str, hits: &[f64]| {
            let (hit, n) = (hits.iter().sum::<f64>(), hits.len());
            Reading::new(name, hit / n as f64, "1", n).of(of).interval(wilson(hit, n as f64)).shuffled(chance)
        };
        let bits = |name: &str, bits: f64| Reading::new(name, bits, "bits", found.memorised.len()).of("mislabelled");
        let trained = subject.task.start.genes() as f64;
        Ok(Measured::from(vec![
            share("accuracy", "clean", &found.clean),
            share("memorised", "mislabelled", &found.memorised),
            share("restored", "mislabelled", &found.restored),
            share("accuracy", "test", &test),
            bits("memorised_information", found.bits),
            bits("memorised_information_by_trained_number", found.bits / trained),
        ]))
    }
}

/// What became of training images.
#[derive(Debug, PartialEq)]
struct Found {
    /// Of those whose label is true: 1 where it is predicted.
    clean: Vec<f64>,
    /// Of the others: 1 where the false label is predicted.
    memorised: Vec<f64>,
    /// 1 where the true one is.
    restored: Vec<f64>,
    /// What the false labels cost less than at chance, all together.
    bits: f64,
}

impl Found {
    fn of(samples: &Classified, truth: &[usize]) -> Self {
        let mut found = Found { clean: Vec::new(), memorised: Vec::new(), restored: Vec::new(), bits: 0.0 };
        let chance = (samples.classes() as f64).log2();
        for ((row, label), truth) in samples.rows().zip(truth) {
            if label == *truth {
                found.clean.push(right(row, label));
            } else {
                found.memorised.push(right(row, label));
                found.restored.push(right(row, *truth));
                found.bits += chance - surprise_nats(row, label) / std::f64::consts::LN_2;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn false_labels_are_memorised_or_restored_and_the_rest_is_clean() {
        // ln 3 more than the other two: probabilities of 3/5, 1/5, 1/5.
        let sure = |class: usize| (0..3).map(|i| if i == class { 3f64.ln() } else { 0.0 }).collect::<Vec<f64>>();
        let logits = [sure(0), sure(1), sure(1), sure(2), sure(0)].concat();
        let samples = Classified::new(logits, vec![0, 0, 1, 1, 1]).unwrap();
        let found = Found::of(&samples, &[0, 0, 2, 2, 2]);
        assert_eq!(found.clean, [1.0, 0.0]);
        assert_eq!((&found.memorised[..], &found.restored[..]), (&[1.0, 0.0, 0.0][..], &[0.0, 1.0, 0.0][..]));
        // log2 3 + log2 p for p = 3/5, 1/5, 1/5.
        let expected = 3.0 * 3f64.log2() + 0.6f64.log2() + 2.0 * 0.2f64.log2();
        assert!((found.bits - expected).abs() < 1e-12, "{}", found.bits);
    }

    #[test]
    fn chance_memorises_nothing() {
        let samples = Classified::new(vec![0.0; 40], vec![1; 10]).unwrap();
        assert!(Found::of(&samples, &[0; 10]).bits.abs() < 1e-12);
    }
}
