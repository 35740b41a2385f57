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
        Origin::Default => title.element(annotate_snippets::Origin::path(plain(file_name))),
        Origin::Override(words) => {
            title.element(annotate_snippets::Origin::path(plain(&format!("command line: --set {words}"))))
        }
        Origin::File { start, end } => {
            let line = line_of(source, *start, *end);
            let snippet = Snippet::source(line.text).path(plain(file_name)).line_start(line.number);
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn problem(start: usize, end: usize, message: &str) -> Problem {
        let origin = Origin::File { start, end };
        Problem { origin, path: String::new(), message: message.to_string(), help: None }
    }

    fn shown(source: &str, start: usize, end: usize) -> String {
        let text = render("c.toml", source, vec![problem(start, end, "x")], false);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim_end().ends_with('|')).collect();
        lines[1..4].join("\n")
    }

    #[test]
    fn no_problem_gives_no_report() {
        assert_eq!(render("c.toml", "a = 1", Vec::new(), true), "");
    }

    #[test]
    fn tabs_accents_line_ends_and_the_end_of_the_file_are_underlined_rightly() {
        assert_eq!(shown("a = 1\r\nb = 22\r\n", 11, 13), " --> c.toml:2:5\n2 | b = 22\n  |     ^^");
        assert_eq!(shown("\tb = 2\n", 5, 6), " --> c.toml:1:6\n1 |     b = 2\n  |         ^");
        assert_eq!(shown("é = \"éé\" # x\n", 5, 11), " --> c.toml:1:5\n1 | é = \"éé\" # x\n  |     ^^^^");
        // Bytes 6 and 8 lie within an é: the span is widened to both whole letters.
        assert_eq!(shown("a = \"éé\"\n", 6, 8), " --> c.toml:1:6\n1 | a = \"éé\"\n  |      ^^");
        assert_eq!(shown("a = 1\nb =\n", 10, 10), " --> c.toml:2:4\n2 | b =\n  |    ^");
        assert_eq!(shown("a = 1\nb =\n\n", 99, 120), " --> c.toml:2:4\n2 | b =\n  |    ^");
        assert_eq!(shown("a = {\n  b = 1\n}\n", 4, 15), " --> c.toml:1:5\n1 | a = {\n  |     ^");
        assert_eq!(shown("\u{feff}a = 1\n", 7, 8), " --> c.toml:1:5\n1 | a = 1\n  |     ^");
    }

    #[test]
    fn problems_are_sorted_told_once_and_counted() {
        let typed = |words: &str| Problem { origin: Origin::Override(words.into()), ..problem(0, 0, "typed") };
        let whole = Problem { origin: Origin::Default, ..problem(0, 0, "whole") };
        let list = vec![
            typed("z=1"),
            typed("a=1"),
            problem(6, 7, "second"),
            problem(0, 1, "first"),
            problem(6, 7, "second"),
            typed("z=1"),
            whole,
        ];
        let text = render("c.toml", "a = 1\nb = 2\n", list, false);
        let heads: Vec<&str> =
            text.lines().filter(|line| line.starts_with("error") || line.contains("--set")).collect();
        let expected = [
            "error: whole",
            "error: first",
            "error: second",
            "error: typed",
            "--> command line: --set z=1",
            "error: typed",
            "--> command line: --set a=1",
        ];
        assert_eq!(heads, expected);
        assert!(text.ends_with("\n\n5 errors in c.toml and on the command line; nothing was started\n"), "{text}");
    }

    #[test]
    fn after_a_hundred_problems_the_rest_is_counted() {
        let list = (0..103).map(|i| problem(0, 1, &format!("number {i}"))).collect();
        let text = render("c.toml", "a = 1\n", list, false);
        assert!(text.contains("error: number 99\n") && !text.contains("error: number 100\n"));
        assert!(text.ends_with("and 3 more\n\n103 errors in c.toml; nothing was started\n"));
    }

    #[test]
    fn colour_is_given_only_when_asked_for_and_never_by_the_input() {
        let list = || {
            vec![
                problem(0, 1, "bad \u{1b}[31m key"),
                Problem { origin: Origin::Override("a=\u{1b}[31m\n".into()), ..problem(0, 0, "m") },
            ]
        };
        assert!(render("c\u{1b}[31m.toml", "\u{1b}[31m = 1\n", list(), true).contains("\u{1b}["));
        assert!(!render("c\u{1b}[31m.toml", "\u{1b}[31m = 1\n", list(), false).contains('\u{1b}'));
    }

    proptest! {
        #[test]
        fn no_span_panics(source in "([a-c =\\[\t\r\n\u{feff}éß漢\u{301}\u{200b}]|a{200}){0,40}", start in 0usize..400, length in 0usize..400, colour: bool) {
            let text = render("c.toml", &source, vec![problem(start, start + length, "message")], colour);
            prop_assert!(text.contains("message") && text.ends_with("1 error in c.toml; nothing was started\n"));
        }
    }
}
