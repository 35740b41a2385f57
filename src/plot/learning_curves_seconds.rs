//! `learning-curves-seconds`: accuracy against seconds of training, by subset and background.

use super::curves::{figure, Against};
use super::figure::FigureData;
use super::Figure;
use crate::entry::Entry;
use crate::record::RunRecords;

/// The row of this figure.
pub const ENTRY: Entry<dyn Figure> = Entry {
    name: "learning-curves-seconds",
    summary: "Accuracy on train and test against seconds of training, one panel for each subset and background",
    reference: "this project",
    build: |_, ()| Ok(Box::new(LearningCurvesSeconds)),
};

struct LearningCurvesSeconds;

impl Figure for LearningCurvesSeconds {
    fn draw_from(&self, runs: &[RunRecords]) -> Option<FigureData> {
        let against = Against {
            label: "Training time (seconds, evaluations apart), log scale",
            word: "training time",
            position: |run, evaluation| {
                // A run that was continued may have done a step twice: the last time counts.
                let lap = run.laps.iter().rev().find(|lap| lap.step == evaluation.cost.step);
                lap.map(|lap| lap.seconds)
            },
        };
        figure(runs, &against)
    }
}
