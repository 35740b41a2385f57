//! `subevo export`: a run's whole network, tables of records, or curves, as files for other programs.

use std::path::PathBuf;

use super::export_args::{ExportArguments, ExportFormat, Which};
use super::format::counted;
use super::output::Output;
use super::run::{limits, tensorboard, threads};
use super::Exit;
use crate::campaign::{
    export as write, export_curves, read_entries, write_tables, Incumbent, Place, Registry, TableFormat,
};
use crate::error::{Error, Result};

/// Exports what is asked.
pub fn export(arguments: &ExportArguments, registry: &Registry, output: &mut Output) -> Result<Exit> {
    if arguments.format != ExportFormat::Safetensors && arguments.incumbent.is_some() {
        let message = "--incumbent chooses a network and belongs to --format safetensors: leave it out";
        return Err(Error::Config(message.to_string()));
    }
    match arguments.format {
        ExportFormat::Safetensors => network(arguments, registry, output),
        ExportFormat::Csv => export_tables(arguments, TableFormat::Csv, output),
        ExportFormat::Parquet => export_tables(arguments, TableFormat::Parquet, output),
        ExportFormat::Tensorboard => curves(arguments, output),
    }
}

fn network(arguments: &ExportArguments, registry: &Registry, output: &mut Output) -> Result<Exit> {
    let [folder] = &*arguments.folders else {
        let message =
            format!("safetensors holds the network of one run, not of {}", counted(arguments.folders.len(), "folder"));
        return Err(Error::Config(format!("{message}: name one run, or choose --format csv, parquet or tensorboard")));
    };
    if folder.join("campaign.json").is_file() && !folder.join("config.toml").is_file() {
        let message = format!("{} is a campaign, and safetensors holds the network of one run", folder.display());
        return Err(Error::Config(format!(
            "{message}: name a folder in it, or choose --format csv, parquet or tensorboard"
        )));
    }
    let incumbent = match arguments.incumbent {
        Some(Which::Start) => Incumbent::Start,
        None | Some(Which::Last) => Incumbent::Last,
        Some(Which::BestByValidation) => Incumbent::BestByValidation,
    };
    let path = arguments.out.clone().unwrap_or_else(|| folder.join("network.safetensors"));
    let place = Place { data_dir: arguments.data_dir.clone(), limits: limits(arguments.limits) };
    let exported = threads(place.limits)?.install(|| write(folder, incumbent, registry, &place, &path))?;
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

fn export_tables(arguments: &ExportArguments, format: TableFormat, output: &mut Output) -> Result<Exit> {
    let (runs, mut damaged) = read_entries(&arguments.folders)?;
    if let Some(damage) = damaged.pop() {
        damaged.iter().for_each(|error| output.error(&error.to_string()));
        return Err(damage);
    }
    if runs.is_empty() {
        return Err(Error::Config(format!("{} has no records yet: run the campaign first", names(arguments))));
    }
    let folder = arguments.out.clone().unwrap_or_else(|| arguments.folders[0].join("export"));
    for table in write_tables(&runs, format, &folder)? {
        output.result(&format!("{}\n", table.path.display()));
    }
    Ok(Exit::Done)
}

fn curves(arguments: &ExportArguments, output: &mut Output) -> Result<Exit> {
    let exported = export_curves(&arguments.folders, arguments.out.as_deref())?;
    if exported.written.is_empty() && exported.busy.is_empty() && exported.damaged.is_empty() {
        return Err(Error::Config(format!("{} has no records yet: run the campaign first", names(arguments))));
    }
    for path in &exported.written {
        output.result(&format!("{}\n", path.display()));
    }
    exported.damaged.iter().for_each(|error| output.error(&error.to_string()));
    for run in &exported.busy {
        let message = "is being written by another process, whose curves may be there: give another place with --out";
        output.error(&format!("{}: {message}", run.display()));
    }
    let folders = arguments.out.as_slice().iter().chain(arguments.folders.iter().filter(|_| arguments.out.is_none()));
    for folder in folders.filter(|_| !exported.written.is_empty()) {
        output.talk(&tensorboard(folder));
    }
    Ok(if exported.busy.is_empty() && exported.damaged.is_empty() { Exit::Done } else { Exit::Failed })
}

fn names(arguments: &ExportArguments) -> String {
    let names: Vec<String> = arguments.folders.iter().map(|folder: &PathBuf| folder.display().to_string()).collect();
    names.join(", ")
}
