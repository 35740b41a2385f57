//! `throughput-by-population`: images per second against the number of candidates that are evaluated together.

use std::collections::BTreeMap;

use super::arms::{key, range};
use super::cases::{seeds, setting};
use super::config::number;
use super::figure::{
    Axis, Beside, Dash, FigureData, Fill, Label, Mark, Panel, Point, Role, Sample, Scale, Series, Shape,
};
use super::Figure;
use crate::entry::Entry;
use crate::num::{percentile, short};
use crate::record::{Method, RunRecords};

/// The row of this figure.
pub const ENTRY: Entry<dyn Figure> = Entry {
    name: "throughput-by-population",
    summary: "Images per second against population, one line for each subset, beside the rate of backprop",
    reference: "this project",
    build: |_, ()| Ok(Box::new(ThroughputByPopulation)),
};

struct ThroughputByPopulation;

impl Figure for ThroughputByPopulation {
    fn draw_from(&self, runs: &[RunRecords]) -> Option<FigureData> {
        let mut rates: BTreeMap<(&str, u64), Vec<f64>> = BTreeMap::new();
        let mut backprop: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for run in runs {
            // The last lap holds the whole training; evaluations are not counted in it.
            let (Some(lap), Some(end)) = (run.laps.last(), &run.end) else { continue };
            let rate = end.cost.images as f64 / lap.seconds;
            if !(rate.is_finite() && rate > 0.0) {
                continue;
            }
            let subset = run.header.subset.as_str();
            match (run.header.method, number(run, "learner.0.strategy.population")) {
                (Method::Evolution, Some(population)) => {
                    rates.entry((subset, population as u64)).or_default().push(rate)
                }
                (Method::Backprop, _) => backprop.entry(subset).or_default().push(rate),
                (Method::Evolution, None) => {}
            }
        }
        let mut populations: Vec<u64> = rates.keys().map(|key| key.1).collect();
        populations.sort_unstable();
        populations.dedup();
        if populations.len() < 2 {
            return None;
        }
        let mut subsets: Vec<&str> = rates.keys().map(|key| key.0).collect();
        subsets.dedup();
        let ends = |rates: &[f64]| [0.0, 0.5, 1.0].map(|share| percentile(rates, share));
        let mut panels = Vec::new();
        let columns = subsets.len().min(3);
        for (i, subset) in subsets.iter().enumerate() {
            let role = Role::Learner(Method::Evolution, 0);
            let points: Vec<Point> = rates
                .iter()
                .filter(|((of, _), _)| of == subset)
                .map(|((_, population), rates)| {
                    let [low, median, high] = ends(rates);
                    Point { x: *population as f64, y: median, interval: Some([low, high]) }
                })
                .collect();
            let mut series = Vec::new();
            if let Some(rates) = backprop.get(subset) {
                let median = ends(rates)[1];
                series
                    .push(Series { role: Role::Learner(Method::Backprop, 0), mark: Mark::Level(Dash::Dashed, median) });
            }
            let line = points.iter().map(|point| [point.x, point.y]).collect();
            series.push(Series { role, mark: Mark::Line(Dash::Solid, vec![line]) });
            let last = points.last().copied();
            series.push(Series { role, mark: Mark::Points(role.marker(), Fill::Solid, points) });
            series.extend(last.map(|point| {
                let text = format!("{}/s", short(point.y));
                let at = [point.x, point.interval.map_or(point.y, |ends| ends[1])];
                Series { role: Role::Any, mark: Mark::Labels(vec![Label { at, text, side: Beside::Above }]) }
            }));
            let x = Axis {
                label: "Population (log scale)".to_string(),
                scale: Scale::Log,
                range: [populations[0] as f64 / 1.6, populations[populations.len() - 1] as f64 * 1.9],
            };
            let y = Axis { label: String::new(), scale: Scale::Log, range: [1.0, 10.0] };
            panels.push(Panel {
                row: i / columns,
                column: i % columns,
                heading: subset.to_string(),
                note: String::new(),
                side: String::new(),
                x,
                y,
                series,
            });
        }
        let [low, high] = range(
            panels.iter().flat_map(|panel: &Panel| &panel.series).flat_map(Series::heights).collect::<Vec<f64>>(),
            true,
        )?;
        let y =
            Axis { label: "Images per second (log scale)".to_string(), scale: Scale::Log, range: [low, high * 1.3] };
        panels.iter_mut().for_each(|panel| panel.y = y.clone());
        let legend = vec![
            key(
                "evolution",
                Role::Learner(Method::Evolution, 0),
                Sample::Line(Dash::Solid, Some(Role::Learner(Method::Evolution, 0).marker())),
            ),
            key("backprop, forward and back", Role::Learner(Method::Backprop, 0), Sample::Level(Dash::Dashed)),
        ];
        let caption = format!(
            "Forward passes of one image through one candidate, each second of training, evaluations apart. Medians over {}, bars from the least to the greatest; the machine is that \
             on which the campaign ran. Dashed: gradient steps, each image counted once.",
            seeds(rates.values().map(Vec::len).collect::<Vec<_>>().into_iter()),
        );
        let title = format!("Throughput by population: {}", setting(runs));
        Some(FigureData { title, caption, panels, legend, ramp: None, shape: Shape::Wide })
    }
}
