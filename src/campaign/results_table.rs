//! The table of a campaign as text: what `subevo run` prints and a report shows.

use super::{Column, Row};
use crate::num::grouped;

/// A table: means over seeds with 95 % intervals.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultsTable {
    /// Headings.
    pub header: Vec<&'static str>,
    /// A line for each learner and cell, as long as the header.
    pub lines: Vec<Vec<String>>,
    /// How many columns from the left are words; the others are numbers.
    pub words: usize,
}

impl ResultsTable {
    /// How to read it.
    pub const NOTE: &str =
        "mean over n seeds ± half width of the 95 % Student t interval; gap = training - test accuracy";

    /// The table of these rows.
    pub fn of(rows: &[Row]) -> Self {
        let cells = rows.iter().any(|row| row.cell.is_some());
        let mut header = vec!["learner", "background", "subset", "k"];
        if cells {
            header.push("cell");
        }
        let words = header.len();
        header.extend(["n", "train loss", "validation %", "test %", "gap %", "untrained %", "images", "seconds"]);
        ResultsTable { header, lines: rows.iter().map(|row| line(row, cells)).collect(), words }
    }
}

fn line(row: &Row, cells: bool) -> Vec<String> {
    let mut line =
        vec![row.learner.clone(), row.background.name().to_string(), row.subset.clone(), grouped(row.subset_size)];
    if cells {
        line.push(row.cell.clone().unwrap_or_default());
    }
    let n = if row.unfinished > 0 { format!("{} of {}", row.n, row.n + row.unfinished) } else { row.n.to_string() };
    let images = if row.images.mean.is_nan() { "-".to_string() } else { grouped(row.images.mean as u64) };
    line.extend([
        n,
        row.train_loss.text(1.0, 3),
        row.validation.text(100.0, 1),
        row.test.text(100.0, 1),
        row.gap.text(100.0, 1),
        row.untrained.text(100.0, 1),
        images,
        row.seconds.text(1.0, 1),
    ]);
    line
}

impl Column {
    /// Mean and half width, both times `factor`; the mean alone where there is no interval, `-` where there is nothing.
    pub fn text(self, factor: f64, decimals: usize) -> String {
        let (mean, half) = (self.mean * factor, self.half_width * factor);
        match (mean.is_nan(), half.is_nan()) {
            (true, _) => "-".to_string(),
            (_, true) => format!("{mean:.decimals$}"),
            _ => format!("{mean:.decimals$} ± {half:.decimals$}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_has_its_half_width_where_there_is_one() {
        let column = |mean, half_width| Column { mean, half_width };
        assert_eq!(column(0.7123, 0.0149).text(100.0, 1), "71.2 ± 1.5");
        assert_eq!(column(0.7123, f64::NAN).text(100.0, 1), "71.2");
        assert_eq!(column(f64::NAN, f64::NAN).text(1.0, 3), "-");
    }
}
