//! Tables of records as files, CSV or Parquet.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::results::runs_in;
use super::store::{disk, read_description, read_run_if_begun, read_sessions, run_state, RunState};
use crate::error::{Error, Result};
use crate::table::{csv, tables, RunEntry, Status};

/// How tables are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableFormat {
    /// Text, RFC 4180.
    Csv,
    /// Typed columns; needs the feature `parquet`.
    Parquet,
}

/// A table that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenTable {
    /// Its file.
    pub path: PathBuf,
    /// Its rows.
    pub rows: usize,
}

/// What is told of the runs in folders of campaigns, or of single runs, and what is wrong with those that cannot be read.
///
/// # Errors
/// If a folder holds no run, or two hold the same one.
pub fn read_entries(folders: &[PathBuf]) -> Result<(Vec<RunEntry>, Vec<Error>)> {
    let (mut entries, mut damaged) = (Vec::new(), Vec::new());
    let mut seen: BTreeMap<String, PathBuf> = BTreeMap::new();
    for folder in folders {
        for path in runs_in(folder)? {
            match entry(&path) {
                Err(error) => damaged.push(error),
                Ok(entry) => {
                    if let Some(other) = seen.insert(entry.run.clone(), path.clone()) {
                        let (path, other) = (path.display(), other.display());
                        let message = format!("{path} is the same run as {other}: name each run once");
                        return Err(Error::Config(message));
                    }
                    entries.push(entry);
                }
            }
        }
    }
    Ok((entries, damaged))
}

fn entry(folder: &Path) -> Result<RunEntry> {
    let description = read_description(folder)?;
    let records = read_run_if_begun(folder)?;
    let state = run_state(folder)?;
    let error = if let RunState::Failed(message) = &state { Some(message.clone()) } else { None };
    let ended = records.as_ref().map(|records| records.end.is_some());
    let status = match (&error, ended) {
        (Some(_), _) => Status::Failed,
        (None, Some(true)) => Status::Done,
        (None, Some(false)) => Status::Unfinished,
        (None, None) => Status::Waiting,
    };
    // A folder given as `.` has its name all the same.
    let whole = folder.canonicalize().map_err(Error::io("read", folder))?;
    Ok(RunEntry {
        run: whole.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        campaign: description.campaign,
        cell: description.cell,
        learner: description.learner,
        seed: description.seed,
        version: description.program_version,
        status,
        error,
        records,
        sessions: read_sessions(folder)?,
    })
}

/// Writes every table of these runs into a folder, one file each.
///
/// # Errors
/// [`Error::Config`] for a format that this program was built without; [`Error::Io`].
pub fn write_tables(runs: &[RunEntry], format: TableFormat, folder: &Path) -> Result<Vec<WrittenTable>> {
    check(format)?;
    disk::create_dir_synced(folder)?;
    let mut written = Vec::new();
    for table in tables(runs) {
        let (bytes, ending) = match format {
            TableFormat::Csv => (csv(&*table), "csv"),
            TableFormat::Parquet => (parquet(&*table)?, "parquet"),
        };
        let path = folder.join(format!("{}.{ending}", table.name()));
        disk::write_atomically(&path, &bytes)?;
        written.push(WrittenTable { path, rows: table.rows() });
    }
    Ok(written)
}

fn check(format: TableFormat) -> Result<()> {
    if format == TableFormat::Parquet && cfg!(not(feature = "parquet")) {
        let message =
            "this subevo was built without the feature `parquet`: build it with its default features, or write csv";
        return Err(Error::Config(message.to_string()));
    }
    Ok(())
}

#[cfg(feature = "parquet")]
use crate::table::parquet;

#[cfg(not(feature = "parquet"))]
fn parquet(_: &dyn crate::table::Table) -> Result<Vec<u8>> {
    check(TableFormat::Parquet).map(|()| Vec::new())
}
