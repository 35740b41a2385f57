//! The fixed arrays and expected values of `tests/reference/metrics_golden.json`, for the tests of estimators.

use std::sync::LazyLock;

use serde_json::Value;

use super::{Array, Arrays};

static GOLDEN: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../tests/reference/metrics_golden.json")).expect("the file is JSON")
});

/// All of it.
pub fn golden() -> &'static Value {
    &GOLDEN
}

/// A value by its key, or keys one below the other with `/` between them.
pub fn value(key: &str) -> f64 {
    GOLDEN.pointer(&format!("/{key}")).and_then(Value::as_f64).unwrap_or_else(|| panic!("no number {key}"))
}

/// An array of it, a number or a list of numbers in each row.
pub fn array(name: &str) -> Array {
    let rows = GOLDEN["arrays"][name].as_array().unwrap_or_else(|| panic!("no array {name}"));
    let numbers = |row: &Value| match row {
        Value::Array(numbers) => numbers.iter().map(|x| x.as_f64().unwrap()).collect(),
        number => vec![number.as_f64().unwrap()],
    };
    Array::new(rows.iter().flat_map(numbers).collect(), rows.len())
}

/// The arrays that the values of information were made of, as `x`, `t` and `y` (labels), `target` (Y).
pub fn arrays() -> Arrays {
    let names = [("x", "X"), ("t", "T"), ("y", "label"), ("target", "Y")];
    Arrays { arrays: names.map(|(name, key)| (name.to_string(), array(key))).into() }
}
