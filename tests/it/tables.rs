//! Builds registry rows from parameters written as JSON, and tells the problems that a user would be told.

use subevo::entry::Entries;
use subevo::params::{read_table, Key, Node, Origin, Problems, Table, Value};

/// A table of parameters from a JSON object.
pub fn table(json: &serde_json::Value) -> Table {
    let key = |name: &String| Key { name: name.clone(), origin: Origin::Default };
    Table { entries: json.as_object().unwrap().iter().map(|(name, value)| (key(name), node(value))).collect() }
}

fn node(json: &serde_json::Value) -> Node {
    Node::new(match json {
        serde_json::Value::Bool(x) => Value::Boolean(*x),
        serde_json::Value::Number(x) if x.is_f64() => Value::Float(x.as_f64().unwrap()),
        serde_json::Value::Number(x) => Value::Integer(x.as_i64().unwrap()),
        serde_json::Value::String(x) => Value::Text(x.clone()),
        serde_json::Value::Array(items) => Value::Array(items.iter().map(node).collect()),
        serde_json::Value::Object(_) => Value::Table(table(json)),
        serde_json::Value::Null => panic!("TOML has no null"),
    })
}

/// Builds the row called `name`; on failure the messages of all problems.
pub fn try_build<T: ?Sized, C: ?Sized>(
    registry: &Entries<T, C>,
    name: &str,
    params: serde_json::Value,
    context: &C,
) -> Result<Box<T>, Vec<String>> {
    let (table, problems) = (table(&params), Problems::default());
    let (built, _) = read_table(&table, Origin::Default, "it", &problems, |params| {
        registry.build(name, &Origin::Default, params, context)
    });
    let messages: Vec<String> = problems.into_vec().into_iter().map(|problem| problem.message).collect();
    match built {
        Some(built) if messages.is_empty() => Ok(built),
        _ => Err(messages),
    }
}

/// Builds the row called `name`, which must work.
pub fn build<T: ?Sized, C: ?Sized>(
    registry: &Entries<T, C>,
    name: &str,
    params: serde_json::Value,
    context: &C,
) -> Box<T> {
    try_build(registry, name, params, context).unwrap_or_else(|messages| panic!("{name}: {messages:?}"))
}
