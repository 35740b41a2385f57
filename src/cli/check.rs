//! `subevo check`: reads a campaign, tells every mistake, starts nothing.

use super::args::CampaignArguments;
use super::output::Output;
use super::Exit;
use crate::campaign::{Campaign, Registry};
use crate::error::Result;

/// Checks a campaign.
pub fn check(arguments: &CampaignArguments, registry: &Registry, output: &mut Output) -> Result<Exit> {
    let campaign = Campaign::read(&arguments.campaign, &arguments.sets, registry, output.colour_stderr())?;
    let (cells, runs) = (campaign.cells.len(), campaign.runs().len());
    let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    output.result(&format!(
        "{} is right: campaign `{}`, {}, {}\n",
        arguments.campaign.display(),
        campaign.name,
        plural(cells, "cell"),
        plural(runs, "run")
    ));
    Ok(Exit::Done)
}
