//! Guided ES (Maheswaranathan, Metz, Tucker, Choi & Sohl-Dickstein 2019): antithetic pairs, drawn in part from the subspace of
//! recent gradients, and Adam down the gradient that they estimate.
//!
//! A step is `sigma e` with `e = sqrt(alpha) z + sqrt((1 - alpha) k / s) Q y` (the paper's section 3.2, with `sigma` for its
//! `sigma / sqrt(k)`, so that it is the root mean square of a gene's step, as elsewhere): `z` is normal in all k directions, `y`
//! in the `s` directions `Q`, an orthonormal basis of the last gradients. Over pairs,
//! `gradient = 1 / (n sigma) * sum of (loss+ - loss-) e` (eq. 3 with `beta` k; Adam's `lr` stands for it).
//!
//! The surrogate gradient is that of backprop on the subset, at the mean and on the batch that the next generation is
//! evaluated on; it is charged as a gradient step of backprop is. Of a gradient that is not finite, and of one that lies in the
//! span of the others, nothing is used.

use rayon::prelude::*;

use super::fitness::rank_told;
use super::options::{even_population, Decayed, Shaping, PAIRS};
use super::samples::{check_reach, collapsed, perturb, Samples, Spread};
use super::{Contract, Generation, Solve, Strategy, StrategyContext};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::num::alone;
use crate::operator::{Needs, Population};
use crate::optimizer::{Adam, Decay, Optimizer};
use crate::params::{Params, Range};
use crate::state::State;

struct GuidedEs {
    n: usize,
    shaping: Shaping,
    sigma: Decayed,
    learning_rate: Decayed,
    alpha: f64,
    /// Directions that are remembered at most.
    directions: usize,
    adam: Adam,
    generation: u64,
    mean: Vec<f32>,
    /// The gradients of the generations before, the newest last, (up to `directions`, k).
    gradients: Vec<Vec<f32>>,
    /// That of the generation asked last, where it can be used.
    newest: Option<Vec<f32>>,
    samples: Samples,
    estimate: Vec<f32>,
}

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: "guided-es",
    summary: "antithetic pairs drawn in part along backprop's gradients, followed by Adam",
    reference: "Maheswaranathan et al. 2019",
    build: |params, context| Ok(Box::new(GuidedEs::read(params, context.subset.size))),
};

/// Its promises. The step sizes only follow their schedules.
pub(super) const CONTRACT: Contract = Contract {
    name: "guided-es",
    rank_based: false,
    least_population: Some(2),
    solves: &[Solve::new("sphere", 10, 1e-6, 14_000).with("lr = 0.3\nlr_decay = 0.96\nsigma_decay = 0.96\nbeta2 = 0.9")],
};

impl GuidedEs {
    /// Defaults: `population` 64 (even), `alpha` 0.5 as in the paper (1 is no guidance, 0 the subspace alone), `directions` 1 as
    /// in evosax, `sigma` 0.1, `fitness` raw as in the paper, Adam with `lr` 0.01 and no `weight_decay`, `lr_decay` and
    /// `sigma_decay` 1, factors for each generation.
    fn read(params: &Params<'_>, k: usize) -> Self {
        let decay = |p: &Params<'_>| Decay::Gradient(p.float("weight_decay", Some(0.0), Range::AtLeast(0.0)));
        let adam = Adam::read(params, k, 0.01, decay);
        GuidedEs {
            n: even_population(params, 64, 2, PAIRS),
            shaping: Shaping::read(params, Shaping::Raw),
            sigma: Decayed::sigma(params),
            learning_rate: Decayed::of(params, "lr_decay", adam.learning_rate()),
            alpha: params.float("alpha", Some(0.5), Range::Within(0.0, 1.0)),
            directions: params.integer("directions", Some(1), 1..=k.min(1000) as u64) as usize,
            adam,
            generation: 0,
            mean: vec![0.0; k],
            gradients: Vec::new(),
            newest: None,
            samples: Samples::default(),
            estimate: vec![0.0; k],
        }
    }

    fn sigma_now(&self) -> f64 {
        self.sigma.at(self.generation)
    }

    /// A gradient scaled by its greatest gene, so that its square can be summed; none where it says nothing.
    fn usable(&self, gradient: &[f32]) -> Option<Vec<f32>> {
        let greatest = gradient.iter().fold(0.0, |most: f32, g| most.max(g.abs()));
        let usable = greatest > 0.0 && gradient.iter().all(|g| g.is_finite()) && gradient.len() == self.mean.len();
        usable.then(|| gradient.iter().map(|g| g / greatest).collect())
    }

    /// The last gradients with the newest, (up to `directions`, k).
    fn remembered(&self) -> Vec<&[f32]> {
        let all = self.gradients.iter().chain(&self.newest);
        let over = (self.gradients.len() + usize::from(self.newest.is_some())).saturating_sub(self.directions);
        all.skip(over).map(Vec::as_slice).collect()
    }
}

/// An orthonormal basis of the span of `vectors`, the newest first, by Gram-Schmidt done twice (Giraud, Langou &
/// Rozloznik 2005: twice is enough). What is left of a vector within the span of those before it is rounding, and dropped.
fn basis(vectors: &[&[f32]]) -> Vec<Vec<f64>> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for vector in vectors.iter().rev() {
        let mut rest: Vec<f64> = vector.iter().map(|x| f64::from(*x)).collect();
        let length = dot(&rest, &rest).sqrt();
        for _ in 0..2 {
            for direction in &basis {
                let along = dot(&rest, direction);
                rest.iter_mut().zip(direction).for_each(|(x, d)| *x -= along * d);
            }
        }
        let left = dot(&rest, &rest).sqrt();
        if left > 1e-6 * length {
            rest.iter_mut().for_each(|x| *x /= left);
            basis.push(rest);
        }
    }
    basis
}

impl Strategy for GuidedEs {
    fn population(&self) -> usize {
        self.n
    }

    fn needs(&self) -> Needs {
        Needs { gradients: 1, ..Needs::default() }
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let (k, sigma, seed) = (self.mean.len(), self.sigma_now(), now.seed);
        self.newest = self.usable(&now.network.gradient(&self.mean)?);
        let basis = basis(&self.remembered());
        // With nothing to be guided by, all of the variance is in all directions.
        let alpha = if basis.is_empty() { 1.0 } else { self.alpha };
        let along = ((1.0 - alpha) * k as f64 / basis.len().max(1) as f64).sqrt();
        self.samples.noise.resize(self.n / 2 * k, 0.0);
        let rows = self.samples.noise.par_chunks_mut(k).enumerate();
        rows.with_min_len(alone(k)).for_each(|(pair, e)| {
            let mut rng = seed.index(pair as u64).rng();
            e.fill(0.0);
            perturb(e, alpha.sqrt(), &mut rng);
            for direction in &basis {
                let y = along * f64::from(rng.normal());
                e.iter_mut().zip(direction).for_each(|(e, d)| *e = (f64::from(*e) + y * d) as f32);
            }
        });
        Ok(self.samples.place_pairs(&self.mean, Spread::One(sigma)))
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        let (k, sigma) = (self.mean.len(), self.sigma_now());
        self.samples.asked("guided-es")?;
        let learning_rate = self.learning_rate.at(self.generation);
        let order = rank_told("guided-es", &asked, losses, (self.n, k), || {
            format!("lower `sigma` (now {sigma:.3e}) or `lr` (now {learning_rate:.3e})")
        })?;
        let fitness = self.shaping.fitness(losses, &order);
        let scale = 1.0 / (self.n as f64 * sigma);
        let weights: Vec<f64> = fitness.chunks_exact(2).map(|f| scale * (f[1] - f[0])).collect();
        let sums = self.samples.sum(&weights, k);
        self.estimate.iter_mut().zip(sums).for_each(|(estimate, sum)| *estimate = sum as f32);
        if !self.estimate.iter().all(|g| g.is_finite()) {
            let message =
                "strategy `guided-es`: losses too far apart for an estimate: set `fitness` = \"centred-rank\"";
            return Err(Error::Learner(message.to_string()));
        }
        self.adam.step(&mut self.mean, &self.estimate, learning_rate);
        self.gradients.extend(self.newest.take());
        let over = self.gradients.len().saturating_sub(self.directions);
        self.gradients.drain(..over);
        self.generation += 1;
        self.samples.give_back(asked);
        check_reach("guided-es", &self.mean, Spread::One(sigma), "lower `lr` or raise `sigma`")
    }

    fn incumbent(&self) -> &[f32] {
        &self.mean
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        let square: f64 = self.estimate.iter().map(|g| f64::from(*g).powi(2)).sum();
        vec![
            ("sigma", self.sigma_now()),
            ("lr", self.learning_rate.at(self.generation)),
            ("directions", self.gradients.len() as f64),
            ("gradient_norm", square.sqrt()),
        ]
    }

    fn stop(&self) -> Option<String> {
        collapsed(&self.mean, Spread::One(self.sigma_now()))
    }

    fn save(&self) -> State {
        let mut state = State::default();
        state.put_u64("guided-es.generation", &[self.generation, self.gradients.len() as u64]);
        state.put_f32("guided-es.mean", &self.mean);
        state.put_f32("guided-es.estimate", &self.estimate);
        state.put_f32("guided-es.gradients", &self.gradients.concat());
        state.nest("guided-es", self.adam.save());
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        let (counts, k) = (state.u64s("guided-es.generation", 2)?, self.mean.len());
        let (mean, estimate) = (state.f32s("guided-es.mean", k)?, state.f32s("guided-es.estimate", k)?);
        let gradients = state.f32s("guided-es.gradients", counts[1] as usize * k)?;
        self.adam.load(&state.inner("guided-es"))?;
        self.generation = counts[0];
        (self.mean, self.estimate) = (mean.to_vec(), estimate.to_vec());
        self.gradients = gradients.chunks_exact(k).map(<[f32]>::to_vec).collect();
        self.newest = None;
        self.samples.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::init::Distribution;
    use crate::operator::{Network, Progress};
    use crate::rng::Seed;
    use crate::strategy::testing::{build, follow_evosax};
    use serde_json::json;

    fn made(k: usize, given: &serde_json::Value) -> GuidedEs {
        build(given, |params| GuidedEs::read(params, k))
    }

    /// A network with this gradient everywhere.
    struct Slope(Vec<f32>);

    impl Network for Slope {
        fn base(&self) -> &[f32] {
            &[]
        }

        fn draws(&self) -> &[Distribution] {
            &[]
        }

        fn gradient(&self, _: &[f32]) -> Result<Vec<f32>> {
            Ok(self.0.clone())
        }
    }

    fn seeing(network: &Slope, step: u64) -> Generation<'_> {
        Generation { at: Progress { step, used: 0.0 }, seed: Seed::new(1).index(step), network }
    }

    /// A generation at this gradient.
    fn step(es: &mut GuidedEs, gradient: [f32; 3]) {
        let asked = es.ask(&seeing(&Slope(gradient.to_vec()), 0)).unwrap();
        let losses: Vec<f32> = (0..asked.len()).map(|i| i as f32).collect();
        es.tell(asked, &losses).unwrap();
    }

    #[test]
    fn the_basis_is_orthonormal_and_leaves_out_what_adds_nothing() {
        let vectors = [vec![3.0, 0.0, 4.0], vec![1.0, 2.0, 3.0], vec![2.0, 4.0, 6.0], vec![0.0, 0.0, 0.0]];
        let basis = basis(&vectors.each_ref().map(Vec::as_slice));
        assert_eq!(basis.len(), 2, "a multiple and zero span nothing new");
        for (i, a) in basis.iter().enumerate() {
            for (j, b) in basis.iter().enumerate() {
                let dot: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                assert!((dot - f64::from(u8::from(i == j))).abs() < 1e-12, "{i}, {j}: {dot}");
            }
        }
        let along: f64 = basis[0].iter().zip([1.0, 2.0, 3.0]).map(|(a, b)| a * b).sum();
        assert!((along.abs() - 14.0f64.sqrt()).abs() < 1e-12, "the newest comes first");
    }

    #[test]
    fn steps_have_the_papers_covariance() {
        let (k, alpha) = (50, 0.2);
        let mut es = made(k, &json!({ "population": 8_000, "alpha": alpha, "sigma": 0.5 }));
        let gradient: Vec<f32> = (0..k).map(|j| if j == 7 { 1e20 } else { 0.0 }).collect();
        let asked = es.ask(&seeing(&Slope(gradient), 0)).unwrap();
        let variance = |j: usize| asked.members().map(|genes| f64::from(genes[j]).powi(2)).sum::<f64>() / 8_000.0;
        // sigma^2 (alpha + (1 - alpha) k) along the gradient, sigma^2 alpha elsewhere; 4,000 pairs.
        let off = 4.0 * (2.0 / 4_000.0f64).sqrt();
        assert!((variance(7) / (0.25 * (alpha + (1.0 - alpha) * k as f64)) - 1.0).abs() < off, "{}", variance(7));
        assert!((variance(8) / (0.25 * alpha) - 1.0).abs() < off, "{}", variance(8));
        assert!(asked.member(0).iter().zip(asked.member(1)).all(|(a, b)| *a == -b), "pairs lie opposite");
    }

    #[test]
    fn only_the_last_gradients_guide_and_broken_ones_never() {
        let mut es = made(3, &json!({ "directions": 2 }));
        for gradient in [[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, f32::NAN, 1.0], [0.0; 3], [0.0, 0.0, f32::INFINITY]] {
            step(&mut es, gradient);
        }
        assert_eq!(es.gradients, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
        step(&mut es, [0.0, 0.0, -4.0]);
        assert_eq!(es.gradients, [[0.0, 1.0, 0.0], [0.0, 0.0, -1.0]]);
    }

    #[test]
    fn three_generations_give_the_numbers_of_evosax() {
        follow_evosax("guided-es", GuidedEs::read, |es| &mut es.samples.noise, |_| &[]);
    }
}
