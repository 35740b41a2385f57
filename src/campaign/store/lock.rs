//! The lock of a run's folder: held while a process writes the run, and given up by the system when it ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Result};

const LOCK: &str = "lock";

/// Times that a lock is asked for before it counts as held, and the time between them: whoever looks whether it is held
/// ([`is_held`]) has it for a moment.
const TRIES: usize = 20;
const BETWEEN: Duration = Duration::from_millis(5);

/// Takes the lock of a run's folder; it is held as long as the file lives.
///
/// # Errors
/// [`Error::Busy`] if another process holds it; [`Error::Io`].
pub fn hold(folder: &Path) -> Result<File> {
    let path = folder.join(LOCK);
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(Error::io("open", &path))?;
    for left in (0..TRIES).rev() {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if left > 0 => std::thread::sleep(BETWEEN),
            Err(TryLockError::WouldBlock) => break,
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", &path)(error)),
        }
    }
    Err(Error::Busy(folder.to_path_buf()))
}

/// Whether a process holds the lock of a run's folder, and so writes the run. Changes nothing.
///
/// # Errors
/// [`Error::Io`].
pub fn is_held(folder: &Path) -> Result<bool> {
    let path = folder.join(LOCK);
    let file = match File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        other => other.map_err(Error::io("open", &path))?,
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", &path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_looks_sees_a_holder_and_keeps_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_held(folder.path()).unwrap(), "no lock file");
        let held = hold(folder.path()).unwrap();
        assert!(is_held(folder.path()).unwrap() && is_held(folder.path()).unwrap());
        assert!(matches!(hold(folder.path()), Err(Error::Busy(path)) if path == folder.path()));
        drop(held);
        assert!(!is_held(folder.path()).unwrap());
        // A look at the wrong moment.
        let looking = File::open(folder.path().join(LOCK)).unwrap();
        looking.try_lock_shared().unwrap();
        assert!(!is_held(folder.path()).unwrap(), "two may look at once");
        let looked = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            drop(looking);
        });
        hold(folder.path()).unwrap();
        looked.join().unwrap();
    }
}
