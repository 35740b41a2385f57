//! `learning-curves`: accuracy against training images, by subset and background.

use super::curves::{figure, Against};
use super::figure::FigureData;
use super::Figure;
use crate::entry::Entry;
use crate::record::RunRecords;

/// The row of this figure.
pub const ENTRY: Entry<dyn Figure> = Entry {
    name: "learning-curves",
    summary: "Accuracy on train and test against training images, one panel for each subset and background",
    reference: "this project",
    build: |_, ()| Ok(Box::new(LearningCurves)),
};

struct LearningCurves;

impl Figure for LearningCurves {
    fn draw_from(&self, runs: &[RunRecords]) -> Option<FigureData> {
        let against = Against {
            label: "Training images (forward passes), log scale",
            word: "training images",
            position: |_, evaluation| Some(evaluation.cost.images as f64),
        };
        figure(runs, &against)
    }
}
