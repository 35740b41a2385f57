//! `information-by-depth`: what is left of image and code from layer to layer, before and behind each non-linearity.

use std::collections::BTreeSet;

use super::arms::{count, key, never, over_seeds, range, Arm, Arms};
use super::cases::unfinished;
use super::figure::{
    pieces, Axis, Category, Dash, FigureData, Fill, Mark, Marker, Panel, Role, Sample, Scale, Series, Shape,
};
use super::{Figure, Scope};
use crate::entry::Entry;
use crate::record::{Landmark, Measurement, Reading, RunRecords, Side};

/// The row of this figure.
pub const ENTRY: Entry<dyn Figure> = Entry {
    name: "information-by-depth",
    summary:
        "What each layer keeps, before and behind its non-linearity: reconstruction, local bits, switching, dimensions",
    reference: "Poole et al. 2016, fig. 2, for the switching",
    build: |_, ()| Ok(Box::new(InformationByDepth)),
};

/// Most places side by side in half a page.
const NARROW: usize = 7;
/// Between two arms at the same place, in units of the axis.
const ASIDE: f64 = 0.09;

/// A panel: what it shows, of which readings, and what theory says, if there is theory.
struct Kind {
    heading: &'static str,
    label: &'static str,
    of: (&'static str, &'static str),
    /// Which of the readings, where a layer has several.
    among: Option<&'static str>,
    theory: Option<&'static str>,
    log: bool,
}

const KINDS: [Kind; 4] = [
    Kind {
        heading: "Image, by a linear map",
        label: "Reconstruction R²",
        of: ("reconstruction", "r2"),
        among: None,
        theory: None,
        log: false,
    },
    Kind {
        heading: "Image, near each test image",
        label: "Local information, bits",
        of: ("local-information", "bits"),
        among: None,
        theory: None,
        log: false,
    },
    Kind {
        heading: "Switching between classes",
        label: "Units whose sign differs",
        of: ("switching", "hamming"),
        among: Some("different-class"),
        theory: Some("hamming-mlp"),
        log: false,
    },
    Kind {
        heading: "Dimensions that images fill",
        label: "Participation ratio (log scale)",
        of: ("dimension", "participation-ratio"),
        among: None,
        theory: None,
        log: true,
    },
];

/// A place in the network: a layer's name, and before or behind its non-linearity.
type Place = (String, Option<Side>);

struct InformationByDepth;

impl Figure for InformationByDepth {
    fn scope(&self) -> Scope {
        Scope::Cell
    }

    fn draw_from(&self, runs: &[RunRecords]) -> Option<FigureData> {
        let arms = Arms::of(runs)?;
        let landmark = arms.matched();
        let untrained = arms.untrained();
        let mut shown: Vec<(&Arm<'_>, Vec<&Measurement>)> =
            arms.learners.iter().map(|arm| (arm, arm.at(landmark))).collect();
        shown.extend(arms.full.iter().map(|arm| (arm, arm.at(Landmark::End))));
        shown.retain(|(_, measured)| !measured.is_empty());
        let all = || shown.iter().flat_map(|(_, measured)| measured).chain(&untrained);
        let places = places(all().copied());
        if places.is_empty() {
            return None;
        }
        let category = |(name, side): &Place| {
            let note = match side {
                _ if name == "input" => "",
                Some(Side::Pre) => "in",
                Some(Side::Post) => "out",
                None => "",
            };
            Category { name: name.clone(), note: note.to_string() }
        };
        let x = Axis {
            label: "Layer: into and out of its non-linearity".to_string(),
            scale: Scale::Categories(places.iter().map(category).collect()),
            range: [-0.5, places.len() as f64 - 0.5],
        };
        let (columns, shape) = if places.len() <= NARROW { (2, Shape::Wide) } else { (1, Shape::Flat) };
        let mut panels: Vec<Panel> = Vec::new();
        for kind in &KINDS {
            let at = panels.len();
            let mut series = Vec::new();
            if let Some(theory) = kind.theory {
                let line = course(&untrained, &places, (kind.of.0, theory), kind.among, 0.0);
                let line: Vec<[f64; 2]> = line.iter().map(|point| [point.x, point.y]).collect();
                series.push(Series { role: Role::Reference, mark: Mark::Line(Dash::Dashed, vec![line]) });
            }
            let arms = [(Role::Reference, Marker::Star, &untrained)].into_iter();
            let arms = arms.chain(shown.iter().map(|(arm, measured)| (arm.role, arm.role.marker(), measured)));
            for (i, (role, marker, measured)) in arms.enumerate() {
                let aside = ASIDE * (i as f64 - shown.len() as f64 / 2.0);
                let points = course(measured, &places, kind.of, kind.among, aside);
                let line = pieces(points.iter().map(|point| [point.x, point.y]));
                series.push(Series { role, mark: Mark::Line(Dash::Solid, line) });
                series.push(Series { role, mark: Mark::Points(marker, Fill::Solid, points) });
            }
            let heights = series.iter().flat_map(Series::heights);
            let Some(range) = range(heights, kind.log) else { continue };
            let scale = if kind.log { Scale::Log } else { Scale::Linear };
            panels.push(Panel {
                row: at / columns,
                column: at % columns,
                heading: kind.heading.to_string(),
                note: String::new(),
                side: String::new(),
                x: x.clone(),
                y: Axis { label: kind.label.to_string(), scale, range },
                series,
            });
        }
        if panels.is_empty() {
            return None;
        }
        let mut legend = vec![key("untrained", Role::Reference, Sample::Point(Marker::Star, Fill::Solid))];
        let point = |role: Role| Sample::Point(role.marker(), Fill::Solid);
        legend.extend(shown.iter().map(|(arm, _)| key(&arm.label, arm.role, point(arm.role))));
        legend.push(key("wide random MLP", Role::Reference, Sample::Level(Dash::Dashed)));
        let full = match shown.iter().any(|(arm, _)| arm.role == Role::Any) {
            true => " The arm with all weights trained is shown at its own end.",
            false => "",
        };
        let caption = format!(
            "Where a line falls from `in` to `out`, that non-linearity lost something; from `out` to the next `in` only linear maps stand. Learners {}, \
             mean over {}; bars: 95 % Student t interval.{full}{} Reconstruction: held-out R² of a ridge regression from layer to image. Local information: \
             bits of a linear channel with the layer's Jacobian. Dashed: what the arccosine law says of wide random ReLU layers between the same images.{}",
            arms.matched_name(),
            count(&arms, landmark),
            never(&arms, landmark),
            unfinished(runs),
        );
        let title = format!("Information by depth: {}", arms.setting());
        Some(FigureData { title, caption, panels, legend, ramp: None, shape })
    }
}

/// All places that the panels show, in the order of the network.
fn places<'a>(measurements: impl Iterator<Item = &'a Measurement>) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    let mut known = BTreeSet::new();
    for measurement in measurements {
        for kind in &KINDS {
            for reading in measurement.of(kind.of.0, kind.of.1) {
                let Some(layer) = &reading.layer else { continue };
                if known.insert((layer.clone(), reading.position)) {
                    places.push((layer.clone(), reading.position));
                }
            }
        }
    }
    places
}

/// The means over seeds at each place that has one.
fn course(
    measurements: &[&Measurement],
    places: &[Place],
    of: (&str, &str),
    among: Option<&str>,
    aside: f64,
) -> Vec<super::figure::Point> {
    let mut points = Vec::new();
    for (i, (layer, side)) in places.iter().enumerate() {
        let here = |r: &Reading| {
            r.layer.as_deref() == Some(layer.as_str())
                && r.position == *side
                && among.is_none_or(|of| r.of.as_deref() == Some(of))
        };
        points.extend(over_seeds(measurements, of, here).map(|mean| mean.point(i as f64 + aside, f64::NEG_INFINITY)));
    }
    points
}
