//! `corruption`: error on corrupted test images by severity, one panel for each corruption.

use super::arms::{count, key, never, over_seeds, Arms};
use super::cases::{accuracy_axis, chance, unfinished};
use super::figure::{pieces, Axis, Dash, FigureData, Fill, Mark, Panel, Point, Role, Sample, Scale, Series, Shape};
use super::{Figure, Scope};
use crate::entry::Entry;
use crate::record::{Landmark, Measurement, RunRecords};

/// The row of this figure.
pub const ENTRY: Entry<dyn Figure> = Entry {
    name: "corruption",
    summary: "Error on corrupted test images by severity, one panel for each corruption",
    reference: "Hendrycks & Dietterich 2019; Mu & Gilmer 2019",
    build: |_, ()| Ok(Box::new(Corruption)),
};

/// Panels beside each other.
const COLUMNS: usize = 3;

struct Corruption;

impl Figure for Corruption {
    fn scope(&self) -> Scope {
        Scope::Cell
    }

    fn draw_from(&self, runs: &[RunRecords]) -> Option<FigureData> {
        let arms = Arms::of(runs)?;
        let landmark = arms.matched();
        let untrained = arms.untrained();
        let mut shown: Vec<(Role, Vec<&Measurement>)> = vec![(Role::Reference, untrained)];
        shown.extend(arms.learners.iter().map(|arm| (arm.role, arm.at(landmark))));
        shown.extend(arms.full.iter().map(|arm| (arm.role, arm.at(Landmark::End))));
        let kinds: std::collections::BTreeSet<&str> = shown
            .iter()
            .flat_map(|(_, measured)| measured)
            .flat_map(|m| m.of("corruption", "error"))
            .filter_map(|r| r.of.as_deref())
            .collect();
        let mut panels: Vec<Panel> = Vec::new();
        for kind in &kinds {
            let mut series: Vec<Series> = Vec::new();
            series.extend(
                chance(runs)
                    .map(|chance| Series { role: Role::Reference, mark: Mark::Level(Dash::Dotted, 1.0 - chance) }),
            );
            for (role, measured) in &shown {
                let points: Vec<Point> = (0..=5u8)
                    .filter_map(|severity| {
                        let at = f64::from(severity);
                        let here = over_seeds(measured, ("corruption", "error"), |r| {
                            r.of.as_deref() == Some(*kind) && r.at == Some(at)
                        })?;
                        Some(here.point(at, f64::NEG_INFINITY))
                    })
                    .collect();
                let line = pieces(points.iter().map(|p| [p.x, p.y]));
                series.push(Series { role: *role, mark: Mark::Line(Dash::Solid, line) });
                series.push(Series { role: *role, mark: Mark::Points(role.marker(), Fill::Solid, points) });
            }
            let (row, column) = (panels.len() / COLUMNS, panels.len() % COLUMNS);
            let x = Axis { label: "Severity".to_string(), scale: Scale::Linear, range: [-0.3, 5.3] };
            let y = accuracy_axis("", std::iter::empty());
            panels.push(Panel {
                row,
                column,
                heading: kind.replace('-', " "),
                note: String::new(),
                side: String::new(),
                x,
                y,
                series,
            });
        }
        if panels.is_empty() {
            return None;
        }
        let y = accuracy_axis(
            "Error on test images",
            panels.iter().flat_map(|panel| &panel.series).flat_map(Series::heights),
        );
        panels.iter_mut().for_each(|panel| panel.y = y.clone());
        let mut legend = arms.keys(|role| Sample::Point(role.marker(), Fill::Solid));
        legend.push(key("untrained", Role::Reference, Sample::Point(Role::Reference.marker(), Fill::Solid)));
        legend.push(key("chance", Role::Reference, Sample::Level(Dash::Dotted)));
        let caption = format!(
            "Share of test images that the network sees wrongly, by severity of the corruption (0: none), in the severities of MNIST-C and CIFAR-10-C. Learners {}, \
             mean over {}; bars: 95 % Student t interval.{}{}",
            arms.matched_name(),
            count(&arms, landmark),
            never(&arms, landmark),
            unfinished(runs),
        );
        let title = format!("Corrupted images: {}", arms.setting());
        Some(FigureData { title, caption, panels, legend, ramp: None, shape: Shape::Wide })
    }
}
