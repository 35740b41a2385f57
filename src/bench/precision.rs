//! What a lower precision of matrix products does to the ranking of members, which is all that most strategies see.

use serde::Serialize;

use super::case::{Case, On, SEED};
use super::common::Span;
use crate::engine::{MatrixPrecision, Processor};
use crate::error::Result;
use crate::num::{mean, percentile};
use crate::plan::Limits;
use crate::progress::Progress;
use crate::rng::Seed;
use crate::strategy::Generation;

/// What was found for one case and precision, a line of `subevo bench precision --json`.
#[derive(Clone, Debug, Serialize)]
pub struct Ranking {
    /// Name and version of this format.
    pub schema: &'static str,
    /// As in `common/bn/evolution`.
    pub case: String,
    /// What evaluated. On `candle-cpu` factors are rounded as the precision takes them, to the nearest, and multiplied in f32.
    pub device: String,
    /// How exactly products multiplied.
    pub precision: MatrixPrecision,
    /// Members.
    pub population: usize,
    /// Images of a batch.
    pub batch: usize,
    /// Generations that were looked at, all but the first ones of a run of SNES in f32.
    pub generations: usize,
    /// Spearman's correlation of the losses with those in f32, over the members of a generation: its median.
    pub rank_correlation: f64,
    /// Its least.
    pub rank_correlation_least: f64,
    /// Of the quarter of the members that is best in f32, the share that is in the best quarter: its mean.
    pub best_quarter_kept: f64,
    /// Largest difference of a loss, in standard deviations of the members' losses: its median.
    pub largest_change: f64,
}

/// Runs a case in f32 and evaluates each of its generations in all precisions.
///
/// # Errors
/// If sizes are out of range, or a generation fails.
pub fn rankings(case: &Case, span: Span, processor: &Processor, limits: Limits) -> Result<Vec<Ranking>> {
    let task = case.task(&On { processor, precision: MatrixPrecision::F32, limits })?;
    let mut strategy = case.strategy(&task.start.subset)?;
    let mut found = Vec::new();
    for precision in [MatrixPrecision::Tf32, MatrixPrecision::Bf16] {
        found.push((precision, processor.engine(task.start.clone(), &task.plan, precision)?, Vec::new()));
    }
    for step in 0..(span.warmup + span.generations) as u64 {
        let batch = task.batch(step);
        let seed = Seed::new(SEED).child("ask").index(step);
        let population = strategy.ask(&Generation::blind(Progress { step, used: 0.0 }, seed))?;
        let exact = task.engine.losses(&population, &batch, task.loss)?;
        if step >= span.warmup as u64 {
            for (_, engine, changes) in &mut found {
                changes.push(Change::of(&exact, &engine.losses(&population, &batch, task.loss)?));
            }
        }
        strategy.tell(population, &exact)?;
    }
    let of = |(precision, _, changes): (MatrixPrecision, _, Vec<Change>)| {
        let all = |part: fn(&Change) -> f64| changes.iter().map(part).collect::<Vec<f64>>();
        Ranking {
            schema: "subevo.bench.precision/1",
            case: case.name(),
            device: processor.name().to_string(),
            precision,
            population: case.population,
            batch: case.batch,
            generations: span.generations,
            rank_correlation: percentile(&all(|change| change.correlation), 0.5),
            rank_correlation_least: all(|change| change.correlation).into_iter().fold(f64::INFINITY, f64::min),
            best_quarter_kept: mean(&all(|change| change.kept)),
            largest_change: percentile(&all(|change| change.largest), 0.5),
        }
    };
    Ok(found.into_iter().map(of).collect())
}

/// How the losses of one generation changed.
struct Change {
    correlation: f64,
    kept: f64,
    largest: f64,
}

impl Change {
    fn of(exact: &[f32], other: &[f32]) -> Self {
        let wide = |losses: &[f32]| losses.iter().map(|loss| f64::from(*loss)).collect::<Vec<f64>>();
        let (exact, other) = (wide(exact), wide(other));
        let quarter = (exact.len() / 4).max(1);
        let best = |losses: &[f64]| order(losses)[..quarter].to_vec();
        let (of_exact, of_other) = (best(&exact), best(&other));
        let kept = of_exact.iter().filter(|member| of_other.contains(member)).count() as f64 / quarter as f64;
        let centre = mean(&exact);
        let std = mean(&exact.iter().map(|loss| (loss - centre).powi(2)).collect::<Vec<f64>>()).sqrt();
        let largest = exact.iter().zip(&other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / std;
        Change { correlation: correlation(&ranks(&exact), &ranks(&other)), kept, largest }
    }
}

/// Members from the least loss to the greatest.
fn order(losses: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..losses.len()).collect();
    order.sort_by(|a, b| losses[*a].total_cmp(&losses[*b]));
    order
}

/// Each member's rank; equals share the mean of theirs.
fn ranks(losses: &[f64]) -> Vec<f64> {
    let order = order(losses);
    let mut ranks = vec![0.0; losses.len()];
    let mut first = 0;
    while first < order.len() {
        let equal = order[first..].iter().take_while(|member| losses[**member] == losses[order[first]]).count().max(1);
        let rank = first as f64 + (equal - 1) as f64 / 2.0;
        order[first..first + equal].iter().for_each(|member| ranks[*member] = rank);
        first += equal;
    }
    ranks
}

/// Pearson's.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let (of_a, of_b) = (mean(a), mean(b));
    let sum = |of: &dyn Fn(f64, f64) -> f64| a.iter().zip(b).map(|(a, b)| of(a - of_a, b - of_b)).sum::<f64>();
    sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_by_its_ranks_its_best_quarter_and_its_size() {
        // scipy.stats.spearmanr([1, 2, 3, 4, 5, 6, 7, 8], [2, 1, 3, 4, 5, 6, 8, 7]) = 0.952380...
        let exact = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        let change = Change::of(&exact, &[2.0, 1.0, 3.0, 4.0, 5.0, 6.0, 8.0, 7.0]);
        assert!((change.correlation - 20.0 / 21.0).abs() < 1e-12);
        assert_eq!(change.kept, 1.0, "the best two are the same");
        assert!((change.largest - 1.0 / 5.25f64.sqrt()).abs() < 1e-12);
        let change = Change::of(&exact, &[9.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        assert_eq!(change.kept, 0.5);
        // spearmanr([1, 1, 2, 3], [1, 2, 2, 3]) = 0.833...
        assert!((correlation(&ranks(&[1.0, 1.0, 2.0, 3.0]), &ranks(&[1.0, 2.0, 2.0, 3.0])) - 5.0 / 6.0).abs() < 1e-12);
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [2.5, 0.0, 2.5, 1.0]);
    }
}
