//! What is said where there is no terminal: a line for each run that changed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::words::{line, total};
use crate::campaign::watch::{CampaignView, Counts, RunView, State};

/// Time after which a run that is at work is told again, though only its steps have changed.
const AGAIN: Duration = Duration::from_secs(30);

/// What was said before.
#[derive(Default)]
pub struct Changes {
    counts: BTreeMap<PathBuf, Counts>,
    runs: BTreeMap<(PathBuf, String), Said>,
}

/// What was said of a run.
struct Said {
    state: State,
    validation: Option<u64>,
    step: u64,
    at: Instant,
}

impl Changes {
    /// The lines of what changed. At the first time these are all runs but those that are done.
    pub fn since(&mut self, campaigns: &[CampaignView], now: Instant) -> Vec<String> {
        let mut lines = Vec::new();
        for campaign in campaigns {
            let first = !self.counts.contains_key(&campaign.folder);
            for run in &campaign.runs {
                if self.is_new(campaign, run, now) && !(first && run.state == State::Done) {
                    lines.push(line(run));
                }
            }
            if self.counts.insert(campaign.folder.clone(), campaign.counts) != Some(campaign.counts) {
                lines.push(format!("{}: {}", campaign.folder.display(), total(campaign)));
            }
        }
        lines
    }

    fn is_new(&mut self, campaign: &CampaignView, run: &RunView, now: Instant) -> bool {
        let validation = run.validation.map(f64::to_bits);
        let said = Said { state: run.state.clone(), validation, step: run.step, at: now };
        let key = (campaign.folder.clone(), run.name.clone());
        let Some(before) = self.runs.get_mut(&key) else {
            self.runs.insert(key, said);
            return true;
        };
        let new = before.state != said.state
            || before.validation != said.validation && said.state == State::Running
            || before.step != said.step && now.duration_since(before.at) >= AGAIN;
        if new {
            *before = said;
        }
        new
    }
}
