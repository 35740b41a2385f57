//! `accuracy-by-subset`: test accuracy at the end of training, by subset, learner and background.

use super::cases::{accuracy_axis, chance, seeds, setting, Case, Cases};
use super::curves::untrained;
use super::figure::{Axis, Dash, Fill, FigureData, Key, Mark, Panel, Point, Role, Sample, Scale, Series};
use super::Figure;
use crate::entry::Entry;
use crate::num::{mean, t_half_width};
use crate::record::{Background, RunRecords};

/// The row of this figure.
pub const ENTRY: Entry<dyn Figure> = Entry {
    name: "accuracy-by-subset",
    summary: "Test accuracy at the end of training by subset, learner and background, with every seed",
    reference: "this project",
    build: |_, ()| Ok(Box::new(AccuracyBySubset)),
};

/// Width of what belongs to one subset, in units of the axis.
const GROUP: f64 = 0.84;
/// Room between two backgrounds of a subset, in units of one learner's room.
const BETWEEN: f64 = 0.7;

struct AccuracyBySubset;

impl Figure for AccuracyBySubset {
    fn draw_from(&self, runs: &[RunRecords]) -> Option<FigureData> {
        let cases = Cases::of(runs);
        let finals: Vec<Vec<f64>> = cases.cases.iter().map(finals).collect();
        let values = || finals.iter().flatten().copied();
        values().next()?;

        let slots = Slots { learners: cases.learners.len(), backgrounds: &cases.backgrounds };
        let mut series: Vec<Series> = Vec::new();
        let chance = chance(runs);
        series.extend(chance.map(|y| Series { role: Role::Reference, mark: Mark::Level(Dash::Solid, y) }));
        series.push(Series { role: Role::Reference, mark: Mark::Line(Dash::Dotted, start(&cases, &slots)) });
        for (case, values) in cases.cases.iter().zip(&finals).filter(|(_, values)| !values.is_empty()) {
            series.extend(marks(case, cases.learners[case.learner].role, values, &slots));
        }

        let heights = series.iter().flat_map(|series| match &series.mark {
            Mark::Points(_, _, points) => points.iter().flat_map(|p| p.interval.unwrap_or([p.y; 2])).collect(),
            Mark::Line(_, lines) => lines.iter().flatten().map(|point| point[1]).collect(),
            _ => Vec::new(),
        });
        let y = accuracy_axis("Test accuracy at the end", heights.chain(values()).chain(chance));
        let range = [-0.5, cases.subsets.len() as f64 - 0.5];
        let scale = Scale::Categories(cases.subsets.clone());
        let x = Axis { label: "Trained subset and its number k of weights".to_string(), scale, range };
        let (heading, note, side) = Default::default();
        let unfinished = runs.iter().filter(|run| run.end.is_none()).count();
        let counts = finals.iter().map(Vec::len).filter(|&n| n > 0);
        Some(FigureData {
            title: format!("Test accuracy by trained subset: {}", setting(runs)),
            caption: caption(counts, unfinished),
            panels: vec![Panel { row: 0, column: 0, heading, note, side, x, y, series }],
            legend: legend(&cases, chance),
        })
    }
}

/// The places of the cases of one subset: by background, then by learner.
struct Slots<'a> {
    learners: usize,
    backgrounds: &'a [Background],
}

impl Slots<'_> {
    /// Width of one learner's room.
    fn width(&self) -> f64 {
        let backgrounds = self.backgrounds.len() as f64;
        GROUP / (backgrounds * self.learners as f64 + (backgrounds - 1.0) * BETWEEN)
    }

    /// Left end of a background's room.
    fn left(&self, subset: usize, background: Background) -> f64 {
        let before = self.backgrounds.iter().position(|&b| b == background).expect("every background is listed");
        subset as f64 - GROUP / 2.0 + before as f64 * (self.learners as f64 + BETWEEN) * self.width()
    }
}

/// Test accuracies of the finished runs of a case.
fn finals(case: &Case<'_>) -> Vec<f64> {
    let values = case.runs.iter().filter_map(|run| Some(run.end.as_ref()?.last.test.accuracy));
    values.filter(|accuracy| accuracy.is_finite()).collect()
}

/// The accuracy of the untrained network: one short line below the learners of each subset and background.
fn start(cases: &Cases<'_>, slots: &Slots<'_>) -> Vec<Vec<[f64; 2]>> {
    let mut lines: Vec<Vec<[f64; 2]>> = Vec::new();
    let mut last = None;
    for case in &cases.cases {
        let place = (case.subset, case.background);
        if last.replace(place) == Some(place) {
            continue;
        }
        let here = cases.cases.iter().filter(|c| (c.subset, c.background) == place);
        if let Some(y) = untrained(here) {
            let left = slots.left(case.subset, case.background);
            lines.push(vec![[left, y], [left + slots.learners as f64 * slots.width(), y]]);
        }
    }
    lines
}

/// The mean with its interval, and a dot for each seed to the right of it.
fn marks(case: &Case<'_>, role: Role, values: &[f64], slots: &Slots<'_>) -> [Series; 2] {
    let fill = match case.background {
        Background::Random => Fill::Solid,
        Background::Zero => Fill::Hollow,
    };
    let middle = slots.left(case.subset, case.background) + (case.learner as f64 + 0.5) * slots.width();
    let (y, half) = (mean(values), t_half_width(values));
    let interval = half.is_finite().then(|| [(y - half).max(0.0), (y + half).min(1.0)]);
    let dots = values.iter().map(|&y| [middle + 0.22 * slots.width(), y]).collect();
    let point = Point { x: middle - 0.08 * slots.width(), y, interval };
    [
        Series { role, mark: Mark::Dots(fill, dots) },
        Series { role, mark: Mark::Points(role.marker(), fill, vec![point]) },
    ]
}

fn legend(cases: &Cases<'_>, chance: Option<f64>) -> Vec<Key> {
    let key = |label: &str, role, sample| Key { label: label.to_string(), role, sample };
    let mut legend: Vec<Key> = Vec::new();
    for learner in &cases.learners {
        legend.push(key(&learner.label, learner.role, Sample::Point(learner.role.marker(), Fill::Solid)));
    }
    for background in &cases.backgrounds {
        let fill = match background {
            Background::Random => Fill::Solid,
            Background::Zero => Fill::Hollow,
        };
        let label = format!("{} background", background.name());
        legend.push(key(&label, Role::Any, Sample::Point(Role::Any.marker(), fill)));
    }
    legend.push(key("one seed", Role::Any, Sample::Dot));
    legend.push(key("untrained", Role::Reference, Sample::Level(Dash::Dotted)));
    legend.extend(chance.map(|_| key("chance", Role::Reference, Sample::Level(Dash::Solid))));
    legend
}

fn caption(counts: impl Iterator<Item = usize> + Clone, unfinished: usize) -> String {
    let mut caption = String::from(
        "The network of the last step, in evaluation mode, on test images; nothing was chosen on them. Filled: the frozen \
         weights are random; hollow: frozen convolution and hidden linear weights are zero. ",
    );
    let single = counts.clone().all(|n| n == 1);
    caption += &match single {
        true => format!("{}, so no interval.", seeds(counts)),
        false => format!("Large marks: mean over seeds, {}, with the 95 % Student t interval.", seeds(counts)),
    };
    caption += &match unfinished {
        0 => String::new(),
        1 => " 1 unfinished run is left out.".to_string(),
        n => format!(" {n} unfinished runs are left out."),
    };
    caption
}
