//! The one error type: every variant carries its evidence and says what would be right.

use std::path::{Path, PathBuf};

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong, by what the user can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The campaign file or a command-line override is wrong; the text is the whole rendered report.
    #[error("{0}")]
    Config(String),
    /// A data set is missing or a data file is not what its format demands.
    #[error("{}: {message}", path.display())]
    Data {
        /// The file or folder.
        path: PathBuf,
        /// Field or offset, what was expected, what was found.
        message: String,
    },
    /// The operating system refused to read or write.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as in "read" or "sync".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// A file that this program wrote is damaged or belongs to something else.
    #[error("{}: {message}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Line or field, what was expected, what was found.
        message: String,
    },
    /// Another process writes this run.
    #[error("{}: is being written by another process: wait for its end, or stop it", .0.display())]
    Busy(PathBuf),
    /// A network that cannot be built, with its layer.
    #[error("layer `{layer}`: {message}")]
    Graph {
        /// Name of the layer.
        layer: String,
        /// Shapes found and allowed.
        message: String,
    },
    /// A subset that selects nothing or does not fit its graph.
    #[error("subset: {0}")]
    Subset(String),
    /// A tensor operation failed.
    #[error("layer `{layer}`: {source}")]
    Engine {
        /// Name of the layer.
        layer: String,
        /// The tensor library's own words.
        source: candle_core::Error,
    },
    /// A strategy or operator was used against its contract, or cannot go on.
    #[error("{0}")]
    Learner(String),
}

impl Error {
    /// An [`Error::Data`].
    pub fn data(path: impl AsRef<Path>, message: impl Into<String>) -> Self {
        Error::Data { path: path.as_ref().to_path_buf(), message: message.into() }
    }

    /// An [`Error::Record`].
    pub fn record(path: impl AsRef<Path>, message: impl Into<String>) -> Self {
        Error::Record { path: path.as_ref().to_path_buf(), message: message.into() }
    }

    /// An adapter for `map_err` that names what was tried on which path.
    pub fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Error::Io { action, path, source }
    }

    /// An adapter for `map_err` that names the layer at work.
    pub fn engine(layer: &str) -> impl FnOnce(candle_core::Error) -> Self + '_ {
        move |source| Error::Engine { layer: layer.to_string(), source }
    }
}
