//! A comparison as tables: for the terminal, and as Markdown with every cell filled in.

use super::numbers::{effect, moment, p_value, reached, unit, Style};
use crate::cli::format::{counted, grouped, table};
use crate::compare::{seeds_in_words, At, Block, Comparison, Row};
use crate::estimator::bootstrap::RESAMPLES;
use crate::stats::{least_p, EXACT_UP_TO};

/// The level that the footer speaks of.
const LEVEL: f64 = 0.05;

/// Training losses count as equal up to this share.
const EVEN: f64 = 0.02;

/// Columns that are words.
const WORDS: usize = 2;

/// All blocks and the footer.
pub fn text(found: &Comparison, markdown: bool) -> String {
    let mut text = String::new();
    for block in &found.blocks {
        text += &heading(block, markdown);
        text += &rows(block, markdown);
        text.push('\n');
    }
    text + &footer(found, markdown)
}

fn heading(block: &Block, markdown: bool) -> String {
    let [first, second] = &block.learners;
    let size = grouped(block.subset_size);
    let pairs = format!("{}: {}", counted(block.seeds.len(), "pair"), seeds_in_words(&block.seeds));
    match markdown {
        true => {
            let cell = escaped(&format!("{first} - {second}: {}", block.cell));
            format!("### {cell}\n\nk = {size}, {pairs}\n\n")
        }
        false => format!("{first} - {second}: {}\nk = {size}, {pairs}\n", block.cell),
    }
}

fn rows(block: &Block, markdown: bool) -> String {
    let matched = block.rows.iter().any(|row| row.moment.at() != At::End);
    let absent = block.rows.iter().any(|row| row.absent() != [0; 2]);
    let [first, second] = block.learners.each_ref().map(|label| if markdown { escaped(label) } else { label.clone() });
    let mut header = vec!["at"];
    header.extend(matched.then_some("reached"));
    header.extend(["of", "n", &first, &second, "difference", "95 % interval", "median", "p", "p Holm", "r", "d_z"]);
    header.extend(absent.then_some("left out"));
    let mut lines = Vec::new();
    for (i, row) in block.rows.iter().enumerate() {
        let again = i > 0 && block.rows[i - 1].moment == row.moment;
        // What stands in the line above is not said again, but in Markdown each line is for itself.
        let said = |text: String, above: Option<String>| {
            if again && !markdown && above.is_none_or(|above| above == text) {
                String::new()
            } else {
                text
            }
        };
        let mut line = vec![said(moment(row.moment), None)];
        line.extend(matched.then(|| said(reached(row), (i > 0).then(|| reached(&block.rows[i - 1])))));
        line.extend(numbers(row));
        line.extend(absent.then(|| left_out(row)));
        lines.push(line);
    }
    table(&header, &lines, WORDS + usize::from(matched))
}

fn numbers(row: &Row) -> Vec<String> {
    let (style, paired) = (Style::of(row), &row.paired);
    vec![
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
    ]
}

/// Who has no number and why, as in `never 2, 0`: the first learner's runs and the second's.
fn left_out(row: &Row) -> String {
    let whys = [("never", row.never_reached), ("not measured", row.not_measured), ("not finite", row.not_finite)];
    let told = whys.iter().filter(|(_, runs)| *runs != [0; 2]).map(|(why, [a, b])| format!("{why} {a}, {b}"));
    told.collect::<Vec<_>>().join("; ")
}

fn escaped(text: &str) -> String {
    text.chars().flat_map(|c| if "\\|`*_<>[]#".contains(c) { vec!['\\', c] } else { vec![c] }).collect()
}

fn footer(found: &Comparison, markdown: bool) -> String {
    let mut lines = Vec::new();
    let left_out = found.blocks.iter().flat_map(|block| &block.rows).any(|row| row.absent() != [0; 2]);
    lines.push(
        "difference = first learner - second of the same start, mean over n pairs; % differ in points".to_string(),
    );
    lines.push(format!(
        "95 % interval: BCa bootstrap of the mean difference, {} resamples of the pairs; too narrow for few (87 % for 6)",
        grouped(RESAMPLES as u64)
    ));
    lines.push(format!(
        "p: Wilcoxon signed-rank test, two-sided, equal pairs left out, exact up to {EXACT_UP_TO} pairs; p Holm: corrected for \
         the {} of this table",
        counted(found.family, "test")
    ));
    lines.push(
        "r: matched-pairs rank-biserial correlation, -1 to 1; d_z: mean difference in standard deviations".to_string(),
    );
    if found.blocks.iter().flat_map(|block| &block.rows).any(|row| row.moment.at() != At::End) {
        lines.push(
            "reached: training loss, MACs or seconds that the networks compared really have, first and second"
                .to_string(),
        );
    }
    if left_out {
        lines.push(
            "left out: runs of the first and of the second learner without a number; never = never reached the level"
                .to_string(),
        );
    }
    lines.extend(power(found));
    lines.extend(uneven(found));
    lines.extend(found.notes.iter().cloned());
    let start = if markdown { "- " } else { "" };
    lines.into_iter().map(|line| format!("{start}{}\n", if markdown { escaped(&line) } else { line })).collect()
}

/// The worst of the rows whose training losses are not equal although they are matched.
fn uneven(found: &Comparison) -> Option<String> {
    let at_loss = found.blocks.iter().flat_map(|block| &block.rows).filter(|row| row.moment.at() == At::Loss);
    let ratio = |row: &Row| (row.reached[0] / row.reached[1]).ln().abs();
    let worst = at_loss.filter(|row| ratio(row) > (1.0 + EVEN).ln()).max_by(|a, b| ratio(a).total_cmp(&ratio(b)))?;
    Some(format!(
        "training losses are matched as closely as runs were evaluated: at {} the networks compared have {} nats; what a learner \
         is ahead by there is in the difference (look more often, `every` in [metrics], or take smaller steps)",
        moment(worst.moment),
        reached(worst).replace(", ", " and ")
    ))
}

/// What the numbers of pairs and tests do not allow to find.
fn power(found: &Comparison) -> Option<String> {
    let (fewest, most, family) = (found.fewest_pairs(), found.most_pairs(), found.family);
    let needed = |tests: usize| (1..=64).find(|n| least_p(*n) * tests as f64 <= LEVEL).unwrap_or(64);
    if most == 0 {
        return Some("no pair has these numbers: there is no test".to_string());
    }
    if most < needed(1) {
        return Some(format!(
            "n < {}: p < {LEVEL} cannot be reached (the least p of {} is {}), and intervals are too narrow; more seeds are needed",
            needed(1),
            counted(most, "pair"),
            p_value(least_p(most))
        ));
    }
    if least_p(most) * family as f64 > LEVEL {
        return Some(format!(
            "with {} and {} no corrected p can fall below {LEVEL}: ask less (--at, --metric), or run {} seeds",
            counted(most, "pair"),
            counted(family, "test"),
            needed(family)
        ));
    }
    let few = fewest < needed(1);
    few.then(|| {
        format!("rows with n < {}: p < {LEVEL} cannot be reached there, and intervals are too narrow", needed(1))
    })
}
