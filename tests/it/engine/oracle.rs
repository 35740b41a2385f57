//! What the plain loops say of a case, how exactly an engine in f32 can be asked to say the same, and random cases on
//! which to ask.
//!
//! How far a result may be off: a fixed part, and ten times what the same result moves by in f64 when every value is
//! nudged by sixteen times the rounding of f32. The second part is nothing for most networks; it matters where a
//! batch-norm sees a channel that is constant or has two values (few images of one pixel, a frozen filter of zeros with
//! a bias) and divides rounding errors by sqrt(1e-5), and for a gradient that is a sum of terms that cancel, as a bias
//! before a batch-norm.

use std::cell::RefCell;

use proptest::prelude::*;
use subevo::data::Batch;
use subevo::engine::Loss;
use subevo::graph::Graph;
use subevo::rng::Seed;

use super::case::{config, recipes, Case, Recipe};
use super::plain::{Nudge, Plain};

/// Nudged passes of each case.
const NUDGES: u64 = 4;

/// A nudged pass is a sample: what rounding does may be this many times as much.
const MARGIN: f64 = 10.0;

/// Where the noise is this many times the fixed part, all digits are noise and nothing is compared.
const HOPELESS: f64 = 1000.0;

pub fn f64s(values: &[f32]) -> Vec<f64> {
    values.iter().map(|x| f64::from(*x)).collect()
}

pub fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

pub fn norm(a: &[f64]) -> f64 {
    a.iter().map(|a| a * a).sum::<f64>().sqrt()
}

/// One network of a case in f64, on one of its batches.
pub struct Oracle<'a> {
    pub graph: &'a Graph,
    /// All weights (p).
    pub weights: Vec<f64>,
    images: Vec<f64>,
    labels: &'a [u32],
    noise: Option<Seed>,
}

impl<'a> Oracle<'a> {
    pub fn new(case: &'a Case, trained: &[f32], batch: &'a Batch) -> Self {
        let weights = f64s(&case.start.complete(trained));
        Oracle {
            graph: &case.start.graph,
            weights,
            images: f64s(&batch.images),
            labels: &batch.labels,
            noise: batch.noise,
        }
    }

    pub fn plain(&self) -> Plain<'_> {
        Plain {
            graph: self.graph,
            weights: &self.weights,
            images: &self.images,
            labels: self.labels,
            noise: self.noise,
        }
    }

    /// What `result` gives, and how far conditioning alone may move it.
    pub fn with_noise(&self, result: impl Fn(&Plain<'_>, &mut Nudge) -> Vec<f64>) -> (Vec<f64>, Vec<f64>) {
        let exact = result(&self.plain(), &mut Nudge::none());
        let mut noise = vec![0f64; exact.len()];
        for seed in 0..NUDGES {
            let nudged = result(&self.plain(), &mut Nudge::new(seed));
            for (noise, (a, b)) in noise.iter_mut().zip(exact.iter().zip(&nudged)) {
                *noise = noise.max((a - b).abs());
            }
        }
        noise.iter_mut().for_each(|noise| *noise *= MARGIN);
        (exact, noise)
    }

    /// Mean loss and its noise.
    pub fn loss(&self, loss: Loss) -> (f64, f64) {
        let (exact, noise) = self.with_noise(|plain, nudge| vec![plain.loss(loss, &plain.forward(None, nudge)).0]);
        (exact[0], noise[0])
    }
}

/// The worst of what was seen, in shares of what is allowed.
#[derive(Default)]
pub struct Seen {
    checked: usize,
    hopeless: usize,
    worst: f64,
    /// Cases left out because a gradient was about to jump.
    pub kinks: usize,
}

impl Seen {
    /// Whether an error is allowed.
    pub fn check(&mut self, error: f64, fixed: f64, noise: f64) -> bool {
        self.checked += 1;
        if noise > HOPELESS * fixed {
            self.hopeless += 1;
            return error.is_finite();
        }
        let share = error / (fixed + noise);
        self.worst = self.worst.max(share);
        share <= 1.0
    }
}

/// Runs a property on random cases, and makes sure that most of them tell something.
pub fn for_random_cases(cases: u32, property: impl Fn(&Case, &mut Seen) -> Result<(), TestCaseError>) {
    let seen = RefCell::new(Seen::default());
    let run = |recipe: Recipe| property(&recipe.case(), &mut seen.borrow_mut());
    proptest::test_runner::TestRunner::new(config(cases))
        .run(&recipes(), run)
        .unwrap_or_else(|error| panic!("{error}"));
    let Seen { checked, hopeless, worst, kinks } = seen.into_inner();
    eprintln!("{checked} checked, {hopeless} hopeless, worst {worst}, {kinks} kinks");
    assert!(
        checked > 0 && hopeless * 10 < checked,
        "{hopeless} of {checked} are too badly conditioned to tell anything"
    );
}
