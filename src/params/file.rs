//! Files that a campaign names: read whole while the campaign is, and called by what is in them.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::{Params, Value};

/// Largest file, bytes.
const LARGEST: u64 = 256 << 20;

/// A file that a campaign names, and what was in it.
///
/// Its name in a resolved configuration is `<stem>-<CRC-32 of the content>.<ending>`: other content makes it another
/// configuration, and a copy of that name beside the configuration is the same file again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedFile {
    /// The name without folder, digest and ending.
    pub stem: String,
    /// The name in resolved configurations.
    pub name: String,
    /// The content.
    pub bytes: Arc<[u8]>,
}

impl NamedFile {
    /// The file at `path` with this content. `None` where the path ends in no name, or in one with control characters.
    pub fn new(path: &Path, bytes: Vec<u8>) -> Option<Self> {
        let part = |part: Option<&std::ffi::OsStr>| part.and_then(|part| part.to_str()).map(str::to_string);
        let digest = format!("-{:08x}", crc32fast::hash(&bytes));
        let stem = part(path.file_stem()).filter(|stem| !stem.chars().any(char::is_control))?;
        let stem = stem.strip_suffix(&digest).filter(|stem| !stem.is_empty()).unwrap_or(&stem).to_string();
        let ending = part(path.extension()).map(|ending| format!(".{ending}")).unwrap_or_default();
        Some(NamedFile { name: format!("{stem}{digest}{ending}"), stem, bytes: bytes.into() })
    }
}

impl Params<'_> {
    /// A file, by its path from the folder of the campaign file. The key must be written.
    pub fn file(&self, key: &str) -> Option<NamedFile> {
        let before = self.problems().len();
        let written = self.text(key, None);
        if self.problems().len() > before {
            return None;
        }
        let path = self.problems().folder().join(&written);
        let file = match read(&path) {
            Ok(bytes) => NamedFile::new(&path, bytes).ok_or("its name is no plain text".to_string()),
            Err(message) => Err(message),
        };
        match file {
            Ok(file) => {
                self.resolve(key, Value::Text(file.name.clone()));
                Some(file)
            }
            Err(message) => {
                let found = Value::Text(written);
                let message = format!("`{}` = {found}: cannot read {}: {message}", self.path_of(key), path.display());
                let help = "a relative path starts from the folder of the campaign file".to_string();
                self.problem(key, message, Some(help));
                None
            }
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    if !file.metadata().is_ok_and(|found| found.is_file()) {
        return Err("it is no file".to_string());
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("it has more than {} MiB", LARGEST >> 20));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(path: &str, content: &str) -> Option<NamedFile> {
        NamedFile::new(Path::new(path), content.as_bytes().to_vec())
    }

    #[test]
    fn a_file_is_called_by_its_content_and_a_copy_of_that_name_is_called_the_same() {
        let file = named("some/mine.json", "123456789").unwrap();
        assert_eq!((file.stem.as_str(), file.name.as_str()), ("mine", "mine-cbf43926.json"));
        assert_eq!(named(&file.name, "123456789"), Some(file));
        let edited = named("mine-cbf43926.json", "12345678").unwrap();
        assert_eq!((edited.stem.as_str(), edited.name.as_str()), ("mine-cbf43926", "mine-cbf43926-9ae0daaf.json"));
        assert_eq!(named("-cbf43926", "123456789").unwrap().name, "-cbf43926-cbf43926");
        assert_eq!(named("..", "x"), None);
        assert_eq!(named("a\u{1b}[0m.json", "x"), None);
    }
}
