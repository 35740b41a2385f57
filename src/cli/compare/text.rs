//! A comparison as tables: for the terminal, and as Markdown with every cell filled in.

use crate::cli::format::{counted, grouped, table};
use crate::compare::numbers::{effect, left_out, moment, p_value, reached, unit, Style};
use crate::compare::{seeds_in_words, sentences, At, Block, Comparison, Row};

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

fn escaped(text: &str) -> String {
    text.chars().flat_map(|c| if "\\|`*_<>[]#".contains(c) { vec!['\\', c] } else { vec![c] }).collect()
}

fn footer(found: &Comparison, markdown: bool) -> String {
    let start = if markdown { "- " } else { "" };
    let lines = sentences(found);
    lines.into_iter().map(|line| format!("{start}{}\n", if markdown { escaped(&line) } else { line })).collect()
}
