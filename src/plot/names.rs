//! Direct labels: names of lines and points that keep apart from each other.

use std::collections::BTreeMap;

use super::figure::{Beside, Label, Mark, Role, Series};

/// Names above their points on a logarithmic horizontal axis; of names that would touch each other the later stands higher, and one
/// without room is left out. `columns` panels stand beside each other.
pub(super) fn names_above(labels: BTreeMap<String, [f64; 2]>, x: [f64; 2], y: [f64; 2], columns: usize) -> Vec<Series> {
    // In shares of the panel: a name is about as wide as its letters, and a line of text a sixteenth high.
    let across = |at: f64| (at / x[0]).ln() / (x[1] / x[0]).ln();
    let up = |at: f64| (at - y[0]) / (y[1] - y[0]);
    let mut taken: Vec<[f64; 4]> = Vec::new();
    let mut series = Vec::new();
    for (text, at) in labels {
        let half = 0.0055 * (columns * text.chars().count()) as f64;
        if half > 0.48 {
            continue;
        }
        let middle = across(at[0]).clamp(half + 0.01, 0.99 - half);
        let mut low = up(at[1]) + 0.02;
        while taken.iter().any(|[l, r, b, t]| middle - half < *r && *l < middle + half && low < *t && *b < low + 0.07) {
            low += 0.02;
        }
        if low > 0.92 {
            continue;
        }
        taken.push([middle - half, middle + half, low, low + 0.07]);
        let at = [x[0] * (x[1] / x[0]).powf(middle), y[0] + (y[1] - y[0]) * low];
        let label = Label { at, text, side: Beside::Above };
        series.push(Series { role: Role::Any, mark: Mark::Labels(vec![label]) });
    }
    series
}
