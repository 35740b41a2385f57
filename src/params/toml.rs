//! TOML text to a tree of values, each key and value with the bytes it was written in.

use std::ops::Range;

use ::toml::de::{DeTable, DeValue};
use ::toml::Spanned;

use super::value::key_text;
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
    for error in errors {
        let origin = error.span().map_or(Origin::Default, |span| Origin::File { start: span.start, end: span.end });
        problems.push(Problem { origin, path: String::new(), message: error.message().to_string(), help: None });
    }
    let origin = |span: Range<usize>| Origin::File { start: span.start, end: span.end };
    Reading { origin: &origin, problems }.table(document.get_ref(), "", 0)
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
            DeValue::Integer(value) => {
                Value::Integer(i64::from_str_radix(value.as_str(), value.radix()).unwrap_or_else(|_| {
                    wrong(format!("`{path}` = {value} is too large: integers are {} to {}", i64::MIN, i64::MAX), None);
                    0
                }))
            }
            DeValue::Float(value) => {
                let number = value.as_str().parse::<f64>().unwrap_or(f64::NAN);
                // Rust reads 1e999 as infinity; whoever means infinity writes `inf`.
                if number.is_infinite() && !value.as_str().contains("inf") {
                    wrong(format!("`{path}` = {value} is too large: floats reach {:e}", f64::MAX), None);
                }
                Value::Float(number)
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
