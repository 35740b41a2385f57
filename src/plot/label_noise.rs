//! `label-noise`: what is learned of true and of false labels, against the share of labels that are drawn at random.

use super::arms::{key, over_seeds, range};
use super::cases::{seeds, setting, Cases};
use super::config::number;
use super::figure::{pieces, Axis, Dash, FigureData, Fill, Mark, Panel, Point, Role, Sample, Scale, Series, Shape};
use super::Figure;
use crate::entry::Entry;
use crate::record::{Measurement, RunRecords};

/// The row of this figure.
pub const ENTRY: Entry<dyn Figure> = Entry {
    name: "label-noise",
    summary: "Test accuracy and false labels learned by heart against the share of random labels",
    reference: "Zhang et al. 2017, fig. 1",
    build: |_, ()| Ok(Box::new(LabelNoise)),
};

struct LabelNoise;

/// A panel: heading, and its lines: dash, name of the reading (none: test accuracy of the records), of what.
type Kind = (&'static str, &'static str, &'static [(Dash, Option<(&'static str, &'static str)>)]);

const KINDS: [Kind; 2] = [
    ("What carries over", "Accuracy", &[(Dash::Solid, None), (Dash::Dashed, Some(("accuracy", "clean")))]),
    (
        "What becomes of false labels",
        "Share of falsely labelled training images",
        &[(Dash::Solid, Some(("restored", "mislabelled"))), (Dash::Dashed, Some(("memorised", "mislabelled")))],
    ),
];

impl Figure for LabelNoise {
    fn draw_from(&self, runs: &[RunRecords]) -> Option<FigureData> {
        let noise = |run: &RunRecords| Some(number(run, "data.label_noise").unwrap_or(0.0));
        let finished: Vec<RunRecords> = runs.iter().filter(|run| run.end.is_some()).cloned().collect();
        let mut levels: Vec<f64> = finished.iter().filter_map(noise).collect();
        levels.sort_by(f64::total_cmp);
        levels.dedup();
        if levels.len() < 2 {
            return None;
        }
        // The noise is on the axis, so learners are told apart by their own labels.
        let mut bare = finished.clone();
        bare.iter_mut().for_each(|run| run.header.cell.clear());
        let cases = Cases::of(&bare);
        let mut counts = Vec::new();
        let mut panels = Vec::new();
        for (column, (heading, label, lines)) in KINDS.iter().enumerate() {
            let mut series = Vec::new();
            for learner in &cases.learners {
                let role = learner.role;
                for (dash, reading) in *lines {
                    let point = |level: &f64| -> Option<Point> {
                        let here = finished
                            .iter()
                            .filter(|run| noise(run) == Some(*level) && run.header.learner == learner.label);
                        let last: Vec<&Measurement> = here.clone().filter_map(|run| run.measurements.last()).collect();
                        let mean = match reading {
                            None => {
                                super::arms::summary(here.filter_map(|run| Some(run.end.as_ref()?.last.test.accuracy)))
                            }
                            Some((name, of)) => {
                                over_seeds(&last, ("memorisation", name), |r| r.of.as_deref() == Some(*of))
                            }
                        }?;
                        Some(mean).map(|mean| {
                            let aside = if *dash == Dash::Solid { 0.0 } else { 0.004 };
                            Point {
                                interval: mean.interval.map(|ends| ends.map(|end| end.clamp(0.0, 1.0))),
                                ..mean.point(level + aside, 0.0)
                            }
                        })
                    };
                    let points: Vec<Point> = levels.iter().filter_map(point).collect();
                    counts.extend(levels.iter().map(|level| {
                        finished
                            .iter()
                            .filter(|run| noise(run) == Some(*level) && run.header.learner == learner.label)
                            .count()
                    }));
                    series.push(Series { role, mark: Mark::Line(*dash, pieces(points.iter().map(|p| [p.x, p.y]))) });
                    let fill = if *dash == Dash::Solid { Fill::Solid } else { Fill::Hollow };
                    series.push(Series { role, mark: Mark::Points(role.marker(), fill, points) });
                }
            }
            let x = Axis {
                label: "Labels drawn at random".to_string(),
                scale: Scale::Percent,
                range: range(levels.clone(), false)?,
            };
            let y = Axis { label: label.to_string(), scale: Scale::Percent, range: [0.0, 1.0] };
            panels.push(Panel {
                row: 0,
                column,
                heading: heading.to_string(),
                note: String::new(),
                side: String::new(),
                x,
                y,
                series,
            });
        }
        let mut legend: Vec<_> = cases
            .learners
            .iter()
            .map(|learner| key(&learner.label, learner.role, Sample::Point(learner.role.marker(), Fill::Solid)))
            .collect();
        legend.push(key("left: test, right: restored", Role::Any, Sample::Line(Dash::Solid, None)));
        legend.push(key("left: rightly labelled, right: by heart", Role::Any, Sample::Line(Dash::Dashed, None)));
        let caption = format!(
            "Left: accuracy on test images (solid) and on those training images whose label is true (dashed). Right: of the training images whose label is false, \
             how many the network gives their true label (solid: restored) and how many the false one (dashed, hollow: learned by heart). At the end of \
             training, mean over {}; bars: 95 % Student t interval.",
            seeds(counts.into_iter().filter(|n| *n > 0).collect::<Vec<_>>().into_iter()),
        );
        let title = format!("Noisy labels: {}", setting(&finished));
        Some(FigureData { title, caption, panels, legend, ramp: None, shape: Shape::Wide })
    }
}
