//! From losses to ranks, from ranks to utilities, from utilities to sums over members: what strategies share.

use std::cmp::Ordering;

use crate::error::{Error, Result};
use crate::operator::Population;

/// Indices of the members from the least loss to the greatest; NaN last, ties by index.
pub fn rank(losses: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..losses.len()).collect();
    // The sort is stable, so equal losses (0 and -0 too) keep the order of their indices.
    order.sort_by(|a, b| {
        let (a, b) = (losses[*a], losses[*b]);
        a.is_nan().cmp(&b.is_nan()).then(a.partial_cmp(&b).unwrap_or(Ordering::Equal))
    });
    order
}

/// Ranks what a strategy is told, after a look at its shape: `n` members of `k` genes and one loss for each.
///
/// # Errors
/// If the shapes do not fit, or all members failed; `remedy` then says what to do.
pub fn rank_told(
    strategy: &str,
    asked: &Population,
    losses: &[f32],
    (n, k): (usize, usize),
    remedy: impl FnOnce() -> String,
) -> Result<Vec<usize>> {
    if asked.size() != k || asked.len() != n || losses.len() != n {
        return Err(Error::Learner(format!(
            "strategy `{strategy}`: told {} losses of {} members of {} genes, expected one for each of the {n} members \
             of {k} genes that it proposed last",
            losses.len(),
            asked.len(),
            asked.size(),
        )));
    }
    if losses.iter().all(|loss| loss.is_nan()) {
        return Err(Error::Learner(format!("strategy `{strategy}`: all {n} members failed: {}", remedy())));
    }
    Ok(rank(losses))
}

/// Centred ranks by rank (Salimans et al. 2017): from 0.5 for the best to -0.5 for the worst in equal steps; (n), n > 1.
pub fn centred_ranks(n: usize) -> Vec<f64> {
    (0..n).map(|rank| 0.5 - rank as f64 / (n - 1) as f64).collect()
}

/// Utilities by rank (Wierstra et al. 2014, section 3.1): `max(0, ln(n/2 + 1) - ln(i))` for i = 1..n, divided by their
/// sum, less `1/n`; they add up to 0, and all of the worse half are equal.
pub fn nes_utilities(n: usize) -> Vec<f64> {
    let raw: Vec<f64> = (1..=n).map(|i| ((n as f64 / 2.0 + 1.0).ln() - (i as f64).ln()).max(0.0)).collect();
    let sum: f64 = raw.iter().sum();
    raw.into_iter().map(|u| u / sum - 1.0 / n as f64).collect()
}

/// Utilities in the order of the members, from utilities by rank and the ranking.
pub fn by_member(utilities: &[f64], order: &[usize]) -> Vec<f64> {
    let mut of_member = vec![0.0; order.len()];
    order.iter().zip(utilities).for_each(|(member, utility)| of_member[*member] = *utility);
    of_member
}

/// The same `genes` of four members at a time out of `rows` (n, k), with the members' weights (n): a sum that is loaded
/// once takes in four. The last four are filled up by the last member with weight 0, which changes no bit of a sum.
pub fn fours<'a>(
    rows: &'a [f32],
    k: usize,
    genes: std::ops::Range<usize>,
    weights: &'a [f64],
) -> impl Iterator<Item = ([&'a [f32]; 4], [f64; 4])> {
    (0..weights.len()).step_by(4).map(move |first| {
        let members = [0, 1, 2, 3].map(|i| first + i);
        let row = |member: usize| &rows[member.min(weights.len() - 1) * k..][genes.clone()];
        (members.map(row), members.map(|member| weights.get(member).copied().unwrap_or(0.0)))
    })
}

/// Genes of a block of sums: they stay in the first-level cache while the members pass by, and each thread has its
/// share of blocks. Each gene's sums run over the members in order, so that neither blocks nor threads change a bit.
pub fn block(k: usize) -> usize {
    k.div_ceil(2 * rayon::current_num_threads()).next_multiple_of(64).min(BLOCK)
}

/// The largest [`block`].
pub const BLOCK: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_ranks_behind_infinity_and_ties_keep_the_order_of_their_indices() {
        let losses = [f32::NAN, 1.0, f32::INFINITY, -f32::NAN, 1.0, f32::NEG_INFINITY, -0.0, 0.0];
        assert_eq!(rank(&losses), [5, 6, 7, 1, 4, 2, 0, 3]);
    }

    #[test]
    fn utilities_have_their_closed_forms() {
        assert_eq!(centred_ranks(5), [0.5, 0.25, 0.0, -0.25, -0.5]);
        // n = 3: ln 2.5 - ln 1, ln 2.5 - ln 2, 0.
        let sum = 2.5f64.ln() + 1.25f64.ln();
        let expected = [2.5f64.ln() / sum - 1.0 / 3.0, 1.25f64.ln() / sum - 1.0 / 3.0, -1.0 / 3.0];
        for (u, e) in nes_utilities(3).iter().zip(expected) {
            assert!((u - e).abs() < 1e-15, "{u} against {e}");
        }
        assert_eq!(by_member(&[3.0, 2.0, 1.0], &[2, 0, 1]), [2.0, 1.0, 3.0]);
    }

    #[test]
    fn fours_take_in_every_member_once_and_fill_up_with_weight_zero() {
        for n in 1..10_usize {
            let rows: Vec<f32> = (0..n * 3).map(|i| i as f32).collect();
            let weights: Vec<f64> = (0..n).map(|i| 0.5 + i as f64).collect();
            let taken: Vec<([&[f32]; 4], [f64; 4])> = fours(&rows, 3, 1..3, &weights).collect();
            assert_eq!(taken.len(), n.div_ceil(4));
            for (i, (row, weight)) in taken.iter().flat_map(|(rows, weights)| rows.iter().zip(weights)).enumerate() {
                let member = i.min(n - 1);
                assert_eq!(*row, [3.0 * member as f32 + 1.0, 3.0 * member as f32 + 2.0], "{i} of {n}");
                assert_eq!(*weight, if i < n { weights[i] } else { 0.0 }, "{i} of {n}");
            }
        }
    }

    #[test]
    fn blocks_fit_their_sums_and_give_each_thread_some() {
        let threads = rayon::current_num_threads();
        for k in [1, 63, 64, 65, 1188, 15_690, 1_000_000] {
            assert!((64..=BLOCK).contains(&block(k)) && block(k).is_multiple_of(64), "{k}");
            assert!(k < 128 * threads || k.div_ceil(block(k)) >= threads, "{k}");
        }
    }
}
