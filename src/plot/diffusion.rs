//! `diffusion`: how the trained weights wander: signal over noise of updates, squared displacement, directions, alignment.

use super::arms::{key, over_seeds, range, summary, Arms};
use super::cases::{seeds, unfinished};
use super::figure::{
    pieces, Axis, Beside, Dash, FigureData, Fill, Label, Mark, Panel, Point, Role, Sample, Scale, Series, Shape,
};
use super::{Figure, Scope};
use crate::entry::Entry;
use crate::record::{Measurement, Reading, RunRecords};
use crate::state::Array;

/// The row of this figure.
pub const ENTRY: Entry<dyn Figure> = Entry {
    name: "diffusion",
    summary:
        "Signal over noise of updates, squared displacement, diffusion along curvature, alignment with the gradient",
    reference: "Shwartz-Ziv & Tishby 2017; Hoffer et al. 2017; Zhu et al. 2019",
    build: |_, ()| Ok(Box::new(Diffusion)),
};

struct Diffusion;

impl Figure for Diffusion {
    fn scope(&self) -> Scope {
        Scope::Cell
    }

    fn draw_from(&self, runs: &[RunRecords]) -> Option<FigureData> {
        let arms = Arms::of(runs)?;
        let mut panels: Vec<Panel> = Vec::new();
        for make in [signal, displacement, curvature, alignment] {
            if let Some((heading, note, x, y, series)) = make(&arms) {
                let (row, column) = (panels.len() / 2, panels.len() % 2);
                panels.push(Panel { row, column, heading, note, side: String::new(), x, y, series });
            }
        }
        if panels.is_empty() {
            return None;
        }
        let mut legend: Vec<_> = arms
            .learners
            .iter()
            .map(|arm| key(&arm.label, arm.role, Sample::Line(Dash::Solid, Some(arm.role.marker()))))
            .collect();
        legend.push(key("null or theory", Role::Reference, Sample::Level(Dash::Dashed)));
        legend.push(key("95 % interval", Role::Any, Sample::Band));
        let caption = format!(
            "Signal over noise: squared length of the mean update over the variance of single updates, without bias; where it is 0 or less there is no point; grey: a search of n antithetic pairs in d dimensions on a plane. \
             Displacement: mean over time of the squared distance between weights some steps apart; slope 1 is a random walk, 2 a straight way; the grey one has the same steps with random \
             signs. Curvature: how fast weights diffuse along each eigenvector of the Hessian, every run and every direction with a curvature above 0; slope 0 is noise that is \
             alike in all directions. Alignment: cosine of the update with steepest descent on the training snapshot. Means over {}.{}",
            seeds(arms.learners.iter().map(|arm| arm.runs.len()).collect::<Vec<_>>().into_iter()),
            unfinished(runs),
        );
        let title = format!("Diffusion: {}", arms.setting());
        Some(FigureData { title, caption, panels, legend, ramp: None, shape: Shape::Wide })
    }
}

/// Heading, note, axes and series of a panel.
type Drawn = (String, String, Axis, Axis, Vec<Series>);

/// The means over seeds of a number at each moment after the start that every run of an arm has: forward passes, mean, interval.
fn course(arms: &Arms<'_>, of: (&str, &str), which: impl Fn(&Reading) -> bool) -> Vec<(Role, Vec<Point>)> {
    let arm = |arm: &super::arms::Arm<'_>| {
        let mut steps: Vec<u64> = arm.runs.iter().flat_map(|run| &run.measurements).map(|m| m.cost.step).collect();
        steps.sort_unstable();
        steps.dedup();
        let point = |step: u64| {
            let here: Vec<&Measurement> = arm.runs.iter().filter_map(|run| run.measured(step)).collect();
            // A mean over other runs than its neighbours' would jump.
            let mean = over_seeds(&here, of, &which).filter(|mean| mean.n == arm.runs.len())?;
            Some(mean.point(here.first()?.cost.images as f64, f64::NEG_INFINITY))
        };
        (arm.role, steps.into_iter().filter(|step| *step > 0).filter_map(point).collect())
    };
    arms.learners.iter().map(arm).filter(|(_, points): &(Role, Vec<Point>)| !points.is_empty()).collect()
}

/// Band and line through points.
fn banded(role: Role, points: &[Point]) -> Vec<Series> {
    let band = pieces(points.iter().map(|p| {
        let [low, high] = p.interval.unwrap_or([f64::NAN; 2]);
        [p.x, low, high]
    }));
    let line = pieces(points.iter().map(|p| [p.x, p.y]));
    vec![Series { role, mark: Mark::Band(band) }, Series { role, mark: Mark::Line(Dash::Solid, line) }]
}

fn images(courses: &[(Role, Vec<Point>)]) -> Option<Axis> {
    let places = courses.iter().flat_map(|(_, points)| points).map(|point| point.x);
    let range = range(places.collect::<Vec<f64>>(), true)?;
    Some(Axis { label: "Forward passes (log scale)".to_string(), scale: Scale::Log, range })
}

fn signal(arms: &Arms<'_>) -> Option<Drawn> {
    let update = |r: &Reading| r.of.as_deref() == Some("update");
    let mut courses = course(arms, ("snr", "snr2"), update);
    // A log axis has no place for what cannot be told from 0.
    courses.iter_mut().for_each(|(_, points)| points.retain(|point| point.y > 0.0));
    courses.retain(|(_, points)| !points.is_empty());
    let x = images(&courses)?;
    let mut series = Vec::new();
    for arm in &arms.learners {
        let all = arm.runs.iter().flat_map(|run| &run.measurements);
        let theory = all.flat_map(|m| m.of("snr", "theory")).map(|r| r.value).find(|value| *value > 0.0);
        series.extend(theory.map(|theory| Series { role: Role::Reference, mark: Mark::Level(Dash::Dashed, theory) }));
        series.extend(theory.map(|theory| above(&x, theory, format!("n / (d + 1), {}", arm.label))));
    }
    for (role, points) in &courses {
        let kept = |p: &Point| Point { interval: p.interval.map(|[low, high]| [low.max(p.y / 10.0), high]), ..*p };
        series.extend(banded(*role, &points.iter().map(kept).collect::<Vec<Point>>()));
    }
    let range = range(series.iter().flat_map(Series::heights).collect::<Vec<f64>>(), true)?;
    let y = Axis { label: "SNR² of updates (log scale)".to_string(), scale: Scale::Log, range };
    Some(("Signal over noise".to_string(), String::new(), x, y, series))
}

/// A text on a horizontal line, at a third of the axis.
fn above(x: &Axis, height: f64, text: String) -> Series {
    let at = [x.range[0] * (x.range[1] / x.range[0]).powf(0.3), height];
    Series { role: Role::Reference, mark: Mark::Labels(vec![Label { at, text, side: Beside::Above }]) }
}

fn displacement(arms: &Arms<'_>) -> Option<Drawn> {
    let mut series = Vec::new();
    let mut notes = Vec::new();
    for arm in &arms.learners {
        let last: Vec<&Measurement> = arm.runs.iter().filter_map(|run| run.measurements.last()).collect();
        let lags: std::collections::BTreeSet<u64> = last
            .iter()
            .flat_map(|m| m.of("displacement", "msd"))
            .filter(|r| r.of.as_deref() == Some("start"))
            .filter_map(|r| r.at.filter(|at| *at > 0.0).map(f64::to_bits))
            .collect();
        let point = |bits: &u64| {
            let lag = f64::from_bits(*bits);
            let values = last.iter().filter_map(|m| {
                let here = |r: &&Reading| r.of.as_deref() == Some("start") && r.at == Some(lag);
                m.of("displacement", "msd").find(here).map(|r| r.value)
            });
            let mean = summary(values.filter(|value| *value > 0.0))?;
            Some(mean.point(lag, mean.mean / 10.0))
        };
        let points: Vec<Point> = lags.iter().filter_map(point).collect();
        if points.is_empty() {
            continue;
        }
        series.extend(banded(arm.role, &points));
        series.push(Series {
            role: arm.role,
            mark: Mark::Points(
                arm.role.marker(),
                Fill::Solid,
                vec![Point { interval: None, ..points[points.len() - 1] }],
            ),
        });
        let start = |r: &Reading| r.of.as_deref() == Some("start");
        if let Some(alpha) = over_seeds(&last, ("displacement", "exponent"), start) {
            let half = alpha.interval.map_or(String::new(), |[low, _]| format!(" ± {:.2}", alpha.mean - low));
            notes.push(format!("{} α = {:.2}{half}", arm.label, alpha.mean));
        }
        // What the same steps with random signs would do: a line of that slope through the first point.
        let null = last.iter().filter_map(|m| m.of("displacement", "exponent").find(|r| start(r))?.shuffled);
        if let (Some(null), [first, .., end]) = (summary(null), points.as_slice()) {
            let line = vec![[first.x, first.y], [end.x, first.y * (end.x / first.x).powf(null.mean)]];
            series.insert(0, Series { role: Role::Reference, mark: Mark::Line(Dash::Dashed, vec![line]) });
        }
    }
    let across = |mark: &Mark| match mark {
        Mark::Line(_, lines) => lines.iter().flatten().map(|at| at[0]).collect(),
        _ => Vec::new(),
    };
    let places: Vec<f64> = series.iter().flat_map(|series| across(&series.mark)).collect();
    let x = Axis { label: "Steps apart (log scale)".to_string(), scale: Scale::Log, range: range(places, true)? };
    let range = range(series.iter().flat_map(Series::heights).collect::<Vec<f64>>(), true)?;
    let y = Axis { label: "Squared displacement".to_string(), scale: Scale::Log, range };
    Some(("Squared displacement".to_string(), notes.join(", "), x, y, series))
}

fn curvature(arms: &Arms<'_>) -> Option<Drawn> {
    let mut series = Vec::new();
    let mut notes = Vec::new();
    for arm in &arms.learners {
        let last: Vec<&Measurement> = arm.runs.iter().filter_map(|run| run.measurements.last()).collect();
        let dots: Vec<[f64; 2]> = last.iter().flat_map(|m| curved(m)).collect();
        if dots.is_empty() {
            continue;
        }
        series.push(Series { role: arm.role, mark: Mark::Dots(Fill::Solid, dots) });
        let weights = |r: &Reading| r.of.as_deref() == Some("weights");
        if let Some(gamma) = over_seeds(&last, ("anisotropy", "diffusion-exponent"), weights) {
            let half = gamma.interval.map_or(String::new(), |[low, _]| format!(" ± {:.2}", gamma.mean - low));
            notes.push(format!("{} γ = {:.2}{half}", arm.label, gamma.mean));
        }
    }
    let dots = || {
        series.iter().flat_map(|series: &Series| match &series.mark {
            Mark::Dots(_, dots) => dots.clone(),
            _ => Vec::new(),
        })
    };
    let (across, up) = (
        range(dots().map(|dot| dot[0]).collect::<Vec<f64>>(), true)?,
        range(dots().map(|dot| dot[1]).collect::<Vec<f64>>(), true)?,
    );
    // Guides of slope 0, 1 and 2 through the middle of what is shown, as far as they stay in the panel.
    let middle = [(across[0] * across[1]).sqrt(), (up[0] * up[1]).sqrt()];
    for (slope, name) in [(0.0, "γ = 0"), (1.0, "γ = 1"), (2.0, "γ = 2")] {
        let reach = if slope > 0.0 {
            (up[1] / middle[1]).powf(1.0 / slope).min(across[1] / middle[0])
        } else {
            across[1] / middle[0]
        };
        let ends = [middle[0] / reach, middle[0] * reach].map(|x| [x, middle[1] * (x / middle[0]).powf(slope)]);
        series.insert(0, Series { role: Role::Reference, mark: Mark::Line(Dash::Dashed, vec![ends.to_vec()]) });
        // Beside the line, a little below its upper end; the level one has its name above it.
        let (at, side) = match slope > 0.0 {
            true => {
                let height = ends[1][1] / (up[1] / up[0]).powf(0.06);
                ([middle[0] * (height / middle[1]).powf(1.0 / slope), height], Beside::Left)
            }
            false => ([across[0] * (across[1] / across[0]).powf(0.93), middle[1]], Beside::Above),
        };
        let label = Label { at, text: name.to_string(), side };
        series.push(Series { role: Role::Reference, mark: Mark::Labels(vec![label]) });
    }
    let x = Axis {
        label: "Curvature: eigenvalue of the Hessian (log scale)".to_string(),
        scale: Scale::Log,
        range: across,
    };
    let y = Axis { label: "Diffusion (log scale)".to_string(), scale: Scale::Log, range: up };
    Some(("Diffusion along curvature".to_string(), notes.join(", "), x, y, series))
}

/// Curvature and diffusion of each direction where both are above 0.
fn curved(measured: &Measurement) -> Vec<[f64; 2]> {
    let of = |name: &str| match measured.arrays.get("anisotropy")?.get(&format!("anisotropy.weights.{name}"))? {
        Array::F64(values) => Some(values.clone()),
        _ => None,
    };
    let (Some(curvature), Some(diffusion)) = (of("eigenvalues"), of("diffusion")) else { return Vec::new() };
    let greatest = curvature.iter().copied().fold(0.0, f64::max);
    // Below this share of the greatest, an eigenvalue is rounding.
    let counts = |at: &[f64; 2]| at[0] > 1e-6 * greatest && at[1] > 0.0 && at.iter().all(|x| x.is_finite());
    curvature.into_iter().zip(diffusion).map(|(x, y)| [x, y]).filter(counts).collect()
}

fn alignment(arms: &Arms<'_>) -> Option<Drawn> {
    let weights = |r: &Reading| r.of.as_deref() == Some("weights");
    let courses = course(arms, ("alignment", "cosine"), weights);
    let x = images(&courses)?;
    let mut series = Vec::new();
    for arm in &arms.learners {
        let all = arm.runs.iter().flat_map(|run| &run.measurements);
        let pairs = all.flat_map(|m| m.of("alignment", "theory")).find(|r| r.of.as_deref() == Some("pairs"));
        if let Some(theory) = pairs.filter(|theory| theory.value.is_finite()) {
            series.push(Series { role: Role::Reference, mark: Mark::Level(Dash::Dashed, theory.value) });
            series.push(above(&x, theory.value, format!("√(n / (n + d)), {}", arm.label)));
        }
    }
    series.extend(courses.iter().flat_map(|(role, points)| banded(*role, points)));
    let heights = series.iter().flat_map(Series::heights).chain([0.0, 1.0]).collect::<Vec<f64>>();
    let y =
        Axis { label: "Cosine with steepest descent".to_string(), scale: Scale::Linear, range: range(heights, false)? };
    Some(("Alignment with the gradient".to_string(), String::new(), x, y, series))
}
