//! The grid of a campaign: `[grid]` names keys and the values each takes; its cells are all combinations.
//!
//! ```toml
//! [grid]
//! "subset.background" = ["random", "zero"]
//! subset = [{ name = "bn", select = [{ batchnorm = true }] }, { name = "all", select = [{ all = true }] }]
//! ```
//!
//! A table as a value is laid over the table that stands there: its keys replace those of the same name and leave the
//! others. A name laid over a table sets its `name` (`"snes"` is `{ name = "snes" }`); anything else replaces what stands
//! there. An axis is laid down before the axes of keys below it, so that `subset` and `subset.background` can both vary.

use std::collections::{BTreeMap, BTreeSet};

use crate::params::{did_you_mean, list_names, merge, Node, Origin, Path, Problem, Problems, Table, Value};

/// Most cells of a grid.
pub const MAX_CELLS: usize = 10_000;

/// Longest [`Cell::slug`], characters: with the longest label and the greatest seed it still makes a run's name.
const SLUG: usize = 64;

/// One point of the grid.
#[derive(Clone, Debug)]
pub struct Cell {
    /// `key=value` for each axis with a space between, as in `background=random subset=bn`; empty without a grid. The key is
    /// the last name of the path, or the whole path where two axes would share it.
    pub label: String,
    /// Path and value of each axis in the order written, as in `("subset.background", "random")`. A value is the text of a
    /// scalar, the `name` of a table, or `#index`.
    pub axes: Vec<(String, String)>,
    /// The campaign with the values set and without `[grid]`.
    pub table: Table,
}

impl Cell {
    /// The label as a part of a directory's name: `_` between axes and `A-Za-z0-9._=+,-` else, at most 64 characters. Where
    /// other characters were replaced or the label was cut, it ends in the label's CRC-32; empty without a grid.
    pub fn slug(&self) -> String {
        slug(&self.label, self.axes.len())
    }
}

/// [`Cell::slug`] of a label with so many axes.
pub(super) fn slug(label: &str, axes: usize) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._=+,-".contains(c);
    // A space within a value must not look like one between axes.
    let faithful = label.split(' ').count() == axes.max(1) && label.chars().all(|c| allowed(c) || c == ' ');
    let plain = |c: char| match c {
        ' ' => '_',
        c if allowed(c) => c,
        _ => '-',
    };
    let slug: String = label.chars().map(plain).collect();
    if faithful && slug.len() <= SLUG {
        return slug;
    }
    let crc = format!("-{:08x}", crc32fast::hash(label.as_bytes()));
    let kept = slug.len().min(SLUG - crc.len());
    format!("{}{crc}", &slug[..kept])
}

/// A key to vary.
struct Axis<'a> {
    path: Path,
    origin: &'a Origin,
    values: &'a [Node],
    labels: Vec<String>,
}

/// All cells of a campaign: the product of the axes in the order written, the last one fastest. Without a grid (or with an
/// empty one) there is one cell with an empty label.
///
/// Problems, each at its place: a key that is no path, is varied twice, or lies in a section that the campaign does not
/// have; a value that is no list, or an empty one; two values of one axis with the same label; more than 10,000 cells; a
/// value that cannot be set. There are no cells then.
pub fn expand(table: &Table, problems: &Problems) -> Vec<Cell> {
    let known = problems.len();
    let mut base = table.clone();
    let grid = base.remove("grid");
    let axes = match &grid {
        None => Vec::new(),
        Some(Node { value: Value::Table(grid), .. }) => read_axes(grid, &base, problems),
        Some(Node { value, origin }) => {
            wrong(problems, origin, "grid", format!("`grid` = {value}: must be a table of keys to vary"), None);
            Vec::new()
        }
    };
    let count = axes.iter().try_fold(1usize, |n, axis| n.checked_mul(axis.values.len()));
    if count.is_none_or(|n| n > MAX_CELLS) {
        let factors: Vec<String> = axes.iter().map(|axis| axis.values.len().to_string()).collect();
        let figure = count.map_or("too many".to_string(), |n| n.to_string());
        let message = format!("the grid has {figure} cells ({}): at most {MAX_CELLS}", factors.join(" x "));
        wrong(problems, grid.as_ref().map_or(&Origin::Default, |node| &node.origin), "grid", message, None);
    }
    if problems.len() > known {
        return Vec::new();
    }
    let keys = short_keys(&axes);
    let mut failed = BTreeSet::new();
    let cells = (0..count.unwrap_or(0)).map(|i| cell(i, &axes, &keys, &base, &mut failed)).collect();
    for (axis, value, message) in failed {
        let axis: &Axis<'_> = &axes[axis];
        wrong(problems, &axis.values[value].origin, &axis.path.to_string(), message, None);
    }
    if problems.len() > known {
        return Vec::new();
    }
    cells
}

/// Drops the axes that would undo an override, and gives their keys. `text` is what was typed after `--set`.
///
/// What is set on the command line holds. So an axis goes if it varies the key that is set (`subset.background` against
/// `--set subset.background=zero`), if it varies a key below it (against `--set subset={...}`), or if it varies a key above it
/// and one of its values brings what is set: a table with that key, a name where a `name` is set, or a value that is neither
/// and takes the whole place. (`subset = [{ name = "bn", select = [...] }]` stays beside `--set subset.background=zero`.)
pub fn override_removes_axis(table: &mut Table, text: &str) -> Vec<String> {
    let (Ok((set, _)), Some(Node { value: Value::Table(grid), .. })) =
        (Path::parse_prefix(text), table.get_mut("grid"))
    else {
        return Vec::new();
    };
    let undoes = |key: &str, values: &Node| {
        let (Ok(axis), Value::Array(values)) = (Path::parse(key), &values.value) else { return false };
        match set.name(axis.depth()) {
            _ if axis.starts_with(&set) => true,
            Some(next) if set.starts_with(&axis) => values.iter().any(|value| match &value.value {
                Value::Table(keys) => keys.get(next).is_some(),
                Value::Text(_) => next == "name",
                _ => true,
            }),
            _ => false,
        }
    };
    let (gone, kept): (Vec<_>, Vec<_>) =
        std::mem::take(&mut grid.entries).into_iter().partition(|(key, values)| undoes(&key.name, values));
    grid.entries = kept;
    gone.into_iter().map(|(key, _)| key.name).collect()
}

fn wrong(problems: &Problems, origin: &Origin, path: &str, message: String, help: Option<String>) {
    problems.push(Problem { origin: origin.clone(), path: path.to_string(), message, help });
}

fn read_axes<'a>(grid: &'a Table, base: &Table, problems: &Problems) -> Vec<Axis<'a>> {
    let mut axes: Vec<Axis<'a>> = Vec::new();
    for (key, node) in &grid.entries {
        let at_key = |message: String, help: Option<String>| wrong(problems, &key.origin, &key.name, message, help);
        let at_value = |message: String, help: Option<&str>| {
            wrong(problems, &node.origin, &key.name, message, help.map(str::to_string));
        };
        let path = match Path::parse(&key.name) {
            Ok(path) => path,
            Err(message) => {
                at_key(message, None);
                continue;
            }
        };
        let values = match &node.value {
            Value::Array(values) if values.is_empty() => {
                at_value(format!("`{path}` in the grid has no value: at least one is needed"), None);
                continue;
            }
            Value::Array(values) => values,
            Value::Table(_) => {
                let help = "quote the whole dotted key, as in `\"subset.background\" = [...]`";
                at_value(format!("`{path}` in the grid is a table: must be a list of values"), Some(help));
                continue;
            }
            value => {
                let message = format!("`{path}` = {value} in the grid: must be a list of values");
                at_value(message, Some("a single value needs no grid: write it in its own section"));
                continue;
            }
        };
        if axes.iter().any(|axis| axis.path.starts_with(&path) && path.starts_with(&axis.path)) {
            at_key(format!("`{path}` is in the grid twice"), None);
            continue;
        }
        let labels: Vec<String> = values.iter().enumerate().map(|(i, value)| label_of(i, value)).collect();
        for (i, label) in labels.iter().enumerate() {
            if labels[..i].contains(label) {
                let message = format!("two values of `{path}` in the grid are called `{label}`");
                let help = match &values[i].value {
                    Value::Table(_) => "vary the key in which they differ, or give each a `name` of its own",
                    _ => "take one of them away",
                };
                wrong(problems, &values[i].origin, &path.to_string(), message, Some(help.to_string()));
            }
        }
        axes.push(Axis { path, origin: &key.origin, values, labels });
    }
    for axis in &axes {
        let section = axis.path.name(0).unwrap_or_default();
        // A whole section may come from the grid alone; whether the campaign knows it is for the section's reader to say.
        let made = |other: &Axis<'_>| other.path.depth() == 1 && other.path.name(0) == Some(section);
        if base.get(section).is_none() && !axes.iter().any(made) {
            let names = || base.entries.iter().map(|(key, _)| key.name.as_str());
            let message =
                format!("`{}` in the grid: the campaign has no `{section}`, only {}", axis.path, list_names(names()));
            wrong(problems, axis.origin, &axis.path.to_string(), message, did_you_mean(section, names()));
        }
    }
    axes
}

fn label_of(index: usize, value: &Node) -> String {
    match &value.value {
        Value::Text(text) => shown(text),
        Value::Table(table) => match table.get("name") {
            Some(Node { value: Value::Text(name), .. }) => shown(name),
            _ => format!("#{index}"),
        },
        Value::Array(_) => format!("#{index}"),
        scalar => scalar.to_string(),
    }
}

/// A text as part of a label: terminals obey control characters, so they are taken out.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The last name of each path, or the whole path where it would stand for two.
fn short_keys(axes: &[Axis<'_>]) -> Vec<String> {
    let mut uses = BTreeMap::new();
    axes.iter().for_each(|axis| *uses.entry(axis.path.tail()).or_insert(0) += 1);
    axes.iter()
        .map(|axis| axis.path.tail())
        .zip(axes)
        .map(|(tail, axis)| if uses[&tail] > 1 { axis.path.to_string() } else { tail })
        .collect()
}

/// Cell `i` of the product; values that cannot be set are noted in `failed` as axis, value and reason.
fn cell(
    i: usize,
    axes: &[Axis<'_>],
    keys: &[String],
    base: &Table,
    failed: &mut BTreeSet<(usize, usize, String)>,
) -> Cell {
    let mut chosen = vec![0; axes.len()];
    axes.iter().enumerate().rev().fold(i, |rest, (a, axis)| {
        chosen[a] = rest % axis.values.len();
        rest / axis.values.len()
    });
    let mut table = base.clone();
    let mut order: Vec<usize> = (0..axes.len()).collect();
    order.sort_by_key(|a| axes[*a].path.depth());
    for a in order {
        let Axis { path, values, .. } = &axes[a];
        let node = merge(path.get(&table), &values[chosen[a]]);
        if let Err(message) = path.set(&mut table, node) {
            failed.insert((a, chosen[a], format!("`{path}` in the grid: {message}")));
        }
    }
    let labels = || axes.iter().zip(&chosen).map(|(axis, v)| axis.labels[*v].clone());
    let label: Vec<String> = keys.iter().zip(labels()).map(|(key, label)| format!("{key}={label}")).collect();
    Cell { label: label.join(" "), axes: axes.iter().map(|axis| axis.path.to_string()).zip(labels()).collect(), table }
}
