//! The fixed arrays and expected values of `tests/reference/metrics_golden.json`, for the tests of estimators.

use serde_json::Value as Json;

use super::Array;

/// All of it.
pub fn golden() -> Json {
    serde_json::from_str(include_str!("../../tests/reference/metrics_golden.json")).unwrap()
}

/// An array of it, a number or a list of numbers in each row.
pub fn array(name: &str) -> Array {
    let golden = golden();
    let rows = golden["arrays"][name].as_array().unwrap();
    let numbers = |row: &Json| match row {
        Json::Array(numbers) => numbers.iter().map(|x| x.as_f64().unwrap()).collect(),
        number => vec![number.as_f64().unwrap()],
    };
    Array::new(rows.iter().flat_map(numbers).collect(), rows.len())
}
