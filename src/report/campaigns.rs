//! What was asked and of what: names, questions, settings.

use serde::Serialize;

use super::material::{text_of, Material};
use super::runs::cell;
use crate::num::grouped;
use crate::record::RunRecords;

/// Most bytes of configurations that are shown.
const MOST_BYTES: usize = 300_000;
/// Most names that are listed for one fact.
const MOST_NAMES: usize = 12;

/// A campaign.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Campaign {
    pub name: String,
    /// Empty where none is written.
    pub question: String,
}

/// What all runs together are of: a word and what it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Fact {
    pub word: &'static str,
    pub text: String,
}

/// A resolved configuration.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Configuration {
    pub title: String,
    pub toml: String,
}

/// The campaigns in the order of their runs.
pub(super) fn campaigns(material: &Material) -> Vec<Campaign> {
    let mut campaigns: Vec<Campaign> = Vec::new();
    for (name, configuration) in configurations_of_all(material) {
        if !campaigns.iter().any(|campaign| campaign.name == name) {
            let question = text_of(configuration, "campaign.question").unwrap_or_default();
            campaigns.push(Campaign { name: name.to_string(), question });
        }
    }
    campaigns
}

/// Name of the campaign and configuration of each run that tells them.
fn configurations_of_all(material: &Material) -> impl Iterator<Item = (&str, &str)> {
    material.folders.iter().filter_map(|folder| match (material.records_of(folder), &folder.description) {
        (Some(run), _) => Some((run.header.campaign.as_str(), run.config.as_str())),
        (None, Some(described)) => Some((described.campaign.as_str(), described.configuration.as_str())),
        (None, None) => None,
    })
}

/// What stands at the top.
pub(super) fn facts(material: &Material) -> Vec<Fact> {
    let runs = &material.records;
    let fact = |word, of: &dyn Fn(&RunRecords) -> String| Fact { word, text: list(runs.iter().map(of)) };
    let subset = |run: &RunRecords| {
        let header = &run.header;
        let of = match header.subset_weights {
            Some(weights) => format!("{} coordinates of {} weights", grouped(header.subset_size), grouped(weights)),
            None => format!("{} weights", grouped(header.subset_size)),
        };
        format!("{} ({of} of {})", header.subset, grouped(header.parameters_total))
    };
    let mut seeds: Vec<u64> = runs.iter().map(|run| run.header.seed).collect();
    seeds.sort_unstable();
    vec![
        fact("data", &|run| match run.header.classes {
            0 => run.header.data.clone(),
            classes => format!("{} ({classes} classes)", run.header.data),
        }),
        fact("network", &|run| run.header.model.clone()),
        fact("trained subset", &subset),
        fact("background", &|run| run.header.background.name().to_string()),
        fact("learners", &|run| format!("{} ({})", run.header.learner, run.header.algorithm)),
        Fact { word: "seeds", text: list(seeds.iter().map(u64::to_string)) },
    ]
}

/// All that differ, in their order.
fn list(all: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for name in all {
        if seen.insert(name.clone()) {
            names.push(name);
        }
    }
    let left = names.len().saturating_sub(MOST_NAMES);
    names.truncate(MOST_NAMES);
    if left > 0 {
        names.push(format!("and {} more", grouped(left as u64)));
    }
    names.join(", ")
}

/// The configuration of the first run of each learner in each cell, and how many more there are.
pub(super) fn configurations(material: &Material) -> (Vec<Configuration>, usize) {
    let (mut shown, mut bytes, mut left) = (Vec::new(), 0, 0);
    let mut seen = std::collections::BTreeSet::new();
    for run in &material.records {
        let header = &run.header;
        if !seen.insert((&header.campaign, &header.cell, &header.learner)) {
            continue;
        }
        bytes += run.config.len();
        if bytes > MOST_BYTES {
            left += 1;
            continue;
        }
        let title = format!("{}: {}, seed {}", header.learner, cell(run), header.seed);
        shown.push(Configuration { title, toml: run.config.clone() });
    }
    (shown, left)
}
