//! Append-only JSON lines that notice damage: each line is numbered and ends in a checksum, so that a torn tail, a flipped
//! bit and a missing line are told apart from good records.
//!
//! A line is `{"n":0,"a":1,"crc":"28f1c400"}`: the record's own fields between its number, counted from 0, and the CRC-32
//! of all bytes before `,"crc":` in eight hex digits. It stays plain JSON for jq and pandas.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::disk;
use crate::error::{Error, Result};

const START: &[u8] = b"{\"n\":";
const CRC: &[u8] = b",\"crc\":\"";
const END: &[u8] = b"\"}";
/// Bytes behind the checked part: `,"crc":"12345678"}`.
const TAIL: usize = CRC.len() + 8 + END.len();

/// How much of a file of lines is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    /// Bytes from the start.
    pub bytes: u64,
    /// Lines from the start.
    pub lines: u64,
}

/// Appends records to a file of lines. The bytes of a line depend on its number and its record alone.
#[derive(Debug)]
pub struct LineWriter {
    file: disk::Appender,
    covered: Covered,
}

impl LineWriter {
    /// Opens a file of lines to write behind its first `covered` lines, which must be all there is; a file that is
    /// missing is created where nothing is covered.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Record`] if the file has another length.
    pub fn open(path: &Path, covered: Covered) -> Result<Self> {
        let (file, length) = disk::Appender::open(path)?;
        if length != covered.bytes {
            return Err(Error::record(path, format!("holds {length} bytes, expected {}", covered.bytes)));
        }
        Ok(LineWriter { file, covered })
    }

    /// Adds a record, which must serialise as a JSON object, without fields named `n` or `crc`. It reaches the file with
    /// the next flush at the latest.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Record`] if the record is no object.
    pub fn append<T: Serialize>(&mut self, record: &T) -> Result<()> {
        let no_record = |why: String| Error::record(self.file.path(), format!("record {}: {why}", self.covered.lines));
        let json = serde_json::to_string(record).map_err(|error| no_record(format!("it cannot be JSON: {error}")))?;
        let fields = json.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let fields = fields.ok_or_else(|| no_record(format!("`{json}` is no JSON object")))?;
        let comma = if fields.is_empty() { "" } else { "," };
        let mut line = format!("{{\"n\":{}{comma}{fields}", self.covered.lines);
        let crc = crc32fast::hash(line.as_bytes());
        line.push_str(&format!(",\"crc\":\"{crc:08x}\"}}\n"));
        self.file.append(line.as_bytes())?;
        self.covered = Covered { bytes: self.covered.bytes + line.len() as u64, lines: self.covered.lines + 1 };
        Ok(())
    }

    /// Gives all lines to the operating system, so that other processes see them and a kill does not lose them.
    ///
    /// # Errors
    /// [`Error::Io`]; after the first one every call fails.
    pub fn flush(&mut self) -> Result<()> {
        self.file.flush()
    }

    /// Gives all lines to the disk, so that a power cut does not lose them.
    ///
    /// # Errors
    /// [`Error::Io`]; after the first one every call fails.
    pub fn sync(&mut self) -> Result<()> {
        self.file.sync()
    }

    /// Bytes and lines appended so far, flushed or not.
    pub fn covered(&self) -> Covered {
        self.covered
    }
}

/// What follows the last good line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The line, from 1.
    pub line: usize,
    /// Where it starts.
    pub offset: u64,
    /// Bytes from there to the end of the file.
    pub bytes: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// A file of lines, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Lines<T> {
    /// The good records in order.
    pub records: Vec<T>,
    /// Byte offset behind each of them.
    pub ends: Vec<u64>,
    /// What follows them, if anything: the mark of a writer that was killed or is still writing.
    pub torn: Option<TornTail>,
}

/// Reads all good lines.
///
/// # Errors
/// [`Error::Io`]; [`Error::Record`] with the line if a bad line has a good one behind it, a line is missing, or a good line
/// is no `T`.
pub fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Lines<T>> {
    let bytes = disk::read(path)?;
    let scan = scan(path, &bytes)?;
    let records = scan.bodies.iter().enumerate().map(|(i, body)| parse(path, i, body)).collect::<Result<_>>()?;
    Ok(Lines { records, ends: scan.ends, torn: scan.torn })
}

/// The last good record; all lines are checked, the last one is read.
///
/// # Errors
/// As [`read_lines`], but a missing file has no record.
pub fn last_record<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let bytes = disk::read_if_there(path)?.unwrap_or_default();
    let scan = scan(path, &bytes)?;
    scan.bodies.last().map(|body| parse(path, scan.bodies.len() - 1, body)).transpose()
}

/// Makes sure that the file holds at least what is covered and that this part is good, whatever stands behind it.
///
/// # Errors
/// [`Error::Io`]; [`Error::Record`] if lines are missing or damaged.
pub fn check_covered(path: &Path, covered: Covered) -> Result<()> {
    let bytes = disk::read_if_there(path)?.unwrap_or_default();
    let length = usize::try_from(covered.bytes).unwrap_or(usize::MAX);
    let kept = bytes.get(..length).ok_or_else(|| {
        let message = format!("holds {} bytes, but the checkpoint covers {length}: its end was lost", bytes.len());
        Error::record(path, message)
    })?;
    let scan = scan(path, kept)?;
    if let Some(torn) = scan.torn {
        let message = format!("line {}: {}; the checkpoint covers it, so it was damaged later", torn.line, torn.reason);
        return Err(Error::record(path, message));
    }
    if scan.bodies.len() as u64 != covered.lines {
        let message = format!("holds {} lines where the checkpoint covers {}", scan.bodies.len(), covered.lines);
        return Err(Error::record(path, message));
    }
    Ok(())
}

/// Cuts the file behind its first `bytes` bytes, durably.
///
/// # Errors
/// [`Error::Io`]; [`Error::Record`] if the file is shorter.
pub fn truncate_to(path: &Path, bytes: u64) -> Result<()> {
    disk::truncate(path, bytes)
}

struct Scan<'a> {
    /// The checked part of each good line, from `{"n":` to before `,"crc":`.
    bodies: Vec<&'a [u8]>,
    ends: Vec<u64>,
    torn: Option<TornTail>,
}

fn scan<'a>(path: &Path, bytes: &'a [u8]) -> Result<Scan<'a>> {
    let mut found = Scan { bodies: Vec::new(), ends: Vec::new(), torn: None };
    let mut at = 0;
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let number = index + 1;
        match (check(line), &found.torn) {
            (Ok((n, body)), None) if n == index as u64 => {
                found.bodies.push(body);
                found.ends.push((at + line.len()) as u64);
            }
            (Ok((n, _)), None) => {
                let message =
                    format!("line {number}: it has the number {n}, expected {index}: lines are lost or doubled");
                return Err(Error::record(path, message));
            }
            (Ok(_), Some(bad)) => {
                let (line, reason) = (bad.line, &bad.reason);
                let message =
                    format!("line {line}: {reason}; line {number} is good, so this is damage and no torn tail");
                return Err(Error::record(path, message));
            }
            (Err(reason), None) => {
                let (offset, bytes) = (at as u64, (bytes.len() - at) as u64);
                found.torn = Some(TornTail { line: number, offset, bytes, reason });
            }
            (Err(_), Some(_)) => {}
        }
        at += line.len();
    }
    Ok(found)
}

/// Number and checked part of a line, or what is wrong with it.
pub(super) fn check(line: &[u8]) -> std::result::Result<(u64, &[u8]), String> {
    let line = line.strip_suffix(b"\n").ok_or("it has no line end")?;
    let at = line.len().checked_sub(TAIL).ok_or("it is too short")?;
    let (body, tail) = line.split_at(at);
    let written =
        tail.strip_prefix(CRC).and_then(|rest| rest.strip_suffix(END)).ok_or("it does not end in a checksum")?;
    let crc = format!("{:08x}", crc32fast::hash(body));
    if written != crc.as_bytes() {
        return Err(format!("its checksum is {crc}, not {} as written", String::from_utf8_lossy(written)));
    }
    let rest = body.strip_prefix(START).ok_or("it does not start with its number")?;
    let digits = rest.split(|byte| *byte == b',').next().and_then(|digits| std::str::from_utf8(digits).ok());
    let n = digits.and_then(|digits| digits.parse().ok()).ok_or("its number is none")?;
    Ok((n, body))
}

pub(super) fn parse<T: DeserializeOwned>(path: &Path, index: usize, body: &[u8]) -> Result<T> {
    // The number goes and the brace comes back: exactly the JSON that was given to `append`.
    let fields = body.iter().position(|byte| *byte == b',').map_or(&[][..], |comma| &body[comma + 1..]);
    let json = [b"{", fields, b"}"].concat();
    serde_json::from_slice(&json).map_err(|error| {
        let message = format!("line {}: {error}; was it written by another version of subevo?", index + 1);
        Error::record(path, message)
    })
}
