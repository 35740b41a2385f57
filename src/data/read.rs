//! Reads a data file whole, decompressed, up to a size limit.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::error::{Error, Result};

/// No known file has more than 154 MB (CIFAR-100's training part), so more than this is a damaged or hostile file.
pub(super) const LIMIT: usize = 256 << 20;

/// The file's bytes; a name that ends in `.gz` is decompressed. More than `limit` bytes are an error.
pub(super) fn read(path: &Path, limit: usize) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    within(path, bytes.len(), limit)?;
    if path.extension().is_some_and(|ending| ending == "gz") {
        inflate(path, &bytes, limit)
    } else {
        Ok(bytes)
    }
}

/// The decompressed bytes of a gzip file; `path` is for messages.
pub(super) fn inflate(path: &Path, bytes: &[u8], limit: usize) -> Result<Vec<u8>> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        let found = hex(bytes, 2);
        return Err(Error::data(
            path,
            format!("gzip magic at byte 0: expected 1f 8b, found {found}; a file that is not compressed needs a name without .gz"),
        ));
    }
    // Bytes behind the last member are read as one more member, so they are an error too.
    let mut out = Vec::new();
    let result = MultiGzDecoder::new(bytes).take(limit as u64 + 1).read_to_end(&mut out);
    within(path, out.len(), limit)?;
    result.map_err(|error| {
        Error::data(path, format!("gzip data: damaged or truncated after {} decompressed bytes ({error})", out.len()))
    })?;
    Ok(out)
}

fn within(path: &Path, found: usize, limit: usize) -> Result<()> {
    if found <= limit {
        return Ok(());
    }
    Err(Error::data(path, format!("size: expected at most {limit} bytes, found more")))
}

/// The first `count` bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8], count: usize) -> String {
    if bytes.is_empty() {
        return "nothing".to_string();
    }
    bytes.iter().take(count).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use super::*;

    pub(in crate::data) fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn message(bytes: &[u8], limit: usize) -> String {
        inflate(Path::new("a.gz"), bytes, limit).unwrap_err().to_string()
    }

    #[test]
    fn a_bomb_is_an_error_and_its_limit_is_exact() {
        let bomb = gzip(&vec![0; 1000]);
        assert!(bomb.len() < 50);
        assert_eq!(message(&bomb, 999), "a.gz: size: expected at most 999 bytes, found more");
        assert_eq!(inflate(Path::new("a.gz"), &bomb, 1000).unwrap(), vec![0; 1000]);
    }

    #[test]
    fn every_truncation_and_any_trailing_byte_is_an_error() {
        let whole = gzip(b"some text, some text, some text");
        for end in 2..whole.len() {
            let found = message(&whole[..end], 100);
            assert!(found.starts_with("a.gz: gzip data: damaged or truncated after "), "{end}: {found}");
        }
        let found = message(&[whole.as_slice(), b"!"].concat(), 100);
        assert!(found.starts_with("a.gz: gzip data: damaged or truncated after 31 decompressed bytes ("), "{found}");
    }

    #[test]
    fn a_flipped_bit_is_caught_by_the_check_sum() {
        let whole = gzip(b"some text");
        let at = whole.len() - 8;
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        assert!(message(&damaged, 100).contains("damaged or truncated after 9 decompressed bytes"));
    }

    #[test]
    fn a_name_with_gz_on_a_plain_file_is_told() {
        let rest = "; a file that is not compressed needs a name without .gz";
        assert_eq!(message(&[0, 0, 8, 3], 9), format!("a.gz: gzip magic at byte 0: expected 1f 8b, found 00 00{rest}"));
        assert_eq!(message(&[], 9), format!("a.gz: gzip magic at byte 0: expected 1f 8b, found nothing{rest}"));
    }

    #[test]
    fn plain_files_are_limited_too_and_the_system_speaks_for_itself() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plain");
        std::fs::write(&path, [7; 11]).unwrap();
        assert_eq!(read(&path, 11).unwrap(), [7; 11]);
        assert!(read(&path, 10).unwrap_err().to_string().ends_with("size: expected at most 10 bytes, found more"));
        assert!(matches!(read(&dir.path().join("none"), 10), Err(Error::Io { action: "open", .. })));
    }
}
