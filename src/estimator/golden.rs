//! The golden arrays and values of `tests/reference/metrics_golden.json`, for tests.

use std::sync::LazyLock;

use serde_json::Value;

use super::{Array, Arrays};

static GOLDEN: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../tests/reference/metrics_golden.json")).expect("the file is JSON")
});

/// A value by its key, or keys one below the other with `/` between them.
pub fn value(key: &str) -> f64 {
    GOLDEN.pointer(&format!("/{key}")).and_then(Value::as_f64).unwrap_or_else(|| panic!("no number {key}"))
}

/// The arrays that the values were made of, as `x`, `t` and `y` (labels), `target` (Y).
pub fn arrays() -> Arrays {
    let array = |key: &str| {
        let rows = GOLDEN["arrays"][key].as_array().unwrap_or_else(|| panic!("no array {key}"));
        let row = |row: &Value| match row {
            Value::Array(row) => row.iter().map(|x| x.as_f64().unwrap()).collect(),
            number => vec![number.as_f64().unwrap()],
        };
        Array::new(rows.iter().flat_map(row).collect(), rows.len())
    };
    let names = [("x", "X"), ("t", "T"), ("y", "label"), ("target", "Y")];
    Arrays { arrays: names.map(|(name, key)| (name.to_string(), array(key))).into() }
}
