//! When a whole campaign is done, judged by its runs that are done and by those at work.

use super::following::Following;
use super::State;

/// Seconds until all runs are done with as many at a time as now; none where nobody is at work or a run's time is not known.
pub(super) fn left(runs: &[Following]) -> Option<f64> {
    let whole: Vec<(&str, f64)> = runs.iter().filter_map(|run| Some((kind(run.name()), whole(run)?))).collect();
    let mean_of = |which: &dyn Fn(&str) -> bool| {
        let times: Vec<f64> = whole.iter().filter(|(kind, _)| which(kind)).map(|(_, seconds)| *seconds).collect();
        (!times.is_empty()).then(|| times.iter().sum::<f64>() / times.len() as f64)
    };
    let expected = |run: &Following| {
        // Of the same cell and learner, under another seed; of any, where there is none.
        let whole = mean_of(&|of| of == kind(run.name())).or_else(|| mean_of(&|_| true))?;
        Some(whole * (1.0 - run.share().unwrap_or(0.0)))
    };
    let (mut sum, mut longest, mut processes) = (0.0, 0.0f64, 0);
    for run in runs {
        let left = match run.state() {
            State::Done | State::Failed(_) => continue,
            State::Running => run.left().or_else(|| expected(run)),
            State::Waiting | State::Stopped => expected(run),
        }?;
        if *run.state() == State::Running {
            (longest, processes) = (longest.max(left), processes + 1);
        }
        sum += left;
    }
    (processes > 0).then(|| (sum / f64::from(processes)).max(longest))
}

/// Seconds that a run took as a whole, or will have taken.
fn whole(run: &Following) -> Option<f64> {
    match run.state() {
        State::Done => Some(run.worked()),
        // What is left of it is so many seconds for this share.
        State::Running => Some(run.left()? / (1.0 - run.share()?)).filter(|seconds| seconds.is_finite()),
        _ => None,
    }
}

/// What the runs of one cell and learner have in common in their names: all before the seed.
fn kind(name: &str) -> &str {
    name.rfind("-s").map_or(name, |end| &name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_differ_in_the_seed_are_of_one_kind() {
        assert_eq!(kind("subset=bn_snes-s12-0123abcd"), "subset=bn_snes");
        assert_eq!(kind("a-s-s1-0123abcd"), kind("a-s-s2-89abcdef"));
    }
}
