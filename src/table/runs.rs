//! Table `runs`: a line for each run, with its end.

use super::column::{integer, number, text, Column, Rows};
use super::keys::{keys, OfRun};
use super::RunEntry;
use crate::record::{Cost, End, Evaluation, Header, Lap, Scores};

struct Row<'a> {
    entry: &'a RunEntry,
    /// Cost as far as it is recorded.
    cost: Option<Cost>,
    /// Members without a loss, of all generations.
    failed: Option<u64>,
}

impl OfRun for Row<'_> {
    fn entry(&self) -> &RunEntry {
        self.entry
    }
}

impl Row<'_> {
    fn header(&self) -> Option<&Header> {
        Some(&self.entry.records.as_ref()?.header)
    }

    fn end(&self) -> Option<&End> {
        self.entry.records.as_ref()?.end.as_ref()
    }

    fn last(&self) -> Option<&Scores> {
        Some(&self.end()?.last)
    }

    fn best(&self) -> Option<&Scores> {
        Some(&self.end()?.best_by_validation)
    }

    fn untrained(&self) -> Option<&Scores> {
        let first = self.entry.records.as_ref()?.evaluations.first()?;
        (first.cost.step == 0).then_some(&first.scores)
    }

    fn lap(&self) -> Option<&Lap> {
        self.entry.records.as_ref()?.laps.last()
    }
}

/// The table.
pub(super) fn table(runs: &[RunEntry]) -> Rows<impl Sized + use<'_>> {
    let row = |entry| Row { entry, cost: cost(entry), failed: failed(entry) };
    Rows { name: "runs", columns: columns(), rows: runs.iter().map(row).collect() }
}

fn cost(entry: &RunEntry) -> Option<Cost> {
    let records = entry.records.as_ref()?;
    let recorded = records.steps.last().map(|step| step.cost);
    let looked_at = records.evaluations.last().map(|Evaluation { cost, .. }| *cost);
    records.end.as_ref().map(|end| end.cost).or(recorded).or(looked_at)
}

fn failed(entry: &RunEntry) -> Option<u64> {
    Some(entry.records.as_ref()?.steps.iter().map(|step| step.failed).sum())
}

fn columns<'a>() -> Vec<Column<Row<'a>>> {
    let mut columns = keys();
    columns.extend([
        text("algorithm", |row: &Row<'a>| Some(&row.header()?.algorithm)),
        text("data", |row| Some(&row.header()?.data)),
        integer("classes", |row| row.header().map(|header| header.classes).filter(|classes| *classes > 0)),
        text("model", |row| Some(&row.header()?.model)),
        text("subset", |row| Some(&row.header()?.subset)),
        integer("subset_size", |row| Some(row.header()?.subset_size)),
        integer("subset_weights", |row| row.header()?.subset_weights),
        integer("parameters_total", |row| Some(row.header()?.parameters_total)),
        text("background", |row| Some(row.header()?.background.name())),
        text("config", |row| Some(&row.header()?.config)),
        text("status", |row| Some(row.entry.status.name())),
        text("error", |row| row.entry.error.as_deref()),
        text("end_reason", |row| Some(&row.end()?.reason)),
        integer("steps", |row| Some(row.cost?.step)),
        integer("images", |row| Some(row.cost?.images)),
        integer("images_backward", |row| Some(row.cost?.images_backward)),
        integer("macs", |row| Some(row.cost?.macs)),
        integer("failed_members", |row| row.failed),
        number("seconds", |row| Some(row.lap()?.seconds)),
        number("evaluation_seconds", |row| Some(row.lap()?.evaluation_seconds)),
        number("images_per_second", |row| Some(row.lap()?.images_per_second)),
        number("peak_rss_mib", |row| row.lap().map(|lap| lap.peak_rss_mib).filter(|mib| *mib > 0.0)),
        number("untrained_train_loss", |row| Some(row.untrained()?.train.loss)),
        number("untrained_train_accuracy", |row| Some(row.untrained()?.train.accuracy)),
        number("untrained_validation_loss", |row| Some(row.untrained()?.validation.loss)),
        number("untrained_validation_accuracy", |row| Some(row.untrained()?.validation.accuracy)),
        number("untrained_test_loss", |row| Some(row.untrained()?.test.loss)),
        number("untrained_test_accuracy", |row| Some(row.untrained()?.test.accuracy)),
        number("train_loss", |row| Some(row.last()?.train.loss)),
        number("train_accuracy", |row| Some(row.last()?.train.accuracy)),
        number("validation_loss", |row| Some(row.last()?.validation.loss)),
        number("validation_accuracy", |row| Some(row.last()?.validation.accuracy)),
        number("test_loss", |row| Some(row.last()?.test.loss)),
        number("test_accuracy", |row| Some(row.last()?.test.accuracy)),
        integer("best_by_validation_step", |row| Some(row.end()?.best_by_validation_step)),
        number("best_by_validation_train_loss", |row| Some(row.best()?.train.loss)),
        number("best_by_validation_train_accuracy", |row| Some(row.best()?.train.accuracy)),
        number("best_by_validation_validation_loss", |row| Some(row.best()?.validation.loss)),
        number("best_by_validation_validation_accuracy", |row| Some(row.best()?.validation.accuracy)),
        number("best_by_validation_test_loss", |row| Some(row.best()?.test.loss)),
        number("best_by_validation_test_accuracy", |row| Some(row.best()?.test.accuracy)),
        number("best_on_test_accuracy", |row| Some(row.end()?.best_on_test_accuracy)),
        text("host", |row| row.entry.sessions.last().map(|session| &*session.host).filter(|host| !host.is_empty())),
        text("device", |row| Some(&row.entry.sessions.last()?.device)),
        integer("threads", |row| Some(row.entry.sessions.last()?.threads as u64)),
        integer("started_unix_seconds", |row| Some(row.entry.sessions.first()?.unix_seconds)),
        text("version", |row| Some(&row.entry.version)),
    ]);
    columns
}
