//! Principal components of a walk: the share of its variance along each, which is large for the first few even where the walk
//! is random. Of a Brownian walk in many dimensions component i has `6 / (pi^2 i^2)` (Antognini & Sohl-Dickstein 2018).

use super::random_signs::RandomSigns;
use super::steps::walk;
use super::{Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::num::{Eigen, Matrix};

/// Share of the variance along component `i`, from 1 on, of a long Brownian walk in many dimensions: `6 / (pi^2 i^2)`.
pub fn random_walk_share(i: usize) -> f64 {
    6.0 / (std::f64::consts::PI * i as f64).powi(2)
}

/// Shares of the variance along the principal components of `rows` places, (rows, k), greatest first, `min(rows, k)` of them.
/// NaN where the places do not differ or are not finite.
pub fn explained_variance(places: &[f64], rows: usize) -> Vec<f64> {
    let k = places.len() / rows.max(1);
    let size = rows.min(k);
    let mut centred = places.to_vec();
    for i in 0..k {
        let mean = (0..rows).map(|t| places[t * k + i]).sum::<f64>() / rows as f64;
        (0..rows).for_each(|t| centred[t * k + i] -= mean);
    }
    // Rows and columns have the same spectrum: the smaller of the two products is taken.
    let places = Matrix::new(&centred, rows);
    let gram = if k < rows { places.transposed().times(places) } else { places.times(places.transposed()) };
    let Some(Eigen { values: mut spectrum, .. }) = Eigen::of(&gram, size) else { return vec![f64::NAN; size] };
    spectrum.sort_by(|a, b| b.total_cmp(a));
    let total: f64 = spectrum.iter().sum();
    spectrum.into_iter().map(|variance| if total > 0.0 { variance.max(0.0) / total } else { f64::NAN }).collect()
}

struct WalkPca {
    component: usize,
    nulls: RandomSigns,
}

pub(super) const ENTRY: Entry<dyn Estimator> = Entry {
    name: "walk-pca",
    summary: "share of a walk's variance along a principal component; a random walk has 6 / (pi^2 i^2)",
    reference: "Antognini & Sohl-Dickstein 2018",
    // Default: the first component.
    build: |params, ()| {
        let component = params.integer("component", Some(1), 1..=u32::MAX.into()) as usize;
        Ok(Box::new(WalkPca { component, nulls: RandomSigns::read(params) }))
    },
};

impl Estimator for WalkPca {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        let walk = walk(arrays, 2)?;
        let components = walk.rows.min(walk.columns());
        if self.component > components {
            let told = format!("`component` = {}: must be 1 to {components}", self.component);
            return Err(Error::Config(told));
        }
        let share = |places: &[f64]| explained_variance(places, walk.rows)[self.component - 1];
        let shuffled = self.nulls.of_walk(walk, share);
        Ok(Estimate::new(share(&walk.values), "1", walk.rows).with_cap(1.0).with_shuffled(shuffled))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{brownian, estimate};
    use super::super::Array;
    use super::*;

    #[test]
    fn a_random_walk_looks_structured_as_theory_says() {
        let (rows, k) = (150, 1_500);
        let walk = brownian(rows, k, 1);
        let shares = explained_variance(&walk, rows);
        for (i, printed) in [0.608, 0.152, 0.068, 0.038].into_iter().enumerate() {
            assert!((random_walk_share(i + 1) - printed).abs() < 0.000_5);
            assert!((shares[i] / printed - 1.0).abs() < 0.06, "{i}: {} {printed}", shares[i]);
        }
        let walk = Array::new(walk, rows);
        let found = estimate(&ENTRY, "component = 2\nshuffles = 2", [("walk", walk)]).unwrap();
        assert!(
            (found.value - shares[1]).abs() < 1e-12 && (found.shuffled.unwrap() - 0.152).abs() < 0.015,
            "{found:?}"
        );
    }

    #[test]
    fn a_straight_walk_has_one_component_whichever_side_is_longer() {
        let line =
            |rows: usize, k: usize| (0..rows * k).map(|i| (i / k) as f64 * (1 + i % k) as f64).collect::<Vec<f64>>();
        for (rows, k) in [(30, 4), (4, 30)] {
            let shares = explained_variance(&line(rows, k), rows);
            assert_eq!(shares.len(), 4);
            assert!((shares[0] - 1.0).abs() < 1e-12 && shares[1] < 1e-12, "{shares:?}");
        }
        // Variances of 4 and 1 along two axes.
        let shares = explained_variance(&[2.0, 0.0, -2.0, 0.0, 0.0, 1.0, 0.0, -1.0], 4);
        assert!((shares[0] - 0.8).abs() < 1e-12 && (shares[1] - 0.2).abs() < 1e-12, "{shares:?}");
        assert!(explained_variance(&[1.0; 6], 3)[0].is_nan() && explained_variance(&[1.0, f64::NAN], 2)[0].is_nan());
        let walk = Array::new(vec![0.0, 1.0, 2.0], 3);
        assert_eq!(estimate(&ENTRY, "component = 2", [("walk", walk)]).unwrap_err(), "`component` = 2: must be 1 to 1");
    }
}
