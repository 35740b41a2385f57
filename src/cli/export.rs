//! `subevo export`: a run's whole network as a file for other programs.

use super::args::{ExportArguments, ExportFormat, Which};
use super::output::Output;
use super::run::{limits, threads};
use super::Exit;
use crate::campaign::{export as write, Incumbent, Place, Registry};
use crate::error::Result;

/// Exports a network.
pub fn export(arguments: &ExportArguments, registry: &Registry, output: &mut Output) -> Result<Exit> {
    let ExportFormat::Safetensors = arguments.format;
    let incumbent = match arguments.incumbent {
        Which::Start => Incumbent::Start,
        Which::Last => Incumbent::Last,
        Which::BestByValidation => Incumbent::BestByValidation,
    };
    let path = arguments.out.clone().unwrap_or_else(|| arguments.folder.join("network.safetensors"));
    let place = Place { data_dir: arguments.data_dir.clone(), limits: limits(arguments.limits) };
    let exported = threads(place.limits)?.install(|| write(&arguments.folder, incumbent, registry, &place, &path))?;
    output.talk(&format!(
        "{} tensors, {} weights; test accuracy {:.2} %, loss {:.4}\n",
        exported.tensors,
        exported.parameters,
        100.0 * exported.scores.test.accuracy,
        exported.scores.test.loss
    ));
    output.result(&format!("{}\n", path.display()));
    Ok(Exit::Done)
}
