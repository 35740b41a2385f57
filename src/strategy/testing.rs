//! What the tests of strategies share: building one from parameters, and following evosax.

use serde_json::Value as Json;

use super::Strategy;
use crate::operator::Population;
use crate::params::{read_table, Key, Node, Origin, Params, Problems, Table, Value};

/// Reads a strategy from an object of numbers and strings.
pub fn build<T>(given: &Json, read: impl FnOnce(&Params<'_>) -> T) -> T {
    let node = |(name, value): (&String, &Json)| {
        let value = match value {
            Json::String(text) => Value::Text(text.clone()),
            number => number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap()), Value::Integer),
        };
        (Key { name: name.clone(), origin: Origin::Default }, Node::new(value))
    };
    let table = Table { entries: given.as_object().unwrap().iter().map(node).collect() };
    let problems = Problems::default();
    let (built, _) = read_table(&table, Origin::Default, "", &problems, read);
    assert!(problems.is_empty(), "{:?}", problems.into_vec());
    built
}

fn numbers(value: &Json) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn f32s(value: &Json) -> Vec<f32> {
    numbers(value).into_iter().map(|x| x as f32).collect()
}

/// Tells a strategy the pairs and losses of `tests/reference/evosax_steps.json`, and holds its mean, and its step sizes where
/// evosax has one for each gene, against evosax's in float64.
pub fn follow_evosax<S: Strategy>(
    name: &str,
    read: impl FnOnce(&Params<'_>, usize) -> S,
    noise: impl Fn(&mut S) -> &mut Vec<f32>,
    sigma: impl Fn(&S) -> &[f64],
) {
    let all: Json = serde_json::from_str(include_str!("../../tests/reference/evosax_steps.json")).unwrap();
    let case = &all[name];
    let (n, k) = (case["n"].as_u64().unwrap() as usize, case["k"].as_u64().unwrap() as usize);
    let mut strategy = build(&case["params"], |params| read(params, k));
    let generations = case["generations"].as_array().unwrap();
    assert_eq!(generations.len(), 3);
    for (t, generation) in generations.iter().enumerate() {
        *noise(&mut strategy) = f32s(&generation["noise"]);
        strategy.tell(Population::zeros(n, k), &f32s(&generation["losses"])).unwrap();
        let found = strategy.incumbent().iter().map(|mean| f64::from(*mean));
        for (found, expected) in found.zip(numbers(&generation["mean"])) {
            assert!((found - expected).abs() < 1e-6, "{name}, generation {t}: mean {found} against {expected}");
        }
        let expected = generation.get("sigma").map(numbers).unwrap_or_default();
        assert_eq!(sigma(&strategy).len(), expected.len(), "{name}");
        for (found, expected) in sigma(&strategy).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{name}, generation {t}: sigma {found} against {expected}");
        }
    }
}
