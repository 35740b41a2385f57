//! `subevo check`: reads a campaign, tells every mistake and whether it fits into memory, starts nothing.

use super::args::CheckArguments;
use super::format::counted;
use super::output::Output;
use super::run::limits;
use super::Exit;
use crate::campaign::{check_memory, Campaign, Registry};
use crate::error::Result;

/// Checks a campaign.
pub fn check(arguments: &CheckArguments, registry: &Registry, output: &mut Output) -> Result<Exit> {
    let file = &arguments.campaign;
    let campaign = Campaign::read(&file.campaign, &file.sets, registry, output.colour_stderr())?;
    check_memory(&campaign, limits(arguments.limits))?;
    let scored = campaign.cells.iter().filter(|cell| cell.setup.scored_on.is_some()).count();
    if scored > 0 {
        let message = "weights are scored on images, which `check` does not read: it took others, chosen at random";
        output.talk(&format!("note: in {} {message}\n", counted(scored, "cell")));
    }
    let (cells, runs) = (campaign.cells.len(), campaign.runs().len());
    output.result(&format!(
        "{} is right: campaign `{}`, {}, {}\n",
        file.campaign.display(),
        campaign.name,
        counted(cells, "cell"),
        counted(runs, "run")
    ));
    Ok(Exit::Done)
}
