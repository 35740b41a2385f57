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

#[cfg(test)]
mod tests {
    use statrs::distribution::{ContinuousCDF, Normal};

    use super::*;

    /// Normal quantiles of multiples of the fractional parts of roots of primes, (rows, columns).
    fn gauss(rows: usize, columns: usize, shift: f64) -> Array {
        let parts = [2.0f64, 3.0, 5.0, 7.0, 11.0, 13.0].map(|prime| prime.sqrt() % 1.0);
        let share = |i: usize| ((i / columns + 1) as f64 * parts[i % columns] + shift) % 1.0;
        Array::new((0..rows * columns).map(|i| Normal::standard().inverse_cdf(share(i))).collect(), rows)
    }

    #[track_caller]
    fn same(name: &str, expected: impl IntoIterator<Item = f64>) {
        let found = array(name).values;
        let expected: Vec<f64> = expected.into_iter().collect();
        assert_eq!(found.len(), expected.len(), "{name}");
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert!((found - expected).abs() < 1e-9, "{name}, value {i}: {found} against {expected}");
        }
    }

    #[test]
    fn the_arrays_are_made_as_their_notes_say() {
        let x = gauss(64, 3, 0.0);
        same("X", x.values.iter().copied());
        let (five, six) = (gauss(64, 5, 0.0), gauss(64, 6, 0.0));
        same("Y", (0..64).flat_map(|i| [0.8 * x.row(i)[0] + 0.6 * five.row(i)[4], six.row(i)[5]]));
        same("label", (0..64).map(|i| f64::from(i % 3)));
        let weights: Vec<Vec<f64>> = serde_json::from_value(GOLDEN["relu_W"].clone()).unwrap();
        let unit = |i: usize, unit: usize| {
            let h: f64 = x.row(i).iter().zip(&weights).map(|(x, row)| x * row[unit]).sum();
            (h + 0.1 * (i % 3) as f64).max(0.0)
        };
        let t: Vec<f64> = (0..256).map(|i| unit(i / 4, i % 4)).collect();
        assert!((t.iter().sum::<f64>() - value("T_sum")).abs() < 1e-9);
        same("T", t);
        let logits = gauss(64, 4, 0.3);
        same("logits", (0..256).map(|i| 2.0 * logits.values[i] + if i % 4 == i / 4 % 3 { 0.8 } else { 0.0 }));
        let mut place = [0.0; 3];
        same(
            "walk",
            gauss(50, 3, 0.0).iter().flat_map(|step| {
                place.iter_mut().zip(step).for_each(|(place, step)| *place += step);
                place
            }),
        );
        same("grads", gauss(32, 5, 0.0).values.iter().map(|z| z + 0.3));
    }
}
