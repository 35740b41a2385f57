//! `accuracy-by-subset`: test accuracy at the end of training, by subset, learner and background.

use super::cases::{accuracy_axis, chance, finals, seeds, setting, unfinished, untrained, Case, Cases};
use super::figure::{Axis, Dash, FigureData, Fill, Key, Mark, Panel, Point, Role, Sample, Scale, Series, Shape};
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

/// Most cases side by side in one panel; more subsets are shared out among panels.
const MOST: usize = 32;
/// Widest room of what belongs to one subset, and of one learner in it, in units of the axis and of the panel.
const GROUP: f64 = 0.84;
const LEARNER: f64 = 0.075;
/// Room between two backgrounds of a subset, in units of one learner's room.
const BETWEEN: f64 = 0.7;

struct AccuracyBySubset;

impl Figure for AccuracyBySubset {
    fn draw_from(&self, runs: &[RunRecords]) -> Option<FigureData> {
        let cases = Cases::of(runs);
        let finals: Vec<Vec<f64>> = cases.cases.iter().map(finals).collect();
        finals.iter().flatten().next()?;
        let chance = chance(runs);
        let slots = Slots::of(&cases);
        let panels = cases.subsets.chunks(slots.subsets).enumerate().map(|(row, subsets)| {
            let mut series: Vec<Series> = Vec::new();
            series.extend(chance.map(|y| Series { role: Role::Reference, mark: Mark::Level(Dash::Solid, y) }));
            series.push(Series { role: Role::Reference, mark: Mark::Line(Dash::Dotted, start(&cases, row, &slots)) });
            for (case, values) in cases.cases.iter().zip(&finals) {
                if case.subset / slots.subsets == row && !values.is_empty() {
                    series.extend(marks(case, cases.learners[case.learner].role, values, &slots));
                }
            }
            let range = [-0.5, slots.subsets as f64 - 0.5];
            let scale = Scale::Categories(subsets.to_vec());
            let x = Axis { label: "Trained subset and its number k of weights".to_string(), scale, range };
            let y = accuracy_axis("", std::iter::empty());
            let (heading, note, side) = Default::default();
            Panel { row, column: 0, heading, note, side, x, y, series }
        });
        let mut panels: Vec<Panel> = panels.collect();
        let y =
            accuracy_axis("Test accuracy at the end", panels.iter().flat_map(|p| &p.series).flat_map(Series::heights));
        for panel in &mut panels {
            panel.y = y.clone();
        }
        let counts = finals.iter().map(Vec::len).filter(|&n| n > 0);
        Some(FigureData {
            title: format!("Test accuracy by trained subset: {}", setting(runs)),
            legend: legend(&cases, chance, counts.clone().any(|n| n > 1)),
            ramp: None,
            shape: Shape::Wide,
            caption: caption(counts, &unfinished(runs)),
            panels,
        })
    }
}

/// The places of the cases of one subset: by background, then by learner.
struct Slots<'a> {
    /// Subsets of one panel.
    subsets: usize,
    learners: usize,
    backgrounds: &'a [Background],
}

impl<'a> Slots<'a> {
    fn of(cases: &'a Cases<'_>) -> Self {
        let (learners, backgrounds) = (cases.learners.len(), cases.backgrounds.as_slice());
        let most = (MOST / (learners * backgrounds.len())).max(1);
        let panels = cases.subsets.len().div_ceil(most);
        Slots { subsets: cases.subsets.len().div_ceil(panels), learners, backgrounds }
    }

    /// Learners' rooms that one subset fills.
    fn count(&self) -> f64 {
        let backgrounds = self.backgrounds.len() as f64;
        backgrounds * self.learners as f64 + (backgrounds - 1.0) * BETWEEN
    }

    /// Width of one learner's room.
    fn width(&self) -> f64 {
        (GROUP / self.count()).min(LEARNER * self.subsets as f64)
    }

    /// Left end of a background's room.
    fn left(&self, subset: usize, background: Background) -> f64 {
        let before = self.backgrounds.iter().position(|&b| b == background).expect("every background is listed");
        let left = (subset % self.subsets) as f64 - 0.5 * self.count() * self.width();
        left + before as f64 * (self.learners as f64 + BETWEEN) * self.width()
    }
}

/// The accuracy of the untrained network: one short line across the learners of each subset and background of a panel.
fn start(cases: &Cases<'_>, row: usize, slots: &Slots<'_>) -> Vec<Vec<[f64; 2]>> {
    let mut lines: Vec<Vec<[f64; 2]>> = Vec::new();
    let mut last = None;
    for case in cases.cases.iter().filter(|case| case.subset / slots.subsets == row) {
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

/// The mean with its interval, and a dot for each seed to the right of it; one seed is its own mean.
fn marks(case: &Case<'_>, role: Role, values: &[f64], slots: &Slots<'_>) -> Vec<Series> {
    let fill = match case.background {
        Background::Random => Fill::Solid,
        Background::Zero => Fill::Hollow,
    };
    let middle = slots.left(case.subset, case.background) + (case.learner as f64 + 0.5) * slots.width();
    let (y, half) = (mean(values), t_half_width(values));
    let interval = half.is_finite().then(|| [(y - half).max(0.0), (y + half).min(1.0)]);
    if let [only] = values {
        let point = Point { x: middle, y: *only, interval: None };
        return vec![Series { role, mark: Mark::Points(role.marker(), fill, vec![point]) }];
    }
    let dots = values.iter().map(|&y| [middle + 0.24 * slots.width(), y]).collect();
    let point = Point { x: middle - 0.2 * slots.width(), y, interval };
    vec![
        Series { role, mark: Mark::Dots(fill, dots) },
        Series { role, mark: Mark::Points(role.marker(), fill, vec![point]) },
    ]
}

fn legend(cases: &Cases<'_>, chance: Option<f64>, several: bool) -> Vec<Key> {
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
    legend.extend(several.then(|| key("one seed", Role::Any, Sample::Dot)));
    legend.push(key("untrained", Role::Reference, Sample::Level(Dash::Dotted)));
    legend.extend(chance.map(|_| key("chance", Role::Reference, Sample::Level(Dash::Solid))));
    legend
}

fn caption(counts: impl Iterator<Item = usize> + Clone, unfinished: &str) -> String {
    let mut caption = String::from(
        "The network of the last step, in evaluation mode, on test images; nothing was chosen on them. Filled: the frozen \
         weights are random; hollow: frozen convolution and hidden linear weights are zero. ",
    );
    let single = counts.clone().all(|n| n == 1);
    caption += &match single {
        true => format!("{}, so no interval.", seeds(counts)),
        false => format!("Large marks: mean over {} with its 95 % Student t interval.", seeds(counts)),
    };
    caption + unfinished
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{campaign, end, evaluate, figure, quickstart, run};
    use super::*;
    use crate::record::Method;

    fn finished(method: Method, background: Background, seed: u64, untrained: f64, test: f64) -> RunRecords {
        let mut run = run(method, background, ("classifier", 10), seed);
        evaluate(&mut run, 0, 100, 0.0, 0.1, untrained);
        evaluate(&mut run, 5, 100, 1.0, 0.9, test);
        end(&mut run);
        run
    }

    fn draw(runs: &[RunRecords]) -> Option<FigureData> {
        figure("accuracy-by-subset").draw_from(runs)
    }

    fn points(figure: &FigureData) -> Vec<(Role, Fill, Point)> {
        let point = |series: &Series| match &series.mark {
            Mark::Points(_, fill, points) => Some((series.role, *fill, points[0])),
            _ => None,
        };
        figure.panels.iter().flat_map(|panel| &panel.series).filter_map(point).collect()
    }

    #[test]
    fn a_case_is_its_mean_its_interval_and_its_seeds() {
        let values = [0.5, 0.6, 0.7];
        let mut runs: Vec<RunRecords> = (0..)
            .zip(values)
            .map(|(seed, test)| finished(Method::Evolution, Background::Random, seed, 0.1 + 0.02 * seed as f64, test))
            .collect();
        runs.push(finished(Method::Evolution, Background::Random, 3, f64::NAN, f64::NAN));
        runs.push(run(Method::Evolution, Background::Random, ("classifier", 10), 4));
        let figure = draw(&runs[..3]).unwrap();
        let (role, fill, point) = points(&figure)[0];
        let half = 4.302_652_729_7 * 0.1 / 3f64.sqrt();
        let [low, high] = point.interval.unwrap();
        assert_eq!((role, fill), (Role::Learner(Method::Evolution, 0), Fill::Solid));
        assert!((point.y - 0.6).abs() < 1e-12 && (low - 0.6 + half).abs() < 1e-9 && (high - 0.6 - half).abs() < 1e-9);
        let series = &figure.panels[0].series;
        assert_eq!(series[0].mark, Mark::Level(Dash::Solid, 0.1));
        assert!(matches!(&series[1].mark, Mark::Line(Dash::Dotted, lines) if (lines[0][0][1] - 0.12).abs() < 1e-12));
        assert!(matches!(&series[2].mark, Mark::Dots(_, dots) if dots.iter().map(|dot| dot[1]).eq(values)));

        // A seed without a number and one without an end do not count.
        let figure = draw(&runs).unwrap();
        assert!((points(&figure)[0].2.y - 0.6).abs() < 1e-12);
        assert!(
            figure.caption.contains("n = 3 seeds") && figure.caption.contains("1 unfinished run"),
            "{}",
            figure.caption
        );
    }

    #[test]
    fn random_stands_beside_zero_and_evolution_before_backprop() {
        let mut runs = Vec::new();
        for background in [Background::Zero, Background::Random] {
            for method in [Method::Backprop, Method::Evolution] {
                runs.push(finished(method, background, 0, 0.1, 0.5));
            }
        }
        let figure = draw(&runs).unwrap();
        let mut found = points(&figure);
        found.sort_by(|a, b| a.2.x.total_cmp(&b.2.x));
        let (evolution, backprop) = (Role::Learner(Method::Evolution, 0), Role::Learner(Method::Backprop, 0));
        let order: Vec<(Role, Fill)> = found.iter().map(|&(role, fill, _)| (role, fill)).collect();
        let expected =
            [(evolution, Fill::Solid), (backprop, Fill::Solid), (evolution, Fill::Hollow), (backprop, Fill::Hollow)];
        assert_eq!(order, expected);
        assert!(found.iter().all(|(_, _, point)| point.interval.is_none() && point.x.abs() < 0.5));
        // The four are centred on their subset, with more room between the backgrounds.
        let x: Vec<f64> = found.iter().map(|found| found.2.x).collect();
        assert!((x[0] + x[3]).abs() < 1e-12 && x[2] - x[1] > 1.5 * (x[1] - x[0]), "{x:?}");
    }

    #[test]
    fn subsets_stand_by_size_with_their_k() {
        let figure = draw(&quickstart()).unwrap();
        let Scale::Categories(categories) = &figure.panels[0].x.scale else { panic!("{:?}", figure.panels[0].x) };
        let names: Vec<_> = categories.iter().map(|c| (c.name.as_str(), c.note.as_str())).collect();
        let expected = [("batchnorm", "k = 96"), ("filters-0.25", "k = 1,310"), ("batchnorm+classifier", "k = 5,226")];
        assert_eq!(names, expected);
    }

    #[test]
    fn many_subsets_are_shared_out_among_panels() {
        let names: Vec<String> = (0..9).map(|i| format!("subset-{i}")).collect();
        let subsets: Vec<(&str, u64, f64)> = names.iter().zip(1..).map(|(name, k)| (name.as_str(), k, 0.5)).collect();
        let figure = draw(&campaign(&subsets, 1)).unwrap();
        let lengths: Vec<usize> = figure
            .panels
            .iter()
            .map(|panel| match &panel.x.scale {
                Scale::Categories(categories) => categories.len(),
                _ => 0,
            })
            .collect();
        assert_eq!(lengths, [5, 4]);
        assert_eq!(figure.panels[0].x.range, figure.panels[1].x.range);
        assert!(points(&figure).iter().all(|(_, _, point)| (-0.5..4.5).contains(&point.x)));
        assert_eq!(points(&figure).len(), 9 * 4);
    }

    #[test]
    fn without_a_finished_run_there_is_no_figure() {
        assert_eq!(draw(&[]), None);
        let mut unfinished = finished(Method::Backprop, Background::Random, 0, 0.1, 0.5);
        unfinished.end = None;
        assert_eq!(draw(&[unfinished]), None);
    }
}
