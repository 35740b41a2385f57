//! `accuracy-by-subset-size`: test accuracy at the end against the number of trained weights, one line for each kind of subset.

use std::collections::BTreeMap;

use super::arms::{is_full, key, range, summary};
use super::cases::{accuracy_axis, chance, finals, seeds, setting, unfinished, Cases};
use super::figure::{Axis, Dash, FigureData, Fill, Mark, Panel, Point, Role, Sample, Scale, Series, Shape};
use super::kinds::kind;
use super::names::names_above;
use super::Figure;
use crate::entry::Entry;
use crate::record::{Background, RunRecords};

/// The row of this figure.
pub const ENTRY: Entry<dyn Figure> = Entry {
    name: "accuracy-by-subset-size",
    summary: "Test accuracy at the end against the number of trained weights, by kind of subset, beside full training",
    reference: "Rosenfeld & Tsotsos 2018",
    build: |_, ()| Ok(Box::new(AccuracyBySubsetSize)),
};

struct AccuracyBySubsetSize;

/// Share of accuracy that a name above a line takes.
const ROOM: f64 = 0.12;

impl Figure for AccuracyBySubsetSize {
    fn draw_from(&self, runs: &[RunRecords]) -> Option<FigureData> {
        let random: Vec<RunRecords> =
            runs.iter().filter(|run| run.header.background == Background::Random).cloned().collect();
        let cases = Cases::of(&random);
        let mut full: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        let mut lines: BTreeMap<(usize, String), Vec<Point>> = BTreeMap::new();
        let mut counts = Vec::new();
        for case in &cases.cases {
            let Some(mean) = summary(finals(case)) else { continue };
            counts.push(mean.n);
            let header = &case.runs[0].header;
            if is_full(case.runs[0]) {
                full.entry(case.learner).or_default().extend(finals(case));
            } else {
                let line = lines.entry((case.learner, kind(&header.subset))).or_default();
                line.push(mean.point(header.subset_size as f64, f64::NEG_INFINITY));
            }
        }
        let mut sizes: Vec<f64> = lines.values().flatten().map(|point| point.x).collect();
        let x_range = range(sizes.clone(), true)?;
        sizes.sort_by(f64::total_cmp);
        sizes.dedup();
        if sizes.len() < 2 {
            return None;
        }
        let mut series: Vec<Series> = Vec::new();
        series.extend(chance(&random).map(|y| Series { role: Role::Reference, mark: Mark::Level(Dash::Solid, y) }));
        for (learner, accuracies) in &full {
            let Some(mean) = summary(accuracies.iter().copied()) else { continue };
            series.push(Series { role: cases.learners[*learner].role, mark: Mark::Level(Dash::Dashed, mean.mean) });
        }
        let mut labels: BTreeMap<String, [f64; 2]> = BTreeMap::new();
        for ((learner, kind), points) in &mut lines {
            let role = cases.learners[*learner].role;
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
            series.push(Series {
                role,
                mark: Mark::Line(Dash::Solid, vec![points.iter().map(|p| [p.x, p.y]).collect()]),
            });
            series.push(Series { role, mark: Mark::Points(role.marker(), Fill::Solid, points.clone()) });
            // Lines that end beside each other begin apart: a name stands at the smallest size.
            let first = points.first().map(|p| [p.x, p.interval.map_or(p.y, |ends| ends[1])]).unwrap_or_default();
            let label = labels.entry(kind.clone()).or_insert(first);
            if first[1] > label[1] {
                *label = first;
            }
        }
        // Room for names above the highest line.
        let highest = series.iter().flat_map(Series::heights).fold(0.0, f64::max);
        let room = (highest + ROOM).min(1.0);
        let y = accuracy_axis("Test accuracy at the end", series.iter().flat_map(Series::heights).chain([room]));
        let mut placed = names_above(labels, x_range, y.range, 1);
        series.append(&mut placed);
        let x = Axis { label: "Trained weights (log scale)".to_string(), scale: Scale::Log, range: x_range };
        let panel =
            Panel { row: 0, column: 0, heading: String::new(), note: String::new(), side: String::new(), x, y, series };
        let mut legend: Vec<_> = cases
            .learners
            .iter()
            .map(|learner| key(&learner.label, learner.role, Sample::Point(learner.role.marker(), Fill::Solid)))
            .collect();
        legend.extend((!full.is_empty()).then(|| key("all weights trained", Role::Any, Sample::Level(Dash::Dashed))));
        legend.extend(chance(&random).map(|_| key("chance", Role::Reference, Sample::Level(Dash::Solid))));
        let caption = format!(
            "Each line joins the sizes of one kind of subset, on the random background. Means over {}; bars: 95 % Student t interval. Dashed: the same network with \
             all its weights trained.{}",
            seeds(counts.into_iter()),
            unfinished(&random),
        );
        let title = format!("Accuracy by subset size: {}", setting(&random));
        Some(FigureData { title, caption, panels: vec![panel], legend, ramp: None, shape: Shape::Wide })
    }
}
