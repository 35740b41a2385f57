//! What a run is and where it was begun, as its folder tells: names, `config.toml` and `run.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Longest name of a run, bytes: room for the marks of temporary names below the 255 of file systems.
const LONGEST_NAME: usize = 128;

/// A run, and the program and machine that began it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunDescription {
    /// Version of the folder's format: [`crate::record::FORMAT`].
    pub format: u32,
    /// Name of the campaign.
    pub campaign: String,
    /// The grid's point; empty without a grid.
    pub cell: String,
    /// The run's seed.
    pub seed: u64,
    /// Label of the learner.
    pub learner: String,
    /// [`config_digest`] of the configuration.
    pub config: String,
    /// The resolved configuration: the text of `config.toml`, and therefore not in `run.json`.
    #[serde(skip)]
    pub configuration: String,
    /// Version of subevo.
    pub program_version: String,
    /// Commit that the program was built from, where known.
    pub git_commit: Option<String>,
    /// Versions of the crates that compute, by name.
    pub crate_versions: BTreeMap<String, String>,
    /// Device, as in `cpu`.
    pub device: String,
    /// The words of the command line.
    pub command_line: Vec<String>,
    /// When the folder was made, in seconds since 1970.
    pub created_unix_seconds: u64,
}

/// CRC-32 of a resolved configuration, as eight hex digits.
pub fn config_digest(configuration: &str) -> String {
    format!("{:08x}", crc32fast::hash(configuration.as_bytes()))
}

/// Makes sure that a name is a plain folder name: 1 to 128 of `A-Z a-z 0-9 . _ = + , -`, no dot in front. So no name leaves
/// the campaign's folder, is hidden, or holds an escape code.
///
/// # Errors
/// [`Error::Config`].
pub fn check_run_name(name: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._=+,-".contains(&byte);
    if name.is_empty() || name.len() > LONGEST_NAME || name.starts_with('.') || !name.bytes().all(plain) {
        return Err(Error::Config(format!(
            "run name {name:?}: expected 1 to {LONGEST_NAME} of the characters A-Z a-z 0-9 . _ = + , - without a dot in front"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        for good in ["a", "quickstart-1-0123abcd", "x=1,y=+2_z.5", &"a".repeat(128)] {
            check_run_name(good).unwrap();
        }
        for bad in ["", ".", "..", ".a", "a/b", "/a", "a\\b", "a b", "a\0", "ä", "a\u{1b}[0m", &"a".repeat(129)] {
            assert!(check_run_name(bad).unwrap_err().to_string().starts_with("run name \""), "{bad}");
        }
    }

    #[test]
    fn the_digest_of_a_configuration_is_its_crc_32() {
        assert_eq!(config_digest("123456789"), "cbf43926");
        assert_eq!(config_digest(""), "00000000");
    }
}
