//! Two learners in one number at one moment.

use super::moment::Moment;
use super::paired::Paired;
use super::quantity::{Absent, Quantity};
use crate::num::mean;
use crate::record::RunRecords;

/// Two learners in one number at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// When.
    pub moment: Moment,
    /// In what.
    pub quantity: Quantity,
    /// Its unit; `1` is a plain number.
    pub unit: String,
    /// Seed and the numbers of both, for each pair that has both.
    pub pairs: Vec<(u64, [f64; 2])>,
    /// What the networks of the pairs really have of that which is matched, in the mean: training loss, multiply-accumulates
    /// or seconds. They are as equal as evaluations are dense. NaN without a pair, and at the end, where nothing is matched.
    pub reached: [f64; 2],
    /// What the pairs say.
    pub paired: Paired,
    /// The p-value after Holm's correction for the whole family; NaN without a pair.
    pub p_holm: f64,
    /// Runs of each, of the finished pairs, that never came to the moment.
    pub never_reached: [usize; 2],
    /// Runs of each that were there, but this was not measured.
    pub not_measured: [usize; 2],
    /// Runs of each whose number is not finite.
    pub not_finite: [usize; 2],
}

impl Row {
    /// `None` where it was measured of no run.
    pub(super) fn of(moment: Moment, quantity: &Quantity, runs: &[(u64, [&RunRecords; 2])]) -> Option<Self> {
        let (mut pairs, mut absent, mut reached) = (Vec::new(), [[0; 2]; 3], [const { Vec::new() }; 2]);
        let matched = Quantity::matched_at(moment.at());
        for (seed, both) in runs {
            let values = both.map(|run| quantity.value(run, moment));
            for (side, value) in values.iter().enumerate() {
                match value {
                    Err(Absent::NeverReached) => absent[0][side] += 1,
                    Err(Absent::NotMeasured) => absent[1][side] += 1,
                    Err(Absent::NotFinite) => absent[2][side] += 1,
                    Ok(_) => {}
                }
            }
            if let [Ok(first), Ok(second)] = values {
                pairs.push((*seed, [first, second]));
                let had =
                    |run| matched.as_ref().map_or(f64::NAN, |matched| matched.value(run, moment).unwrap_or(f64::NAN));
                reached.iter_mut().zip(both).for_each(|(reached, run)| reached.push(had(run)));
            }
        }
        let [never_reached, not_measured, not_finite] = absent;
        if not_measured == [runs.len(); 2] {
            return None;
        }
        let numbers: Vec<[f64; 2]> = pairs.iter().map(|(_, values)| *values).collect();
        Some(Row {
            moment,
            quantity: quantity.clone(),
            unit: quantity.unit(runs.iter().flat_map(|(_, both)| both.iter().copied())),
            reached: reached.map(|reached| mean(&reached)),
            paired: Paired::of(&numbers),
            p_holm: f64::NAN,
            pairs,
            never_reached,
            not_measured,
            not_finite,
        })
    }

    /// Runs of each that have no number here, for whatever reason.
    pub fn absent(&self) -> [usize; 2] {
        [0, 1].map(|i| self.never_reached[i] + self.not_measured[i] + self.not_finite[i])
    }
}
