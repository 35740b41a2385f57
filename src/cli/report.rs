//! `subevo report`: a campaign as one page of HTML, from records alone.

use super::output::Output;
use super::report_args::ReportArguments;
use super::Exit;
use crate::campaign::store::disk;
use crate::campaign::Registry;
use crate::error::Result;
use crate::report::{page, Material};

/// Writes a campaign's report.
pub fn report(arguments: &ReportArguments, registry: &Registry, output: &mut Output) -> Result<Exit> {
    let material = Material::read(&arguments.folders)?;
    let made = page(&material, registry)?;
    let file = arguments.out.clone().unwrap_or_else(|| arguments.folders[0].join("report.html"));
    disk::write_atomically(&file, made.html.as_bytes())?;
    for folder in material.folders.iter().filter(|folder| !folder.damage.is_empty()) {
        output.talk(&format!("warning: run {} is damaged: {}\n", folder.name, folder.damage.join("; ")));
    }
    if !made.left_out.is_empty() {
        let names = made.left_out.join(", ");
        output.talk(&format!("left out, for the report would be too large: {names}; `subevo plot` draws them\n"));
    }
    output.result(&format!("{}\n", file.display()));
    Ok(Exit::Done)
}
