//! Safe mutation through rescaling, SM-R (Lehman, Chen, Clune & Stanley 2018): a step in a random direction, as long as
//! changes the outputs by an aimed amount.
//!
//! The divergence of a child is the mean, over the images of the batch and the classes, of the squared difference between its
//! logits and those of the genome it was before. A line search along the normal step looks for the length whose divergence
//! is the aim. For short steps the divergence grows with the square of the length, which gives the next length until the
//! aim lies between two; from then on lengths are interpolated in logarithms, and halved in logarithms every second time.

use rayon::prelude::*;

use super::gaussian::Gaussian;
use super::MutationOperator;
use crate::entry::Entry;
use crate::error::Result;
use crate::operator::{Needs, Network, OperatorContext, Population, Reporter};
use crate::params::Range;
use crate::rng::Rng;

struct SafeRescaling {
    step: Gaussian,
    divergence: f64,
    tolerance: f64,
    tries: usize,
}

/// Defaults: `divergence` 0.01, the aim, and `tries` 15, the lengths that are tried at most, as in the authors' code;
/// `tolerance` 0.1, the share of the aim that the divergence may be off; `sigma` 0.1, the first length for each gene. No
/// length is more than a hundred times the first. Where the aim is not met, the length that came nearest is taken, and
/// where no output changes, or the network failed before the step, the first.
pub(super) const ENTRY: Entry<dyn MutationOperator> = Entry {
    name: "safe-rescaling",
    summary: "a normal step, as long as changes the outputs by an aimed amount",
    reference: "Lehman, Chen, Clune & Stanley 2018, SM-R",
    build: |params, ()| {
        let sigma = params.float("sigma", Some(0.1), Range::AboveUpTo(0.0, 1000.0)) as f32;
        Ok(Box::new(SafeRescaling {
            step: Gaussian { sigma, rate: 1.0 },
            divergence: params.float("divergence", Some(0.01), Range::AboveUpTo(0.0, 1e6)),
            tolerance: params.float("tolerance", Some(0.1), Range::AboveUpTo(0.0, 1.0)),
            tries: params.integer("tries", Some(15), 1..=100) as usize,
        }))
    },
};

/// The longest step, in first ones; and how much shorter the next step is, at most, while the aim lies not between two.
const LONGEST: f64 = 100.0;

/// Children whose outputs are held at the same time.
const TOGETHER: usize = 256;

/// The line search of one child.
struct Search {
    /// The length to try next, in first ones.
    length: f64,
    /// The longest length below the aim and the shortest above it, each with its divergence.
    below: Option<(f64, f64)>,
    above: Option<(f64, f64)>,
    /// The length whose divergence came nearest to the aim, and that divergence.
    nearest: (f64, f64),
    tries: usize,
    /// Whether there is nothing to compare with: the network failed before the step.
    blind: bool,
}

impl MutationOperator for SafeRescaling {
    fn mutate(&self, genes: &mut [f32], context: &OperatorContext<'_>, rng: &mut Rng) {
        self.step.mutate(genes, context, rng);
    }

    fn refines(&self) -> bool {
        true
    }

    /// Every child before, and each of its tries.
    fn needs(&self, children: usize, _: usize) -> Needs {
        Needs { forward: children * (1 + self.tries), ..Needs::default() }
    }

    fn refine(
        &self,
        children: &mut Population,
        before: &Population,
        network: &dyn Network,
        report: &Reporter,
    ) -> Result<()> {
        let some = |population: &Population, which: &[usize]| {
            let genes = which.iter().flat_map(|member| population.member(*member)).copied().collect();
            Population::from_genes(genes, population.size())
        };
        let all: Vec<usize> = (0..children.len()).collect();
        for which in all.chunks(TOGETHER) {
            let (mut steps, before) = (some(children, which), some(before, which));
            let searches = self.search(&steps, &before, network)?;
            let k = before.size();
            steps.members_mut().zip(before.members()).zip(&searches).for_each(|((genes, before), search)| {
                lengthen(genes, before, search.nearest.0 as f32);
                report.add("safe_rescaling.length", search.nearest.0);
                report.add("safe_rescaling.tries", search.tries as f64);
                if search.nearest.1.is_finite() {
                    report.add("safe_rescaling.divergence", search.nearest.1);
                }
            });
            for (child, genes) in which.iter().zip(steps.genes().chunks_exact(k)) {
                children.member_mut(*child).copy_from_slice(genes);
            }
        }
        Ok(())
    }
}

impl SafeRescaling {
    /// The ended searches of children that have made their first steps.
    fn search(&self, first: &Population, before: &Population, network: &dyn Network) -> Result<Vec<Search>> {
        let k = before.size();
        let (parents, group_of) = before.groups();
        let of_parents = parents.iter().flat_map(|parent| before.member(*parent)).copied().collect();
        let outputs_before = network.outputs(&Population::from_genes(of_parents, k))?;
        let failed = |group: &usize| outputs_before[*group].iter().any(|logit| !logit.is_finite());
        let mut searches: Vec<Search> = group_of.iter().map(|group| Search::new(failed(group))).collect();
        loop {
            let open: Vec<usize> = (0..first.len()).filter(|child| self.open(&searches[*child])).collect();
            if open.is_empty() {
                return Ok(searches);
            }
            let mut genes: Vec<f32> = open.iter().flat_map(|child| first.member(*child)).copied().collect();
            genes.par_chunks_mut(k).zip(&open).for_each(|(genes, child)| {
                lengthen(genes, before.member(*child), searches[*child].length as f32);
            });
            let outputs = network.outputs(&Population::from_genes(genes, k))?;
            for (child, outputs) in open.into_iter().zip(outputs) {
                let divergence = divergence(&outputs, &outputs_before[group_of[child]]);
                searches[child].take(divergence, self.divergence);
            }
        }
    }

    fn open(&self, search: &Search) -> bool {
        let near = (search.nearest.1 - self.divergence).abs() <= self.tolerance * self.divergence;
        !near && !search.blind && search.tries < self.tries && search.length <= LONGEST
    }
}

impl Search {
    fn new(blind: bool) -> Self {
        Search { length: 1.0, below: None, above: None, nearest: (1.0, f64::INFINITY), tries: 0, blind }
    }

    /// Learns the divergence of the length that was tried, and chooses the next.
    fn take(&mut self, divergence: f64, aim: f64) {
        // Outputs that are no finite numbers are beyond every aim.
        let tried = (self.length, if divergence.is_nan() { f64::INFINITY } else { divergence });
        self.tries += 1;
        // Far off: nothing changed. Farther: the network broke.
        let off = |divergence: f64| if divergence > 0.0 { (divergence / aim).ln().abs() } else { f64::MAX };
        // Where nothing is nearer, the shorter of two steps that break a network.
        let broken = self.tries > 1 && tried.1.is_infinite() && self.nearest.1.is_infinite();
        if self.tries == 1 || off(tried.1) < off(self.nearest.1) || broken && tried.0 < self.nearest.0 {
            self.nearest = tried;
        }
        if tried.1 < aim {
            self.below = Some(tried);
        } else {
            self.above = Some(tried);
        }
        self.length = match (self.below, self.above) {
            (Some((shorter, less)), Some((longer, more))) => {
                let share = (aim / less).ln() / (more / less).ln();
                let halved = self.tries.is_multiple_of(2) || !(share > 0.0 && share < 1.0);
                shorter * (longer / shorter).powf(if halved { 0.5 } else { share })
            }
            _ => {
                let next = tried.0 * (aim / tried.1).sqrt().clamp(1.0 / LONGEST, LONGEST);
                // The last length that may be tried is the longest.
                if tried.0 < LONGEST {
                    next.min(LONGEST)
                } else {
                    next
                }
            }
        };
    }
}

/// Makes a step `length` times as long; `genes` is where it led.
fn lengthen(genes: &mut [f32], before: &[f32], length: f32) {
    if length != 1.0 {
        genes.iter_mut().zip(before).for_each(|(gene, before)| *gene = before + length * (*gene - before));
    }
}

/// Mean squared difference of two rows of logits; not finite where one of them is not.
fn divergence(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>() / a.len() as f64
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::graph::init::Distribution;

    /// A network of one gene, one image and one class, and how often it was evaluated.
    struct Curve(fn(f32) -> f32, AtomicUsize);

    impl Network for Curve {
        fn base(&self) -> &[f32] {
            &[]
        }

        fn draws(&self) -> &[Distribution] {
            &[]
        }

        fn gradient(&self, _: &[f32]) -> Result<Vec<f32>> {
            unreachable!("the search looks at outputs alone")
        }

        fn outputs(&self, population: &Population) -> Result<Vec<Vec<f32>>> {
            self.1.fetch_add(population.len(), Ordering::Relaxed);
            Ok(population.members().map(|genes| vec![self.0(genes[0])]).collect())
        }
    }

    /// Where a first step from 0 to 0.5 ends for the aim 0.01, and after how many tries.
    fn ends(curve: fn(f32) -> f32) -> (f32, usize) {
        let step = Gaussian { sigma: 0.1, rate: 1.0 };
        let operator = SafeRescaling { step, divergence: 0.01, tolerance: 0.1, tries: 15 };
        let mut children = Population::from_genes(vec![0.5], 1);
        let (before, network) = (Population::zeros(1, 1), Curve(curve, AtomicUsize::new(0)));
        operator.refine(&mut children, &before, &network, &Reporter::default()).unwrap();
        (children.genes()[0], network.1.into_inner() - 1)
    }

    #[test]
    fn a_line_is_met_by_the_second_length() {
        let (gene, tries) = ends(|x| 4.0 - 3.0 * x);
        assert!((gene - 0.1 / 3.0).abs() < 1e-6 && tries == 2, "{gene} after {tries}");
        assert_eq!(ends(|x| 0.2 * x), (0.5, 1), "the first length is good enough");
    }

    #[test]
    fn what_bends_is_met_between_two_lengths() {
        let curves: [fn(f32) -> f32; 4] =
            [|x| 0.1004 * (40.0 * x).tanh(), |x| 50.0 * x * x * x, |x| (30.0 * x).sin(), |x| x.abs().sqrt()];
        for curve in curves {
            let (gene, tries) = ends(curve);
            let found = f64::from(curve(gene) - curve(0.0)).powi(2);
            assert!((found - 0.01).abs() <= 0.001 && tries < 15, "{found} at {gene} after {tries}");
        }
    }

    #[test]
    fn outputs_that_never_change_leave_the_first_step() {
        assert_eq!(ends(|_| 7.0).0, 0.5);
    }

    #[test]
    fn a_network_that_failed_before_leaves_the_first_step_untried() {
        assert_eq!(ends(|x| if x == 0.0 { f32::NAN } else { 1.0 }), (0.5, 0));
    }

    #[test]
    fn an_aim_that_cannot_be_met_ends_at_the_nearest_and_no_farther_than_a_hundred_steps() {
        let (gene, _) = ends(|x| 0.0001 * x);
        assert_eq!(gene, 50.0, "a hundred times the first step");
        // The aim lies in a jump: below it outputs are 0.05 off, above it 10.
        let (gene, tries) = ends(|x| if x > 0.2 { 10.0 } else { x / 4.0 });
        assert!((0.19..=0.2).contains(&gene) && tries == 15, "{gene} after {tries}");
    }

    #[test]
    fn steps_that_break_the_network_become_shorter() {
        let (gene, tries) = ends(|x| if x > 1e-4 { f32::INFINITY } else { 1000.0 * x });
        assert!((gene - 1e-4).abs() < 1e-5 && tries < 15, "{gene} after {tries}");
        let (gene, _) = ends(|x| if x == 0.0 { 0.0 } else { f32::NAN });
        assert!(gene > 0.0 && gene < 1e-12, "the shortest that was tried: {gene}");
        let (gene, _) = ends(|x| if x > 1e-4 { f32::NAN } else { 0.0 });
        assert!(gene > 0.0 && gene <= 1e-4, "no output changes, which is nearer than a failure: {gene}");
    }
}
