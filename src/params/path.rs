//! Dotted paths, as in `learner.0.strategy.population` or `grid."subset.background"`: read, followed and set.

use super::toml::MAX_DEPTH;
use super::value::key_text;
use super::{Key, Node, Table, Value};

/// Where a value stands in a table: names of keys and indices of lists.
#[derive(Clone, Debug)]
pub struct Path {
    segments: Vec<Segment>,
}

#[derive(Clone, Debug)]
struct Segment {
    name: String,
    /// The index that a bare number is; a quoted number is a key.
    index: Option<usize>,
}

impl Path {
    /// Reads a whole path. Names with other characters than `A-Za-z0-9_-` are quoted as in TOML.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Path, String> {
        match Path::parse_prefix(text)? {
            (path, "") => Ok(path),
            (_, rest) => Err(format!("`{text}` is no path: it should end before `{rest}`")),
        }
    }

    /// Reads a path up to the first word that does not belong to it, and gives what remains.
    pub(crate) fn parse_prefix(text: &str) -> Result<(Path, &str), String> {
        let mut segments = Vec::new();
        let mut rest = text;
        loop {
            let (segment, after) = segment(text, rest.trim_start())?;
            segments.push(segment);
            rest = after.trim_start();
            match rest.strip_prefix('.') {
                Some(after) => rest = after,
                None if segments.len() > MAX_DEPTH => {
                    return Err(format!("the path has {} segments: at most {MAX_DEPTH}", segments.len()));
                }
                None => return Ok((Path { segments }, rest)),
            }
        }
    }

    /// How many segments it has; at least one.
    pub fn depth(&self) -> usize {
        self.segments.len()
    }

    /// The name of segment `i`.
    pub fn name(&self, i: usize) -> Option<&str> {
        self.segments.get(i).map(|segment| segment.name.as_str())
    }

    /// Whether `other` is this path or a path above it.
    pub fn starts_with(&self, other: &Path) -> bool {
        other.depth() <= self.depth() && self.segments.iter().zip(&other.segments).all(|(a, b)| a.name == b.name)
    }

    /// The last name and the indices after it, as in `background` or `learner.0`.
    pub fn tail(&self) -> String {
        let at = self.segments.iter().rposition(|segment| segment.index.is_none()).unwrap_or(0);
        text_of(&self.segments[at..])
    }

    /// The value that stands there.
    pub fn get<'t>(&self, table: &'t Table) -> Option<&'t Node> {
        let (first, rest) = self.segments.split_first()?;
        rest.iter().try_fold(table.get(&first.name)?, |node, segment| match &node.value {
            Value::Table(table) => table.get(&segment.name),
            Value::Array(items) => items.get(segment.index?),
            _ => None,
        })
    }

    /// Puts `node` there, in the place of what stood there. Tables that are missing on the way are made; a name on the
    /// way, as in `strategy = "snes"`, becomes the table `{ name = "snes" }`. Keys that are made have `node`'s origin.
    ///
    /// # Errors
    /// Where the way is barred, in words; nothing is changed then.
    pub fn set(&self, table: &mut Table, node: Node) -> Result<(), String> {
        self.set_in(table, 0, node)
    }

    /// The first `n` segments as text.
    fn upto(&self, n: usize) -> String {
        text_of(&self.segments[..n])
    }

    fn set_in(&self, table: &mut Table, at: usize, node: Node) -> Result<(), String> {
        let segment = &self.segments[at];
        if let Some(found) = table.get_mut(&segment.name) {
            return self.set_at(found, at + 1, node);
        }
        if at > 0 && segment.index.is_some() {
            let (above, name) = (self.upto(at), &segment.name);
            return Err(format!(
                "`{above}` is a table, not a list: it has no item {name} (quote a key: `{above}.\"{name}\"`)"
            ));
        }
        if let Some(index) = (at + 1..self.depth()).find(|i| self.segments[*i].index.is_some()) {
            let (above, name) = (self.upto(index), &self.segments[index].name);
            return Err(format!("there is no `{above}`, so it has no item {name}"));
        }
        let origin = node.origin.clone();
        let built = self.segments[at + 1..].iter().rev().fold(node, |inner, segment| {
            let key = Key { name: segment.name.clone(), origin: origin.clone() };
            Node { value: Value::Table(Table { entries: vec![(key, inner)] }), origin: origin.clone() }
        });
        table.set(&segment.name, built);
        Ok(())
    }

    /// `found` stands at the first `at` segments.
    fn set_at(&self, found: &mut Node, at: usize, node: Node) -> Result<(), String> {
        let Some(segment) = self.segments.get(at) else {
            *found = node;
            return Ok(());
        };
        let above = self.upto(at);
        match &mut found.value {
            Value::Table(table) => self.set_in(table, at, node),
            Value::Array(items) => {
                let count = items.len();
                let Some(index) = segment.index else {
                    let example = self.segments[at..]
                        .iter()
                        .fold(format!("{above}.0"), |all, segment| format!("{all}.{}", segment.text()));
                    return Err(format!("`{above}` is a list of {count}: say which, as in `{example}`"));
                };
                match items.get_mut(index) {
                    Some(item) => self.set_at(item, at + 1, node),
                    None if count == 0 => Err(format!("`{above}` has no item {index}: it is empty")),
                    None => Err(format!("`{above}` has no item {index}: there are {count}, 0 to {}", count - 1)),
                }
            }
            Value::Text(_) if segment.index.is_none() => {
                let mut named = shorthand(found);
                self.set_in(&mut named, at, node)?;
                found.value = Value::Table(named);
                Ok(())
            }
            value => Err(format!("`{above}` = {value} is {}: nothing can be set below it", value.kind())),
        }
    }
}

/// The table that a bare name stands for: `"snes"` is `{ name = "snes" }`.
fn shorthand(name: &Node) -> Table {
    Table { entries: vec![(Key { name: "name".to_string(), origin: name.origin.clone() }, name.clone())] }
}

/// `over` laid over `base`: a table's keys replace the base's keys of the same name and leave the others; a name laid over
/// a table sets the table's `name`, and a table laid over a name keeps it; anything else replaces the base.
pub(crate) fn merge(base: Option<&Node>, over: &Node) -> Node {
    let Some(base) = base else { return over.clone() };
    let (mut merged, keys) = match (&base.value, &over.value) {
        (Value::Table(base), Value::Table(keys)) => (base.clone(), keys.clone()),
        (Value::Table(base), Value::Text(_)) => (base.clone(), shorthand(over)),
        (Value::Text(_), Value::Table(keys)) => (shorthand(base), keys.clone()),
        _ => return over.clone(),
    };
    for (key, node) in keys.entries {
        match merged.entries.iter_mut().find(|(old, _)| old.name == key.name) {
            Some(old) => *old = (key, node),
            None => merged.entries.push((key, node)),
        }
    }
    Node { value: Value::Table(merged), origin: over.origin.clone() }
}

impl Segment {
    fn text(&self) -> String {
        match self.index {
            Some(_) => self.name.clone(),
            None if self.name.bytes().all(|b| b.is_ascii_digit()) => format!("\"{}\"", self.name),
            None => key_text(&self.name),
        }
    }
}

fn text_of(segments: &[Segment]) -> String {
    segments.iter().map(Segment::text).collect::<Vec<_>>().join(".")
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&text_of(&self.segments))
    }
}

/// The segment at the start of `rest`, and what follows it; `whole` is for messages.
fn segment<'t>(whole: &str, rest: &'t str) -> Result<(Segment, &'t str), String> {
    let bad = |what: String| format!("`{whole}` is no path: {what}");
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
    let Some(quote) = quote else {
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
        if end == 0 {
            return Err(match rest.chars().next() {
                None | Some('.' | '=') => bad("a name is missing".to_string()),
                Some(other) => bad(format!("`{other}` cannot stand in a name without quotes")),
            });
        }
        let (name, after) = rest.split_at(end);
        return Ok((Segment { name: name.to_string(), index: name.parse().ok() }, after));
    };
    let mut escaped = false;
    let close = rest.char_indices().skip(1).find(|(_, c)| {
        let closes = *c == quote && !escaped;
        escaped = quote == '"' && *c == '\\' && !escaped;
        closes
    });
    let Some((close, _)) = close else {
        return Err(bad(format!("the quote {quote} is not closed")));
    };
    let (written, after) = rest.split_at(close + 1);
    match ::toml::de::DeValue::parse(written).map(|value| value.get_ref().as_str().map(str::to_string)) {
        Ok(Some(name)) => Ok((Segment { name, index: None }, after)),
        _ => Err(bad(format!("{written} is no string"))),
    }
}
