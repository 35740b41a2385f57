//! The tree of values: what TOML holds, each key and value with the place it came from.

use std::sync::Arc;

/// Where a key or value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Bytes `start..end` of the campaign file.
    File {
        /// First byte.
        start: usize,
        /// One past the last byte.
        end: usize,
    },
    /// An override on the command line, in the words typed there.
    Override(Arc<str>),
    /// Nowhere: a default of the program.
    Default,
}

/// A value and its origin.
#[derive(Clone, Debug)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it stands.
    pub origin: Origin,
}

/// What a value can be. TOML's dates are none of these: reading one is a problem.
#[derive(Clone, Debug)]
pub enum Value {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction, also `inf` and `nan`.
    Float(f64),
    /// A string.
    Text(String),
    /// A list.
    Array(Vec<Node>),
    /// Keys with values.
    Table(Table),
}

/// A key and its origin.
#[derive(Clone, Debug)]
pub struct Key {
    /// The key.
    pub name: String,
    /// Where it stands.
    pub origin: Origin,
}

/// Keys with values, in the order in which they were written.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Pairs; keys are distinct.
    pub entries: Vec<(Key, Node)>,
}

impl Node {
    /// A value that stands in no file.
    pub fn new(value: Value) -> Self {
        Node { value, origin: Origin::Default }
    }

    /// The table inside, if it is one.
    pub fn as_table(&self) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }
}

impl Value {
    /// The value's kind in words, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Boolean(_) => "a boolean",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "a float",
            Value::Text(_) => "a string",
            Value::Array(_) => "an array",
            Value::Table(_) => "a table",
        }
    }
}

impl Table {
    /// The value under `key`.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|(k, _)| k.name == key).map(|(_, node)| node)
    }

    /// The value under `key`, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.entries.iter_mut().find(|(k, _)| k.name == key).map(|(_, node)| node)
    }

    /// Puts `node` under `key`, in the place of what stood there.
    pub fn set(&mut self, key: &str, node: Node) {
        match self.get_mut(key) {
            Some(old) => *old = node,
            None => {
                let origin = node.origin.clone();
                self.entries.push((Key { name: key.to_string(), origin }, node));
            }
        }
    }

    /// Takes `key` out.
    pub fn remove(&mut self, key: &str) -> Option<Node> {
        let at = self.entries.iter().position(|(k, _)| k.name == key)?;
        Some(self.entries.remove(at).1)
    }
}

impl std::fmt::Display for Value {
    /// TOML on one line; floats as shortest decimals that read back to the same bits.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Boolean(value) => write!(f, "{value}"),
            Value::Integer(value) => write!(f, "{value}"),
            Value::Float(value) if value.is_nan() => write!(f, "nan"),
            Value::Float(value) if value.is_infinite() => write!(f, "{}", if *value > 0.0 { "inf" } else { "-inf" }),
            Value::Float(value) => write!(f, "{value:?}"),
            Value::Text(value) => f.write_str(&quoted(value)),
            Value::Array(items) => {
                write!(f, "[")?;
                for (i, item) in items.iter().enumerate() {
                    write!(f, "{}{}", if i > 0 { ", " } else { "" }, item.value)?;
                }
                write!(f, "]")
            }
            Value::Table(table) if table.entries.is_empty() => write!(f, "{{}}"),
            Value::Table(table) => {
                write!(f, "{{ ")?;
                for (i, (key, node)) in table.entries.iter().enumerate() {
                    write!(f, "{}{} = {}", if i > 0 { ", " } else { "" }, key_text(&key.name), node.value)?;
                }
                write!(f, " }}")
            }
        }
    }
}

/// A string as TOML's basic string on one line. Ours, so that digests of resolved files hang on no other crate's taste.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_ascii_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A key as TOML writes it: bare where it can be, else quoted.
pub(super) fn key_text(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(bare) {
        name.to_string()
    } else {
        quoted(name)
    }
}
