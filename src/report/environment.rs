//! What computed the runs: programs, machines, command lines, as the runs' folders tell.

use std::collections::BTreeMap;

use super::date::date;
use super::material::Material;
use super::table::{Cell, Head, Table};
use crate::num::{counted, grouped};

/// Most command lines.
const MOST: usize = 50;

/// Versions, commit, crates and device of the programs that began runs.
pub(super) fn programs(material: &Material) -> Table {
    let mut programs: BTreeMap<[String; 4], usize> = BTreeMap::new();
    for described in material.folders.iter().filter_map(|folder| folder.description.as_ref()) {
        let crates: Vec<String> =
            described.crate_versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        let commit = described.git_commit.clone().unwrap_or_else(|| "-".to_string());
        let key = [described.program_version.clone(), commit, described.device.clone(), crates.join(", ")];
        *programs.entry(key).or_default() += 1;
    }
    let mut head: Vec<Head> = [("subevo", ""), ("commit", ""), ("device", ""), ("crates that compute", "")]
        .map(|(a, b)| Head::words(a, b))
        .into();
    head.push(Head::numbers("runs begun", ""));
    let line = |(texts, runs): ([String; 4], usize)| {
        texts.into_iter().map(Cell::words).chain([Cell::words(grouped(runs as u64))]).collect()
    };
    Table { head, lines: programs.into_iter().map(line).collect(), cut: 0 }.at_most(MOST)
}

/// Machines, threads, and when they worked.
pub(super) fn machines(material: &Material) -> Table {
    let mut machines: BTreeMap<(String, String, usize), Vec<u64>> = BTreeMap::new();
    for session in material.folders.iter().flat_map(|folder| &folder.sessions) {
        let host = if session.host.is_empty() { "unknown".to_string() } else { session.host.clone() };
        machines.entry((host, session.device.clone(), session.threads)).or_default().push(session.unix_seconds);
    }
    let head = vec![
        Head::words("machine", ""),
        Head::words("device", ""),
        Head::numbers("threads", ""),
        Head::numbers("sessions", ""),
        Head::words("first begun", ""),
        Head::words("last begun", ""),
    ];
    let line = |((host, device, threads), times): ((String, String, usize), Vec<u64>)| {
        let when = |moment: Option<&u64>| date(moment.copied().unwrap_or_default());
        let texts = [
            host,
            device,
            threads.to_string(),
            grouped(times.len() as u64),
            when(times.iter().min()),
            when(times.iter().max()),
        ];
        texts.into_iter().map(Cell::words).collect()
    };
    Table { head, lines: machines.into_iter().map(line).collect(), cut: 0 }.at_most(MOST)
}

/// The command lines that began runs, and how many each.
pub(super) fn command_lines(material: &Material) -> Vec<[String; 2]> {
    let mut lines: Vec<(String, usize)> = Vec::new();
    for described in material.folders.iter().filter_map(|folder| folder.description.as_ref()) {
        let line = described.command_line.join(" ");
        match lines.iter_mut().find(|(other, _)| *other == line) {
            Some((_, runs)) => *runs += 1,
            None => lines.push((line, 1)),
        }
    }
    lines.truncate(MOST);
    lines.into_iter().map(|(line, runs)| [line, counted(runs, "run")]).collect()
}
