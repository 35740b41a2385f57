//! Numbers of a run's configuration, for axes that no header has.

use std::path::Path as FilePath;

use crate::params::{toml, Path, Problems, Value};
use crate::record::RunRecords;

/// The number at a path such as `data.label_noise` or `learner.0.strategy.population`, if the run's configuration has one there.
pub(super) fn number(run: &RunRecords, path: &str) -> Option<f64> {
    let problems = Problems::of_file(FilePath::new("config.toml"));
    let table = toml::parse(&run.config, &problems);
    match Path::parse(path).ok()?.get(&table)?.value {
        Value::Float(x) => Some(x),
        Value::Integer(x) => Some(x as f64),
        _ => None,
    }
}
