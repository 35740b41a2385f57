//! IPOP (Auger & Hansen 2005): each restart of the inner strategy has twice the members of the one before, up to `most`.
//!
//! The paper restarts CMA-ES from a random point; here each run begins around the untouched network (`restarts.rs`).

use super::restarts::{History, Restarts, Setting};
use super::{Contract, Solve, Strategy, StrategyContext};
use crate::entry::Entry;

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: "ipop",
    summary: "restarts of an inner strategy, each with twice the members",
    reference: "Auger & Hansen 2005",
    build: |params, context| Ok(Box::new(Restarts::read("ipop", double, params, context)?)),
};

/// Its promises.
pub(super) const CONTRACT: Contract = Contract {
    name: "ipop",
    rank_based: true,
    least_population: None,
    solves: &[
        Solve::new("sphere", 10, 1e-8, 2_500),
        Solve::new("rastrigin", 5, 1e-8, 60_000),
        Solve::new("rastrigin", 10, 1e-8, 100_000),
        Solve::new("schwefel", 2, 1e-6, 2_000),
    ],
};

/// Twice the members of the run before.
fn double(first: u64, history: &History, most: u64, _: [f64; 2]) -> Setting {
    let factor = 1u64 << history.restarts.min(32);
    Setting { population: first.saturating_mul(factor).min(most), sigma: 1.0, small: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_members_double_up_to_the_most() {
        let of = |restarts| double(10, &History { restarts, ..History::default() }, 100, [0.5; 2]).population;
        assert_eq!([of(1), of(2), of(3), of(4), of(80)], [20, 40, 80, 100, 100]);
    }
}
