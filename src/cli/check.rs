//! `subevo check`: reads a campaign, tells every mistake, starts nothing.

use super::args::CampaignArguments;
use super::format::counted;
use super::output::Output;
use super::Exit;
use crate::campaign::{Campaign, Registry};
use crate::error::Result;

/// Checks a campaign.
pub fn check(arguments: &CampaignArguments, registry: &Registry, output: &mut Output) -> Result<Exit> {
    let campaign = Campaign::read(&arguments.campaign, &arguments.sets, registry, output.colour_stderr())?;
    let (cells, runs) = (campaign.cells.len(), campaign.runs().len());
    output.result(&format!(
        "{} is right: campaign `{}`, {}, {}\n",
        arguments.campaign.display(),
        campaign.name,
        counted(cells, "cell"),
        counted(runs, "run")
    ));
    Ok(Exit::Done)
}
