//! Reads a file of lines on from where it was read last, beside the process that writes it.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::lines::{check, parse};
use crate::error::{Error, Result};

/// Bytes at the end of a file in which its last line is looked for first.
const END: u64 = 16 * 1024;

/// A place in a file of lines that grows.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    /// Bytes and lines that were read.
    offset: u64,
    lines: u64,
}

/// What was read on.
#[derive(Debug, PartialEq)]
pub struct News<T> {
    /// The records since the last time.
    pub records: Vec<T>,
    /// Whether they are those from the start on, and what was read before no longer holds: the run was taken back to its
    /// checkpoint.
    pub anew: bool,
}

impl Tail {
    /// The start of a file, which need not be there yet.
    pub fn new(path: PathBuf) -> Self {
        Tail { path, offset: 0, lines: 0 }
    }

    /// The good lines behind what was read before. A torn one at the end is left for the next time, for it is being written.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Record`] if a line is damaged.
    pub fn read<T: DeserializeOwned>(&mut self) -> Result<News<T>> {
        let fresh = self.offset == 0;
        let length = match std::fs::metadata(&self.path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == ErrorKind::NotFound => 0,
            Err(error) => return Err(Error::io("read the length of", &self.path)(error)),
        };
        if length == self.offset {
            return Ok(News { records: Vec::new(), anew: false });
        }
        if length > self.offset {
            match self.read_on() {
                Ok(records) => return Ok(News { records, anew: fresh }),
                // Shorter in between, and grown again over other lines.
                Err(Error::Record { .. }) if !fresh => {}
                Err(error) => return Err(error),
            }
        }
        (self.offset, self.lines) = (0, 0);
        Ok(News { records: self.read_on()?, anew: true })
    }

    fn read_on<T: DeserializeOwned>(&mut self) -> Result<Vec<T>> {
        let bytes = bytes_from(&self.path, self.offset)?;
        let (mut records, mut bad) = (Vec::new(), None);
        let (mut offset, mut lines) = (self.offset, self.lines);
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            match (check(line), &bad) {
                (Ok((n, body)), None) if n == lines => {
                    records.push(parse(&self.path, n as usize, body)?);
                    (offset, lines) = (offset + line.len() as u64, lines + 1);
                }
                (Ok((n, _)), _) => {
                    let message = format!("line {}: it is damaged, or line {} does not follow it", lines + 1, n + 1);
                    return Err(Error::record(&self.path, message));
                }
                (Err(reason), _) => bad = Some(reason),
            }
        }
        (self.offset, self.lines) = (offset, lines);
        Ok(records)
    }
}

/// The last good record of a file, of which as little as can be is read; none where there is no file or no good line.
///
/// # Errors
/// [`Error::Io`]; [`Error::Record`] if the line is no `T`.
pub fn last_line<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let length = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read the length of", path)(error)),
    };
    let mut span = END;
    loop {
        let bytes = bytes_from(path, length.saturating_sub(span))?;
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').rev();
        let good = lines.find_map(|line| check(line).ok());
        match good {
            Some((n, body)) => return parse(path, n as usize, body).map(Some),
            None if span >= length => return Ok(None),
            None => span *= 8,
        }
    }
}

fn bytes_from(path: &Path, offset: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::Start(offset))?;
        file.read_to_end(&mut bytes)
    });
    match read {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("read", path)(error)),
        _ => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::{Covered, LineWriter};
    use super::*;
    use std::collections::BTreeMap;

    type Line = BTreeMap<String, u64>;

    fn line(x: u64) -> Line {
        BTreeMap::from([("x".to_string(), x)])
    }

    /// The bytes of a file of lines.
    fn bytes(numbers: impl IntoIterator<Item = u64>) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let mut writer = LineWriter::open(&path, Covered::default()).unwrap();
        numbers.into_iter().for_each(|x| writer.append(&line(x)).unwrap());
        writer.flush().unwrap();
        std::fs::read(path).unwrap()
    }

    #[test]
    fn lines_are_read_once_and_a_torn_one_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let whole = bytes(0..40);
        let mut tail = Tail::new(path.clone());
        assert_eq!(tail.read::<Line>().unwrap(), News { records: vec![], anew: false });
        let mut found = Vec::new();
        // Pieces of 7 bytes, whatever lines they cut.
        for end in (7..whole.len()).step_by(7).chain([whole.len()]) {
            std::fs::write(&path, &whole[..end]).unwrap();
            let news = tail.read::<Line>().unwrap();
            assert!(!news.anew || found.is_empty());
            found.extend(news.records);
        }
        assert_eq!(found, (0..40).map(line).collect::<Vec<_>>());
    }

    #[test]
    fn a_run_that_was_taken_back_is_read_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let mut tail = Tail::new(path.clone());
        let mut news = |numbers: &[u64]| {
            std::fs::write(&path, bytes(numbers.iter().copied())).unwrap();
            tail.read::<Line>().unwrap()
        };
        assert!(news(&[1, 2, 3, 4]).anew);
        let shorter = news(&[1, 2]);
        assert_eq!((shorter.anew, shorter.records.len()), (true, 2));
        // Grown again, over lines of another length.
        assert_eq!(news(&[1, 2, 3]), News { records: vec![line(3)], anew: false });
        let other = [1, 2, 1_000_000, 4, 5, 6];
        assert_eq!(news(&other), News { records: other.map(line).to_vec(), anew: true });
    }

    #[test]
    fn damage_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let mut broken = bytes(0..5);
        let at = broken.len() / 2;
        broken[at] ^= 1;
        std::fs::write(&path, &broken).unwrap();
        let message = Tail::new(path.clone()).read::<Line>().unwrap_err().to_string();
        assert!(message.contains("line 3: it is damaged, or line 4 does not follow it"), "{message}");
    }

    #[test]
    fn the_last_good_line_is_found_behind_long_and_torn_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        assert_eq!(last_line::<Line>(&path).unwrap(), None);
        let mut whole = bytes(0..3);
        whole.extend(b"{\"n\":3,\"x\":".repeat(10_000));
        std::fs::write(&path, &whole).unwrap();
        assert_eq!(last_line::<Line>(&path).unwrap(), Some(line(2)));
    }
}
