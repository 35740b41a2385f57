//! A resolved table as TOML that reads back to the same values: what a run directory keeps, and what its digest is of.

use super::value::key_text;
use super::{Node, Table, Value};

/// Longest line on which a nested table or list of tables is written inline, characters.
const LINE: usize = 100;

/// The table as TOML: `[section]` for tables, `[[section]]` for lists of tables, nested ones inline where they fit on a
/// line. Keys keep their order, but within a table the plain values stand before the sections. Equal values give equal
/// bytes; parsed again, every value is the same (a float to the bit; of NaN, the sign and payload are lost).
pub fn to_toml(table: &Table) -> String {
    let mut out = String::new();
    section(&mut out, table, "");
    out
}

/// CRC-32 of [`to_toml`]'s text, as eight hex digits.
pub fn digest(table: &Table) -> String {
    format!("{:08x}", crc32fast::hash(to_toml(table).as_bytes()))
}

fn section(out: &mut String, table: &Table, path: &str) {
    let (blocks, lines): (Vec<_>, Vec<_>) =
        table.entries.iter().partition(|(key, node)| has_header(&key.name, node, path.is_empty()));
    for (key, node) in lines {
        out.push_str(&line(&key.name, node));
    }
    for (key, node) in blocks {
        let name = key_text(&key.name);
        let path = if path.is_empty() { name } else { format!("{path}.{name}") };
        match &node.value {
            Value::Table(inner) => block(out, inner, &path, &format!("[{path}]\n")),
            Value::Array(items) => {
                for inner in items.iter().filter_map(Node::as_table) {
                    block(out, inner, &path, &format!("[[{path}]]\n"));
                }
            }
            _ => {}
        }
    }
}

fn block(out: &mut String, table: &Table, path: &str, header: &str) {
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(header);
    section(out, table, path);
}

fn line(key: &str, node: &Node) -> String {
    format!("{} = {}\n", key_text(key), node.value)
}

/// Whether a value gets its own header: at the top always, below it where it is too long for a line.
fn has_header(key: &str, node: &Node, top: bool) -> bool {
    let tables = match &node.value {
        Value::Table(_) => true,
        Value::Array(items) => !items.is_empty() && items.iter().all(|item| item.as_table().is_some()),
        _ => false,
    };
    tables && (top || line(key, node).chars().count() > LINE + 1)
}
