//! Computes metrics of the networks that runs have kept: the cheap ones at every moment, the dear ones before training, at
//! each matched training loss and at the end. What was measured before, with the same parameters, is not measured again.

mod again;
mod found;
mod network;
mod work;

use std::path::PathBuf;
use std::time::Instant;

use self::found::{find, Found};
use self::network::Networks;
use self::work::{due, Job};
use super::metric_setup::{of_names, NamedMetric};
use super::run::DataCache;
use super::{Place, Registry};
use crate::error::{Error, Result};
use crate::guard::guarded;
use crate::params::{overrides, Node, Problems, Table};

/// Is told how measuring goes.
pub trait MeasureObserver {
    /// Measuring begins: so many numbers of so many runs' networks, about so many seconds.
    fn begin(&mut self, jobs: usize, runs: usize, seconds: f64);
    /// A metric is computed of a run at a step; `done` is the share of the work that was done before, 0 to 1.
    fn job(&mut self, run: &str, step: u64, metric: &str, done: f64);
    /// Something that the user should know.
    fn note(&mut self, text: &str);
}

/// Who does not care.
impl MeasureObserver for () {
    fn begin(&mut self, _: usize, _: usize, _: f64) {}
    fn job(&mut self, _: &str, _: u64, _: &str, _: f64) {}
    fn note(&mut self, _: &str) {}
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeasureSummary {
    /// Metrics computed, each of one network.
    pub computed: usize,
    /// Those that had been before.
    pub known: usize,
    /// Numbers that were found.
    pub readings: usize,
    /// Seconds by metric, alphabetical.
    pub seconds: Vec<(String, f64)>,
    /// Run, step, metric and message of those that failed.
    pub failed: Vec<String>,
    /// Whether it was asked to stop.
    pub stopped: bool,
}

/// What is measured, and with what.
pub struct Measuring<'a> {
    /// Folders of runs or campaigns.
    pub folders: &'a [PathBuf],
    /// The metrics; `None`: those of each run's own configuration.
    pub metrics: Option<Vec<NamedMetric>>,
    /// Only before training and at the end, not at matched losses and not between.
    pub ends_only: bool,
    /// Data, memory and threads.
    pub place: &'a Place,
    /// Asked between metrics: stop now?
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

/// Metrics by their names, as on a command line: `radii`, a family's name, or `{ name = "radii", points = 50 }`.
///
/// # Errors
/// [`Error::Config`] if a name or a parameter is wrong.
pub fn metrics_of(texts: &[String], registry: &Registry) -> Result<Vec<NamedMetric>> {
    let problems = Problems::default();
    let mut nodes: Vec<Node> = Vec::new();
    for text in texts {
        let mut table = Table::default();
        overrides::apply(&mut table, &format!("metric={text}"), &problems);
        nodes.extend(table.get("metric").cloned());
    }
    let metrics = of_names(&nodes, &problems, registry);
    match problems.into_vec().first() {
        None => Ok(metrics),
        Some(problem) => {
            let help = problem.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
            Err(Error::Config(format!("{}{help}", problem.message)))
        }
    }
}

/// Measures.
///
/// # Errors
/// If a folder holds no run, data cannot be read, or a file cannot be written. A metric that fails is kept in the summary.
pub fn measure(
    measuring: &Measuring<'_>,
    registry: &Registry,
    observer: &mut dyn MeasureObserver,
) -> Result<MeasureSummary> {
    let mut summary = MeasureSummary::default();
    let found = find(measuring.folders, registry)?;
    let mut jobs: Vec<(usize, Vec<Job<'_>>)> = Vec::new();
    for (i, run) in found.runs.iter().enumerate().filter(|(_, run)| run.asked) {
        if run.records.end.is_none() {
            observer.note(&format!("{} is not finished and not measured", run.name));
            continue;
        }
        if run.moments.is_empty() {
            observer.note(&format!("{} kept no moments: an older version wrote it; run it again", run.name));
            continue;
        }
        let metrics = measuring.metrics.as_deref().unwrap_or(&run.setup().metrics);
        let (due, known) = due(&found, run, metrics, measuring.ends_only)?;
        summary.known += known;
        if !due.is_empty() {
            jobs.push((i, due));
        }
    }
    let count = jobs.iter().map(|(_, jobs)| jobs.len()).sum();
    let (mut data, mut done, mut rate, mut all) = (DataCache::default(), 0.0, None, 0.0);
    let mut seconds: std::collections::BTreeMap<String, f64> = Default::default();
    for (i, jobs_of_run) in &jobs {
        let run: &Found = &found.runs[*i];
        let networks = Networks::new(run, registry, measuring.place, &mut data)?;
        if rate.is_none() {
            let size = networks.size();
            rate = Some(networks.macs_per_second()?);
            // The other runs are taken to be as large as the first: they are of one campaign.
            all = jobs.iter().flat_map(|(_, jobs)| jobs).map(|job| job.metric.metric.macs(&size)).sum::<f64>();
            observer.begin(count, jobs.len(), all / rate.unwrap_or(f64::INFINITY));
        }
        let size = networks.size();
        for of_moment in jobs_of_run.chunk_by(|a, b| a.moment == b.moment) {
            let (index, landmark) = (of_moment[0].moment, of_moment[0].landmark);
            let own = networks.own_task(index)?;
            let moment = networks.moment(&found, index, landmark, own.as_ref())?;
            for job in of_moment {
                if (measuring.stop)() {
                    summary.stopped = true;
                    return Ok(finish(summary, seconds));
                }
                let (step, name) = (run.moments[job.moment].cost.step, &job.metric.name);
                observer.job(&run.name, step, name, if all > 0.0 { done / all } else { 0.0 });
                let clock = Instant::now();
                let outcome = guarded(|| format!("metric `{name}`"), || moment.compute(&found, job)).flatten();
                match outcome {
                    Ok(readings) => {
                        (summary.computed, summary.readings) = (summary.computed + 1, summary.readings + readings)
                    }
                    Err(error @ Error::Io { .. }) => return Err(error),
                    Err(error) => summary.failed.push(format!("{}, step {step}, {name}: {error}", run.name)),
                }
                *seconds.entry(name.clone()).or_default() += clock.elapsed().as_secs_f64();
                done += job.metric.metric.macs(&size);
            }
        }
    }
    Ok(finish(summary, seconds))
}

fn finish(summary: MeasureSummary, seconds: std::collections::BTreeMap<String, f64>) -> MeasureSummary {
    MeasureSummary { seconds: seconds.into_iter().collect(), ..summary }
}
