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

#[cfg(test)]
mod tests {
    use super::super::{toml, Key, Problems};
    use super::*;
    use proptest::prelude::*;

    fn table_of(pairs: Vec<(String, Value)>) -> Table {
        let mut table = Table::default();
        pairs.into_iter().for_each(|(name, value)| table.set(&name, Node::new(value)));
        table
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::Boolean),
            any::<i64>().prop_map(Value::Integer),
            any::<u64>().prop_map(|bits| Value::Float(f64::from_bits(bits))),
            prop_oneof![Just(-0.0), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(3.0)].prop_map(Value::Float),
            any::<String>().prop_map(Value::Text),
            "[\\x00-\\x7f]{0,8}".prop_map(Value::Text),
        ];
        leaf.prop_recursive(5, 60, 5, |inner| {
            let pairs = prop::collection::vec(("[a-c.\" \n\u{7f}é]{0,3}", inner.clone()), 0..5);
            let tables = prop::collection::vec(pairs.clone(), 0..4).prop_map(|items| {
                Value::Array(items.into_iter().map(|pairs| Node::new(Value::Table(table_of(pairs)))).collect())
            });
            let array = prop::collection::vec(inner, 0..5)
                .prop_map(|items| Value::Array(items.into_iter().map(Node::new).collect()));
            prop_oneof![pairs.prop_map(|pairs| Value::Table(table_of(pairs))), array, tables]
        })
    }

    /// Equal in values to the bit, NaN being NaN; the order of keys does not count.
    fn same(a: &Value, b: &Value) -> bool {
        match (a, b) {
            (Value::Boolean(a), Value::Boolean(b)) => a == b,
            (Value::Integer(a), Value::Integer(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(),
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(&a.value, &b.value))
            }
            (Value::Table(a), Value::Table(b)) => {
                let found =
                    |(key, node): &(Key, Node)| b.get(&key.name).is_some_and(|other| same(&node.value, &other.value));
                a.entries.len() == b.entries.len() && a.entries.iter().all(found)
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back_the_same(pairs in prop::collection::vec(("[a-d -]{0,3}", any_value()), 0..6)) {
            let table = table_of(pairs);
            let text = to_toml(&table);
            let problems = Problems::default();
            let read = toml::parse(&text, &problems);
            prop_assert_eq!(problems.into_vec().len(), 0, "{}", text);
            prop_assert!(same(&Value::Table(table), &Value::Table(read.clone())), "{}", text);
            prop_assert_eq!(to_toml(&read), text);
        }
    }

    const PRINTED: &str = r#"name = "a\"b\\c\n\u0007é"
"a key" = [1, -0.0, 1e300, nan, -inf, 0.1, [], {}]
none = []

[subset]
background = "zero"
select = [{ filters = 0.25 }, { batchnorm = true }]

[subset.long]
words = ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "cccccccccccccccccccccccccccccc"]

[empty]

[[learner]]
strategy = { name = "snes", population = 32 }

[[learner]]
"#;

    #[test]
    fn sections_lists_and_short_tables_have_their_form() {
        let problems = Problems::default();
        let table = toml::parse(&PRINTED.replace("1e300", "1.0e+300").replace("0.1,", "0.1000,"), &problems);
        assert!(problems.is_empty());
        assert_eq!(to_toml(&table), PRINTED);
    }

    #[test]
    fn the_digest_is_of_the_text_and_of_nothing_else() {
        assert_eq!(digest(&Table::default()), "00000000");
        // zlib.crc32(b"a = 1\n") in Python.
        let one = table_of(vec![("a".to_string(), Value::Integer(1))]);
        assert_eq!(digest(&one), "af2fda68");
        let float = table_of(vec![("a".to_string(), Value::Float(1.0))]);
        assert_ne!(digest(&float), digest(&one));
        assert_eq!(digest(&toml::parse("# a comment\n  a =    1", &Problems::default())), digest(&one));
    }
}
