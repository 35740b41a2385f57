//! Accuracy in the course of training, as small multiples: one column for each subset, one row for each background. The
//! two figures of learning curves differ in the horizontal axis alone.

use super::cases::{accuracy_axis, chance, seeds, setting, Case, Cases};
use super::figure::{pieces, Axis, Dash, Fill, FigureData, Key, Mark, Panel, Point, Role, Sample, Scale, Series};
use crate::num::{mean, t_half_width};
use crate::record::{Evaluation, RunRecords, Scores};

/// Panels side by side; further subsets begin a new block of rows.
const COLUMNS: usize = 4;

/// What the horizontal axis counts.
pub(super) struct Against {
    /// Axis label.
    pub label: &'static str,
    /// Word in the title.
    pub word: &'static str,
    /// Where an evaluation of a run stands on it, if that is known.
    pub position: fn(&RunRecords, &Evaluation) -> Option<f64>,
}

/// One run as a row of `[x, accuracy on train, accuracy on test]`, without step 0.
struct Trace {
    steps: Vec<u64>,
    points: Vec<[f64; 3]>,
    finished: bool,
}

/// The figure, or `None` where no run has an evaluation that the axis can show.
pub(super) fn figure(runs: &[RunRecords], against: &Against) -> Option<FigureData> {
    let cases = Cases::of(runs);
    let traces: Vec<Vec<Trace>> = cases
        .cases
        .iter()
        .map(|case| case.runs.iter().map(|run| trace(run, against)).filter(|trace| !trace.points.is_empty()).collect())
        .collect();
    let all = || traces.iter().flatten().flat_map(|trace| &trace.points);
    let first = all().map(|point| point[0]).reduce(f64::min)?;
    let last = all().map(|point| point[0]).reduce(f64::max)?;
    // One single x would leave the axis without a length.
    let range = if first < last { [first, last] } else { [first / 2.0, first * 2.0] };
    let x = Axis { label: against.label.to_string(), scale: Scale::Log, range };

    let chance = chance(runs);
    let mut panels: Vec<Panel> = Vec::new();
    for (case, traces) in cases.cases.iter().zip(&traces) {
        let (block, column) = (case.subset / COLUMNS, case.subset % COLUMNS);
        let within = cases.backgrounds.iter().position(|&b| b == case.background).expect("every background is listed");
        let row = block * cases.backgrounds.len() + within;
        if panels.last().is_none_or(|panel| (panel.row, panel.column) != (row, column)) {
            let levels = levels(&cases, case, chance);
            let y = accuracy_axis("", std::iter::empty());
            let subset = &cases.subsets[case.subset];
            let side = format!("{} background", case.background.name());
            let (heading, note) = (subset.name.clone(), subset.note.clone());
            panels.push(Panel { row, column, heading, note, side, x: x.clone(), y, series: levels });
        }
        let learner = &cases.learners[case.learner];
        let panel = panels.last_mut().expect("a panel was pushed");
        panel.series.extend(curves(traces, learner.role, learner.alone));
    }
    let y = accuracy_axis("Accuracy", panels.iter().flat_map(|panel| &panel.series).flat_map(heights));
    for panel in &mut panels {
        panel.y = y.clone();
    }
    head_once(&mut panels);

    let shown = traces.iter().filter(|traces| !traces.is_empty());
    let counts = shown.clone().map(Vec::len);
    let unfinished = traces.iter().flatten().filter(|trace| !trace.finished).count();
    let single = counts.clone().all(|n| n == 1);
    Some(FigureData {
        title: format!("Accuracy against {}: {}", against.word, setting(runs)),
        caption: caption(&seeds(counts), single, unfinished),
        panels,
        legend: legend(&cases, chance, single),
    })
}

/// The row of a run. Step 0 has no place on a log axis; its accuracy is shown as a level instead.
fn trace(run: &RunRecords, against: &Against) -> Trace {
    let mut trace = Trace { steps: Vec::new(), points: Vec::new(), finished: run.end.is_some() };
    for evaluation in &run.evaluations {
        let x = (against.position)(run, evaluation).filter(|&x| x > 0.0 && x.is_finite() && evaluation.cost.step > 0);
        if let Some(x) = x {
            let Scores { train, test, .. } = evaluation.scores;
            trace.steps.push(evaluation.cost.step);
            trace.points.push([x, train.accuracy, test.accuracy]);
        }
    }
    trace
}

/// Mean over the runs, as `[x, train, test, half width of the test interval]`; a value is NaN where a run's is, the half
/// width also where there is only one run.
///
/// Runs with the same steps are averaged step by step. Others are averaged at every x of any of them: each run has the
/// value of its last evaluation up to there, keeps it to the end if it is finished, and else ends with it.
fn average(traces: &[Trace]) -> Vec<[f64; 4]> {
    let summary = |points: Vec<[f64; 3]>| {
        let column = |i: usize| points.iter().map(|point| point[i]).collect::<Vec<f64>>();
        [mean(&column(0)), mean(&column(1)), mean(&column(2)), t_half_width(&column(2))]
    };
    let Some(first) = traces.first() else { return Vec::new() };
    if traces.iter().all(|trace| trace.steps == first.steps) {
        return (0..first.steps.len()).map(|i| summary(traces.iter().map(|trace| trace.points[i]).collect())).collect();
    }
    let mut places: Vec<f64> = traces.iter().flat_map(|trace| &trace.points).map(|point| point[0]).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let at = |trace: &Trace, x: f64| {
        let next = trace.points.partition_point(|point| point[0] <= x);
        let [last, train, test] = *trace.points.get(next.checked_sub(1)?)?;
        (trace.finished || next < trace.points.len() || last == x).then_some([x, train, test])
    };
    places.into_iter().map(|x| summary(traces.iter().filter_map(|trace| at(trace, x)).collect())).collect()
}

/// Band, train line and test line of one case.
fn curves(traces: &[Trace], role: Role, alone: bool) -> Vec<Series> {
    let means = average(traces);
    let ends = |&[x, _, test, half]: &[f64; 4]| [x, (test - half).clamp(0.0, 1.0), (test + half).clamp(0.0, 1.0)];
    let band = pieces(means.iter().map(ends));
    let train = pieces(means.iter().map(|&[x, train, _, _]| [x, train]));
    let test = pieces(means.iter().map(|&[x, _, test, _]| [x, test]));
    let end = test.last().and_then(|piece| piece.last()).map(|&[x, y]| Point { x, y, interval: None });
    let mut marks = Vec::new();
    marks.extend((!band.is_empty()).then_some(Mark::Band(band)));
    marks.extend((!train.is_empty()).then_some(Mark::Line(Dash::Dashed, train)));
    marks.extend((!test.is_empty()).then_some(Mark::Line(Dash::Solid, test)));
    // Where learners share a hue, a point at the end tells their shades apart.
    marks.extend(end.filter(|_| !alone).map(|end| Mark::Points(role.marker(), Fill::Solid, vec![end])));
    marks.into_iter().map(|mark| Series { role, mark }).collect()
}

/// Chance, and the accuracy of the untrained network on test images, mean over all runs of the panel.
fn levels(cases: &Cases<'_>, panel: &Case<'_>, chance: Option<f64>) -> Vec<Series> {
    let here = cases.cases.iter().filter(|c| c.subset == panel.subset && c.background == panel.background);
    let untrained = untrained(here);
    let level = |dash, y| Series { role: Role::Reference, mark: Mark::Level(dash, y) };
    let untrained = untrained.map(|y| level(Dash::Dotted, y));
    chance.map(|y| level(Dash::Solid, y)).into_iter().chain(untrained).collect()
}

/// Mean accuracy on test images at step 0 over the runs of some cases.
pub(super) fn untrained<'a>(cases: impl Iterator<Item = &'a Case<'a>>) -> Option<f64> {
    let runs = cases.flat_map(|case| &case.runs);
    let start = runs.filter_map(|run| run.evaluations.iter().find(|evaluation| evaluation.cost.step == 0));
    let values: Vec<f64> = start.map(|evaluation| evaluation.scores.test.accuracy).collect();
    Some(mean(&values)).filter(|mean| mean.is_finite())
}

/// The heights that a series reaches.
fn heights(series: &Series) -> Vec<f64> {
    match &series.mark {
        Mark::Line(_, lines) => lines.iter().flatten().map(|point| point[1]).collect(),
        Mark::Band(bands) => bands.iter().flatten().flat_map(|point| [point[1], point[2]]).collect(),
        Mark::Level(_, y) => vec![*y],
        Mark::Points(..) | Mark::Dots(..) => Vec::new(),
    }
}

/// Leaves the subset's name above the first panel of its column alone, and the background's beside the last of its row.
fn head_once(panels: &mut [Panel]) {
    let places: Vec<(usize, usize)> = panels.iter().map(|panel| (panel.row, panel.column)).collect();
    let headings: Vec<String> = panels.iter().map(|panel| panel.heading.clone()).collect();
    for (i, panel) in panels.iter_mut().enumerate() {
        if headings[..i].contains(&headings[i]) {
            panel.heading.clear();
            panel.note.clear();
        }
        if places.iter().any(|&(row, column)| row == panel.row && column > panel.column) {
            panel.side.clear();
        }
    }
}

fn legend(cases: &Cases<'_>, chance: Option<f64>, single: bool) -> Vec<Key> {
    let key = |label: &str, role, sample| Key { label: label.to_string(), role, sample };
    let mut legend: Vec<Key> = Vec::new();
    for learner in &cases.learners {
        let marker = (!learner.alone).then(|| learner.role.marker());
        legend.push(key(&learner.label, learner.role, Sample::Line(Dash::Solid, marker)));
    }
    legend.push(key("test", Role::Any, Sample::Line(Dash::Solid, None)));
    legend.push(key("train", Role::Any, Sample::Line(Dash::Dashed, None)));
    legend.extend((!single).then(|| key("95 % interval", Role::Any, Sample::Band)));
    legend.push(key("untrained", Role::Reference, Sample::Level(Dash::Dotted)));
    legend.extend(chance.map(|_| key("chance", Role::Reference, Sample::Level(Dash::Solid))));
    legend
}

fn caption(seeds: &str, single: bool, unfinished: usize) -> String {
    let mut caption = String::from(
        "The network that each learner would deploy, in evaluation mode: test images (solid) and a fixed snapshot of \
         the training images (dashed). Columns: trained subset with its number k of weights; rows: what stands outside it. ",
    );
    caption += &match single {
        true => format!("{seeds}, so no interval. "),
        false => format!("Lines: mean over seeds, {seeds}; bands: 95 % Student t interval of the mean on test images. "),
    };
    caption += "Step 0 has no place on a log axis: its test accuracy is the dotted line.";
    caption += &match unfinished {
        0 => String::new(),
        1 => " 1 run is unfinished and shown as far as it went.".to_string(),
        n => format!(" {n} runs are unfinished and shown as far as they went."),
    };
    caption
}
