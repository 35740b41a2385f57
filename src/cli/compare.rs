//! `subevo compare`: evolution against backprop, paired by seed, subset and background, from records alone.

mod csv;
mod json;
mod text;

use super::compare_args::CompareArguments;
use super::output::Output;
use super::Exit;
use crate::campaign::store::disk;
use crate::campaign::{check_alike, read_results};
use crate::compare::{compare as held_against, Asked, At, Question};
use crate::error::{Error, Result};

/// Compares the learners of campaigns.
pub fn compare(arguments: &CompareArguments, output: &mut Output) -> Result<Exit> {
    let question = question(arguments)?;
    let mut results = read_results(&arguments.folders)?;
    if let Some(damage) = results.damaged.pop() {
        results.damaged.iter().for_each(|error| output.error(&error.to_string()));
        return Err(damage);
    }
    if results.runs.is_empty() {
        let names: Vec<String> = arguments.folders.iter().map(|folder| folder.display().to_string()).collect();
        return Err(Error::Config(format!("{} has no records yet: run the campaign first", names.join(", "))));
    }
    check_alike(&arguments.folders)?;
    let found = held_against(&results.runs, &question)?;
    let text = match (arguments.csv, arguments.json, arguments.markdown) {
        (true, ..) => csv::csv(&found),
        (_, true, _) => format!("{:#}\n", json::json(&found)),
        (.., markdown) => text::text(&found, markdown),
    };
    // The table has the notes below it; whoever reads CSV would not see them.
    if arguments.csv {
        found.notes.iter().for_each(|note| output.talk(&format!("{note}\n")));
    }
    match &arguments.out {
        None => output.result(&text),
        Some(path) => {
            disk::write_atomically(path, text.as_bytes())?;
            output.result(&format!("{}\n", path.display()));
        }
    }
    Ok(Exit::Done)
}

fn question(arguments: &CompareArguments) -> Result<Question> {
    let at: Vec<At> = match &*arguments.at {
        [] => At::ALL.to_vec(),
        // Each once, in the order of the table.
        some => At::ALL.into_iter().filter(|at| some.iter().any(|equal| At::from(*equal) == *at)).collect(),
    };
    if !arguments.levels.is_empty() && (at.len() != 1 || at[0] == At::End) {
        let message = "--level needs one --at that it belongs to: loss, macs or seconds, as in --at loss --level 0.5";
        return Err(Error::Config(message.to_string()));
    }
    Ok(Question {
        at,
        levels: arguments.levels.clone(),
        asked: arguments.metrics.iter().map(|text| Asked::parse(text)).collect::<Result<_>>()?,
        baseline: arguments.baseline.clone(),
        strict: arguments.strict,
    })
}
