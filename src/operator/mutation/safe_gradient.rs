//! Safe mutation through gradients, SM-G-SUM (Lehman, Chen, Clune & Stanley 2018): a normal step on each gene, divided by how
//! sensitive the outputs are to that gene.
//!
//! `gene += sigma * N(0, 1) / s`, where `s^2` is the sum over the classes of the squared gradient by gene of the sum of
//! that class's logit over the batch. The sums grow with the batch, as in the paper: twice the images halve the steps.
//!
//! SM-G-ABS sums absolute gradients of single images. That takes a backward pass for each image and class in the place of one
//! for each class, of 128 images 128 times the cost; and where batch-norm ties the images of a batch together, the
//! gradient of one image's logit is one of all images. So it is left out.

use super::gaussian::Gaussian;
use super::MutationOperator;
use crate::entry::Entry;
use crate::error::Result;
use crate::operator::{Needs, Network, OperatorContext, Population, Reporter};
use crate::params::Range;
use crate::rng::Rng;

struct SafeGradient {
    step: Gaussian,
    least_sensitivity: f32,
}

/// Defaults: `sigma` 0.1 and `least_sensitivity` 0.01, to which smaller sensitivities are raised, so that no step grows
/// more than a hundredfold; both as in the authors' code. Their rule too: a gene that no output depends on, whose sensitivity
/// is exactly 0, has the step undivided. So has one whose sensitivity is no finite number.
pub(super) const ENTRY: Entry<dyn MutationOperator> = Entry {
    name: "safe-gradient",
    summary: "a normal step on each gene, divided by the sensitivity of the outputs to it",
    reference: "Lehman, Chen, Clune & Stanley 2018, SM-G-SUM",
    build: |params, ()| {
        let sigma = params.float("sigma", Some(0.1), Range::AboveUpTo(0.0, 1000.0)) as f32;
        let least = params.float("least_sensitivity", Some(0.01), Range::AboveUpTo(0.0, 1000.0)) as f32;
        Ok(Box::new(SafeGradient { step: Gaussian { sigma, rate: 1.0 }, least_sensitivity: least }))
    },
};

impl MutationOperator for SafeGradient {
    fn mutate(&self, genes: &mut [f32], context: &OperatorContext<'_>, rng: &mut Rng) {
        self.step.mutate(genes, context, rng);
    }

    fn refines(&self) -> bool {
        true
    }

    /// The gradients of each class for every child. Children that were equal before share theirs.
    fn needs(&self, children: usize, classes: usize) -> Needs {
        Needs { output_gradients: children * classes, ..Needs::default() }
    }

    fn refine(
        &self,
        children: &mut Population,
        before: &Population,
        network: &dyn Network,
        report: &Reporter,
    ) -> Result<()> {
        let (first, group_of) = before.groups();
        for (group, parent) in first.into_iter().enumerate() {
            let genes = before.member(parent);
            let sensitivities = sensitivities(&network.output_gradients(genes)?, genes.len());
            report.add("safe_gradient.sensitivity", root_mean_square(&sensitivities));
            for child in (0..children.len()).filter(|child| group_of[*child] == group) {
                for ((gene, before), s) in children.member_mut(child).iter_mut().zip(genes).zip(&sensitivities) {
                    *gene = before + (*gene - before) / self.divisor(*s);
                }
            }
        }
        Ok(())
    }
}

impl SafeGradient {
    fn divisor(&self, sensitivity: f32) -> f32 {
        if sensitivity > 0.0 && sensitivity.is_finite() {
            sensitivity.max(self.least_sensitivity)
        } else {
            1.0
        }
    }
}

/// The length, over the classes, of the gradients (classes, k) of each gene.
fn sensitivities(gradients: &[Vec<f32>], k: usize) -> Vec<f32> {
    let mut squares = vec![0.0f64; k];
    for gradient in gradients {
        squares.iter_mut().zip(gradient).for_each(|(sum, slope)| *sum += f64::from(*slope).powi(2));
    }
    squares.into_iter().map(|sum| sum.sqrt() as f32).collect()
}

fn root_mean_square(values: &[f32]) -> f64 {
    let known = || values.iter().filter(|x| x.is_finite()).map(|x| f64::from(*x).powi(2));
    (known().sum::<f64>() / known().count().max(1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_sensitivities_are_raised_and_what_is_no_number_leaves_the_step() {
        let operator = SafeGradient { step: Gaussian { sigma: 0.1, rate: 1.0 }, least_sensitivity: 0.01 };
        for (sensitivity, divisor) in
            [(4.0, 4.0), (0.01, 0.01), (1e-30, 0.01), (0.0, 1.0), (f32::NAN, 1.0), (f32::INFINITY, 1.0)]
        {
            assert_eq!(operator.divisor(sensitivity), divisor, "{sensitivity}");
        }
    }

    #[test]
    fn the_sensitivity_is_the_length_over_the_classes() {
        let gradients = [vec![3.0, 0.0, -1.0, 1e30], vec![-4.0, 0.0, 2.0, 1e30], vec![0.0, 0.0, 2.0, 0.0]];
        assert_eq!(sensitivities(&gradients, 4), [5.0, 0.0, 3.0, 2f32.sqrt() * 1e30]);
        assert!(sensitivities(&[vec![f32::NAN]], 1)[0].is_nan());
    }
}
