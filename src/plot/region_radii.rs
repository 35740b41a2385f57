//! `region-radii`: how far test images lie from another class, and what noise leaves of predictions.

use super::arms::{count, key, never, over_seeds, range, summary, Arm, Arms};
use super::cases::{accuracy_axis, unfinished};
use super::figure::{Axis, Dash, FigureData, Fill, Mark, Marker, Panel, Point, Role, Sample, Scale, Series, Shape};
use super::{Figure, Scope};
use crate::entry::Entry;
use crate::record::{Landmark, Measurement, RunRecords};

/// The row of this figure.
pub const ENTRY: Entry<dyn Figure> = Entry {
    name: "region-radii",
    summary:
        "Radii of decision regions by direction, predictions kept under noise, and radius against accuracy run by run",
    reference: "Moosavi-Dezfooli et al. 2016; Cohen et al. 2019",
    build: |_, ()| Ok(Box::new(RegionRadii)),
};

/// Kinds of directions, as the metric names them and as the figure does.
const DIRECTIONS: [(&str, &str); 3] = [
    ("random", "Random directions"),
    ("other-class", "Towards images of another class"),
    ("deepfool", "Nearest found (DeepFool)"),
];
const RADIUS: &str = "Radius (sd of pixels), log scale";

struct RegionRadii;

/// An arm and what was measured of it where arms are compared.
type Shown<'a, 'b> = (&'b Arm<'a>, Vec<&'a Measurement>);

impl Figure for RegionRadii {
    fn scope(&self) -> Scope {
        Scope::Cell
    }

    fn draw_from(&self, runs: &[RunRecords]) -> Option<FigureData> {
        let arms = Arms::of(runs)?;
        let landmark = arms.matched();
        let untrained = arms.untrained();
        let mut shown: Vec<Shown<'_, '_>> = arms.learners.iter().map(|arm| (arm, arm.at(landmark))).collect();
        shown.extend(arms.full.iter().map(|arm| (arm, arm.at(Landmark::End))));
        shown.retain(|(_, measured)| measured.iter().any(|m| m.of("radii", "median").next().is_some()));
        if shown.is_empty() {
            return None;
        }
        let mut panels: Vec<Panel> = Vec::new();
        for (of, heading) in DIRECTIONS {
            let series = shares(&shown, &untrained, of);
            let places = series.iter().flat_map(|series| match &series.mark {
                Mark::Line(_, lines) => lines.iter().flatten().map(|at| at[0]).collect(),
                _ => Vec::new(),
            });
            let Some(range) = range(places.collect::<Vec<f64>>(), true) else { continue };
            let x = Axis { label: RADIUS.to_string(), scale: Scale::Log, range };
            let y =
                Axis { label: "Images with a smaller radius".to_string(), scale: Scale::Percent, range: [0.0, 1.0] };
            let note = format!("never met: {}", censored(&shown, of));
            panels.push(place(panels.len(), heading, note, x, y, series));
        }
        if let Some(panel) = robustness(&shown, &untrained, panels.len()) {
            panels.push(panel);
        }
        panels.extend(scatter(&shown, &untrained, panels.len()));
        let mut legend = vec![key("untrained", Role::Reference, Sample::Line(Dash::Solid, None))];
        legend.extend(
            shown.iter().map(|(arm, _)| key(&arm.label, arm.role, Sample::Line(Dash::Solid, Some(arm.role.marker())))),
        );
        let full = match shown.iter().any(|(arm, _)| arm.role == Role::Any) {
            true => " The arm with all weights trained is shown at its own end.",
            false => "",
        };
        let caption = format!(
            "Learners {}, mean over {}.{full}{} Radii: of images that the network sees rightly, to the first other class; points are quantiles, and where another class is \
             never met within reach the curve ends below 100 %. Bars: 95 % Student t interval over seeds. Last panel: one point a run; a constant network \
             would have infinite radii, so they mean something beside accuracy alone.{}",
            arms.matched_name(),
            count(&arms, landmark),
            never(&arms, landmark),
            unfinished(runs),
        );
        let title = format!("Decision regions in numbers: {}", arms.setting());
        Some(FigureData { title, caption, panels, legend, ramp: None, shape: Shape::Wide })
    }
}

fn place(at: usize, heading: &str, note: String, x: Axis, y: Axis, series: Vec<Series>) -> Panel {
    let (row, column) = (at / 2, at % 2);
    Panel { row, column, heading: heading.to_string(), note, side: String::new(), x, y, series }
}

/// Distribution functions of radii: share of images by quantile, mean over seeds.
fn shares(shown: &[Shown<'_, '_>], untrained: &[&Measurement], of: &str) -> Vec<Series> {
    let curve = |measured: &[&Measurement]| -> Vec<Point> {
        let mut at: Vec<f64> = measured
            .iter()
            .flat_map(|m| m.of("radii", "quantile"))
            .filter(|r| r.of.as_deref() == Some(of))
            .filter_map(|r| r.at)
            .collect();
        at.sort_by(f64::total_cmp);
        at.dedup();
        let quantile = |share: &f64| {
            let values: Vec<f64> = measured
                .iter()
                .filter_map(|m| m.of("radii", "quantile").find(|r| r.of.as_deref() == Some(of) && r.at == Some(*share)))
                .map(|r| r.value)
                .collect();
            // A quantile that is censored in one run has no mean.
            let whole = values.iter().all(|value| value.is_finite() && *value > 0.0);
            let mean = summary(values).filter(|_| whole)?;
            Some(Point {
                x: mean.mean,
                y: *share,
                interval: mean.interval.map(|ends| ends.map(|end| end.max(mean.mean / 20.0))),
            })
        };
        at.iter().filter_map(quantile).collect()
    };
    let arms = std::iter::once((Role::Reference, curve(untrained)));
    let arms = arms.chain(shown.iter().map(|(arm, measured)| (arm.role, curve(measured))));
    let series = |(role, points): (Role, Vec<Point>)| {
        let line = points.iter().map(|point| [point.x, point.y]).collect();
        let across = Mark::Across(role.marker(), Fill::Solid, points);
        [Series { role, mark: Mark::Line(Dash::Solid, vec![line]) }, Series { role, mark: across }]
    };
    arms.filter(|(_, points)| !points.is_empty()).flat_map(series).collect()
}

/// Shares of radii beyond reach, for a heading.
fn censored(shown: &[Shown<'_, '_>], of: &str) -> String {
    let each = shown.iter().filter_map(|(arm, measured)| {
        let mean = over_seeds(measured, ("radii", "censored"), |r| r.of.as_deref() == Some(of))?;
        Some(format!("{} {:.0} %", arm.label, 100.0 * mean.mean))
    });
    each.collect::<Vec<String>>().join(", ")
}

/// Share of noisy copies that keep their class, by the noise.
fn robustness(shown: &[Shown<'_, '_>], untrained: &[&Measurement], at: usize) -> Option<Panel> {
    let curve = |measured: &[&Measurement]| -> Vec<Point> {
        let mut sigmas: Vec<f64> =
            measured.iter().flat_map(|m| m.of("robustness", "kept")).filter_map(|r| r.at).collect();
        sigmas.sort_by(f64::total_cmp);
        sigmas.dedup();
        let point = |sigma: &f64| {
            let mean = over_seeds(measured, ("robustness", "kept"), |r| r.at == Some(*sigma))?;
            Some(Point {
                interval: mean.interval.map(|ends| ends.map(|end| end.clamp(0.0, 1.0))),
                ..mean.point(*sigma, 0.0)
            })
        };
        sigmas.iter().filter_map(point).collect()
    };
    let mut series = Vec::new();
    let arms =
        std::iter::once((Role::Reference, untrained)).chain(shown.iter().map(|(arm, m)| (arm.role, m.as_slice())));
    for (role, measured) in arms {
        let points = curve(measured);
        series.push(Series { role, mark: Mark::Line(Dash::Solid, vec![points.iter().map(|p| [p.x, p.y]).collect()]) });
        series.push(Series { role, mark: Mark::Points(role.marker(), Fill::Solid, points) });
    }
    let places: Vec<f64> = series
        .iter()
        .flat_map(|series| match &series.mark {
            Mark::Points(_, _, points) => points.iter().map(|point| point.x).collect(),
            _ => Vec::new(),
        })
        .collect();
    let x = Axis { label: "Noise (pixels, sd), log scale".to_string(), scale: Scale::Log, range: range(places, true)? };
    let y = Axis { label: "Noisy copies that keep their class".to_string(), scale: Scale::Percent, range: [0.0, 1.0] };
    Some(place(at, "Gaussian noise", String::new(), x, y, series))
}

/// Median radii against test accuracy, one point a run.
fn scatter(shown: &[Shown<'_, '_>], untrained: &[&Measurement], at: usize) -> Vec<Panel> {
    let mut panels = Vec::new();
    for (of, heading) in [("random", "Random radius against accuracy"), ("deepfool", "Nearest class against accuracy")]
    {
        let dots = |measured: &[&Measurement]| -> Vec<Point> {
            let dot = |m: &&Measurement| {
                let median = m.of("radii", "median").find(|r| r.of.as_deref() == Some(of))?.value;
                let point = Point { x: median, y: m.scores.test.accuracy, interval: None };
                (median.is_finite() && median > 0.0 && point.y.is_finite()).then_some(point)
            };
            measured.iter().filter_map(dot).collect()
        };
        let mut series =
            vec![Series { role: Role::Reference, mark: Mark::Points(Marker::Star, Fill::Solid, dots(untrained)) }];
        for (arm, measured) in shown {
            series.push(Series { role: arm.role, mark: Mark::Points(arm.role.marker(), Fill::Solid, dots(measured)) });
        }
        let points = || {
            series.iter().flat_map(|series| match &series.mark {
                Mark::Points(_, _, points) => points.clone(),
                _ => Vec::new(),
            })
        };
        let Some(range) = range(points().map(|point| point.x).collect::<Vec<f64>>(), true) else { continue };
        let x = Axis { label: format!("Median {}", RADIUS.to_lowercase()), scale: Scale::Log, range };
        let y = accuracy_axis("Test accuracy", points().map(|point| point.y).collect::<Vec<f64>>().into_iter());
        panels.push(place(at + panels.len(), heading, String::new(), x, y, series));
    }
    panels
}
