//! The moments at which learners are compared: at equal training loss, at equal cost, and at the end.

use crate::record::{landmarks, Evaluation, Landmark, RunRecords, LEVELS};

/// What is made equal before learners are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum At {
    /// Loss on the training snapshot, nats: the first evaluation at or below a level.
    Loss,
    /// Multiply-accumulates: the last evaluation at or before a level.
    Macs,
    /// Seconds of training on the machine that ran it: the last evaluation at or before a level.
    Seconds,
    /// Nothing: the last step of each.
    End,
}

/// One moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Moment {
    /// A matched loss, or the end.
    At(Landmark),
    /// So many multiply-accumulates.
    Macs(u64),
    /// So many seconds of training.
    Seconds(f64),
}

impl At {
    /// All, in the order of tables.
    pub const ALL: [At; 4] = [At::Loss, At::Macs, At::Seconds, At::End];

    /// The word in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            At::Loss => "loss",
            At::Macs => "macs",
            At::Seconds => "seconds",
            At::End => "end",
        }
    }
}

impl Moment {
    /// What is equal.
    pub fn at(self) -> At {
        match self {
            Moment::At(Landmark::Loss(_)) => At::Loss,
            Moment::At(Landmark::End) => At::End,
            Moment::Macs(_) => At::Macs,
            Moment::Seconds(_) => At::Seconds,
        }
    }

    /// Its level: nats, multiply-accumulates or seconds; none at the end.
    pub fn level(self) -> Option<f64> {
        match self {
            Moment::At(Landmark::Loss(level)) | Moment::Seconds(level) => Some(level),
            Moment::At(Landmark::End) => None,
            Moment::Macs(level) => Some(level as f64),
        }
    }

    /// The moment of a level that was asked for; at the end there is no level.
    pub(super) fn of(at: At, level: f64) -> Self {
        match at {
            At::Loss => Moment::At(Landmark::Loss(level)),
            At::Macs => Moment::Macs(level as u64),
            At::Seconds => Moment::Seconds(level),
            At::End => Moment::At(Landmark::End),
        }
    }

    /// The step of the network that a finished run is compared by; `None` where it never reached the moment, or is not
    /// finished. Nothing is interpolated: each network compared has existed and was evaluated.
    pub fn step(self, run: &RunRecords) -> Option<u64> {
        let end = run.end.as_ref()?;
        let within = |level: f64, last: f64, cost: &dyn Fn(&Evaluation) -> Option<f64>| {
            if last < level {
                return None;
            }
            run.evaluations.iter().rfind(|at| cost(at).is_some_and(|cost| cost <= level)).map(|at| at.cost.step)
        };
        match self {
            Moment::At(landmark) => landmark.step(run),
            Moment::Macs(level) => within(level as f64, end.cost.macs as f64, &macs),
            Moment::Seconds(level) => within(level, seconds(run, end.cost.step)?, &|at| seconds(run, at.cost.step)),
        }
    }
}

/// Seconds of training up to a step, where the clock was read there.
pub(super) fn seconds(run: &RunRecords, step: u64) -> Option<f64> {
    run.laps.iter().rfind(|lap| lap.step == step).map(|lap| lap.seconds)
}

fn macs(at: &Evaluation) -> Option<f64> {
    Some(at.cost.macs as f64)
}

/// The moments of the runs of one cell. The matched losses are [`landmarks`]; the matched costs are five, evenly spaced on a
/// log scale from the cost at which the last of the finished runs was first evaluated after its start, which is left out, to
/// the least final cost of any. Where that leaves no room only the latter is taken, and no cost where no run has one.
pub fn moments(runs: &[&RunRecords], at: At) -> Vec<Moment> {
    match at {
        At::End => vec![Moment::At(Landmark::End)],
        At::Loss => {
            let all = landmarks(runs.iter().copied()).into_iter().map(Moment::At);
            all.filter(|moment| moment.at() == At::Loss).collect()
        }
        At::Macs => {
            let levels = levels(runs, &|_, at| macs(at));
            levels.into_iter().map(|level| Moment::Macs(level.round() as u64)).collect()
        }
        At::Seconds => levels(runs, &|run, at| seconds(run, at.cost.step)).into_iter().map(Moment::Seconds).collect(),
    }
}

fn levels(runs: &[&RunRecords], cost: &dyn Fn(&RunRecords, &Evaluation) -> Option<f64>) -> Vec<f64> {
    let (mut bottom, mut top) = (0.0f64, f64::INFINITY);
    for run in runs.iter().filter(|run| run.end.is_some()) {
        let mut costs = run.evaluations.iter().filter(|at| at.cost.step > 0).filter_map(|at| cost(run, at));
        let Some(first) = costs.next() else { continue };
        bottom = bottom.max(first);
        top = top.min(costs.next_back().unwrap_or(first));
    }
    if !(top.is_finite() && top > 0.0) {
        return Vec::new();
    }
    if !(bottom > 0.0 && bottom < top) {
        return vec![top];
    }
    let level = |i: u32| if i == LEVELS { top } else { bottom * (top / bottom).powf(f64::from(i) / f64::from(LEVELS)) };
    (1..=LEVELS).map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::run;
    use super::*;
    use crate::record::Method;

    /// Evaluated after so many steps, each of 10 MACs and half a second.
    fn steps(steps: &[u64]) -> RunRecords {
        run("a", Method::Evolution, 1, &steps.iter().map(|step| (*step, 1.0, 0.5)).collect::<Vec<_>>())
    }

    #[test]
    fn costs_are_matched_from_the_last_first_look_to_the_first_end_in_equal_ratios() {
        let (one, other) = (steps(&[0, 1, 5, 96]), steps(&[0, 3, 200]));
        // 30 MACs to 960 is a ratio of 2 to the power of five.
        let found = moments(&[&one, &other], At::Macs);
        assert_eq!(found, [60, 120, 240, 480, 960].map(Moment::Macs));
        let of = |run: &RunRecords| found.iter().map(|moment| moment.step(run)).collect::<Vec<_>>();
        assert_eq!(of(&one), [5, 5, 5, 5, 96].map(Some));
        assert_eq!(of(&other), [3, 3, 3, 3, 3].map(Some));
        let seconds: Vec<f64> = moments(&[&one, &other], At::Seconds).iter().filter_map(|at| at.level()).collect();
        let expected = [3.0, 6.0, 12.0, 24.0, 48.0];
        assert!(seconds.len() == 5 && seconds.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{seconds:?}");
        assert_eq!(Moment::Seconds(48.0).step(&one), Some(96));
    }

    #[test]
    fn a_run_that_ended_before_a_cost_never_reached_it() {
        let mut run = steps(&[0, 1, 5]);
        assert_eq!((Moment::Macs(50).step(&run), Moment::Macs(51).step(&run)), (Some(5), None));
        assert_eq!((Moment::Seconds(0.4).step(&run), Moment::Seconds(2.6).step(&run)), (Some(0), None));
        run.end = None;
        assert_eq!(Moment::Macs(50).step(&run), None);
    }

    #[test]
    fn without_room_only_the_least_final_cost_is_left_and_without_a_clock_nothing() {
        let (short, long) = (steps(&[0, 2]), steps(&[0, 7, 9]));
        assert_eq!(moments(&[&short, &long], At::Macs), [Moment::Macs(20)]);
        assert_eq!(Moment::Macs(20).step(&long), Some(0), "it was not yet looked at again");
        let mut silent = steps(&[0, 1, 9]);
        silent.laps.clear();
        assert_eq!(moments(&[&silent], At::Seconds), []);
        assert_eq!(Moment::Seconds(1.0).step(&silent), None);
        assert_eq!(moments(&[&short], At::End), [Moment::At(Landmark::End)]);
    }
}
