//! BIPOP (Hansen 2009): restarts of the inner strategy in two regimes that get the same number of evaluations.
//!
//! Large restarts double the members each time, as IPOP. Small ones have `first (large / (2 first))^(U^2)` members and a step
//! size of `10^(-2 V)` of the first, `U` and `V` uniform in 0 to 1 and drawn apart, and end after half the evaluations of the last large run. The
//! paper restarts from a random point; here each run begins around the untouched network (`restarts.rs`).

use super::restarts::{History, Restarts, Setting};
use super::{Contract, Solve, Strategy, StrategyContext};
use crate::entry::Entry;

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: "bipop",
    summary: "restarts of an inner strategy, large and small ones in turn",
    reference: "Hansen 2009",
    build: |params, context| Ok(Box::new(Restarts::read("bipop", two_regimes, params, context)?)),
};

/// Its promises.
pub(super) const CONTRACT: Contract = Contract {
    name: "bipop",
    rank_based: true,
    least_population: None,
    solves: &[Solve::new("sphere", 10, 1e-8, 2_500), Solve::new("rastrigin", 5, 1e-8, 120_000)],
};

/// Small while small restarts have had fewer evaluations than large ones.
fn two_regimes(first: u64, history: &History, most: u64, [u, v]: [f64; 2]) -> Setting {
    let large = |restarts: u64| first.saturating_mul(1u64 << restarts.min(32)).min(most);
    if history.large > 0 && history.spent[1] < history.spent[0] {
        let ratio = large(history.large) as f64 / (2.0 * first as f64);
        let population = (first as f64 * ratio.powf(u * u)) as u64;
        return Setting { population: population.min(most), sigma: 10f64.powf(-2.0 * v), small: true };
    }
    Setting { population: large(history.large + 1), sigma: 1.0, small: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_regime_with_fewer_evaluations_is_next() {
        let drawn =
            |large, spent, uniforms| two_regimes(10, &History { large, spent, ..History::default() }, 640, uniforms);
        let of = |large, spent, uniform| drawn(large, spent, [uniform; 2]);
        let grown = |population| Setting { population, sigma: 1.0, small: false };
        assert_eq!(of(0, [0, 0], 0.5), grown(20), "the first restart is large");
        assert_eq!(of(1, [500, 500], 0.5), grown(40));
        assert_eq!(of(9, [500, 600], 0.5), grown(640));
        // 80 members at the last large one: 10 * 4^(1/4), and a tenth of the step size.
        assert_eq!(of(3, [500, 499], 0.5), Setting { population: 14, sigma: 0.1, small: true });
        assert_eq!(of(3, [500, 0], 0.0), Setting { population: 10, sigma: 1.0, small: true });
        assert_eq!(of(3, [500, 0], 1.0).population, 40);
        assert_eq!(drawn(3, [500, 0], [1.0, 0.0]), Setting { population: 40, sigma: 1.0, small: true }, "drawn apart");
    }
}
