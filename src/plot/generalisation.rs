//! `generalisation`: loss on training and test images, and the gap between them, in the course of training.

use super::arms::{key, range, summary, Arm, Arms};
use super::cases::{seeds, unfinished};
use super::figure::{pieces, Axis, Dash, FigureData, Mark, Panel, Role, Sample, Scale, Series, Shape};
use super::{Figure, Scope};
use crate::entry::Entry;
use crate::record::{Evaluation, RunRecords};

/// The row of this figure.
pub const ENTRY: Entry<dyn Figure> = Entry {
    name: "generalisation",
    summary: "Training and test loss against forward passes, and the gap in accuracy against the training loss",
    reference: "this project",
    build: |_, ()| Ok(Box::new(Generalisation)),
};

struct Generalisation;

/// The places that all runs of an arm have: x, mean, and the ends of its interval (NaN for one seed).
type Course = Vec<[f64; 4]>;

impl Figure for Generalisation {
    fn scope(&self) -> Scope {
        Scope::Cell
    }

    fn draw_from(&self, runs: &[RunRecords]) -> Option<FigureData> {
        let arms = Arms::unmeasured(runs);
        let images = |at: &[&Evaluation]| at.iter().map(|e| e.cost.images as f64).sum::<f64>() / at.len() as f64;
        let train_loss = |at: &[&Evaluation]| at.iter().map(|e| e.scores.train.loss).sum::<f64>() / at.len() as f64;
        let (mut losses, mut gaps) = (Vec::new(), Vec::new());
        for arm in arms.all() {
            let role = arm.role;
            let train = course(arm, images, |e| e.scores.train.loss);
            let test = course(arm, images, |e| e.scores.test.loss);
            losses.push(Series { role, mark: Mark::Band(pieces(test.iter().map(|at| [at[0], at[2], at[3]]))) });
            losses.push(line(role, Dash::Dashed, &train));
            losses.push(line(role, Dash::Solid, &test));
            let gap = course(arm, train_loss, |e| e.scores.train.accuracy - e.scores.test.accuracy);
            gaps.push(Series { role, mark: Mark::Band(pieces(gap.iter().map(|at| [at[0], at[2], at[3]]))) });
            gaps.push(line(role, Dash::Solid, &gap));
        }
        let places = |series: &[Series]| -> Vec<f64> {
            let across = |series: &Series| match &series.mark {
                Mark::Line(_, lines) => lines.iter().flatten().map(|at| at[0]).collect(),
                _ => Vec::new(),
            };
            series.iter().flat_map(across).collect()
        };
        let heights = |series: &[Series]| series.iter().flat_map(Series::heights).collect::<Vec<f64>>();
        let panel = |column: usize, heading: &str, x: Axis, y: Axis, series: Vec<Series>| {
            let (heading, note, side) = (heading.to_string(), String::new(), String::new());
            Panel { row: 0, column, heading, note, side, x, y, series }
        };
        let log = |label: &str, range| Axis { label: label.to_string(), scale: Scale::Log, range };
        let left = panel(
            0,
            "Loss in the course of training",
            log("Forward passes (log scale)", range(places(&losses), true)?),
            log("Loss (nats, log scale)", range(heights(&losses), true)?),
            losses,
        );
        gaps.insert(0, Series { role: Role::Reference, mark: Mark::Level(Dash::Dashed, 0.0) });
        let right = panel(
            1,
            "Gap at equal training loss",
            log("Training loss (nats, log scale)", range(places(&gaps), true)?),
            Axis {
                label: "Training - test accuracy".to_string(),
                scale: Scale::Percent,
                range: range(heights(&gaps), false)?,
            },
            gaps,
        );
        let mut legend = arms.keys(|_| Sample::Line(Dash::Solid, None));
        legend.push(key("test", Role::Any, Sample::Line(Dash::Solid, None)));
        legend.push(key("training", Role::Any, Sample::Line(Dash::Dashed, None)));
        legend.push(key("95 % interval", Role::Any, Sample::Band));
        let counts: Vec<usize> = arms.all().map(|arm| arm.runs.len()).collect();
        let caption = format!(
            "Left: loss on test images (solid) and on a fixed snapshot of the training images (dashed), in evaluation mode. Right: how much better each learner \
             is on training images than on test images where it has learned equally much; training goes from right to left, and \
             below the dashed line test images are the easier ones. Lines: means over {}; bands: 95 % Student t interval.{}",
            seeds(counts.into_iter()),
            unfinished(runs),
        );
        let title = format!("Generalisation: {}", arms.setting());
        Some(FigureData { title, caption, panels: vec![left, right], legend, ramp: None, shape: Shape::Wide })
    }
}

/// The mean of a value over the runs of an arm at each step after the start that all of them were evaluated at.
fn course(arm: &Arm<'_>, x: impl Fn(&[&Evaluation]) -> f64, value: impl Fn(&Evaluation) -> f64) -> Course {
    let Some(first) = arm.runs.first() else { return Vec::new() };
    let at = |step: u64| -> Option<Vec<&Evaluation>> {
        arm.runs.iter().map(|run| run.evaluations.iter().find(|e| e.cost.step == step)).collect()
    };
    let place = |here: Vec<&Evaluation>| {
        let mean = summary(here.iter().map(|e| value(e))).filter(|mean| mean.n == here.len())?;
        let [low, high] = mean.interval.unwrap_or([f64::NAN; 2]);
        Some([x(&here), mean.mean, low, high])
    };
    let steps = first.evaluations.iter().map(|e| e.cost.step).filter(|step| *step > 0);
    steps.filter_map(at).filter_map(place).collect()
}

fn line(role: Role, dash: Dash, course: &Course) -> Series {
    Series { role, mark: Mark::Line(dash, pieces(course.iter().map(|at| [at[0], at[1]]))) }
}
