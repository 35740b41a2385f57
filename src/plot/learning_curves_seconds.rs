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

#[cfg(test)]
mod tests {
    use super::super::figure::{Dash, Mark};
    use super::super::fixture::{evaluate, figure, run};
    use crate::record::{Background, Lap, Method};

    #[test]
    fn seconds_are_matched_by_step_and_the_last_lap_of_a_step_counts() {
        let mut only = run(Method::Backprop, Background::Random, ("classifier", 10), 0);
        for (step, seconds, accuracy) in [(1, 0.5, 0.1), (2, 1.0, 0.2), (4, 2.0, 0.4)] {
            evaluate(&mut only, step, 100, seconds, accuracy, accuracy);
        }
        only.laps.remove(1);
        let again = Lap { seconds: 7.0, ..only.laps[1] };
        only.laps.push(again);
        let figure = figure("learning-curves-seconds").draw_from(&[only]).unwrap();
        let test = figure.panels[0].series.iter().find_map(|series| match &series.mark {
            Mark::Line(Dash::Solid, lines) => Some(lines.clone()),
            _ => None,
        });
        assert_eq!(test.unwrap(), [[[0.5, 0.1], [7.0, 0.4]]]);
    }
}
