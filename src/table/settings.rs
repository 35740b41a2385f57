//! Table `settings`: a line for each value of a run's configuration, under the path that `--set` has for it.

use std::path::Path;

use super::column::{number, text, Column, Rows};
use super::keys::{keys, OfRun};
use super::RunEntry;
use crate::params::{toml, Node, Problems, Value};

struct Row<'a> {
    entry: &'a RunEntry,
    key: String,
    value: String,
    number: Option<f64>,
}

impl OfRun for Row<'_> {
    fn entry(&self) -> &RunEntry {
        self.entry
    }
}

/// The table.
pub(super) fn table(runs: &[RunEntry]) -> Rows<impl Sized + use<'_>> {
    Rows { name: "settings", columns: columns(), rows: runs.iter().flat_map(rows).collect() }
}

fn rows(entry: &RunEntry) -> Vec<Row<'_>> {
    let mut found = Vec::new();
    if let Some(records) = &entry.records {
        let problems = Problems::of_file(Path::new("config.toml"));
        leaves(&Value::Table(toml::parse(&records.config, &problems)), "", &mut found);
    }
    found.into_iter().map(|(key, value, number)| Row { entry, key, value, number }).collect()
}

/// Path, text and number of each value that holds no others.
fn leaves(value: &Value, path: &str, found: &mut Vec<(String, String, Option<f64>)>) {
    let below = |key: &str| if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
    match value {
        Value::Table(table) => {
            table.entries.iter().for_each(|(key, node)| leaves(&node.value, &below(&key.name), found));
        }
        Value::Array(items) if items.iter().any(|Node { value, .. }| matches!(value, Value::Table(_))) => {
            items.iter().enumerate().for_each(|(i, node)| leaves(&node.value, &below(&i.to_string()), found));
        }
        Value::Text(text) => found.push((path.to_string(), text.clone(), None)),
        Value::Integer(x) => found.push((path.to_string(), x.to_string(), Some(*x as f64))),
        Value::Float(x) => found.push((path.to_string(), value.to_string(), Some(*x))),
        Value::Boolean(_) | Value::Array(_) => found.push((path.to_string(), value.to_string(), None)),
    }
}

fn columns<'a>() -> Vec<Column<Row<'a>>> {
    let mut columns = keys();
    columns.extend([
        text("key", |row: &Row<'a>| Some(&row.key)),
        text("value", |row| Some(&row.value)),
        number("number", |row| row.number),
    ]);
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_paths_of_set_and_lists_of_plain_values_stay_whole() {
        let text = "a = 3\n[b]\nc = \"x,y\"\nd = [1, 2]\n[[e]]\nf = 0.5\n[[e]]\nf = true\ng = { h = 1e-9 }\n";
        let mut found = Vec::new();
        leaves(&Value::Table(toml::parse(text, &Problems::default())), "", &mut found);
        let expected = [
            ("a", "3", Some(3.0)),
            ("b.c", "x,y", None),
            ("b.d", "[1, 2]", None),
            ("e.0.f", "0.5", Some(0.5)),
            ("e.1.f", "true", None),
            ("e.1.g.h", "1e-9", Some(1e-9)),
        ];
        let found: Vec<(&str, &str, Option<f64>)> = found.iter().map(|(a, b, c)| (&**a, &**b, *c)).collect();
        assert_eq!(found, expected);
    }
}
