//! `subevo plot`: draws figures from records alone.

use super::args::PlotArguments;
use super::output::Output;
use super::Exit;
use crate::campaign::{read_results, write_pictures, Registry};
use crate::error::{Error, Result};
use crate::plot::Theme;

/// Draws a campaign's figures.
pub fn plot(arguments: &PlotArguments, registry: &Registry, output: &mut Output) -> Result<Exit> {
    let mut results = read_results(&arguments.folders)?;
    if let Some(damage) = results.damaged.pop() {
        results.damaged.iter().for_each(|error| output.error(&error.to_string()));
        return Err(damage);
    }
    let runs = results.runs;
    let theme = if arguments.dark { Theme::dark() } else { Theme::light() };
    let folder = arguments.out.clone().unwrap_or_else(|| arguments.folders[0].join("plots"));
    let drawn = write_pictures(&runs, registry, &arguments.only, &theme, &folder)?;
    if drawn.files.is_empty() {
        let names: Vec<String> = arguments.folders.iter().map(|folder| folder.display().to_string()).collect();
        return Err(Error::Config(format!("{} has nothing to draw yet: run the campaign first", names.join(", "))));
    }
    drawn.notes.iter().for_each(|note| output.talk(&format!("note: {note}\n")));
    for path in drawn.files {
        output.result(&format!("{}\n", path.display()));
    }
    Ok(Exit::Done)
}
