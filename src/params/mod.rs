//! Parameters from a campaign file: a tree of values that remember where they were written, read by typed getters
//! that collect every problem instead of stopping at the first.

mod amount;
mod file;
pub mod overrides;
mod path;
mod problem;
mod range;
mod reader;
pub mod report;
pub mod resolved;
pub mod toml;
mod value;

pub use amount::Amount;
pub use file::NamedFile;
pub(crate) use path::merge;
pub use path::Path;
pub use problem::{did_you_mean, list_names, Problem, Problems};
pub use range::Range;
pub use reader::{read_named, read_table, Params};
pub use value::{Key, Node, Origin, Table, Value};
