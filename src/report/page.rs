//! The page: everything that is in it, put into its template, and small enough to be sent.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use super::campaigns::{campaigns, configurations, facts, Campaign, Configuration, Fact};
use super::comparison::{comparison, Compared};
use super::cost::cost;
use super::environment::{command_lines, machines, programs};
use super::figures::{figures, leave_out, Figure};
use super::material::Material;
use super::runs::{runs, several};
use super::summary::summary;
use super::table::Table;
use super::troubles::{troubles, Troubles};
use crate::campaign::{Registry, ResultsTable};
use crate::error::{Error, Result};

/// Most bytes of a page.
pub const LARGEST: usize = 5_000_000;

/// Templates by name; what they are given is escaped as HTML because of the ending.
const TEMPLATES: [(&str, &str); 2] =
    [("page.html", include_str!("page.html")), ("table.html", include_str!("table.html"))];
const STYLE: &str = include_str!("page.css");
pub(super) const SCRIPT: &str = include_str!("page.js");

/// SHA-256 of the script in base64: the page lets a browser run this script and no other. A test computes it.
pub(super) const SCRIPT_DIGEST: &str = "F1REukMVe/07jAM+NhCUPE9cL40pNVD+5zmydIQYDVg=";

/// A page, and what is not in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The whole file.
    pub html: String,
    /// Names of the figures that were left out, for the page would be too large with them.
    pub left_out: Vec<String>,
}

/// What the template is given.
#[derive(Serialize)]
struct Context<'a> {
    style: &'static str,
    script: &'static str,
    script_digest: &'static str,
    version: &'static str,
    title: String,
    campaigns: Vec<Campaign>,
    facts: Vec<Fact>,
    troubles: Troubles,
    summary: Table,
    summary_note: &'static str,
    one_seed: bool,
    compared: Compared,
    figures: &'a [Figure],
    figure_notes: &'a [String],
    runs: Table,
    cost: Table,
    programs: Table,
    machines: Table,
    command_lines: Vec<[String; 2]>,
    configurations: Vec<Configuration>,
    configurations_left: usize,
}

/// Makes the page. Where it would be larger than [`LARGEST`], the largest figures are left out and named in their place.
///
/// # Errors
/// [`Error::Config`] if a figure or the template cannot be built, which is a mistake of the program.
pub fn page(material: &Material, registry: &Registry) -> Result<Page> {
    page_of(material, registry, LARGEST)
}

/// A page of at most so many bytes, as far as leaving out figures makes it so.
pub(super) fn page_of(material: &Material, registry: &Registry, largest: usize) -> Result<Page> {
    let (mut figures, notes) = figures(&material.records, registry)?;
    let mut html = render(&context(material, &figures, &notes))?;
    if html.len() > largest {
        let pictures: usize = figures.iter().map(|figure| figure.svg.len()).sum();
        // What stands in the place of a picture is shorter than what stands around one.
        leave_out(&mut figures, largest.saturating_sub(html.len() - pictures));
        html = render(&context(material, &figures, &notes))?;
    }
    let left_out = figures.into_iter().filter(|figure| figure.left_out.is_some()).map(|figure| figure.name);
    Ok(Page { left_out: left_out.collect(), html })
}

fn context<'a>(material: &Material, figures: &'a [Figure], figure_notes: &'a [String]) -> Context<'a> {
    let campaigns = campaigns(material);
    let names: Vec<&str> = campaigns.iter().map(|campaign| campaign.name.as_str()).collect();
    let (configurations, configurations_left) = configurations(material);
    Context {
        style: STYLE,
        script: SCRIPT,
        script_digest: SCRIPT_DIGEST,
        version: env!("CARGO_PKG_VERSION"),
        title: names.join(", "),
        facts: facts(material),
        troubles: troubles(material),
        summary: summary(material),
        summary_note: ResultsTable::NOTE,
        one_seed: !several(material.records.iter().map(|run| run.header.seed)),
        compared: comparison(material),
        figures,
        figure_notes,
        runs: runs(material),
        cost: cost(material),
        programs: programs(material),
        machines: machines(material),
        command_lines: command_lines(material),
        configurations,
        configurations_left,
        campaigns,
    }
}

fn render(context: &Context<'_>) -> Result<String> {
    let mut environment = Environment::new();
    // A misspelt name in a template fails a test and does not leave a gap.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let mut filled = || -> std::result::Result<String, minijinja::Error> {
        let lines =
            SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?;
        environment.set_syntax(lines);
        for (name, text) in TEMPLATES {
            environment.add_template(name, text)?;
        }
        environment.get_template("page.html")?.render(Serde(context))
    };
    filled().map_err(|error| Error::Config(format!("the template of reports cannot be filled: {error:#}")))
}
