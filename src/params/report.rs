//! All problems of a campaign as one text, each with the line it stands on, in the manner of rustc.

use std::collections::HashSet;

use annotate_snippets::{normalize_untrusted_str as plain, AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Origin, Problem};

/// Most problems that are shown; the rest is counted.
const SHOWN: usize = 100;

/// The report, one paragraph a problem: first what concerns the whole file, then by place in `source`, then the overrides in
/// the order typed. The same problem met twice (in two cells of a grid) is told once. The last line says how many there are
/// and that nothing was started. No problems give an empty text.
pub fn render(file_name: &str, source: &str, problems: Vec<Problem>, colour: bool) -> String {
    let mut seen = HashSet::new();
    let mut problems: Vec<Problem> = problems
        .into_iter()
        .filter(|problem| {
            seen.insert((place(&problem.origin), words(&problem.origin).to_string(), problem.message.clone()))
        })
        .collect();
    if problems.is_empty() {
        return String::new();
    }
    problems.sort_by_key(|problem| place(&problem.origin));
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for problem in problems.iter().take(SHOWN) {
        out.push_str(&renderer.render(&[paragraph(file_name, source, problem)]));
        out.push_str("\n\n");
    }
    if problems.len() > SHOWN {
        out.push_str(&format!("and {} more\n\n", problems.len() - SHOWN));
    }
    let typed = problems.iter().filter(|problem| matches!(problem.origin, Origin::Override(_))).count();
    let file = plain(file_name);
    let whole = match typed {
        0 => format!("in {file}"),
        n if n == problems.len() => "on the command line".to_string(),
        _ => format!("in {file} and on the command line"),
    };
    let plural = if problems.len() == 1 { "" } else { "s" };
    out.push_str(&format!("{} error{plural} {whole}; nothing was started\n", problems.len()));
    out
}

/// Sorts what concerns the whole file before places in it, and these before overrides.
fn place(origin: &Origin) -> (u8, usize, usize) {
    match origin {
        Origin::Default => (0, 0, 0),
        Origin::File { start, end } => (1, *start, *end),
        Origin::Override(_) => (2, 0, 0),
    }
}

fn words(origin: &Origin) -> &str {
    match origin {
        Origin::Override(words) => words,
        _ => "",
    }
}

fn paragraph<'a>(file_name: &'a str, source: &'a str, problem: &'a Problem) -> Group<'a> {
    let title = Level::ERROR.primary_title(problem.message.as_str());
    let group = match &problem.origin {
        Origin::Default => title.element(annotate_snippets::Origin::path(file_name)),
        Origin::Override(words) => {
            title.element(annotate_snippets::Origin::path(format!("command line: --set {words}")))
        }
        Origin::File { start, end } => {
            let line = line_of(source, *start, *end);
            let snippet = Snippet::source(line.text).path(file_name).line_start(line.number);
            title.element(snippet.annotation(AnnotationKind::Primary.span(line.start..line.end)))
        }
    };
    match &problem.help {
        Some(help) => group.element(Level::HELP.message(plain(help))),
        None => group,
    }
}

/// One line of the source, with the bytes to underline within it.
struct Line<'a> {
    text: &'a str,
    number: usize,
    start: usize,
    end: usize,
}

/// The line on which the span starts; the span is cut at the line's end and widened to whole characters.
fn line_of(source: &str, start: usize, end: usize) -> Line<'_> {
    // What is missing at the end of the file is missing after the last word, not on an empty line below.
    let last = source.trim_end_matches(['\r', '\n']).len();
    let mut start = start.min(last);
    while !source.is_char_boundary(start) {
        start -= 1;
    }
    let mark = if source.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let first = source[..start].rfind('\n').map_or(mark, |newline| newline + 1);
    let text = source[first..].split('\n').next().unwrap_or_default().trim_end_matches('\r');
    let number = 1 + source[..first].bytes().filter(|byte| *byte == b'\n').count();
    let start = start.saturating_sub(first).min(text.len());
    let mut end = end.saturating_sub(first).clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    Line { text, number, start, end }
}
