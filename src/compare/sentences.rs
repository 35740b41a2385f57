//! What is to be said below a comparison.

use super::numbers::{moment, p_value, reached};
use super::{At, Comparison, Row};
use crate::estimator::bootstrap::RESAMPLES;
use crate::num::{counted, grouped};
use crate::stats::{least_p, EXACT_UP_TO};

/// The level that is spoken of.
const LEVEL: f64 = 0.05;

/// Training losses count as equal up to this share.
const EVEN: f64 = 0.02;

/// How the numbers are made, what so few pairs cannot show, and what was left out; a sentence each.
pub fn sentences(found: &Comparison) -> Vec<String> {
    let mut lines = Vec::new();
    let left_out = found.blocks.iter().flat_map(|block| &block.rows).any(|row| row.absent() != [0; 2]);
    lines.push(
        "difference = first learner - second of the same start, mean over n pairs; % differ in points".to_string(),
    );
    lines.push(format!(
        "95 % interval: BCa bootstrap of the mean difference, {} resamples of the pairs; too narrow for few (87 % for 6)",
        grouped(RESAMPLES as u64)
    ));
    lines.push(format!(
        "p: Wilcoxon signed-rank test, two-sided, equal pairs left out, exact up to {EXACT_UP_TO} pairs; p Holm: corrected for \
         the {} of this table",
        counted(found.family, "test")
    ));
    lines.push(
        "r: matched-pairs rank-biserial correlation, -1 to 1; d_z: mean difference in standard deviations".to_string(),
    );
    if found.blocks.iter().flat_map(|block| &block.rows).any(|row| row.moment.at() != At::End) {
        lines.push(
            "reached: training loss, MACs or seconds that the networks compared really have, first and second"
                .to_string(),
        );
    }
    if left_out {
        lines.push(
            "left out: runs of the first and of the second learner without a number; never = never reached the level"
                .to_string(),
        );
    }
    lines.extend(power(found));
    lines.extend(uneven(found));
    lines.extend(found.notes.iter().cloned());
    lines
}

/// The worst of the rows whose training losses are not equal although they are matched.
fn uneven(found: &Comparison) -> Option<String> {
    let at_loss = found.blocks.iter().flat_map(|block| &block.rows).filter(|row| row.moment.at() == At::Loss);
    let ratio = |row: &Row| (row.reached[0] / row.reached[1]).ln().abs();
    let worst = at_loss.filter(|row| ratio(row) > (1.0 + EVEN).ln()).max_by(|a, b| ratio(a).total_cmp(&ratio(b)))?;
    Some(format!(
        "training losses are matched as closely as runs were evaluated: at {} the networks compared have {} nats; what a learner \
         is ahead by there is in the difference (look more often, `every` in [metrics], or take smaller steps)",
        moment(worst.moment),
        reached(worst).replace(", ", " and ")
    ))
}

/// What the numbers of pairs and tests do not allow to find.
fn power(found: &Comparison) -> Option<String> {
    let (fewest, most, family) = (found.fewest_pairs(), found.most_pairs(), found.family);
    let needed = |tests: usize| (1..=64).find(|n| least_p(*n) * tests as f64 <= LEVEL).unwrap_or(64);
    if most == 0 {
        return Some("no pair has these numbers: there is no test".to_string());
    }
    if most < needed(1) {
        return Some(format!(
            "n < {}: p < {LEVEL} cannot be reached (the least p of {} is {}), and intervals are too narrow; more seeds are needed",
            needed(1),
            counted(most, "pair"),
            p_value(least_p(most))
        ));
    }
    if least_p(most) * family as f64 > LEVEL {
        return Some(format!(
            "with {} and {} no corrected p can fall below {LEVEL}: ask less (--at, --metric), or run {} seeds",
            counted(most, "pair"),
            counted(family, "test"),
            needed(family)
        ));
    }
    let few = fewest < needed(1);
    few.then(|| {
        format!("rows with n < {}: p < {LEVEL} cannot be reached there, and intervals are too narrow", needed(1))
    })
}
