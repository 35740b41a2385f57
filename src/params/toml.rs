//! TOML text to a tree of values, each key and value with the bytes it was written in.

use std::num::IntErrorKind;
use std::ops::Range;

use ::toml::de::{DeTable, DeValue};
use ::toml::Spanned;

use super::value::{key_text, quoted};
use super::{Key, Node, Origin, Problem, Problems, Table, Value};

/// Largest campaign file, bytes; real ones have a few thousand.
const MAX_BYTES: usize = 1 << 20;

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
        Origin::File { start, end } => errors.iter().any(|(span, _)| span.start <= end && start <= span.end),
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

/// The errors that tell something: the first on each line, and none after a missing comma, where the parser takes the rest
/// of the file for the inside of a list.
fn causes(text: &str, errors: Vec<::toml::de::Error>) -> Vec<(Range<usize>, ::toml::de::Error)> {
    let mut kept: Vec<(Range<usize>, ::toml::de::Error)> = Vec::new();
    for error in errors {
        let span = error.span().unwrap_or_default();
        let comma = |(_, error): &(_, ::toml::de::Error)| error.message().starts_with("missing comma");
        let same_line = |(last, _): &(Range<usize>, _)| {
            let between = last.start.min(span.start)..last.start.max(span.start);
            text.as_bytes().get(between).is_some_and(|bytes| !bytes.contains(&b'\n'))
        };
        if !kept.last().is_some_and(comma) && !kept.last().is_some_and(same_line) {
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
