//! A comparison as JSON, with the pairs that it is made of; `null` is what there is not.

use serde_json::{json, Value};

use crate::compare::{Block, Comparison, Quantity, Row};
use crate::estimator::bootstrap::RESAMPLES;

/// All of it.
pub fn json(found: &Comparison) -> Value {
    json!({
        "schema": "subevo.compare/1",
        "family": { "tests": found.family, "correction": "holm" },
        "interval": { "level": 0.95, "method": "bca", "resamples": RESAMPLES },
        "notes": found.notes,
        "comparisons": found.blocks.iter().map(block).collect::<Vec<_>>(),
    })
}

fn block(block: &Block) -> Value {
    let cell = &block.cell;
    json!({
        "first": block.learners[0],
        "second": block.learners[1],
        "methods": block.methods,
        "data": cell.data,
        "model": cell.model,
        "subset": cell.subset,
        "subset_size": block.subset_size,
        "subset_weights": cell.subset_weights,
        "background": cell.background,
        "axes": cell.axes,
        "seeds": block.seeds,
        "alone": block.alone,
        "unfinished": block.unfinished,
        "rows": block.rows.iter().map(row).collect::<Vec<_>>(),
    })
}

fn row(row: &Row) -> Value {
    let paired = &row.paired;
    let key = match &row.quantity {
        Quantity::Measured(key) => json!({
            "metric": key.metric,
            "name": key.name,
            "of": key.of,
            "at": key.at,
            "layer": key.layer,
            "position": key.position,
        }),
        Quantity::Plain(_) => Value::Null,
    };
    let pairs = row.pairs.iter().map(|(seed, values)| json!({ "seed": seed, "values": values }));
    json!({
        "at": row.moment.at().name(),
        "level": row.moment.level(),
        "quantity": row.quantity.to_string(),
        "reading": key,
        "unit": row.unit,
        "n": paired.n,
        "reached": row.reached,
        "means": paired.means,
        "difference": paired.difference,
        "median_difference": paired.median,
        "interval_95": paired.interval,
        "wilcoxon": {
            "n": paired.wilcoxon.n,
            "zeros": paired.wilcoxon.zeros,
            "w_plus": paired.wilcoxon.statistic,
            "exact": paired.wilcoxon.exact,
        },
        "p": paired.wilcoxon.p,
        "p_holm": row.p_holm,
        "rank_biserial": paired.rank_biserial,
        "d_z": paired.d_z,
        "never_reached": row.never_reached,
        "not_measured": row.not_measured,
        "not_finite": row.not_finite,
        "pairs": pairs.collect::<Vec<_>>(),
    })
}
