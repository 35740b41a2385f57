//! What went wrong, and what is not there yet.

use serde::Serialize;

use super::material::{FolderOfRun, Material};
use super::runs::status;
use crate::campaign::store::RunState;
use crate::num::{counted, grouped};

/// Most runs of one kind of trouble.
const MOST: usize = 100;
/// Most characters of a message.
const LONGEST: usize = 2_000;

/// What went wrong.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Troubles {
    /// One sentence on all runs.
    pub state: String,
    /// Whether there is any trouble.
    pub any: bool,
    pub failed: Vec<Trouble>,
    pub damaged: Vec<Trouble>,
    pub unfinished: Vec<Trouble>,
    /// Runs in trouble that are not listed, for there are too many.
    pub cut: usize,
    /// Learners whose members had no loss, a sentence each.
    pub members: Vec<String>,
}

/// A run in trouble.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Trouble {
    pub run: String,
    pub message: String,
}

/// All troubles.
pub(super) fn troubles(material: &Material) -> Troubles {
    let mut troubles = Troubles::default();
    let mut done = 0;
    for folder in &material.folders {
        let mut add = |list: fn(&mut Troubles) -> &mut Vec<Trouble>, message: &str| {
            if list(&mut troubles).len() == MOST {
                troubles.cut += 1;
            } else {
                list(&mut troubles).push(Trouble { run: folder.name.clone(), message: cut(message) });
            }
        };
        let damage = folder.damage.join("\n");
        match &folder.state {
            RunState::Failed(message) => add(|all| &mut all.failed, message),
            _ if !folder.damage.is_empty() => {}
            RunState::Done => done += 1,
            RunState::Started { .. } | RunState::Waiting => add(|all| &mut all.unfinished, &status(folder)),
        }
        if !folder.damage.is_empty() {
            add(|all| &mut all.damaged, &damage);
        }
    }
    let waiting = material.waiting.len();
    troubles.state = sentence(done, material, waiting);
    troubles.members = members(material);
    troubles.any = done < material.folders.len() || waiting > 0 || !troubles.members.is_empty();
    troubles
}

/// As in `10 of 12 runs are done; 1 failed, 1 is unfinished.`
fn sentence(done: usize, material: &Material, waiting: usize) -> String {
    let all = material.folders.len() + waiting;
    let count = |of: &dyn Fn(&FolderOfRun) -> bool| material.folders.iter().filter(|folder| of(folder)).count();
    let failed = |folder: &FolderOfRun| matches!(folder.state, RunState::Failed(_));
    let damaged = |folder: &FolderOfRun| !failed(folder) && !folder.damage.is_empty();
    let unfinished = |folder: &FolderOfRun| {
        folder.damage.is_empty() && matches!(folder.state, RunState::Started { .. } | RunState::Waiting)
    };
    let kinds = [
        (count(&failed), "failed"),
        (count(&damaged), "damaged"),
        (count(&unfinished), "unfinished"),
        (waiting, "not begun"),
    ];
    let told: Vec<String> =
        kinds.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", grouped(*n as u64))).collect();
    match (told.is_empty(), all) {
        (true, 1) => "The run is done.".to_string(),
        (true, _) => format!("All {} are done, none failed.", counted(all, "run")),
        (false, _) => format!("{} of {} done; {}.", grouped(done as u64), counted(all, "run"), told.join(", ")),
    }
}

/// Members without a loss, by learner.
fn members(material: &Material) -> Vec<String> {
    let mut learners: Vec<(&str, u64)> = Vec::new();
    for run in &material.records {
        let failed = run.steps.iter().fold(0u64, |sum, step| sum.saturating_add(step.failed));
        match learners.iter_mut().find(|(learner, _)| *learner == run.header.learner) {
            Some((_, sum)) => *sum = sum.saturating_add(failed),
            None => learners.push((&run.header.learner, failed)),
        }
    }
    let told = learners.into_iter().filter(|(_, failed)| *failed > 0);
    told.map(|(learner, failed)| {
        format!(
            "{learner}: {} members of generations had no loss that is a number, and ranked last; `failed` in steps.jsonl tells when.",
            grouped(failed)
        )
    })
    .collect()
}

fn cut(message: &str) -> String {
    match message.char_indices().nth(LONGEST) {
        None => message.to_string(),
        Some((at, _)) => format!("{} ...", &message[..at]),
    }
}
