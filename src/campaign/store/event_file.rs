//! The event file of a run, for TensorBoard: written whole when a process begins or continues the run, then appended to.
//!
//! Whatever a process that was killed had appended beyond its checkpoint is thus gone, as it is from the records.

use std::fs;
use std::path::{Path, PathBuf};

use super::disk::{self, Appender};
use crate::error::{Error, Result};

/// What TensorBoard looks for in the names of files.
const START: &str = "events.out.tfevents.";

/// An event file that grows.
#[derive(Debug)]
pub struct EventFile {
    file: Appender,
}

impl EventFile {
    /// Writes `bytes` as the only event file in a folder, which is made where there is none; see [`replace`].
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn begin(folder: &Path, bytes: &[u8], unix_seconds: u64, host: &str) -> Result<Self> {
        let path = replace(folder, bytes, unix_seconds, host)?;
        let (file, _) = Appender::open(&path)?;
        Ok(EventFile { file })
    }

    /// Adds an event's bytes, which reach the file with the next flush at the latest.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.append(bytes)
    }

    /// Gives all to the system, so that TensorBoard sees it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn flush(&mut self) -> Result<()> {
        self.file.flush()
    }
}

/// Puts a new event file into a folder and removes those that were there; gives its path. Its name is a new one that sorts
/// behind the others, for a TensorBoard that is reading one of them goes on to the next name and not back to the start.
///
/// # Errors
/// [`Error::Io`].
pub fn replace(folder: &Path, bytes: &[u8], unix_seconds: u64, host: &str) -> Result<PathBuf> {
    disk::create_dir_synced(folder)?;
    let old = event_files(folder)?;
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    let host: String = host.chars().filter(plain).collect();
    let host = if host.is_empty() { "subevo" } else { &host };
    let name = |seconds: u64| format!("{START}{seconds:010}.{host}.subevo");
    let seconds = |name: &String| name[START.len()..].split('.').next().and_then(|seconds| seconds.parse::<u64>().ok());
    let last = old.iter().filter_map(seconds).max();
    let path = folder.join(name(last.map_or(unix_seconds, |last| unix_seconds.max(last.saturating_add(1)))));
    disk::write_atomically(&path, bytes)?;
    for name in old.iter().map(|name| folder.join(name)).filter(|old| *old != path) {
        disk::remove_file(&name)?;
    }
    Ok(path)
}

/// The names of the event files in a folder, sorted; none where there is no folder.
///
/// # Errors
/// [`Error::Io`].
pub fn event_files(folder: &Path) -> Result<Vec<String>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let name = entry.map_err(Error::io("list", folder))?.file_name();
        names.extend(name.to_str().filter(|name| name.starts_with(START)).map(str::to_string));
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_takes_the_place_of_the_old_ones_and_sorts_behind_them() {
        let folder = tempfile::tempdir().unwrap();
        let tb = folder.path().join("tb");
        assert_eq!(event_files(&tb).unwrap(), Vec::<String>::new());
        let first = replace(&tb, b"1", 1_700_000_000, "a host/").unwrap();
        assert!(first.ends_with("tb/events.out.tfevents.1700000000.ahost.subevo"), "{first:?}");
        fs::write(tb.join("notes.txt"), "stay").unwrap();
        // In the same second, and with a clock that was put back.
        for seconds in [1_700_000_000, 1_600_000_000] {
            let before = event_files(&tb).unwrap().remove(0);
            let next = replace(&tb, b"2", seconds, "").unwrap();
            let after = event_files(&tb).unwrap();
            assert_eq!(after, [next.file_name().unwrap().to_str().unwrap()]);
            assert!(after[0] > before, "{after:?} against {before}");
        }
        assert!(tb.join("notes.txt").exists());
    }

    #[test]
    fn what_is_appended_follows_what_the_file_began_with() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = EventFile::begin(folder.path(), b"head", 5, "h").unwrap();
        file.append(b"+more").unwrap();
        file.flush().unwrap();
        assert_eq!(fs::read(folder.path().join("events.out.tfevents.0000000005.h.subevo")).unwrap(), b"head+more");
    }
}
