//! What is to be measured of a run, and what was before.

use super::found::{Found, Runs};
use crate::campaign::metric_setup::NamedMetric;
use crate::campaign::store::MomentFile;
use crate::error::Result;
use crate::metric::When;
use crate::record::Landmark;

/// One metric of one network.
pub(super) struct Job<'a> {
    /// Index of the moment.
    pub moment: usize,
    /// The landmark that it is, if it is one; of several the last.
    pub landmark: Option<Landmark>,
    pub metric: &'a NamedMetric,
}

/// The jobs of a run, moment by moment, and how many need not be done again.
pub(super) fn due<'a>(
    found: &Runs,
    run: &Found,
    metrics: &'a [NamedMetric],
    ends_only: bool,
) -> Result<(Vec<Job<'a>>, usize)> {
    let landmarks = found.landmarks(run);
    let (mut jobs, mut known) = (Vec::new(), 0);
    let last = run.moments.len() - 1;
    for (i, moment) in run.moments.iter().enumerate() {
        let step = moment.cost.step;
        let here = |landmark: &&Landmark| landmark.step(&run.records) == Some(step);
        let landmark = landmarks.iter().rfind(here).copied();
        if ends_only && i != 0 && i != last {
            continue;
        }
        let file = MomentFile::open(&run.folder, moment.cost)?;
        for metric in metrics {
            let asked = match metric.metric.when() {
                When::Always => true,
                When::Landmarks => i == 0 || landmark.is_some(),
                When::End => i == last,
            };
            match (asked, file.said(&metric.name, &metric.parameters)) {
                (false, _) => {}
                (true, Some(_)) => known += 1,
                (true, None) => jobs.push(Job { moment: i, landmark, metric }),
            }
        }
    }
    Ok((jobs, known))
}
