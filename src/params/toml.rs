//! TOML text to a tree of values, each key and value with the bytes it was written in.

use std::num::IntErrorKind;
use std::ops::Range;

use ::toml::de::{DeTable, DeValue};
use ::toml::Spanned;

use super::value::{key_text, quoted};
use super::{Key, Node, Origin, Problem, Problems, Table, Value};

/// Largest campaign file, bytes; real ones have a few thousand.
const MAX_BYTES: usize = 1 << 18;

/// Deepest nesting of tables and arrays; real files need five.
pub(super) const MAX_DEPTH: usize = 32;

/// Reads a campaign file. Keys stand in the order in which they were written; a table's own place is its header.
///
/// What is no TOML, a number that is too large, a date, and nesting deeper than 32 are problems. The table is then what
/// could be recovered, and reading on would complain of words that nobody wrote: look at `problems` first.
pub fn parse(text: &str, problems: &Problems) -> Table {
    if text.len() > MAX_BYTES {
        problems.push(Problem {
            origin: Origin::Default,
            path: String::new(),
            message: format!("the file has {} bytes: a campaign has at most {MAX_BYTES}", text.len()),
            help: None,
        });
        return Table::default();
    }
    let (document, errors) = DeTable::parse_recoverable(text);
    let errors = causes(text, errors);
    let found = Problems::default();
    let origin = |span: Range<usize>| Origin::File { start: span.start, end: span.end };
    let table = Reading { origin: &origin, problems: &found }.table(document.get_ref(), "", 0);
    // Where the syntax is broken the value is a guess, so complaints about the value are not passed on.
    let guessed = |problem: &Problem| match problem.origin {
        Origin::File { start, end } => {
            errors.iter().any(|(span, error)| span.start <= end && (start <= span.end || misses_comma(error)))
        }
        _ => false,
    };
    let found: Vec<Problem> = found.into_vec().into_iter().filter(|problem| !guessed(problem)).collect();
    for (span, error) in &errors {
        let (message, help) = in_words(error.message(), text.get(span.clone()).unwrap_or_default());
        problems.push(Problem { origin: origin(span.clone()), path: String::new(), message, help });
    }
    found.into_iter().for_each(|problem| problems.push(problem));
    table
}

fn misses_comma(error: &::toml::de::Error) -> bool {
    error.message().starts_with("missing comma")
}

/// The errors that tell something: the first on each line, and none after a missing comma, where the parser takes the rest
/// of the file for the inside of a list.
fn causes(text: &str, errors: Vec<::toml::de::Error>) -> Vec<(Range<usize>, ::toml::de::Error)> {
    let mut kept: Vec<(Range<usize>, ::toml::de::Error)> = Vec::new();
    for error in errors {
        let span = error.span().unwrap_or_default();
        let same_line = |(last, _): &(Range<usize>, _)| {
            let between = last.start.min(span.start)..last.start.max(span.start);
            text.as_bytes().get(between).is_some_and(|bytes| !bytes.contains(&b'\n'))
        };
        if !kept.last().is_some_and(|(_, error)| misses_comma(error)) && !kept.last().is_some_and(same_line) {
            kept.push((span, error));
        }
    }
    kept
}

/// The parser's message for the words at fault, in ours where it could be plainer, and what to do.
fn in_words(message: &str, words: &str) -> (String, Option<String>) {
    match message {
        "duplicate key" => (format!("`{words}` is written twice"), None),
        _ if !message.starts_with("string values must be quoted") => {
            (message.strip_suffix(", expected nothing").unwrap_or(message).to_string(), None)
        }
        _ if words.is_empty() => ("a value is missing".to_string(), None),
        _ => {
            let help = words.starts_with(char::is_alphabetic).then(|| format!("quote a string: `{}`", quoted(words)));
            (format!("`{words}` is no value"), help)
        }
    }
}

/// The way from parsed TOML to our tree.
pub(super) struct Reading<'a> {
    /// Where something stands whose span is given.
    pub origin: &'a dyn Fn(Range<usize>) -> Origin,
    /// Where numbers that are too large, dates and too deep nesting are noted.
    pub problems: &'a Problems,
}

impl Reading<'_> {
    fn table(&self, found: &DeTable<'_>, path: &str, depth: usize) -> Table {
        // The parser sorts by name, so the order of writing is taken from the spans.
        let mut pairs: Vec<_> = found.iter().collect();
        pairs.sort_by_key(|(key, _)| key.span().start);
        let entry = |(key, node): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
            let name = AsRef::<str>::as_ref(key.get_ref()).to_string();
            let path = join(path, &key_text(&name));
            (Key { name, origin: (self.origin)(key.span()) }, self.node(node, &path, depth + 1))
        };
        Table { entries: pairs.into_iter().map(entry).collect() }
    }

    /// One value; `path` and `depth` are where it will stand.
    pub fn node(&self, found: &Spanned<DeValue<'_>>, path: &str, depth: usize) -> Node {
        let origin = (self.origin)(found.span());
        let wrong = |message: String, help: Option<&str>| {
            let (origin, path, help) = (origin.clone(), path.to_string(), help.map(str::to_string));
            self.problems.push(Problem { origin, path, message, help });
        };
        let value = match found.get_ref() {
            DeValue::Array(_) | DeValue::Table(_) if depth >= MAX_DEPTH => {
                wrong(format!("`{path}` is nested too deeply: at most {MAX_DEPTH} levels"), None);
                Value::Boolean(false)
            }
            DeValue::Boolean(value) => Value::Boolean(*value),
            DeValue::String(value) => Value::Text(value.to_string()),
            DeValue::Integer(value) => match i64::from_str_radix(value.as_str(), value.radix()) {
                Ok(number) => Value::Integer(number),
                Err(error) => {
                    wrong(
                        match error.kind() {
                            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => {
                                format!("`{path}` = {value} is too large: integers are {} to {}", i64::MIN, i64::MAX)
                            }
                            _ => format!("`{path}` = {value} is no integer"),
                        },
                        None,
                    );
                    Value::Integer(0)
                }
            },
            DeValue::Float(value) => {
                let number = value.as_str().parse::<f64>();
                match number {
                    // Rust reads 1e999 as infinity; whoever means infinity writes `inf`.
                    Ok(number) if number.is_infinite() && !value.as_str().contains("inf") => {
                        wrong(format!("`{path}` = {value} is too large: floats reach {:e}", f64::MAX), None);
                    }
                    Ok(_) => {}
                    Err(_) => wrong(format!("`{path}` = {value} is no number"), None),
                }
                Value::Float(number.unwrap_or(f64::NAN))
            }
            DeValue::Datetime(value) => {
                wrong(format!("`{path}` = {value}: dates are not used here"), Some("quote it to make it a string"));
                Value::Text(value.to_string())
            }
            DeValue::Array(items) => {
                let item =
                    |(i, node): (usize, &Spanned<DeValue<'_>>)| self.node(node, &join(path, &i.to_string()), depth + 1);
                Value::Array(items.iter().enumerate().map(item).collect())
            }
            DeValue::Table(table) => Value::Table(self.table(table, path, depth)),
        };
        Node { value, origin }
    }
}

fn join(path: &str, segment: &str) -> String {
    if path.is_empty() {
        segment.to_string()
    } else {
        format!("{path}.{segment}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Path, and line and column of the key, of every entry at any depth.
    fn keys(text: &str, table: &Table, path: &str, out: &mut Vec<(String, usize, usize)>) {
        for (key, node) in &table.entries {
            let path = join(path, &key.name);
            let Origin::File { start, end } = key.origin else { panic!("{path} stands nowhere") };
            assert_eq!(text[start..end].trim_matches('"'), key.name);
            let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
            out.push((path.clone(), 1 + text[..start].matches('\n').count(), 1 + start - line_start));
            below(text, node, &path, out);
        }
    }

    fn below(text: &str, node: &Node, path: &str, out: &mut Vec<(String, usize, usize)>) {
        match &node.value {
            Value::Table(table) => keys(text, table, path, out),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(i, node)| below(text, node, &join(path, &i.to_string()), out));
            }
            _ => {}
        }
    }

    fn messages(problems: Problems) -> Vec<(Origin, String, String)> {
        problems.into_vec().into_iter().map(|problem| (problem.origin, problem.path, problem.message)).collect()
    }

    #[test]
    fn every_key_of_nested_lists_of_tables_knows_its_line_and_column() {
        let text =
            "zeta = 1\nalpha = 2\n[[learner]]\nname = \"b\"\n  [learner.strategy]\n  population = 3\n[[learner]]\n\
                    name = \"a\"\nstages = [{ lr = 1.0 }, { steps = 4, \"lr\" = 2.0 }]\n[data]\n";
        let problems = Problems::default();
        let table = parse(text, &problems);
        assert!(problems.is_empty());
        let mut found = Vec::new();
        keys(text, &table, "", &mut found);
        let expected = [
            ("zeta", 1, 1),
            ("alpha", 2, 1),
            ("learner", 3, 3),
            ("learner.0.name", 4, 1),
            ("learner.0.strategy", 5, 12),
            ("learner.0.strategy.population", 6, 3),
            ("learner.1.name", 8, 1),
            ("learner.1.stages", 9, 1),
            ("learner.1.stages.0.lr", 9, 13),
            ("learner.1.stages.1.steps", 9, 27),
            ("learner.1.stages.1.lr", 9, 38),
            ("data", 10, 2),
        ];
        assert_eq!(found, expected.map(|(path, line, column)| (path.to_string(), line, column)));
    }

    #[test]
    fn values_stand_where_they_were_written() {
        let text = "a = [1, \"x\"]\n[b]\nc = { d = -0.5 }\n[[l]]\n[[l]]\n";
        let table = parse(text, &Problems::default());
        let at = |path: &str| match crate::params::Path::parse(path).unwrap().get(&table).unwrap().origin {
            Origin::File { start, end } => &text[start..end],
            _ => "nowhere",
        };
        assert_eq!(
            ["a", "a.1", "b", "b.c", "b.c.d", "l.1"].map(at),
            ["[1, \"x\"]", "\"x\"", "[b]", "{ d = -0.5 }", "-0.5", "[[l]]"]
        );
    }

    #[test]
    fn numbers_that_do_not_fit_and_dates_are_problems_at_their_place() {
        let text = "a = 9223372036854775808\nb = -9223372036854775808\nc = [1e999, inf]\nd = 2020-01-01\n";
        let problems = Problems::default();
        parse(text, &problems);
        let file = |start, end| Origin::File { start, end };
        let (large, least, most) = ("is too large", i64::MIN, i64::MAX);
        assert_eq!(
            messages(problems),
            [
                (
                    file(4, 23),
                    "a".to_string(),
                    format!("`a` = 9223372036854775808 {large}: integers are {least} to {most}")
                ),
                (file(54, 59), "c.0".to_string(), format!("`c.0` = 1e999 {large}: floats reach {:e}", f64::MAX)),
                (file(70, 80), "d".to_string(), "`d` = 2020-01-01: dates are not used here".to_string()),
            ]
        );
    }

    #[test]
    fn deep_nesting_and_large_files_are_problems() {
        let nested = |n: usize| format!("a = {}1{}\n", "[".repeat(n), "]".repeat(n));
        let found = |text: &str| {
            let problems = Problems::default();
            parse(text, &problems);
            messages(problems).into_iter().map(|(_, _, message)| message).collect::<Vec<_>>()
        };
        assert_eq!(found(&nested(31)), [""; 0]);
        let message = format!("`a{}` is nested too deeply: at most 32 levels", ".0".repeat(31));
        assert_eq!(found(&nested(32)), [message]);
        assert!(!found(&nested(100_000)).is_empty());
        assert!(!found(&format!("[{}a]\n", "a.".repeat(1_000))).is_empty());
        assert_eq!(found(&" ".repeat(MAX_BYTES + 1)), ["the file has 262145 bytes: a campaign has at most 262144"]);
    }

    #[test]
    fn one_mistake_is_told_once() {
        let message = |text: &str| {
            let problems = Problems::default();
            parse(text, &problems);
            problems.into_vec().into_iter().map(|problem| (problem.message, problem.help)).collect::<Vec<_>>()
        };
        let one = |message: &str, help: Option<&str>| vec![(message.to_string(), help.map(str::to_string))];
        assert_eq!(message("a = 01\n"), one("unexpected leading zero", None));
        assert_eq!(message("a = \nb = 1\n"), one("a value is missing", None));
        assert_eq!(message("a = x\n"), one("`x` is no value", Some("quote a string: `\"x\"`")));
        assert_eq!(message("a = 1\na = 2\n"), one("`a` is written twice", None));
        let comma = "missing comma between array elements, expected `,`";
        assert_eq!(message("a = [1, 2\nb = 3\nc = 4\nd = 1e999\n"), one(comma, None));
        assert_eq!(message("a = 1_\nb = 2_\n").len(), 2);
    }
}
