//! Accuracy of one run along an axis, and its mean over runs that differ in the seed.

use crate::num::{mean, t_half_width};
use crate::record::{Evaluation, RunRecords, Scores};

/// One run along a log axis. Step 0 has no place there.
pub(super) struct Trace {
    /// Steps of its evaluations.
    pub steps: Vec<u64>,
    /// `[x, accuracy on train, accuracy on test]` of its evaluations.
    pub points: Vec<[f64; 3]>,
    /// Whether it reached its end.
    pub finished: bool,
}

impl Trace {
    /// The evaluations of a run that `position` puts above 0.
    pub(super) fn of(run: &RunRecords, position: impl Fn(&RunRecords, &Evaluation) -> Option<f64>) -> Self {
        let mut trace = Trace { steps: Vec::new(), points: Vec::new(), finished: run.end.is_some() };
        for evaluation in run.evaluations.iter().filter(|evaluation| evaluation.cost.step > 0) {
            if let Some(x) = position(run, evaluation).filter(|&x| x > 0.0 && x.is_finite()) {
                let Scores { train, test, .. } = evaluation.scores;
                trace.steps.push(evaluation.cost.step);
                trace.points.push([x, train.accuracy, test.accuracy]);
            }
        }
        trace
    }
}

/// Mean over the runs, as `[x, train, test, half width of the 95 % interval of test]`; a value is NaN where a run's is,
/// the half width also where there is only one run.
///
/// Runs with the same steps are averaged step by step. Others are averaged at every x of any of them: each run has the
/// value of its last evaluation up to there, keeps it to the end if it is finished, and else ends with it.
pub(super) fn average(traces: &[Trace]) -> Vec<[f64; 4]> {
    let summary = |points: Vec<[f64; 3]>| {
        let column = |i: usize| points.iter().map(|point| point[i]).collect::<Vec<f64>>();
        [mean(&column(0)), mean(&column(1)), mean(&column(2)), t_half_width(&column(2))]
    };
    let Some(first) = traces.first() else { return Vec::new() };
    if traces.iter().all(|trace| trace.steps == first.steps) {
        return (0..first.steps.len()).map(|i| summary(traces.iter().map(|trace| trace.points[i]).collect())).collect();
    }
    let mut places: Vec<f64> = traces.iter().flat_map(|trace| &trace.points).map(|point| point[0]).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let at = |trace: &Trace, x: f64| {
        let next = trace.points.partition_point(|point| point[0] <= x);
        let [last, train, test] = *trace.points.get(next.checked_sub(1)?)?;
        (trace.finished || next < trace.points.len() || last == x).then_some([x, train, test])
    };
    places.into_iter().map(|x| summary(traces.iter().filter_map(|trace| at(trace, x)).collect())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A trace with the given (step, x, test).
    fn trace(finished: bool, points: &[(u64, f64, f64)]) -> Trace {
        Trace {
            steps: points.iter().map(|point| point.0).collect(),
            points: points.iter().map(|&(_, x, test)| [x, 0.5, test]).collect(),
            finished,
        }
    }

    fn means(traces: &[Trace]) -> Vec<[f64; 2]> {
        average(traces).iter().map(|&[x, _, test, _]| [x, (test * 1e9).round() / 1e9]).collect()
    }

    #[test]
    fn runs_with_the_same_steps_are_averaged_step_by_step() {
        let traces = [trace(true, &[(1, 2.0, 0.2), (2, 4.0, 0.4)]), trace(false, &[(1, 4.0, 0.4), (2, 8.0, 0.8)])];
        assert_eq!(means(&traces), [[3.0, 0.3], [6.0, 0.6]]);
    }

    #[test]
    fn runs_with_other_steps_are_averaged_stepwise() {
        // The second ends early and keeps its value; the third is unfinished and counts up to its last evaluation.
        let traces = [
            trace(true, &[(1, 1.0, 0.1), (2, 2.0, 0.2), (8, 8.0, 0.4)]),
            trace(true, &[(1, 1.0, 0.5)]),
            trace(false, &[(2, 2.0, 0.8)]),
        ];
        assert_eq!(means(&traces), [[1.0, 0.3], [2.0, 0.5], [8.0, 0.45]]);
    }

    #[test]
    fn no_run_has_no_mean() {
        assert!(average(&[]).is_empty());
    }
}
