//! Exact state of a learner for checkpoints: named arrays that keep every bit.

use std::collections::BTreeMap;

use crate::error::{Error, Result};

/// One array.
#[derive(Clone, Debug, PartialEq)]
pub enum Array {
    /// Genes, weights, moments.
    F32(Vec<f32>),
    /// Strategy state and sums.
    F64(Vec<f64>),
    /// Counters.
    U64(Vec<u64>),
}

/// Named arrays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// By name, in alphabetical order.
    pub arrays: BTreeMap<String, Array>,
}

macro_rules! accessors {
    ($put:ident, $get:ident, $variant:ident, $type:ty) => {
        /// Puts an array under a name.
        pub fn $put(&mut self, name: &str, values: &[$type]) {
            self.arrays.insert(name.to_string(), Array::$variant(values.to_vec()));
        }

        /// Gets the array of that name, which must have `length` values.
        ///
        /// # Errors
        /// If there is none of that name, type and length.
        pub fn $get(&self, name: &str, length: usize) -> Result<&[$type]> {
            match self.arrays.get(name) {
                Some(Array::$variant(values)) if values.len() == length => Ok(values),
                Some(Array::$variant(values)) => {
                    Err(Error::Learner(format!("state: `{name}` has {} values, expected {length}", values.len())))
                }
                Some(_) => Err(Error::Learner(format!("state: `{name}` is not {}", stringify!($type)))),
                None => Err(Error::Learner(format!("state: `{name}` is missing"))),
            }
        }
    };
}

impl State {
    accessors!(put_f32, f32s, F32, f32);
    accessors!(put_f64, f64s, F64, f64);
    accessors!(put_u64, u64s, U64, u64);

    /// Takes in all arrays of `inner`, each under `prefix.name`.
    pub fn nest(&mut self, prefix: &str, inner: State) {
        self.arrays.extend(inner.arrays.into_iter().map(|(name, array)| (format!("{prefix}.{name}"), array)));
    }

    /// The arrays that were nested under `prefix`.
    pub fn inner(&self, prefix: &str) -> State {
        let start = format!("{prefix}.");
        let of = |(name, array): (&String, &Array)| Some((name.strip_prefix(&start)?.to_string(), array.clone()));
        State { arrays: self.arrays.iter().filter_map(of).collect() }
    }
}
