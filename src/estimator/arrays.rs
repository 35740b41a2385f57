//! Named arrays: samples in rows.

use std::collections::BTreeMap;

use crate::error::{Error, Result};

/// Samples in rows, f64.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Row after row.
    pub values: Vec<f64>,
    /// Number of samples.
    pub rows: usize,
}

impl Array {
    /// So many rows.
    ///
    /// # Panics
    /// If the values cannot be shared out to so many rows.
    pub fn new(values: Vec<f64>, rows: usize) -> Self {
        assert!(rows > 0 && values.len().is_multiple_of(rows), "{} values are no {rows} rows", values.len());
        Array { values, rows }
    }

    /// Values of a row.
    pub fn columns(&self) -> usize {
        self.values.len() / self.rows
    }

    /// Each row.
    pub fn iter(&self) -> std::slice::ChunksExact<'_, f64> {
        self.values.chunks_exact(self.columns().max(1))
    }

    /// One row.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.columns()..(i + 1) * self.columns()]
    }
}

/// What an estimator is given: `x` inputs, `t` representations, `y` labels or targets, `logits`, `walk` (steps, weights),
/// `grads` (batches, weights).
#[derive(Clone, Debug, Default)]
pub struct Arrays {
    /// By name.
    pub arrays: BTreeMap<String, Array>,
}

impl Arrays {
    /// Whether there is one of that name.
    pub fn has(&self, name: &str) -> bool {
        self.arrays.contains_key(name)
    }

    /// The array of that name.
    ///
    /// # Errors
    /// If there is none.
    pub fn get(&self, name: &str) -> Result<&Array> {
        self.arrays.get(name).ok_or_else(|| {
            let names: Vec<&str> = self.arrays.keys().map(String::as_str).collect();
            Error::Config(format!("there is no array `{name}`: found {}", crate::params::list_names(names)))
        })
    }

    /// Two arrays of as many rows.
    ///
    /// # Errors
    /// If one is missing, or they have not as many rows.
    pub fn pair(&self, one: &str, other: &str) -> Result<(&Array, &Array)> {
        let (a, b) = (self.get(one)?, self.get(other)?);
        if a.rows != b.rows {
            let message = format!("`{one}` has {} rows and `{other}` {}: expected as many", a.rows, b.rows);
            return Err(Error::Config(message));
        }
        Ok((a, b))
    }

    /// The array of that name as labels: whole numbers from 0 on, one in each row.
    ///
    /// # Errors
    /// If there is none, or it holds something else.
    pub fn labels(&self, name: &str) -> Result<Vec<u32>> {
        let array = self.get(name)?;
        if array.columns() != 1 {
            let message = format!("`{name}` has {} values a row: labels are one whole number each", array.columns());
            return Err(Error::Config(message));
        }
        let label = |(row, value): (usize, &f64)| {
            let whole = value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(value);
            let told = || Error::Config(format!("`{name}`, row {row}: {value} is no label: expected 0, 1, 2, ..."));
            whole.then_some(*value as u32).ok_or_else(told)
        };
        array.values.iter().enumerate().map(label).collect()
    }
}
