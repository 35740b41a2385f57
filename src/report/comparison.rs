//! Evolution against backprop, as `subevo compare` has it, at matched training loss and at the end.

use serde::Serialize;

use super::material::Material;
use super::table::{Cell, Head, Table};
use crate::compare::numbers::{effect, left_out, moment, p_value, reached, unit, Style};
use crate::compare::{compare, seeds_in_words, sentences, At, Block, Plain, Quantity, Question, Row};
use crate::num::{counted, grouped};

/// Most rows of all tables together.
const MOST_ROWS: usize = 1_000;
/// Most sentences.
const MOST_SENTENCES: usize = 200;

/// What the comparison has to say.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Compared {
    pub blocks: Vec<ComparedBlock>,
    /// Blocks that are not shown, for there are too many.
    pub cut: usize,
    /// How to read it, what so few pairs cannot show, what was left out; or why there is no comparison.
    pub sentences: Vec<String>,
    /// Sentences that are not shown.
    pub sentences_cut: usize,
}

/// Two learners in one cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct ComparedBlock {
    pub title: String,
    /// Size and pairs.
    pub note: String,
    /// The test accuracies at the end in a sentence; empty where there are none.
    pub verdict: String,
    pub table: Table,
}

/// The comparison, or why there is none.
pub(super) fn comparison(material: &Material) -> Compared {
    let question = Question { at: vec![At::Loss, At::End], ..Question::default() };
    let found = match compare(&material.records, &question) {
        Ok(found) => found,
        Err(error) => return Compared { sentences: vec![error.to_string()], ..Compared::default() },
    };
    let mut rows = 0;
    let fits = |block: &&Block| {
        rows += block.rows.len();
        rows <= MOST_ROWS
    };
    let blocks: Vec<ComparedBlock> = found.blocks.iter().take_while(fits).map(compared).collect();
    let mut sentences = sentences(&found);
    let sentences_cut = sentences.len().saturating_sub(MOST_SENTENCES);
    sentences.truncate(MOST_SENTENCES);
    Compared { cut: found.blocks.len() - blocks.len(), blocks, sentences, sentences_cut }
}

fn compared(block: &Block) -> ComparedBlock {
    let [first, second] = &block.learners;
    ComparedBlock {
        title: format!("{first} − {second}: {}", block.cell),
        note: format!(
            "k = {}, {}: {}",
            grouped(block.subset_size),
            counted(block.seeds.len(), "pair"),
            seeds_in_words(&block.seeds)
        ),
        verdict: block.rows.iter().find(|row| headline(row)).map(|row| verdict(block, row)).unwrap_or_default(),
        table: table(block),
    }
}

fn headline(row: &Row) -> bool {
    row.moment.at() == At::End && row.quantity == Quantity::Plain(Plain::TestAccuracy) && row.paired.n > 0
}

/// As in `At the end evolution is at 71.20 % and backprop at 75.00 % test accuracy: -3.80 points (95 % interval ...)`.
fn verdict(block: &Block, row: &Row) -> String {
    let (style, paired, [first, second]) = (Style::of(row), &row.paired, &block.learners);
    let interval = match paired.interval[0].is_nan() {
        true => "one pair has no interval".to_string(),
        false => format!("95 % interval {}", style.interval(paired.interval)),
    };
    format!(
        "At the end {first} has {} % test accuracy and {second} {} %, a difference of {} points ({interval}; {}, p {}, \
         corrected for all tests of this report {}).",
        style.number(paired.means[0]),
        style.number(paired.means[1]),
        style.signed(paired.difference),
        counted(paired.n, "pair"),
        p_value(paired.wilcoxon.p),
        p_value(row.p_holm)
    )
}

fn table(block: &Block) -> Table {
    let matched = block.rows.iter().any(|row| row.moment.at() != At::End);
    let absent = block.rows.iter().any(|row| row.absent() != [0; 2]);
    let [first, second] = &block.learners;
    let mut head = vec![Head::words("at", "")];
    head.extend(matched.then(|| Head::words("reached", "")));
    head.push(Head::words("of", ""));
    let numbers =
        ["n", first.as_str(), second.as_str(), "difference", "95 % interval", "median", "p", "p Holm", "r", "d_z"];
    head.extend(numbers.map(|text| Head::numbers(text, "")));
    head.extend(absent.then(|| Head::words("left out", "")));
    let lines = block.rows.iter().map(|row| {
        let (style, paired) = (Style::of(row), &row.paired);
        let mut line = vec![moment(row.moment)];
        line.extend(matched.then(|| reached(row)));
        line.extend([
            format!("{} {}", row.quantity, unit(row)).trim_end().to_string(),
            paired.n.to_string(),
            style.number(paired.means[0]),
            style.number(paired.means[1]),
            style.signed(paired.difference),
            style.interval(paired.interval),
            style.signed(paired.median),
            p_value(paired.wilcoxon.p),
            p_value(row.p_holm),
            effect(paired.rank_biserial),
            effect(paired.d_z),
        ]);
        line.extend(absent.then(|| left_out(row)));
        line.into_iter().map(Cell::words).collect()
    });
    Table { head, lines: lines.collect(), cut: 0 }
}
