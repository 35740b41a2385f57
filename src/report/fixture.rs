//! Material of made-up runs, for tests.

use super::{FolderOfRun, Material};
use crate::campaign::store::{RunDescription, RunState};
use crate::record::{RunRecords, Session, FORMAT};

/// The folders of runs as one process on one machine would leave them.
pub(super) fn material(records: Vec<RunRecords>) -> Material {
    let folder = |(i, run): (usize, &RunRecords)| FolderOfRun {
        name: format!("{}-s{}", run.header.learner, run.header.seed),
        state: if run.end.is_some() { RunState::Done } else { RunState::Started { step: 7 } },
        records: Some(i),
        description: Some(description(run)),
        sessions: vec![Session {
            step: 0,
            host: "anvil".to_string(),
            device: "cpu".to_string(),
            threads: 4,
            unix_seconds: 951_827_696,
        }],
        damage: Vec::new(),
    };
    Material { folders: records.iter().enumerate().map(folder).collect(), waiting: Vec::new(), records }
}

fn description(run: &RunRecords) -> RunDescription {
    let header = &run.header;
    RunDescription {
        format: FORMAT,
        campaign: header.campaign.clone(),
        cell: header.cell.clone(),
        seed: header.seed,
        learner: header.learner.clone(),
        config: header.config.clone(),
        configuration: run.config.clone(),
        program_version: "9.8.7".to_string(),
        git_commit: Some("c0ffee".to_string()),
        crate_versions: [("rayon".to_string(), "1.2.3".to_string())].into(),
        device: "cpu".to_string(),
        command_line: ["subevo", "run", "campaign.toml"].map(str::to_string).to_vec(),
        created_unix_seconds: 951_827_690,
    }
}
