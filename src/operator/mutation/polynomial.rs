//! Polynomial mutation (Deb & Goyal 1996), in the form that keeps to bounds (Deb & Agrawal 1999).
//!
//! With `u` uniform, `d_1 = (x + b) / 2b` and `d_2 = (b - x) / 2b` of a gene `x` within `-b..b`, and `e = 1 / (eta + 1)`:
//! `x += 2b ((2u + (1 - 2u) (1 - d_1)^(eta + 1))^e - 1)` for `u < 1/2`,
//! `x += 2b (1 - (2 (1 - u) + (2u - 1) (1 - d_2)^(eta + 1))^e)` otherwise.
//! The greater `eta`, the smaller the steps: about `2b / (eta + 2)` in the mean. A gene that another operator took out of the bounds is
//! first brought back to the nearest.

use super::{chosen, MutationOperator};
use crate::entry::Entry;
use crate::operator::OperatorContext;
use crate::params::{Amount, Range};
use crate::rng::Rng;

struct Polynomial {
    eta: f64,
    bound: f64,
    genes: Amount,
}

/// Defaults: `eta` 20, as is usual with Deb's algorithms (1999: 20 to 100); `bound` 3, the three init stds around the base that the
/// genes stay within; `genes` 1: one of them at a time, where the papers ask each with the probability 1/k.
pub(super) const ENTRY: Entry<dyn MutationOperator> = Entry {
    name: "polynomial",
    summary: "a step of polynomial density within bounds, on one gene or on some",
    reference: "Deb & Goyal 1996; Deb & Agrawal 1999",
    build: |params, ()| {
        Ok(Box::new(Polynomial {
            eta: params.float("eta", Some(20.0), Range::Within(0.0, 10_000.0)),
            bound: params.float("bound", Some(3.0), Range::AboveUpTo(0.0, 1e6)),
            genes: chosen::read(params, Amount::Count(1)),
        }))
    },
};

impl Polynomial {
    /// The gene that becomes of `x` with a uniform number `u`.
    fn moved(&self, x: f64, u: f64) -> f64 {
        let (b, power) = (self.bound, self.eta + 1.0);
        let x = x.clamp(-b, b);
        let (below, above) = ((x + b) / (2.0 * b), (b - x) / (2.0 * b));
        let step = if u < 0.5 {
            (2.0 * u + (1.0 - 2.0 * u) * (1.0 - below).powf(power)).powf(1.0 / power) - 1.0
        } else {
            1.0 - (2.0 * (1.0 - u) + (2.0 * u - 1.0) * (1.0 - above).powf(power)).powf(1.0 / power)
        };
        (x + 2.0 * b * step).clamp(-b, b)
    }
}

impl MutationOperator for Polynomial {
    fn mutate(&self, genes: &mut [f32], _: &OperatorContext<'_>, rng: &mut Rng) {
        for gene in chosen::choose(self.genes, genes.len(), rng) {
            genes[gene] = self.moved(f64::from(genes[gene]), f64::from(rng.uniform())) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::testing::with_context;
    use crate::rng::Seed;

    #[test]
    fn steps_are_those_of_a_public_implementation() {
        // mutPolynomialBounded of DEAP 1.4.4 on [x], with `random.random` giving u.
        for (eta, bound, x, u, expected) in REFERENCE {
            let found = Polynomial { eta, bound, genes: Amount::Count(1) }.moved(x, u);
            assert!((found - expected).abs() < 1e-12, "eta {eta}, bound {bound}, x {x}, u {u}: {found}");
        }
    }
    const REFERENCE: [(f64, f64, f64, f64, f64); 6] = [
        (20.0, 3.0, 0.0, 0.25, -0.19480919704093602),
        (20.0, 3.0, 2.9, 0.9, 2.9771258469038053),
        (20.0, 3.0, -2.9, 0.001, -2.9997622644326287),
        (3.0, 2.0, 1.5, 0.5, 1.5),
        (0.0, 1.0, 0.25, 0.75, 0.625),
        (100.0, 3.0, -1.0, 0.999, -0.6419440508007239),
    ];

    #[test]
    fn genes_stay_within_the_bounds_and_the_mean_step_is_that_of_the_density() {
        let (k, eta, bound) = (100_000, 3.0, 2.0);
        for (start, inside) in [(0.0f32, 0.0), (1.9, 1.9), (-7.0, -2.0)] {
            let mut genes = vec![start; k];
            let all = Polynomial { eta, bound, genes: Amount::Fraction(1.0) };
            with_context(k, |context| all.mutate(&mut genes, context, &mut Seed::new(4).rng()));
            assert!(genes.iter().all(|gene| gene.abs() <= 2.0));
            // The mean and the second moment of the formula over a fine grid of u.
            let grid = 200_000;
            let steps = (0..grid).map(|i| all.moved(inside, (f64::from(i) + 0.5) / f64::from(grid)) - inside);
            let (sum, square) = steps.fold((0.0, 0.0), |(sum, square), x| (sum + x, square + x * x));
            let (mean, square) = (sum / f64::from(grid), square / f64::from(grid));
            let found = genes.iter().map(|gene| f64::from(*gene) - inside).sum::<f64>() / k as f64;
            assert!(
                (found - mean).abs() < 4.0 * ((square - mean * mean) / k as f64).sqrt(),
                "{start}: {found}, {mean}"
            );
        }
    }

    #[test]
    fn only_the_asked_genes_move() {
        let mut genes = vec![0.5f32; 1_000];
        let few = Polynomial { eta: 20.0, bound: 3.0, genes: Amount::Count(7) };
        with_context(1_000, |context| few.mutate(&mut genes, context, &mut Seed::new(4).rng()));
        assert_eq!(genes.iter().filter(|gene| gene.to_bits() != 0.5f32.to_bits()).count(), 7);
    }
}
