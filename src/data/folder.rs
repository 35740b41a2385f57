//! Where a data set's files are looked for.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The folder of the data set called `name`: `<data dir>/<name>`. The data dir is `data_dir` if given, else the
/// environment's `SUBEVO_DATA`, else `$XDG_DATA_HOME/subevo`, else `~/.local/share/subevo`.
///
/// # Errors
/// If none of these is known.
pub fn set_folder(name: &str, data_dir: Option<&Path>) -> Result<PathBuf> {
    data_folder(data_dir, |variable| std::env::var_os(variable), std::env::home_dir()).map(|folder| folder.join(name))
}

fn data_folder(
    explicit: Option<&Path>,
    variable: impl Fn(&str) -> Option<OsString>,
    home: Option<PathBuf>,
) -> Result<PathBuf> {
    // An empty variable counts as unset; the XDG base directory specification wants relative paths ignored.
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    explicit
        .map(Path::to_path_buf)
        .or_else(|| set("SUBEVO_DATA"))
        .or_else(|| set("XDG_DATA_HOME").filter(|path| path.is_absolute()).map(|path| path.join("subevo")))
        .or_else(|| home.filter(|path| path.is_absolute()).map(|path| path.join(".local/share/subevo")))
        .ok_or_else(|| {
            Error::data(
                "~/.local/share/subevo",
                "the home folder is not known: name the data folder with --data-dir or SUBEVO_DATA",
            )
        })
}

/// The first of `names` that is there in `folder`.
pub(super) fn find(folder: &Path, names: &[&str]) -> Result<Option<PathBuf>> {
    for name in names {
        let path = folder.join(name);
        match std::fs::metadata(&path) {
            Ok(_) => return Ok(Some(path)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(Error::io("read", &path)(error)),
        }
    }
    Ok(None)
}

/// The error for a set of which a file is not there. `missing` names the file, `expected` the whole set's files.
pub(super) fn missing(name: &str, folder: &Path, missing: &str, expected: &str) -> Error {
    const SHOWN: usize = 12;
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .map(|entries| entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
        .unwrap_or_default();
    found.sort_unstable();
    let more = found.len().saturating_sub(SHOWN);
    found.truncate(SHOWN);
    let found = match (found.is_empty(), folder.is_dir(), more) {
        (true, true, _) => "an empty folder".to_string(),
        (true, false, _) => "no such folder".to_string(),
        (false, _, 0) => found.join(", "),
        (false, ..) => format!("{} and {more} more", found.join(", ")),
    };
    Error::data(
        folder,
        format!(
            "data set `{name}` is not complete: {missing} is missing; expected {expected}; found {found}. Put the \
             files there, or name the folder that holds `{name}/` with --data-dir or SUBEVO_DATA"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_of(explicit: Option<&str>, variables: &[(&str, &str)], home: Option<&str>) -> Result<PathBuf> {
        let variable = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value));
        data_folder(explicit.map(Path::new), variable, home.map(PathBuf::from))
    }

    #[test]
    fn the_option_comes_before_the_variable_before_the_users_folders() {
        let all = [("SUBEVO_DATA", "/s"), ("XDG_DATA_HOME", "/x")];
        let check = |explicit, variables: &[(&str, &str)], expected: &str| {
            assert_eq!(folder_of(explicit, variables, Some("/home/u")).unwrap(), Path::new(expected));
        };
        check(Some("here"), &all, "here");
        check(None, &all, "/s");
        check(None, &all[1..], "/x/subevo");
        check(None, &[], "/home/u/.local/share/subevo");
        check(None, &[("SUBEVO_DATA", ""), ("XDG_DATA_HOME", "relative")], "/home/u/.local/share/subevo");
    }

    #[test]
    fn no_home_is_an_error_that_says_what_to_set() {
        let message = folder_of(None, &[], None).unwrap_err().to_string();
        assert!(message.ends_with("name the data folder with --data-dir or SUBEVO_DATA"), "{message}");
    }

    #[test]
    fn a_set_lies_below_the_data_folder_under_its_name() {
        assert_eq!(set_folder("mnist", Some(Path::new("/d"))).unwrap(), Path::new("/d/mnist"));
    }

    #[test]
    fn a_missing_set_is_told_with_what_was_there() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path();
        let message = |folder: &Path| missing("s", folder, "a", "a and b").to_string();
        let tail = "Put the files there, or name the folder that holds `s/` with --data-dir or SUBEVO_DATA";
        let head = format!("{}: data set `s` is not complete: a is missing; expected a and b; found", folder.display());
        assert_eq!(message(folder), format!("{head} an empty folder. {tail}"));
        for i in 0..13 {
            std::fs::write(folder.join(format!("f{i:02}")), "").unwrap();
        }
        let twelve: Vec<String> = (0..12).map(|i| format!("f{i:02}")).collect();
        assert_eq!(message(folder), format!("{head} {} and 1 more. {tail}", twelve.join(", ")));
        assert!(message(&folder.join("none")).contains("; found no such folder. "));
    }
}
