//! What the tests of estimators share: a row applied to arrays, and normal numbers.

use super::{Array, Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::params::{read_table, toml, Origin, Problems};
use crate::rng::Seed;

/// What a row with these parameters, lines of TOML, makes of named arrays; or what it objects to.
pub fn estimate<const N: usize>(
    entry: &Entry<dyn Estimator>,
    params: &str,
    arrays: [(&str, Array); N],
) -> Result<Estimate, String> {
    let problems = Problems::default();
    let table = toml::parse(params, &problems);
    let (built, _) = read_table(&table, Origin::Default, "", &problems, |params| (entry.build)(params, &()));
    let told: Vec<String> = problems.into_vec().into_iter().map(|problem| problem.message).collect();
    if !told.is_empty() {
        return Err(told.join("; "));
    }
    let arrays = Arrays { arrays: arrays.into_iter().map(|(name, array)| (name.to_string(), array)).collect() };
    built.and_then(|estimator| estimator.estimate(&arrays)).map_err(|error| error.to_string())
}

/// So many standard normals of a stream of their own.
pub fn normals(count: usize, stream: u64) -> Vec<f64> {
    let mut normals = vec![0.0f32; count];
    Seed::new(stream).child("test").rng().fill_normal(&mut normals);
    normals.into_iter().map(f64::from).collect()
}

/// A walk from 0 whose steps are standard normals, (rows, k).
pub fn brownian(rows: usize, k: usize, stream: u64) -> Vec<f64> {
    let mut walk = vec![0.0; k];
    for (i, step) in normals((rows - 1) * k, stream).into_iter().enumerate() {
        walk.push(walk[i] + step);
    }
    walk
}
