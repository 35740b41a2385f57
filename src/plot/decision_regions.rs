//! `decision-regions`: classes on planes through three test images, before training and of each learner.

use super::arms::{key, over_seeds, Arms};
use super::figure::{Axis, Cells, FigureData, Fill, Mark, Panel, Point, Role, Sample, Scale, Series, Shape};
use super::{Figure, Scope};
use crate::entry::Entry;
use crate::record::{Measurement, RunRecords};
use crate::state::Array;

/// The row of this figure.
pub const ENTRY: Entry<dyn Figure> = Entry {
    name: "decision-regions",
    summary: "Classes on planes through three test images: before training, and of each learner at equal training loss",
    reference: "Somepalli et al. 2022, fig. 1",
    build: |_, ()| Ok(Box::new(DecisionRegions)),
};

/// Most planes beside each other.
const PLANES: usize = 3;
/// Opacity of a cell without any confidence: its class must be seen.
const FAINT: f64 = 0.25;

struct DecisionRegions;

/// A map of classes as a metric left it.
struct Map<'a> {
    labels: &'a [u64],
    confidence: &'a [f32],
    /// Ends along both axes.
    extent: &'a [f64],
    /// The places of the three images.
    points: &'a [f64],
}

impl Figure for DecisionRegions {
    fn scope(&self) -> Scope {
        Scope::Cell
    }

    fn draw_from(&self, runs: &[RunRecords]) -> Option<FigureData> {
        let arms = Arms::of(runs)?;
        let landmark = arms.matched();
        // One seed alone: planes of several cannot be averaged. The first of which all learners have maps, or else the first with any.
        let seeds: std::collections::BTreeSet<u64> =
            arms.learners.iter().flat_map(|arm| &arm.runs).map(|run| run.header.seed).collect();
        let of_seed = |seed: u64| -> Vec<(String, &Measurement)> {
            let mut rows = Vec::new();
            for arm in &arms.learners {
                let Some(run) = arm.runs.iter().find(|run| run.header.seed == seed) else { continue };
                let first = rows.is_empty();
                rows.extend(run.measured(0).filter(|_| first).map(|start| ("untrained".to_string(), start)));
                rows.extend(run.measured_at(landmark).map(|measured| (arm.label.clone(), measured)));
            }
            rows.retain(|(_, measured)| map(measured, 0).is_some());
            rows
        };
        let most = seeds.iter().map(|seed| of_seed(*seed).len()).max().filter(|rows| *rows > 0)?;
        let seed = *seeds.iter().find(|seed| of_seed(**seed).len() == most)?;
        let rows = of_seed(seed);

        let planes = (0..PLANES).take_while(|plane| rows.iter().all(|row| map(row.1, *plane).is_some())).count();
        let mut panels = Vec::new();
        let mut classes = std::collections::BTreeSet::new();
        for (row, (name, measured)) in rows.iter().enumerate() {
            for plane in 0..planes {
                let map = map(measured, plane)?;
                classes.extend(map.labels.iter().copied());
                let mut panel = panel(&map, row, plane, if plane + 1 == planes { name } else { "" });
                if row + 1 < rows.len() {
                    panel.x.label.clear();
                }
                panels.push(panel);
            }
        }
        let mut legend: Vec<_> = classes
            .iter()
            .map(|class| {
                let class = *class as usize;
                key(
                    &format!("class {class}"),
                    Role::Class(class),
                    Sample::Point(super::figure::Marker::Square, Fill::Solid),
                )
            })
            .collect();
        legend.push(key("the three images", Role::Any, Sample::Point(Role::Any.marker(), Fill::Hollow)));
        let parts: Vec<String> = arms
            .learners
            .iter()
            .filter_map(|arm| {
                let found = over_seeds(&arm.at(landmark), ("slices", "fragmentation"), |_| true)?;
                Some(format!("{} {:.1}", arm.label, found.mean))
            })
            .collect();
        let before = over_seeds(&arms.untrained(), ("slices", "fragmentation"), |_| true);
        let before = before.map_or(String::new(), |found| format!(", untrained {:.1}", found.mean));
        let caption = format!(
            "Each column is one plane through three test images (circles, two of one class and one of another); all rows show the same planes. Colour: the class that \
             the network sees; the fainter, the less sure it is. Learners {}, seed {seed} alone. Parts of one class a plane, mean over all planes \
             and seeds: {}{before}.",
            arms.matched_name(),
            parts.join(", "),
        );
        let title = format!("Decision regions: {}", arms.setting());
        Some(FigureData { title, caption, panels, legend, ramp: None, shape: Shape::Square })
    }
}

fn panel(map: &Map<'_>, row: usize, column: usize, side: &str) -> Panel {
    let axis = |from: usize, label: &str| Axis {
        label: label.to_string(),
        scale: Scale::Linear,
        range: [map.extent[from], map.extent[from + 1]],
    };
    let width = (map.labels.len() as f64).sqrt().round() as usize;
    let cell = |(label, confidence): (&u64, &f32)| {
        (Role::Class(*label as usize), FAINT + (1.0 - FAINT) * f64::from(*confidence))
    };
    let cells = map.labels.iter().zip(map.confidence).map(cell).collect();
    let points = map.points.chunks_exact(2).map(|at| Point { x: at[0], y: at[1], interval: None }).collect();
    let series = vec![
        Series { role: Role::Any, mark: Mark::Cells(Cells { columns: width, cells }) },
        Series { role: Role::Any, mark: Mark::Points(Role::Any.marker(), Fill::Hollow, points) },
    ];
    let (x, y) = (axis(0, "Distance (sd of pixels)"), axis(2, ""));
    let heading = if row == 0 { format!("plane {}", column + 1) } else { String::new() };
    Panel { row, column, heading, note: String::new(), side: side.to_string(), x, y, series }
}

/// The map of a plane, where the metric left one.
fn map(measured: &Measurement, plane: usize) -> Option<Map<'_>> {
    let arrays = measured.arrays.get("slices")?;
    let of = |name: &str| arrays.get(&format!("{name}-{plane}"));
    match (of("labels")?, of("confidence")?, of("extent")?, of("points")?) {
        (Array::U64(labels), Array::F32(confidence), Array::F64(extent), Array::F64(points)) if extent.len() == 4 => {
            Some(Map { labels, confidence, extent, points })
        }
        _ => None,
    }
}
