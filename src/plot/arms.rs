//! The arms of one cell: the learners on the same subset before the same background, over seeds, with what was measured of them.

use super::figure::{Key, Point, Role, Sample};
use crate::num::{grouped, mean, t_half_width};
use crate::record::{landmarks, Background, Landmark, Measurement, Method, Reading, RunRecords};

/// The runs of one learner, which differ in the seed alone.
pub(super) struct Arm<'a> {
    /// What the legend says.
    pub label: String,
    /// Its colour.
    pub role: Role,
    /// Its runs, by seed.
    pub runs: Vec<&'a RunRecords>,
}

/// All arms of a cell.
pub(super) struct Arms<'a> {
    /// The learners, evolution first.
    pub learners: Vec<Arm<'a>>,
    /// The same network with all weights trained by backprop, where there are such runs besides: the arm to compare with.
    pub full: Option<Arm<'a>>,
    /// Matched training losses and the end, the same for all learners.
    pub landmarks: Vec<Landmark>,
}

/// A mean over seeds.
#[derive(Clone, Copy)]
pub(super) struct Summary {
    /// Mean.
    pub mean: f64,
    /// 95 % Student t interval of the mean; `None` for one seed.
    pub interval: Option<[f64; 2]>,
    /// Seeds.
    pub n: usize,
}

/// Whether all weights of the network are trained.
pub(super) fn is_full(run: &RunRecords) -> bool {
    run.header.subset_size == run.header.parameters_total && run.header.subset_weights.is_none()
}

/// What runs are sorted by, so that no picture depends on the order in which they were read.
fn order(run: &RunRecords) -> (u64, &str, &str, &str) {
    let header = &run.header;
    (header.seed, &header.learner, &header.campaign, &header.cell)
}

impl<'a> Arms<'a> {
    /// The arms of runs of one cell; `None` where nothing was measured of them. Runs with all weights trained are an arm apart
    /// where others are there too.
    pub(super) fn of(runs: &'a [RunRecords]) -> Option<Self> {
        (!runs.iter().all(|run| run.measurements.is_empty())).then(|| Arms::unmeasured(runs))
    }

    /// As [`Arms::of`], of runs of which nothing need be measured.
    pub(super) fn unmeasured(runs: &'a [RunRecords]) -> Self {
        let all_full = runs.iter().all(is_full);
        let (full, cell): (Vec<_>, Vec<_>) = runs.iter().partition(|run| !all_full && is_full(run));
        let mut keys: Vec<(Method, &str)> =
            cell.iter().map(|run| (run.header.method, run.header.learner.as_str())).collect();
        keys.sort_unstable();
        keys.dedup();
        let arm = |(i, &(method, label)): (usize, &(Method, &str))| {
            let shade = keys[..i].iter().filter(|key| key.0 == method).count();
            let mut runs = cell.clone();
            runs.retain(|run| run.header.learner == label && run.header.method == method);
            runs.sort_by(|a, b| order(a).cmp(&order(b)));
            Arm { label: label.to_string(), role: Role::Learner(method, shade), runs }
        };
        let learners: Vec<Arm<'_>> = keys.iter().enumerate().map(arm).collect();
        let mut full: Vec<&RunRecords> = full.into_iter().filter(|run| run.header.method == Method::Backprop).collect();
        full.sort_by(|a, b| order(a).cmp(&order(b)));
        let full =
            (!full.is_empty()).then(|| Arm { label: "all weights trained".to_string(), role: Role::Any, runs: full });
        let landmarks = landmarks(cell.iter().copied());
        Arms { learners, full, landmarks }
    }

    /// Model, data and what is trained, for a title.
    pub(super) fn setting(&self) -> String {
        let Some(header) = self.learners.first().and_then(|arm| arm.runs.first()).map(|run| &run.header) else {
            return String::new();
        };
        let zero = if header.background == Background::Zero { ", zero background" } else { "" };
        let k = grouped(header.subset_size);
        format!("{} on {}, {} ({k} trained{zero})", header.model, header.data, header.subset)
    }

    /// The learners and, where it is there, the full training.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arm<'a>> {
        self.learners.iter().chain(&self.full)
    }

    /// The last matched loss that the cell has, or else the end: where the learners are compared.
    pub(super) fn matched(&self) -> Landmark {
        let loss = self.landmarks.iter().rev().find(|landmark| matches!(landmark, Landmark::Loss(_)));
        loss.copied().unwrap_or(Landmark::End)
    }

    /// What a caption calls the landmark of [`Arms::matched`].
    pub(super) fn matched_name(&self) -> String {
        match self.matched() {
            Landmark::Loss(loss) => format!("at the first moment with a training loss of at most {loss:.3} nats"),
            Landmark::End => "at the end of training".to_string(),
        }
    }

    /// Which runs were measured before training: one arm is enough, for all learners of a seed begin alike.
    pub(super) fn untrained(&self) -> Vec<&'a Measurement> {
        let mut seeds = Vec::new();
        let mut found = Vec::new();
        for run in self.learners.iter().flat_map(|arm| &arm.runs) {
            if let Some(start) = run.measured(0).filter(|_| !seeds.contains(&run.header.seed)) {
                seeds.push(run.header.seed);
                found.push(start);
            }
        }
        found
    }

    /// Keys of the arms, drawn as `sample` says.
    pub(super) fn keys(&self, sample: impl Fn(Role) -> Sample) -> Vec<Key> {
        self.all().map(|arm| key(&arm.label, arm.role, sample(arm.role))).collect()
    }
}

impl<'a> Arm<'a> {
    /// What was measured of its networks at a landmark: of the runs that came by and were measured there.
    pub(super) fn at(&self, landmark: Landmark) -> Vec<&'a Measurement> {
        self.runs.iter().filter_map(|run| run.measured_at(landmark)).collect()
    }

    /// Finished runs that never reach a landmark.
    pub(super) fn never(&self, landmark: Landmark) -> usize {
        self.runs.iter().filter(|run| run.end.is_some() && landmark.step(run).is_none()).count()
    }
}

/// Mean over the finite values; `None` where there is none.
pub(super) fn summary(values: impl IntoIterator<Item = f64>) -> Option<Summary> {
    let values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
    let (mean, half) = (mean(&values), t_half_width(&values));
    let interval = half.is_finite().then_some([mean - half, mean + half]);
    mean.is_finite().then_some(Summary { mean, interval, n: values.len() })
}

/// Mean over measurements of the first reading that `which` accepts in each.
pub(super) fn over_seeds(
    measurements: &[&Measurement],
    (metric, name): (&str, &str),
    which: impl Fn(&Reading) -> bool,
) -> Option<Summary> {
    summary(measurements.iter().filter_map(|m| m.of(metric, name).find(|reading| which(reading)).map(|r| r.value)))
}

impl Summary {
    /// The point at `x`, its interval kept above `least`, as a log axis or a share needs it.
    pub(super) fn point(self, x: f64, least: f64) -> Point {
        let interval = self.interval.map(|[low, high]| [low.max(least), high.max(least)]);
        Point { x, y: self.mean, interval }
    }
}

/// An entry of a legend.
pub(super) fn key(label: &str, role: Role, sample: Sample) -> Key {
    Key { label: label.to_string(), role, sample }
}

/// Where an axis of these values ends, with a little room; on a log axis only values above 0 count. `None` without values.
pub(super) fn range(values: impl IntoIterator<Item = f64>, log: bool) -> Option<[f64; 2]> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values.into_iter().filter(|value| value.is_finite() && (!log || *value > 0.0)) {
        (low, high) = (low.min(value), high.max(value));
    }
    if low > high {
        return None;
    }
    Some(match log {
        true => {
            let room = (high / low).powf(0.04).max(1.1);
            [low / room, high * room]
        }
        false => {
            let room = if high > low { 0.05 * (high - low) } else { high.abs().max(1.0) * 0.1 };
            [low - room, high + room]
        }
    })
}

/// Number of runs for a caption, as in `n = 6 seeds`; `n = 5 to 6 seeds` where arms differ.
pub(super) fn count(arms: &Arms<'_>, landmark: Landmark) -> String {
    let counts: Vec<usize> = arms.all().map(|arm| arm.at(landmark).len()).filter(|n| *n > 0).collect();
    super::cases::seeds(counts.into_iter())
}

/// What a caption says of runs that never came to the matched loss; empty where all did.
pub(super) fn never(arms: &Arms<'_>, landmark: Landmark) -> String {
    let lost: Vec<String> = arms
        .learners
        .iter()
        .filter(|arm| arm.never(landmark) > 0)
        .map(|arm| format!("{} of {} runs of {}", arm.never(landmark), arm.runs.len(), arm.label))
        .collect();
    match lost.is_empty() {
        true => String::new(),
        false => format!(" {} never reach it and are left out.", lost.join(", ")),
    }
}
