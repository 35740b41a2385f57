//! Alignment of the learner's next update with steepest descent on the training snapshot, cosine by cosine.
//!
//! `weights`: as trained values. `genes`: both in units of genes, in which an evolution strategy searches and in which its
//! theory holds: an update in weights divided by what a gene is worth, a gradient times that. The update is drawn again from
//! the learner's state at this moment, each time on a batch of its own; an update of length 0 has no cosine and is counted in
//! `moved` alone.
//!
//! Beside it stand `chance`, the standard deviation of the cosine with a random direction, `1 / sqrt(d)`; and for evolution
//! what isotropic searches of as many members reach on a linear loss without noise: `pairs`, `sqrt(n / (n + d))` of n
//! antithetic pairs, and `best-of`, the best of all ([`es_theory`]).

use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::alignment::{cosine, random_sd};
use crate::estimator::es_theory;
use crate::metric::{Measured, Metric, Needs, Size, Subject, When};
use crate::num::{mean, sd};
use crate::record::{Method, Reading};
use crate::subset::Encoding;

struct Alignment {
    redraws: usize,
}

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "alignment",
    summary: "cosine of the learner's updates with steepest descent on the training snapshot, beside theory",
    reference: "Zhang, Clune & Stanley 2017",
    // Default: 8 `redraws`.
    build: |params, ()| Ok(Box::new(Alignment { redraws: params.integer("redraws", Some(8), 1..=10_000) as usize })),
};

impl Metric for Alignment {
    fn when(&self) -> When {
        When::Always
    }

    fn needs(&self) -> Needs {
        Needs { states: true, ..Needs::default() }
    }

    fn macs(&self, size: &Size) -> f64 {
        size.gradient(size.snapshot) + self.redraws as f64 * size.step
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let Some(redraw) = subject.run.redraw else {
            return Ok(Measured::missing("the learner's state was not kept at this moment"));
        };
        let start = &subject.task.start;
        let (_, gradient) = subject.gradient(&subject.snapshot.trained, subject.train)?;
        let updates = redraw.updates(self.redraws, subject.seed.child("alignment"))?;
        let d = start.genes();
        let scale: Vec<f64> = match &start.encoding {
            Encoding::Weights(scale) => scale.iter().map(|scale| f64::from(*scale)).collect(),
            Encoding::Subspace(_) => vec![1.0; d],
        };
        let mut measured = Measured::default();
        for (of, power) in [("weights", 0), ("genes", 1)] {
            let found = cosines(&updates, &gradient, &scale, power);
            let cosine = Reading::new("cosine", mean(&found), "1", found.len()).of(of).cap(1.0);
            measured.push(if found.len() > 1 { cosine.se(sd(&found) / (found.len() as f64).sqrt()) } else { cosine });
        }
        let moved = updates.iter().filter(|update| update.iter().any(|x| *x != 0.0)).count();
        measured.push(Reading::new("moved", moved as f64 / updates.len() as f64, "1", updates.len()));
        measured.push(Reading::new("chance", random_sd(d), "1", d));
        if subject.run.header.method == Method::Evolution {
            let members = subject.run.population;
            measured.push(Reading::new("theory", es_theory::cosine(members / 2, d), "1", members).of("pairs"));
            measured.push(Reading::new("theory", es_theory::best_of_cosine(members, d), "1", members).of("best-of"));
        }
        Ok(measured)
    }
}

/// Cosines of updates with the gradient turned round, where both have a length: as they are, or (`power` 1) in units of
/// genes.
fn cosines(updates: &[Vec<f32>], gradient: &[f32], scale: &[f64], power: i32) -> Vec<f64> {
    let scaled = |values: &[f32], power: i32| -> Vec<f64> {
        values.iter().zip(scale).map(|(x, scale)| f64::from(*x) * scale.powi(power)).collect()
    };
    let descent: Vec<f64> = scaled(gradient, power).into_iter().map(|slope| -slope).collect();
    let all = updates.iter().map(|update| cosine(&scaled(update, -power), &descent));
    all.zip(updates).filter(|(_, update)| update.iter().any(|x| *x != 0.0)).map(|(cosine, _)| cosine).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_genes_an_update_is_divided_and_a_gradient_multiplied() {
        let (gradient, scale) = ([1.0, 1.0], [1.0, 2.0]);
        // Steepest descent in genes, (-1, -2), moves the weights by (-1, -4).
        let updates = vec![vec![-1.0, -4.0], vec![-1.0, -1.0], vec![0.0, 0.0]];
        let close = |found: Vec<f64>, expected: [f64; 2]| {
            assert_eq!(found.len(), 2, "an update of length 0 has no cosine");
            found.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-12, "{found:?}"));
        };
        close(cosines(&updates, &gradient, &scale, 1), [1.0, 2.0 / (1.25f64.sqrt() * 5f64.sqrt())]);
        close(cosines(&updates, &gradient, &scale, 0), [5.0 / 34f64.sqrt(), 1.0]);
        assert!(cosines(&[vec![f32::NAN, 1.0]], &gradient, &scale, 0)[0].is_nan(), "NaN is not hidden");
    }
}
