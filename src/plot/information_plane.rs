//! `information-plane`: what each layer holds of the image and of the label, one panel a learner, from before training to its end.

use super::arms::{count, key, over_seeds, Arms};
use super::cases::unfinished;
use super::figure::{
    Axis, Beside, Dash, FigureData, Fill, Key, Label, Mark, Marker, Panel, Point, Role, Sample, Scale, Series, Shape,
};
use super::plane::{layers, Layer};
use super::{Figure, Scope};
use crate::entry::Entry;
use crate::record::{Landmark, Measurement, Reading, RunRecords};

/// The row of this figure.
pub const ENTRY: Entry<dyn Figure> = Entry {
    name: "information-plane",
    summary: "Information on image and label by layer and training, noise-referenced, one panel for each learner",
    reference: "Kolchinsky & Tracey 2017; Xu et al. 2020",
    build: |_, ()| Ok(Box::new(InformationPlane)),
};

struct InformationPlane;

impl Figure for InformationPlane {
    fn scope(&self) -> Scope {
        Scope::Cell
    }

    fn draw_from(&self, runs: &[RunRecords]) -> Option<FigureData> {
        let arms = Arms::of(runs)?;
        let kappa = kappa(&arms)?;
        let noisy = |r: &Reading| r.of.as_deref() == Some("own-rms") && r.at == Some(kappa);
        let axes = Axes {
            label: format!("I(X; T + noise), bits: noise sd = {kappa} x rms of the layer, upper bound"),
            x: ("kolchinsky-tracey", "i_xt_upper"),
            to_bits: std::f64::consts::LN_2.recip(),
            which: &noisy,
            y_label: "I(T; Y), bits: held-out linear probe",
            y: ("probe", "v_information"),
            of_y: &|_| true,
        };
        let title = format!("Information plane: {}", arms.setting());
        let caption = "Right: more of which image it was; up: more of the label. The channel that makes I(X; T) finite is noise of that size in every unit of \
             a layer; the label is read by a linear probe on held-out images.";
        plane(runs, &arms, &axes, &title, caption)
    }
}

/// What the two axes of a plane show.
pub(super) struct Axes<'a> {
    /// Label of the horizontal axis.
    pub label: String,
    /// Metric and name on the image.
    pub x: (&'a str, &'a str),
    /// Factor to bits of the horizontal axis.
    pub to_bits: f64,
    /// Which of its readings.
    pub which: &'a dyn Fn(&Reading) -> bool,
    /// Label of the vertical axis.
    pub y_label: &'a str,
    /// Metric and name on the label, bits.
    pub y: (&'a str, &'a str),
    /// Which of its readings.
    pub of_y: &'a dyn Fn(&Reading) -> bool,
}

/// A moment of an arm: its place on the ramp and its measurements.
type Moment<'a> = (f64, Vec<&'a Measurement>);

/// An information plane: panels by learner, polylines by landmark, stars for the untrained network.
pub(super) fn plane(
    runs: &[RunRecords],
    arms: &Arms<'_>,
    axes: &Axes<'_>,
    title: &str,
    caption: &str,
) -> Option<FigureData> {
    let untrained = arms.untrained();
    let layers = layers(arms, &untrained, axes.x);
    let at = |measurements: &[&Measurement], layer: &Layer| -> Option<[f64; 2]> {
        let x = over_seeds(measurements, axes.x, |r| layer.is_of(r) && (axes.which)(r))?;
        let y = over_seeds(measurements, axes.y, |r| layer.is_of(r) && (axes.of_y)(r))?;
        Some([x.mean * axes.to_bits, y.mean])
    };
    let moments: Vec<Vec<Moment<'_>>> = arms
        .learners
        .iter()
        .map(|arm| {
            let here = arms.landmarks.iter().map(|landmark| arm.at(*landmark)).filter(|m| !m.is_empty());
            here.map(|m| (m.iter().map(|m| m.cost.images as f64).sum::<f64>() / m.len() as f64, m)).collect()
        })
        .collect();
    let images = moments.iter().flatten().map(|moment| moment.0).filter(|images| *images > 0.0);
    let (least, most) = images.fold((f64::INFINITY, 0.0f64), |(low, high), x| (low.min(x), high.max(x)));
    let range = if least < most { [least, most] } else { [most.max(1.0) / 2.0, most.max(1.0)] };
    let ramp = Axis { label: "Forward passes (log scale)".to_string(), scale: Scale::Log, range };

    let all = || moments.iter().flatten().flat_map(|moment| &moment.1).chain(&untrained);
    let caps = |(metric, name), which: &dyn Fn(&Reading) -> bool| {
        all().flat_map(|m| m.of(metric, name)).filter(|r| which(r)).filter_map(|r| r.cap).fold(f64::NAN, f64::max)
    };
    let cap = [caps(axes.x, axes.which) * axes.to_bits, caps(axes.y, axes.of_y)];
    let shuffled = all().flat_map(|m| m.of(axes.y.0, axes.y.1)).filter(|r| (axes.of_y)(r)).filter_map(|r| r.shuffled);
    let shuffled = shuffled.filter(|x| x.is_finite()).fold((0.0, 0.0), |(sum, n), x| (sum + x, n + 1.0));
    let shuffled = shuffled.0 / shuffled.1;

    let mut panels = Vec::new();
    let places = moments.iter().flatten().flat_map(|moment| layers.iter().filter_map(|layer| at(&moment.1, layer)));
    let places: Vec<[f64; 2]> = places.chain(layers.iter().filter_map(|layer| at(&untrained, layer))).collect();
    if places.is_empty() || !cap.iter().all(|cap| cap.is_finite()) {
        return None;
    }
    let low = places
        .iter()
        .map(|place| place[1])
        .chain([0.0, shuffled].into_iter().filter(|x| x.is_finite()))
        .fold(0.0, f64::min);
    let x = Axis { label: axes.label.clone(), scale: Scale::Linear, range: [-0.03 * cap[0], 1.06 * cap[0]] };
    let y = Axis { label: axes.y_label.to_string(), scale: Scale::Linear, range: [low - 0.03 * cap[1], 1.1 * cap[1]] };
    let columns = if arms.learners.len() == 4 { 2 } else { arms.learners.len().min(3) };
    for (i, (arm, moments)) in arms.learners.iter().zip(&moments).enumerate() {
        let mut series = vec![
            Series { role: Role::Reference, mark: Mark::Level(Dash::Dashed, cap[1]) },
            Series { role: Role::Reference, mark: Mark::Upright(Dash::Dashed, cap[0]) },
        ];
        if shuffled.is_finite() {
            series.push(Series { role: Role::Reference, mark: Mark::Level(Dash::Dotted, shuffled) });
        }
        let stars: Vec<Point> = layers
            .iter()
            .filter_map(|layer| at(&untrained, layer))
            .map(|[x, y]| Point { x, y, interval: None })
            .collect();
        series.push(Series {
            role: Role::Reference,
            mark: Mark::Line(Dash::Solid, vec![stars.iter().map(|p| [p.x, p.y]).collect()]),
        });
        series.push(Series { role: Role::Reference, mark: Mark::Points(Marker::Star, Fill::Solid, stars) });
        for (images, measurements) in moments {
            let role = Role::on_ramp(&ramp, *images);
            let places: Vec<(usize, [f64; 2])> =
                layers.iter().enumerate().filter_map(|(i, layer)| Some((i, at(measurements, layer)?))).collect();
            series.push(Series {
                role,
                mark: Mark::Line(Dash::Solid, vec![places.iter().map(|place| place.1).collect()]),
            });
            for (layer, [x, y]) in places {
                let mark = Mark::Points(marker(layer), Fill::Solid, vec![Point { x, y, interval: None }]);
                series.push(Series { role, mark });
            }
        }
        series.push(Series {
            role: Role::Reference,
            mark: Mark::Labels(vec![Label {
                at: [0.05 * cap[0], cap[1]],
                text: "H(Y)".to_string(),
                side: Beside::Above,
            }]),
        });
        let note = format!("n = {}", moments.last().map_or(0, |moment| moment.1.len()));
        panels.push(Panel {
            row: i / columns,
            column: i % columns,
            heading: arm.label.clone(),
            note,
            side: String::new(),
            x: x.clone(),
            y: y.clone(),
            series,
        });
    }
    let mut legend: Vec<Key> = layers
        .iter()
        .enumerate()
        .map(|(i, layer)| key(&layer.name, Role::Any, Sample::Point(marker(i), Fill::Solid)))
        .collect();
    legend.push(key("untrained", Role::Reference, Sample::Point(Marker::Star, Fill::Solid)));
    legend.push(key("most it can be", Role::Reference, Sample::Level(Dash::Dashed)));
    legend.extend(shuffled.is_finite().then(|| key("shuffled labels", Role::Reference, Sample::Level(Dash::Dotted))));
    let caption = format!(
        "{caption} Each line joins the layers of one moment, mean over seeds ({}): moments of equal training loss and the end, coloured by forward \
         passes; grey stars: before training. Grey lines: the most that {} test images and the classes allow, and what shuffled labels give.{}",
        count(arms, Landmark::End),
        all().flat_map(|m| m.of(axes.x.0, axes.x.1)).map(|r| r.n).max().unwrap_or(0),
        unfinished(runs),
    );
    Some(FigureData { title: title.to_string(), caption, panels, legend, ramp: Some(ramp), shape: Shape::Square })
}

/// The shape of a layer's points; after the fifth they begin again.
fn marker(layer: usize) -> Marker {
    [Marker::Circle, Marker::Square, Marker::Diamond, Marker::Triangle, Marker::Down][layer % 5]
}

/// The least noise at which no layer of any arm at any landmark holds more than 95 % of the cap, so that layers and learners can differ; else
/// the greatest noise. `None` where nothing was measured.
pub(super) fn kappa(arms: &Arms<'_>) -> Option<f64> {
    let measured = arms.all().flat_map(|arm| arms.landmarks.iter().flat_map(|landmark| arm.at(*landmark)));
    let mut full: std::collections::BTreeMap<u64, bool> = Default::default();
    for measurement in measured.chain(arms.untrained()) {
        for r in measurement.of("kolchinsky-tracey", "i_xt_upper").filter(|r| r.of.as_deref() == Some("own-rms")) {
            let (Some(at), Some(cap)) = (r.at.filter(|at| *at > 0.0), r.cap) else { continue };
            // Positive numbers stand in the order of their bits.
            *full.entry(at.to_bits()).or_default() |= r.value > 0.95 * cap;
        }
    }
    let free = full.iter().find(|(_, full)| !**full).map(|(bits, _)| *bits);
    free.or_else(|| full.keys().last().copied()).map(f64::from_bits)
}
