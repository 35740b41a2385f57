//! Typed getters over a table. Each takes the default and the allowed range, notes the key as known and the value as
//! resolved, and on a bad value notes the problem and goes on with the default, so that all problems are told at once.

use std::cell::RefCell;

use super::problem::{did_you_mean, list_names};
use super::range::span_words;
use super::{Node, Origin, Problem, Problems, Range, Table, Value};

/// A table being read.
pub struct Params<'a> {
    table: &'a Table,
    origin: Origin,
    path: String,
    problems: &'a Problems,
    known: RefCell<Vec<String>>,
    resolved: RefCell<Table>,
}

impl<'a> Params<'a> {
    /// A reader over `table`; `path` is its dotted path, empty for the top.
    pub fn new(table: &'a Table, origin: Origin, path: impl Into<String>, problems: &'a Problems) -> Self {
        Params { table, origin, path: path.into(), problems, known: RefCell::default(), resolved: RefCell::default() }
    }

    /// The dotted path of this table.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where this table stands.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The collected problems of the whole file.
    pub fn problems(&self) -> &'a Problems {
        self.problems
    }

    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_string()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Notes `key` as known and gives its node.
    pub fn raw(&self, key: &str) -> Option<&'a Node> {
        self.known.borrow_mut().push(key.to_string());
        self.table.get(key)
    }

    /// Notes all keys as known: where it is unclear what the table is of, nobody can say which keys belong in it.
    pub fn ignore_rest(&self) {
        self.known.borrow_mut().extend(self.table.entries.iter().map(|(key, _)| key.name.clone()));
    }

    /// Whether `key` was written.
    pub fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }

    /// Notes the value that holds for `key`.
    pub fn resolve(&self, key: &str, value: Value) {
        self.resolved.borrow_mut().set(key, Node::new(value));
    }

    /// The value that holds for `key`, where it was read.
    pub fn resolved(&self, key: &str) -> Option<Value> {
        self.resolved.borrow().get(key).map(|node| node.value.clone())
    }

    /// Notes a problem with `key` (or with the table, where the key was not written).
    pub fn problem(&self, key: &str, message: impl Into<String>, help: Option<String>) {
        let origin = self.table.get(key).map_or_else(|| self.origin.clone(), |node| node.origin.clone());
        self.problems.push(Problem { origin, path: self.path_of(key), message: message.into(), help });
    }

    pub(super) fn missing(&self, key: &str, what: &str) {
        self.problem(key, format!("`{}` is missing: {what} is needed", self.path_of(key)), None);
    }

    /// A number. No default means that the key must be written.
    pub fn float(&self, key: &str, default: Option<f64>, range: Range) -> f64 {
        let fallback = default.unwrap_or(f64::NAN);
        let value = match self.raw(key).map(|node| &node.value) {
            Some(Value::Float(x)) if range.holds(*x) => *x,
            Some(Value::Integer(x)) if range.holds(*x as f64) => *x as f64,
            Some(found) => {
                self.problem(key, format!("`{}` = {found}: must be a number, {range}", self.path_of(key)), None);
                fallback
            }
            None => {
                if default.is_none() {
                    self.missing(key, &format!("a number, {range},"));
                }
                fallback
            }
        };
        self.resolve(key, Value::Float(value));
        value
    }

    /// A number that may be left out; nothing is resolved then.
    pub fn optional_float(&self, key: &str, range: Range) -> Option<f64> {
        if self.has(key) {
            Some(self.float(key, None, range))
        } else {
            self.raw(key);
            None
        }
    }

    /// A whole number in `range`.
    pub fn integer(&self, key: &str, default: Option<u64>, range: std::ops::RangeInclusive<u64>) -> u64 {
        let fallback = default.unwrap_or(*range.start());
        let words = span_words(&range);
        let value = match self.raw(key).map(|node| &node.value) {
            Some(Value::Integer(x)) if u64::try_from(*x).is_ok_and(|x| range.contains(&x)) => *x as u64,
            Some(found) => {
                self.problem(key, format!("`{}` = {found}: must be an integer, {words}", self.path_of(key)), None);
                fallback
            }
            None => {
                if default.is_none() {
                    self.missing(key, &format!("an integer, {words},"));
                }
                fallback
            }
        };
        self.resolve(key, Value::Integer(value as i64));
        value
    }

    /// A whole number that may be left out.
    pub fn optional_integer(&self, key: &str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        if self.has(key) {
            Some(self.integer(key, None, range))
        } else {
            self.raw(key);
            None
        }
    }

    /// A list of whole numbers, each in `range`.
    pub fn integers(&self, key: &str, default: &[u64], range: std::ops::RangeInclusive<u64>) -> Vec<u64> {
        let wrong = |node: &Node, path: String| {
            self.problems.push(Problem {
                message: format!("`{path}` = {}: must be an integer, {}", node.value, span_words(&range)),
                origin: node.origin.clone(),
                path,
                help: None,
            });
        };
        let values = match self.raw(key) {
            None => default.to_vec(),
            Some(Node { value: Value::Array(items), .. }) => {
                let read = |(i, node): (usize, &Node)| match node.value {
                    Value::Integer(x) if u64::try_from(x).is_ok_and(|x| range.contains(&x)) => Some(x as u64),
                    _ => {
                        wrong(node, format!("{}.{i}", self.path_of(key)));
                        None
                    }
                };
                let good: Vec<u64> = items.iter().enumerate().filter_map(read).collect();
                if good.len() == items.len() {
                    good
                } else {
                    default.to_vec()
                }
            }
            Some(node) => {
                let words = span_words(&range);
                let message = format!("`{}` = {}: must be a list of integers, {words}", self.path_of(key), node.value);
                self.problem(key, message, None);
                default.to_vec()
            }
        };
        self.resolve(key, Value::Array(values.iter().map(|x| Node::new(Value::Integer(*x as i64))).collect()));
        values
    }

    /// A list of `N` whole numbers, each in `range`.
    pub fn integer_array<const N: usize>(
        &self,
        key: &str,
        default: [u64; N],
        range: std::ops::RangeInclusive<u64>,
    ) -> [u64; N] {
        let values = self.integers(key, &default, range);
        <[u64; N]>::try_from(values).unwrap_or_else(|values| {
            let message = format!("`{}` has {} numbers: must have {N}", self.path_of(key), values.len());
            self.problem(key, message, None);
            default
        })
    }

    /// A list of numbers, each in `range`.
    pub fn floats(&self, key: &str, default: &[f64], range: Range) -> Vec<f64> {
        let read = |node: &Node| match node.value {
            Value::Float(x) if range.holds(x) => Some(x),
            Value::Integer(x) if range.holds(x as f64) => Some(x as f64),
            _ => None,
        };
        let found = self.raw(key).map(|node| &node.value);
        let values = match found {
            None => Some(default.to_vec()),
            Some(Value::Array(items)) => items.iter().map(read).collect(),
            Some(_) => None,
        };
        let values = values.unwrap_or_else(|| {
            let found = found.expect("a missing list is the default");
            self.problem(
                key,
                format!("`{}` = {found}: must be a list of numbers, each {range}", self.path_of(key)),
                None,
            );
            default.to_vec()
        });
        self.resolve(key, Value::Array(values.iter().map(|x| Node::new(Value::Float(*x))).collect()));
        values
    }

    /// `true` or `false`.
    pub fn boolean(&self, key: &str, default: bool) -> bool {
        let value = match self.raw(key).map(|node| &node.value) {
            None => default,
            Some(Value::Boolean(x)) => *x,
            Some(found) => {
                self.problem(key, format!("`{}` = {found}: must be true or false", self.path_of(key)), None);
                default
            }
        };
        self.resolve(key, Value::Boolean(value));
        value
    }

    /// `true` or `false`, which may be left out; nothing is resolved then.
    pub fn optional_boolean(&self, key: &str) -> Option<bool> {
        if self.has(key) {
            Some(self.boolean(key, false))
        } else {
            self.raw(key);
            None
        }
    }

    /// A string.
    pub fn text(&self, key: &str, default: Option<&str>) -> String {
        let value = match self.raw(key).map(|node| &node.value) {
            Some(Value::Text(x)) => x.clone(),
            Some(found) => {
                self.problem(key, format!("`{}` = {found}: must be a string", self.path_of(key)), None);
                default.unwrap_or_default().to_string()
            }
            None => {
                if default.is_none() {
                    self.missing(key, "a string");
                }
                default.unwrap_or_default().to_string()
            }
        };
        self.resolve(key, Value::Text(value.clone()));
        value
    }

    /// A string that may be left out; nothing is resolved then.
    pub fn optional_text(&self, key: &str) -> Option<String> {
        if self.has(key) {
            Some(self.text(key, Some("")))
        } else {
            self.raw(key);
            None
        }
    }

    /// One of `allowed`, where the key is there.
    pub fn optional_choice<'c>(&self, key: &str, allowed: &[&'c str]) -> Option<&'c str> {
        if self.has(key) {
            Some(self.choice(key, None, allowed))
        } else {
            self.raw(key);
            None
        }
    }

    /// One of `allowed`; the first is given back on a bad value without default.
    pub fn choice<'c>(&self, key: &str, default: Option<&'c str>, allowed: &[&'c str]) -> &'c str {
        let fallback = default.unwrap_or(allowed[0]);
        let chosen = match self.raw(key).map(|node| &node.value) {
            Some(Value::Text(x)) => allowed.iter().find(|name| **name == x.as_str()).copied(),
            Some(_) => None,
            None => {
                if default.is_none() {
                    self.missing(key, &list_names(allowed.iter().copied()));
                }
                Some(fallback)
            }
        };
        let value = chosen.unwrap_or_else(|| {
            let found = &self.table.get(key).expect("a value was found").value;
            let help = match found {
                Value::Text(text) => did_you_mean(text, allowed.iter().copied()),
                _ => None,
            };
            let message = format!("`{}` = {found}: must be {}", self.path_of(key), list_names(allowed.iter().copied()));
            self.problem(key, message, help);
            fallback
        });
        self.resolve(key, Value::Text(value.to_string()));
        value
    }

    /// Reads the table under `key` with `read`; a key left out reads as an empty table. Keys that `read` does not ask
    /// for are problems.
    pub fn table<T>(&self, key: &str, read: impl FnOnce(&Params<'_>) -> T) -> T {
        let empty = Table::default();
        let (table, origin) = match self.raw(key) {
            Some(Node { value: Value::Table(table), origin }) => (table, origin.clone()),
            Some(Node { value, .. }) => {
                self.problem(key, format!("`{}` = {value}: must be a table", self.path_of(key)), None);
                (&empty, self.origin.clone())
            }
            None => (&empty, self.origin.clone()),
        };
        let (value, resolved) = read_table(table, origin, self.path_of(key), self.problems, read);
        self.resolve(key, Value::Table(resolved));
        value
    }

    /// Reads the table under `key`, which may be left out; nothing is resolved then.
    pub fn optional_table<T>(&self, key: &str, read: impl FnOnce(&Params<'_>) -> T) -> Option<T> {
        if self.has(key) {
            Some(self.table(key, read))
        } else {
            self.raw(key);
            None
        }
    }

    /// Reads something named: `key = "name"` or `key = { name = "name", ... }`. `read` gets the name, the origin of the
    /// name and the rest of the table. `None` where the key was left out without default, or is neither.
    pub fn named<T>(
        &self,
        key: &str,
        default: Option<&str>,
        read: impl FnOnce(&str, &Origin, &Params<'_>) -> T,
    ) -> Option<T> {
        let found = self.raw(key);
        if found.is_none() && default.is_none() {
            self.missing(key, "a name, or a table with a `name`,");
            return None;
        }
        let node = found.cloned().unwrap_or_else(|| Node::new(Value::Text(default.unwrap_or_default().to_string())));
        let (value, resolved) = read_named(&node, &self.path_of(key), self.problems, read)?;
        self.resolve(key, resolved);
        Some(value)
    }

    /// Reads each item of the list under `key`, also a list of tables (`[[key]]`); a single table reads as a list of
    /// one. `read` gives the item's resolved form beside its value.
    pub fn list<T>(&self, key: &str, mut read: impl FnMut(&Node, &str) -> Option<(T, Value)>) -> Vec<T> {
        let (mut values, mut resolved) = (Vec::new(), Vec::new());
        let mut take = |node: &Node, path: String| {
            if let Some((value, known)) = read(node, &path) {
                values.push(value);
                resolved.push(Node::new(known));
            }
        };
        match self.raw(key) {
            Some(Node { value: Value::Array(items), .. }) => {
                items.iter().enumerate().for_each(|(i, node)| take(node, format!("{}.{i}", self.path_of(key))));
            }
            Some(node) => take(node, self.path_of(key)),
            None => {}
        }
        self.resolve(key, Value::Array(resolved));
        values
    }

    /// Notes every key that nobody asked for, and gives the resolved table.
    pub fn finish(self) -> Table {
        let known = self.known.into_inner();
        for (key, _) in &self.table.entries {
            if known.contains(&key.name) {
                continue;
            }
            let place = if self.path.is_empty() { "the campaign".to_string() } else { format!("`{}`", self.path) };
            let mut names: Vec<&str> = known.iter().map(String::as_str).collect();
            names.sort_unstable();
            names.dedup();
            self.problems.push(Problem {
                origin: key.origin.clone(),
                path: if self.path.is_empty() { key.name.clone() } else { format!("{}.{}", self.path, key.name) },
                message: format!(
                    "unknown key `{}` in {place}: expected {}",
                    key.name,
                    list_names(names.iter().copied())
                ),
                help: did_you_mean(&key.name, names.iter().copied()),
            });
        }
        self.resolved.into_inner()
    }
}

/// Reads a whole table; gives the value and the resolved table.
pub fn read_table<T>(
    table: &Table,
    origin: Origin,
    path: impl Into<String>,
    problems: &Problems,
    read: impl FnOnce(&Params<'_>) -> T,
) -> (T, Table) {
    let params = Params::new(table, origin, path, problems);
    let value = read(&params);
    (value, params.finish())
}

/// Reads `"name"` or `{ name = "name", ... }`; gives the value and its resolved table, `None` (and a problem) otherwise.
pub fn read_named<T>(
    node: &Node,
    path: &str,
    problems: &Problems,
    read: impl FnOnce(&str, &Origin, &Params<'_>) -> T,
) -> Option<(T, Value)> {
    let wrong = |message: String| {
        problems.push(Problem { origin: node.origin.clone(), path: path.to_string(), message, help: None });
    };
    let empty = Table::default();
    let (name, name_origin, table) = match &node.value {
        Value::Text(name) => (name, &node.origin, &empty),
        Value::Table(table) => match table.get("name") {
            Some(Node { value: Value::Text(name), origin }) => (name, origin, table),
            Some(found) => {
                wrong(format!("`{path}.name` = {}: must be a string", found.value));
                return None;
            }
            None => {
                wrong(format!("`{path}` has no `name`"));
                return None;
            }
        },
        found => {
            wrong(format!("`{path}` = {found}: must be a name, or a table with a `name`"));
            return None;
        }
    };
    let (value, resolved) = read_table(table, node.origin.clone(), path, problems, |params| {
        params.raw("name");
        params.resolve("name", Value::Text(name.clone()));
        read(name, name_origin, params)
    });
    Some((value, Value::Table(resolved)))
}
