//! How many members make a unit and how many units go at once. No result depends on either.

use super::memory::Memory;
use super::program::{Kind, Program, Step};
use super::Limits;

/// Most members of a unit.
const UNIT_MEMBERS: usize = 16;

/// Columns that the matrix kernel computes for the price of one: the widest vector register.
const LANES: usize = 16;

/// How much more the varied filters may cost than in the best unit, before a larger unit is worth its memory.
const TOLERANCE: f64 = 1.05;

/// A choice, and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Units {
    /// Members of a unit.
    pub unit: usize,
    /// Units at the same time.
    pub at_once: usize,
    /// Bytes.
    pub memory: Memory,
}

/// Members of a unit where memory does not matter: as few as fill the lanes with their varied filters, which are computed
/// side by side.
pub fn preferred(members: &Program) -> usize {
    let cost = |unit: usize| -> f64 {
        let of_step = |step: &Step| match &step.kind {
            Kind::Product(product) if product.varied > 0 => {
                let lanes = (unit * product.varied).next_multiple_of(LANES);
                (product.taps.len() * step.raw.pixels() * lanes) as f64 / unit as f64
            }
            _ => 0.0,
        };
        members.steps.iter().map(of_step).sum()
    };
    let best = (1..=UNIT_MEMBERS).map(cost).fold(f64::INFINITY, f64::min);
    (1..=UNIT_MEMBERS).find(|unit| cost(*unit) <= TOLERANCE * best).unwrap_or(1)
}

/// The largest unit up to `preferred` that leaves no thread of the population without one, all units nearly alike.
pub fn for_population(preferred: usize, population: Option<usize>, threads: usize) -> usize {
    let Some(n) = population else { return preferred };
    let enough = n.min(threads.max(1));
    let unit = (1..=preferred).rev().find(|unit| n.div_ceil(*unit) >= enough).unwrap_or(1);
    n.div_ceil(n.div_ceil(unit).max(1)).max(1)
}

/// The units that fit: smaller ones first, then fewer at once; single members one after another where nothing fits.
/// `memory` tells what a unit needs, the last of a population having `rest` members.
pub fn choose(
    greatest: usize,
    population: Option<usize>,
    limits: Limits,
    memory: impl Fn(usize, usize) -> Memory,
) -> Units {
    let rest = |unit: usize| population.map_or(unit - 1, |n| n % unit);
    let needs: Vec<Memory> = (1..=greatest).map(|unit| memory(unit, rest(unit))).collect();
    let units_of = |unit: usize| population.map_or(usize::MAX, |n| n.div_ceil(unit).max(1));
    for at_once in (1..=limits.threads.max(1)).rev() {
        for unit in (1..=greatest).rev() {
            let at_once = at_once.min(units_of(unit));
            if needs[unit - 1].total(at_once, limits.threads) <= limits.memory {
                return Units { unit, at_once, memory: needs[unit - 1] };
            }
        }
    }
    Units { unit: 1, at_once: 1, memory: needs[0] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_leave_no_thread_without_work_and_are_nearly_alike() {
        for (preferred, population, threads, expected) in [
            (8, None, 64, 8),
            (8, Some(64), 2, 8),
            (8, Some(64), 16, 4),
            (16, Some(64), 3, 16),
            // Two of 8 and 1 would let one thread wait: 5 and 4.
            (8, Some(9), 2, 5),
            // Two members each would be 10 units for 16 threads.
            (8, Some(20), 16, 1),
            (8, Some(3), 16, 1),
            (8, Some(1), 16, 1),
        ] {
            assert_eq!(for_population(preferred, population, threads), expected, "{population:?} on {threads}");
        }
    }

    #[test]
    fn memory_makes_units_smaller_first_and_then_fewer_at_once() {
        // The network 100, shared 50, each thread 1, each member 10, the last unit's on top.
        let memory =
            |unit: usize, rest: usize| Memory { network: 100, shared: 50, unit: 10 * (unit + rest) as u64, thread: 1 };
        let of = |memory_limit: u64, population| {
            let limits = Limits { memory: memory_limit, threads: 4 };
            let units = choose(8, population, limits, memory);
            (units.unit, units.at_once)
        };
        // 150 + 4 threads + 4 units of 80.
        assert_eq!((of(474, Some(64)), of(473, Some(64))), ((8, 4), (4, 4)), "of 5, 6 and 7 some would be left over");
        assert_eq!((of(194, Some(64)), of(193, Some(64))), ((1, 4), (1, 3)));
        assert_eq!(of(0, Some(64)), (1, 1));
        // Not knowing the population, the last unit may be the greatest that is not whole.
        assert_eq!((of(154 + 4 * 150, None), of(153 + 4 * 150, None)), ((8, 4), (7, 4)));
        // Two members on four threads are two units.
        assert_eq!(choose(1, Some(2), Limits { memory: u64::MAX, threads: 4 }, memory).at_once, 2);
    }
}
