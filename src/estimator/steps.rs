//! Walks: what one is, its steps, and the squared distances that it covers.

use super::{Array, Arrays};
use crate::error::{Error, Result};

/// Lanes of a sum, so that its loop fills vector registers.
const LANES: usize = 8;

/// The array `walk`, (steps, weights): at least so many rows, all finite.
///
/// # Errors
/// If there is none, or it is shorter, or has a number that is not finite.
pub(super) fn walk(arrays: &Arrays, least: usize) -> Result<&Array> {
    let walk = finite(arrays, "walk")?;
    if walk.rows < least {
        let message = format!("`walk` has {} rows: needs at least {least}, one for each step", walk.rows);
        return Err(Error::Config(message));
    }
    Ok(walk)
}

/// The array of that name, all finite.
///
/// # Errors
/// If there is none, or it has a number that is not finite.
pub(super) fn finite<'a>(arrays: &'a Arrays, name: &str) -> Result<&'a Array> {
    let array = arrays.get(name)?;
    let bad = array.values.iter().position(|x| !x.is_finite());
    match bad {
        None => Ok(array),
        Some(at) => {
            let (row, column) = (at / array.columns(), at % array.columns());
            let found = array.values[at];
            Err(Error::Config(format!("`{name}`, row {row}, column {column}: {found}: all numbers must be finite")))
        }
    }
}

/// Steps of a walk of `rows` places: each place less the one before it, (rows - 1, k).
pub fn steps<T: Copy + Into<f64>>(walk: &[T], rows: usize) -> Vec<f64> {
    let k = walk.len() / rows.max(1);
    let later = walk.get(k..).unwrap_or_default();
    later.iter().zip(walk).map(|(later, earlier)| (*later).into() - (*earlier).into()).collect()
}

/// Squared distance of two places.
pub fn squared_distance<T: Copy + Into<f64>>(a: &[T], b: &[T]) -> f64 {
    let square = |a: &T, b: &T| {
        let apart: f64 = (*a).into() - (*b).into();
        apart * apart
    };
    let (heads, rest) = a.as_chunks::<LANES>();
    let (others, tail) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in heads.iter().zip(others) {
        for i in 0..LANES {
            sums[i] += square(&a[i], &b[i]);
        }
    }
    sums.iter().sum::<f64>() + rest.iter().zip(tail).map(|(a, b)| square(a, b)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_distances_are_differences_of_places() {
        let walk: Vec<f32> = (0..33).map(|i| (i * i % 17) as f32).collect();
        let steps = steps(&walk, 3);
        assert_eq!(steps.len(), 22);
        assert_eq!(steps[13], f64::from(walk[24] - walk[13]));
        let squares: f64 = steps[..11].iter().map(|x| x * x).sum();
        assert_eq!(squared_distance(&walk[..11], &walk[11..22]), squares);
        assert!(super::steps::<f64>(&[1.0, 2.0], 1).is_empty());
    }

    #[test]
    fn walks_that_are_short_or_not_finite_are_refused_by_name_and_place() {
        let of = |values: Vec<f64>, rows| {
            let arrays = Arrays { arrays: [("walk".to_string(), Array::new(values, rows))].into() };
            walk(&arrays, 3).map(|walk| walk.rows).map_err(|error| error.to_string())
        };
        assert_eq!(of(vec![0.0; 6], 3).unwrap(), 3);
        assert_eq!(of(vec![0.0; 6], 2).unwrap_err(), "`walk` has 2 rows: needs at least 3, one for each step");
        let error = of(vec![0.0, 0.0, 0.0, f64::NAN, 0.0, 0.0], 3).unwrap_err();
        assert_eq!(error, "`walk`, row 1, column 1: NaN: all numbers must be finite");
    }
}
