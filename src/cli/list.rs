//! `subevo list`: every registry, a line each.

use clap::ValueEnum;
use serde::Serialize;

use super::args::{Kind, ListArguments};
use super::output::Output;
use super::{format, Exit};
use crate::campaign::Registry;
use crate::entry::Entries;
use crate::error::Result;

/// One row of a registry.
#[derive(Serialize)]
struct Listed {
    kind: &'static str,
    name: &'static str,
    summary: &'static str,
    reference: &'static str,
}

/// Lists registries.
pub fn list(arguments: &ListArguments, registry: &Registry, output: &mut Output) -> Result<Exit> {
    let all = Kind::value_variants().iter().copied();
    let kinds: Vec<Kind> = all.filter(|kind| arguments.kind.is_none_or(|one| one == *kind)).collect();
    let listed: Vec<(Kind, Vec<Listed>)> = kinds.into_iter().map(|kind| (kind, rows(kind, registry))).collect();
    if arguments.json {
        let entries: Vec<&Listed> = listed.iter().flat_map(|(_, rows)| rows).collect();
        let json = serde_json::json!({ "schema": "subevo.list/1", "entries": entries });
        output.result(&format!("{json:#}\n"));
        return Ok(Exit::Done);
    }
    for (i, (kind, rows)) in listed.iter().enumerate() {
        let title = word(*kind);
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| [row.name, row.summary, row.reference].map(str::to_string).to_vec()).collect();
        let gap = if i > 0 { "\n" } else { "" };
        output.result(&format!("{gap}{}", format::table(&[title, "what it is", "source"], &rows, usize::MAX)));
    }
    Ok(Exit::Done)
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Data => "data",
        Kind::Augmentations => "augmentations",
        Kind::Corruptions => "corruptions",
        Kind::Models => "models",
        Kind::Inits => "inits",
        Kind::Subsets => "subsets",
        Kind::Projections => "projections",
        Kind::Strategies => "strategies",
        Kind::Evaluations => "evaluations",
        Kind::Mutations => "mutations",
        Kind::Crossovers => "crossovers",
        Kind::Selections => "selections",
        Kind::Optimizers => "optimizers",
        Kind::Schedules => "schedules",
        Kind::Recipes => "recipes",
        Kind::Metrics => "metrics",
        Kind::Estimators => "estimators",
        Kind::Figures => "figures",
    }
}

fn rows(kind: Kind, registry: &Registry) -> Vec<Listed> {
    fn of<T: ?Sized, C: ?Sized>(kind: Kind, entries: &Entries<T, C>) -> Vec<Listed> {
        let mut rows: Vec<Listed> = entries
            .entries()
            .iter()
            .map(|entry| Listed {
                kind: word(kind),
                name: entry.name,
                summary: entry.summary,
                reference: entry.reference,
            })
            .collect();
        rows.sort_by_key(|row| row.name);
        rows
    }
    match kind {
        Kind::Data => of(kind, &registry.data),
        Kind::Augmentations => of(kind, &registry.augmentations),
        Kind::Corruptions => of(kind, &registry.corruptions),
        Kind::Models => of(kind, &registry.models),
        Kind::Inits => of(kind, &registry.inits),
        Kind::Subsets => of(kind, &registry.selectors.entries),
        Kind::Projections => of(kind, &registry.projections),
        Kind::Strategies => of(kind, &registry.strategies),
        Kind::Evaluations => of(kind, &registry.evaluations),
        Kind::Mutations => of(kind, &registry.operators.mutations),
        Kind::Crossovers => of(kind, &registry.operators.crossovers),
        Kind::Selections => of(kind, &registry.operators.selections),
        Kind::Optimizers => of(kind, &registry.optimizers),
        Kind::Schedules => of(kind, &registry.schedules),
        Kind::Recipes => of(kind, &registry.recipes),
        Kind::Metrics => of(kind, &registry.metrics),
        Kind::Estimators => of(kind, &registry.estimators),
        Kind::Figures => of(kind, &registry.figures),
    }
}
