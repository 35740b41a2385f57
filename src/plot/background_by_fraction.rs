//! `background-by-fraction`: test accuracy against the share of weights that is trained, before a random and before a zero background.

use std::collections::BTreeMap;

use super::arms::{key, range, summary};
use super::cases::{accuracy_axis, chance, finals, seeds, setting, unfinished, Cases};
use super::figure::{Axis, Dash, FigureData, Fill, Mark, Panel, Point, Role, Sample, Scale, Series, Shape};
use super::kinds::kind;
use super::names::names_above;
use super::Figure;
use crate::entry::Entry;
use crate::record::{Background, RunRecords};

/// The row of this figure.
pub const ENTRY: Entry<dyn Figure> = Entry {
    name: "background-by-fraction",
    summary: "Test accuracy against the share of trained weights: random against zero background, by kind of subset",
    reference: "Rosenfeld & Tsotsos 2018, fig. 1",
    build: |_, ()| Ok(Box::new(BackgroundByFraction)),
};

/// Panels beside each other.
const COLUMNS: usize = 3;

struct BackgroundByFraction;

impl Figure for BackgroundByFraction {
    fn draw_from(&self, runs: &[RunRecords]) -> Option<FigureData> {
        let cases = Cases::of(runs);
        if cases.backgrounds.len() < 2 {
            return None;
        }
        let mut counts = Vec::new();
        let mut kinds: Vec<String> = cases.cases.iter().map(|case| kind(&case.runs[0].header.subset)).collect();
        kinds.sort();
        kinds.dedup();
        // Subsets that are alone in their kind go into one panel: there is no curve to be seen in a panel with one place.
        let sizes = |kind_of: &str| {
            let mut sizes: Vec<usize> = cases
                .cases
                .iter()
                .filter(|case| kind(&case.runs[0].header.subset) == kind_of)
                .map(|case| case.subset)
                .collect();
            sizes.dedup();
            sizes.len()
        };
        let (curves, alone): (Vec<&String>, Vec<&String>) = kinds.iter().partition(|kind| sizes(kind) > 1);
        let mut groups: Vec<(String, Vec<&String>)> =
            curves.iter().map(|kind| (kind.to_string(), vec![*kind])).collect();
        if !alone.is_empty() {
            let name = match (curves.is_empty(), alone.as_slice()) {
                (true, _) => String::new(),
                (false, [one]) => one.to_string(),
                (false, _) => "other subsets".to_string(),
            };
            groups.push((name, alone));
        }
        let (mut panels, mut shown): (Vec<Panel>, Vec<&[&String]>) = (Vec::new(), Vec::new());
        for (heading, group) in &groups {
            let mut series: Vec<Series> = Vec::new();
            series.extend(chance(runs).map(|y| Series { role: Role::Reference, mark: Mark::Level(Dash::Solid, y) }));
            for (i, learner) in cases.learners.iter().enumerate() {
                for background in &cases.backgrounds {
                    let here = cases.cases.iter().filter(|case| {
                        case.learner == i
                            && case.background == *background
                            && group.iter().any(|k| **k == kind(&case.runs[0].header.subset))
                    });
                    let mut points: Vec<Point> = here
                        .filter_map(|case| {
                            let header = &case.runs[0].header;
                            let mean = summary(finals(case))?;
                            counts.push(mean.n);
                            Some(
                                mean.point(
                                    header.subset_size as f64 / header.parameters_total as f64,
                                    f64::NEG_INFINITY,
                                ),
                            )
                        })
                        .collect();
                    points.sort_by(|a, b| a.x.total_cmp(&b.x));
                    let (dash, fill) = match background {
                        Background::Random => (Dash::Solid, Fill::Solid),
                        Background::Zero => (Dash::Dashed, Fill::Hollow),
                    };
                    // A line joins sizes of one kind; subsets of different kinds have no order.
                    if group.len() == 1 {
                        let line = points.iter().map(|point| [point.x, point.y]).collect();
                        series.push(Series { role: learner.role, mark: Mark::Line(dash, vec![line]) });
                    }
                    series.push(Series { role: learner.role, mark: Mark::Points(learner.role.marker(), fill, points) });
                }
            }
            let places: Vec<f64> = series
                .iter()
                .flat_map(|series| match &series.mark {
                    Mark::Points(_, _, points) => points.iter().map(|point| point.x).collect(),
                    _ => Vec::new(),
                })
                .collect();
            let Some(range) = range(places, true) else { continue };
            let x = Axis { label: "Share of weights trained (log scale)".to_string(), scale: Scale::Log, range };
            let y = accuracy_axis("", std::iter::empty());
            shown.push(group);
            let (row, column) = (panels.len() / COLUMNS, panels.len() % COLUMNS);
            panels.push(Panel {
                row,
                column,
                heading: heading.clone(),
                note: String::new(),
                side: String::new(),
                x,
                y,
                series,
            });
        }
        let y = accuracy_axis(
            "Test accuracy at the end",
            panels.iter().flat_map(|panel| &panel.series).flat_map(Series::heights),
        );
        panels.iter_mut().for_each(|panel| panel.y = y.clone());
        // One scale for all panels: they are read across.
        let ends = panels.iter().map(|panel| panel.x.range).reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])])?;
        panels.iter_mut().for_each(|panel| panel.x.range = ends);
        let columns = panels.len().min(COLUMNS);
        for (panel, group) in panels.iter_mut().zip(shown).filter(|(_, group)| group.len() > 1) {
            panel.series.extend(names_above(tops(&cases, group), panel.x.range, panel.y.range, columns));
        }
        let mut legend: Vec<_> = cases
            .learners
            .iter()
            .map(|learner| key(&learner.label, learner.role, Sample::Point(learner.role.marker(), Fill::Solid)))
            .collect();
        legend.push(key("random background", Role::Any, Sample::Line(Dash::Solid, None)));
        legend.push(key("zero background", Role::Any, Sample::Line(Dash::Dashed, None)));
        legend.extend(chance(runs).map(|_| key("chance", Role::Reference, Sample::Level(Dash::Solid))));
        let caption = format!(
            "What stands outside the trained subset is random (solid, filled) or zero (dashed, hollow): the distance between the two is what random weights are worth. Means over \
             {}; bars: 95 % Student t interval.{}",
            seeds(counts.into_iter()),
            unfinished(runs),
        );
        let title = format!("Random against zero background: {}", setting(runs));
        Some(FigureData { title, caption, panels, legend, ramp: None, shape: Shape::Wide })
    }
}

/// The highest point of each subset of a group, by name.
fn tops(cases: &Cases<'_>, group: &[&String]) -> BTreeMap<String, [f64; 2]> {
    let mut tops: BTreeMap<String, [f64; 2]> = BTreeMap::new();
    for case in &cases.cases {
        let header = &case.runs[0].header;
        let Some(mean) = summary(finals(case)).filter(|_| group.iter().any(|k| **k == kind(&header.subset))) else {
            continue;
        };
        let high = mean.interval.map_or(mean.mean, |ends| ends[1]);
        let share = header.subset_size as f64 / header.parameters_total as f64;
        let top = tops.entry(header.subset.clone()).or_insert([share, high]);
        top[1] = top[1].max(high);
    }
    tops
}
