//! The only place that changes files of a run: atomic replacement, appending, truncation, folders.
//!
//! A new file is written beside its place, synced, renamed, and its folder synced (Pillai et al. 2014). A failed write or
//! sync is never tried again on the same file: after it the system may have marked lost pages as clean (Rebello et al. 2020).

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Bytes that an [`Appender`] collects before it writes.
const BUFFER: usize = 64 * 1024;

/// Puts a file with these bytes at `path`, in the place of what stood there: afterwards the old or the new file is
/// there whole, whatever happens in between.
///
/// # Errors
/// [`Error::Io`] with the step that failed; the old file is then still there and the temporary one is gone.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let (temporary, mut file) = create_temporary(path)?;
    let written = file.write_all(bytes).map_err(Error::io("write", path));
    let synced = written.and_then(|()| file.sync_all().map_err(Error::io("sync", path)));
    drop(file);
    let renamed = synced.and_then(|()| fs::rename(&temporary, path).map_err(Error::io("put the new file at", path)));
    if let Err(error) = renamed {
        // The first error is the one to tell; a temporary file that stays is removed when the run is opened again.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    sync_folder(folder_of(path))
}

/// A new empty file `<name>.tmp.<pid>.<n>` beside `path`; `n` counts past leftovers of a process with the same number.
fn create_temporary(path: &Path) -> Result<(PathBuf, File)> {
    let action = "create a temporary file for";
    let name = path.file_name().ok_or_else(|| Error::io(action, path)(ErrorKind::InvalidInput.into()))?;
    for n in 0..u32::MAX {
        let mut temporary = name.to_os_string();
        temporary.push(format!(".tmp.{}.{n}", std::process::id()));
        let temporary = path.with_file_name(temporary);
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Ok(file) => return Ok((temporary, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::io(action, path)(error)),
        }
    }
    Err(Error::io(action, path)(ErrorKind::AlreadyExists.into()))
}

/// The folder that holds `path`.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the names in a folder survive a power cut.
///
/// # Errors
/// [`Error::Io`].
pub fn sync_folder(folder: &Path) -> Result<()> {
    // Only Unix opens folders as files.
    if cfg!(unix) {
        match File::open(folder).and_then(|file| file.sync_all()) {
            // Some network file systems have no such call; the rename is then as durable as they make it.
            Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {}
            other => other.map_err(Error::io("sync the folder", folder))?,
        }
    }
    Ok(())
}

/// Creates a folder and those above it, each synced into the one above; one that is there already is left alone.
///
/// # Errors
/// [`Error::Io`], also where a file stands in the way.
pub fn create_dir_synced(folder: &Path) -> Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    create_dir_synced(folder_of(folder))?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let in_the_way = io::Error::new(ErrorKind::AlreadyExists, "a file of that name stands there");
            return Err(Error::io("create the folder", folder)(in_the_way));
        }
        other => other.map_err(Error::io("create the folder", folder))?,
    }
    sync_folder(folder_of(folder))
}

/// Gives a finished folder its final name; the files in it must be synced.
///
/// # Errors
/// [`Error::Io`], also where a folder with content stands there already.
pub fn publish_folder(temporary: &Path, path: &Path) -> Result<()> {
    sync_folder(temporary)?;
    fs::rename(temporary, path).map_err(Error::io("put the new folder at", path))?;
    sync_folder(folder_of(path))
}

/// Removes what interrupted calls of [`write_atomically`] left in a folder. Only the holder of the run's lock may do this.
///
/// # Errors
/// [`Error::Io`].
pub fn remove_leftovers(folder: &Path) -> Result<()> {
    let is_leftover = |name: &str| {
        let mut parts = name.rsplitn(4, '.');
        let mut digits = || parts.next().is_some_and(is_number);
        digits() && digits() && parts.next() == Some("tmp") && parts.next().is_some_and(|stem| !stem.is_empty())
    };
    for entry in fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let entry = entry.map_err(Error::io("list", folder))?;
        if entry.file_name().to_str().is_some_and(is_leftover) && !entry.path().is_dir() {
            remove_file(&entry.path())?;
        }
    }
    Ok(())
}

/// Whether a text is a number as in the names of temporary files.
pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Removes the folders in `root` whose names are wanted, with all that is in them.
///
/// # Errors
/// [`Error::Io`].
pub fn remove_folders(root: &Path, which: impl Fn(&str) -> bool) -> Result<()> {
    for entry in fs::read_dir(root).map_err(Error::io("list", root))? {
        let entry = entry.map_err(Error::io("list", root))?;
        if entry.file_name().to_str().is_some_and(&which) {
            remove_folder(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes a folder, if it is there, with all that is in it.
///
/// # Errors
/// [`Error::Io`].
pub fn remove_folder(path: &Path) -> Result<()> {
    missing_is_fine(fs::remove_dir_all(path)).map_err(Error::io("remove", path))
}

/// Removes a file, if it is there, and syncs its folder.
///
/// # Errors
/// [`Error::Io`].
pub fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Ok(()) => sync_folder(folder_of(path)),
        other => missing_is_fine(other).map_err(Error::io("remove", path)),
    }
}

fn missing_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// All bytes of a file.
///
/// # Errors
/// [`Error::Io`].
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(Error::io("read", path))
}

/// All bytes of a file, or nothing where there is none.
///
/// # Errors
/// [`Error::Io`].
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

/// Cuts a file to its first `length` bytes and syncs it.
///
/// # Errors
/// [`Error::Io`]; [`Error::Record`] if the file is shorter, for it is never filled up with zeros.
pub fn truncate(path: &Path, length: u64) -> Result<()> {
    let file = OpenOptions::new().write(true).open(path).map_err(Error::io("open", path))?;
    let found = file.metadata().map_err(Error::io("read the length of", path))?.len();
    if found < length {
        return Err(Error::record(path, format!("holds {found} bytes and cannot be cut to {length}")));
    }
    file.set_len(length).and_then(|()| file.sync_all()).map_err(Error::io("truncate", path))
}

/// A file that only grows. Bytes are collected and written in large pieces.
///
/// What was not flushed is lost when it is dropped: a drop that writes could do so after the run's lock is given up.
#[derive(Debug)]
pub struct Appender {
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
    failed: bool,
}

impl Appender {
    /// Opens a file for appending, or creates it, and gives its length in bytes.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(path: &Path) -> Result<(Self, u64)> {
        let new = !path.exists();
        let file = OpenOptions::new().append(true).create(true).open(path).map_err(Error::io("open", path))?;
        if new {
            sync_folder(folder_of(path))?;
        }
        let length = file.metadata().map_err(Error::io("read the length of", path))?.len();
        Ok((Appender { path: path.to_path_buf(), file, buffer: Vec::new(), failed: false }, length))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// [`Error::Io`]; after the first one every call fails, for nobody knows how much of the piece was written.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER {
            self.flush()?;
        }
        Ok(())
    }

    /// Gives the bytes to the operating system.
    ///
    /// # Errors
    /// As [`Appender::append`].
    pub fn flush(&mut self) -> Result<()> {
        let bytes = std::mem::take(&mut self.buffer);
        self.once("write", |file| file.write_all(&bytes))
    }

    /// Gives the bytes to the disk.
    ///
    /// # Errors
    /// As [`Appender::append`].
    pub fn sync(&mut self) -> Result<()> {
        self.flush()?;
        self.once("sync", |file| file.sync_data())
    }

    fn once(&mut self, action: &'static str, change: impl FnOnce(&mut File) -> io::Result<()>) -> Result<()> {
        let result =
            if self.failed { Err(io::Error::other("an earlier write failed")) } else { change(&mut self.file) };
        self.failed = result.is_err();
        result.map_err(Error::io(action, &self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_atomically(&path, b"first, the longer one").unwrap();
        write_atomically(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn a_failed_replacement_names_the_step_and_leaves_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::create_dir_all(path.join("inner")).unwrap();
        let message = write_atomically(&path, b"x").unwrap_err().to_string();
        assert!(message.starts_with(&format!("cannot put the new file at {}: ", path.display())), "{message}");
        assert_eq!(names(folder.path()), ["a"]);
        let message = write_atomically(&folder.path().join("none").join("b"), b"x").unwrap_err().to_string();
        assert!(message.contains("create a temporary file for") && message.contains("none"), "{message}");
        assert!(write_atomically(Path::new("/"), b"x").is_err());
    }

    #[test]
    fn a_leftover_of_the_same_process_number_is_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let leftover = folder.path().join(format!("a.tmp.{}.0", std::process::id()));
        fs::write(&leftover, "old").unwrap();
        write_atomically(&folder.path().join("a"), b"new").unwrap();
        assert_eq!(fs::read(&leftover).unwrap(), b"old");
        assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"new");
    }

    #[test]
    fn only_leftovers_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let stay = [".tmp.1.2", "a", "a.tmp.1", "a.tmp.1.x", "a.tmp..2", "atmp.1.2", "a.tmp.1.2.b"];
        for name in stay.iter().chain(&["a.tmp.1.2", "b.jsonl.tmp.77.0"]) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        remove_leftovers(folder.path()).unwrap();
        let mut expected = stay.map(String::from);
        expected.sort();
        assert_eq!(names(folder.path()), expected);
    }

    #[test]
    fn folders_are_made_with_those_above_and_a_file_in_the_way_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b/c");
        create_dir_synced(&deep).unwrap();
        create_dir_synced(&deep).unwrap();
        assert!(deep.is_dir());
        fs::write(deep.join("file"), "").unwrap();
        let message = create_dir_synced(&deep.join("file")).unwrap_err().to_string();
        assert!(message.contains("cannot create the folder") && message.contains("file"), "{message}");
    }

    #[test]
    fn a_file_is_cut_but_never_stretched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "12345").unwrap();
        truncate(&path, 3).unwrap();
        assert!(truncate(&path, 4).unwrap_err().to_string().contains("holds 3 bytes and cannot be cut to 4"));
        assert_eq!(fs::read(&path).unwrap(), b"123");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn after_a_full_disk_an_appender_never_writes_again() {
        let (mut file, _) = Appender::open(Path::new("/dev/full")).unwrap();
        file.append(b"some bytes").unwrap();
        assert!(file.flush().unwrap_err().to_string().contains("cannot write /dev/full"));
        // Nothing is in the buffer, so an honest second flush would succeed.
        assert!(file.flush().unwrap_err().to_string().contains("an earlier write failed"));
        assert!(file.sync().is_err());
    }
}
