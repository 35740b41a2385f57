//! `learners-ranked`: test accuracy at the end of training, the learners of each subset from the best down.

use super::cases::{accuracy_axis, chance, finals, seeds, setting, unfinished, untrained, Case, Cases};
use super::figure::{
    Axis, Category, Dash, FigureData, Fill, Key, Mark, Panel, Point, Role, Sample, Scale, Series, Shape,
};
use super::Figure;
use crate::entry::Entry;
use crate::num::{mean, t_half_width};
use crate::record::{Background, Method, RunRecords};

/// The row of this figure.
pub const ENTRY: Entry<dyn Figure> = Entry {
    name: "learners-ranked",
    summary: "Test accuracy at the end of training, the learners of each subset from the best down, with intervals",
    reference: "this project",
    build: |_, ()| Ok(Box::new(LearnersRanked)),
};

/// Most panels beside each other.
const COLUMNS: usize = 3;
/// How far above the middle of a learner's row its seeds lie, in units of the row.
const ABOVE: f64 = 0.24;

struct LearnersRanked;

impl Figure for LearnersRanked {
    fn draw_from(&self, runs: &[RunRecords]) -> Option<FigureData> {
        let cases = Cases::of(runs);
        let places = |background: Background| (0..cases.subsets.len()).map(move |subset| (subset, background));
        let ranked: Vec<Ranked<'_>> =
            cases.backgrounds.iter().copied().flat_map(places).filter_map(|at| Ranked::of(&cases, at)).collect();
        let values = || ranked.iter().flat_map(|panel| &panel.rows).flat_map(|row| row.extent());
        let (chance, started) = (chance(runs), ranked.iter().filter_map(|panel| panel.untrained));
        values().next()?;
        let x = accuracy_axis("Test accuracy at the end", values().chain(chance).chain(started));
        let counts = ranked.iter().flat_map(|panel| &panel.rows).map(|row| row.values.len());
        Some(FigureData {
            title: format!("Learners by test accuracy: {}", setting(runs)),
            caption: caption(counts.clone(), &unfinished(runs)),
            legend: legend(&cases, chance, counts.clone().any(|n| n > 1)),
            ramp: None,
            shape: Shape::Wide,
            panels: ranked.iter().map(|ranked| ranked.panel(&cases, x.clone(), chance)).collect(),
        })
    }
}

/// The learners of one subset before one background.
struct Ranked<'a> {
    subset: usize,
    background: Background,
    /// Mean accuracy of the untrained network.
    untrained: Option<f64>,
    /// From the worst to the best.
    rows: Vec<Row<'a>>,
}

/// One learner.
struct Row<'a> {
    case: &'a Case<'a>,
    /// Test accuracy of each finished run.
    values: Vec<f64>,
}

impl Row<'_> {
    fn interval(&self) -> Option<[f64; 2]> {
        let (mean, half) = (mean(&self.values), t_half_width(&self.values));
        half.is_finite().then(|| [(mean - half).max(0.0), (mean + half).min(1.0)])
    }

    /// All that must be seen of it.
    fn extent(&self) -> Vec<f64> {
        self.values.iter().copied().chain(self.interval().into_iter().flatten()).collect()
    }
}

impl<'a> Ranked<'a> {
    fn of(cases: &'a Cases<'a>, (subset, background): (usize, Background)) -> Option<Self> {
        let here = || cases.cases.iter().filter(|case| (case.subset, case.background) == (subset, background));
        let row = |case: &'a Case<'a>| Some(Row { case, values: finals(case) }).filter(|row| !row.values.is_empty());
        let mut rows: Vec<Row<'_>> = here().filter_map(row).collect();
        rows.sort_by(|a, b| mean(&a.values).total_cmp(&mean(&b.values)));
        (!rows.is_empty()).then(|| Ranked { subset, background, untrained: untrained(here()), rows })
    }

    fn panel(&self, cases: &Cases<'_>, x: Axis, chance: Option<f64>) -> Panel {
        let category =
            |row: &Row<'_>| Category { name: cases.learners[row.case.learner].label.clone(), note: String::new() };
        let top = self.rows.len() as f64 - 0.5;
        let upright = |dash: Dash, x: f64| Series {
            role: Role::Reference,
            mark: Mark::Line(dash, vec![vec![[x, -0.5], [x, top]]]),
        };
        let mut series: Vec<Series> = Vec::new();
        series.extend(chance.map(|x| upright(Dash::Solid, x)));
        series.extend(self.untrained.map(|x| upright(Dash::Dotted, x)));
        for (place, row) in self.rows.iter().enumerate() {
            let role = hue(cases.learners[row.case.learner].role);
            let place = place as f64;
            if row.values.len() > 1 {
                let dots = row.values.iter().map(|&x| [x, place + ABOVE]).collect();
                series.push(Series { role, mark: Mark::Dots(Fill::Solid, dots) });
            }
            let point = Point { x: mean(&row.values), y: place, interval: row.interval() };
            series.push(Series { role, mark: Mark::Across(role.marker(), Fill::Solid, vec![point]) });
        }
        let subset = &cases.subsets[self.subset];
        let scale = Scale::Categories(self.rows.iter().map(category).collect());
        let y = Axis { label: String::new(), scale, range: [-0.5, top] };
        // Backgrounds below each other, each with as many rows of panels as its subsets need.
        let before = cases.backgrounds.iter().position(|&b| b == self.background).unwrap_or(0);
        let row = before * cases.subsets.len().div_ceil(COLUMNS) + self.subset / COLUMNS;
        let side = match cases.backgrounds.len() {
            1 => String::new(),
            _ => format!("{} background", self.background.name()),
        };
        let (heading, note) = (subset.name.clone(), subset.note.clone());
        let side = if self.subset % COLUMNS == COLUMNS.min(cases.subsets.len()) - 1 { side } else { String::new() };
        Panel { row, column: self.subset % COLUMNS, heading, note, side, x, y, series }
    }
}

/// Names stand beside the rows, so a method's first shade serves for all of its learners.
fn hue(role: Role) -> Role {
    match role {
        Role::Learner(method, _) => Role::Learner(method, 0),
        other => other,
    }
}

fn legend(cases: &Cases<'_>, chance: Option<f64>, several: bool) -> Vec<Key> {
    let key = |label: &str, role, sample| Key { label: label.to_string(), role, sample };
    let mut legend: Vec<Key> = Vec::new();
    for role in [Method::Evolution, Method::Backprop].map(|method| Role::Learner(method, 0)) {
        let Role::Learner(method, _) = role else { continue };
        let there = cases.learners.iter().any(|learner| hue(learner.role) == role);
        legend.extend(there.then(|| key(method.name(), role, Sample::Point(role.marker(), Fill::Solid))));
    }
    legend.extend(several.then(|| key("one seed", Role::Any, Sample::Dot)));
    legend.push(key("untrained", Role::Reference, Sample::Level(Dash::Dotted)));
    legend.extend(chance.map(|_| key("chance", Role::Reference, Sample::Level(Dash::Solid))));
    legend
}

fn caption(counts: impl Iterator<Item = usize> + Clone, unfinished: &str) -> String {
    let single = counts.clone().all(|n| n == 1);
    let marks = match single {
        true => format!("{}, so no interval.", seeds(counts)),
        false => format!(
            "Large marks: mean over {} with its 95 % Student t interval; the order is that of the means.",
            seeds(counts)
        ),
    };
    format!("The network of the last step, in evaluation mode, on test images; nothing was chosen on them. {marks}{unfinished}")
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{end, evaluate, figure, run};
    use super::*;

    fn finished(learner: &str, method: Method, subset: (&'static str, u64), seed: u64, test: f64) -> RunRecords {
        let mut run = run(method, Background::Random, subset, seed);
        run.header.learner = learner.to_string();
        evaluate(&mut run, 0, 100, 0.0, 0.1, 0.12);
        evaluate(&mut run, 5, 100, 1.0, 0.9, test);
        end(&mut run);
        run
    }

    #[test]
    fn each_subset_has_its_own_order_with_means_and_intervals_across() {
        let mut runs = Vec::new();
        for (seed, by) in [(0, -0.1), (1, 0.0), (2, 0.1)] {
            runs.push(finished("snes", Method::Evolution, ("a", 10), seed, 0.5 + by));
            runs.push(finished("cem", Method::Evolution, ("a", 10), seed, 0.7 + by));
            runs.push(finished("adam", Method::Backprop, ("a", 10), seed, 0.6 + by));
            runs.push(finished("snes", Method::Evolution, ("b", 20), seed, 0.8 + by));
            runs.push(finished("cem", Method::Evolution, ("b", 20), seed, 0.3 + by));
        }
        let figure = figure("learners-ranked").draw_from(&runs).unwrap();
        let names = |panel: &Panel| match &panel.y.scale {
            Scale::Categories(rows) => rows.iter().map(|row| row.name.clone()).collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        assert_eq!(names(&figure.panels[0]), ["snes", "adam", "cem"], "the best at the top, which is the last");
        assert_eq!(names(&figure.panels[1]), ["cem", "snes"]);
        assert_eq!((figure.panels[1].row, figure.panels[1].column), (0, 1));
        let points: Vec<(Role, Point)> = figure.panels[0]
            .series
            .iter()
            .filter_map(|series| match &series.mark {
                Mark::Across(_, _, points) => Some((series.role, points[0])),
                _ => None,
            })
            .collect();
        let half = 4.302_652_729_7 * 0.1 / 3f64.sqrt();
        let (role, best) = points[2];
        let [low, high] = best.interval.unwrap();
        assert_eq!((role, best.y), (Role::Learner(Method::Evolution, 0), 2.0), "one hue for a method");
        assert!((best.x - 0.7).abs() < 1e-12 && (low - 0.7 + half).abs() < 1e-9 && (high - 0.7 - half).abs() < 1e-9);
        assert_eq!(points[1].0, Role::Learner(Method::Backprop, 0));
        assert_eq!(figure.legend[0].label, "evolution");
    }
}
