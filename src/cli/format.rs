//! Numbers as people read them, and tables.

use comfy_table::{presets, Cell, CellAlignment, Table};

use crate::campaign::Column;
pub use crate::num::{bytes, grouped, short};

/// So many of something: `1 run`, `2 runs`.
pub fn counted(n: usize, word: &str) -> String {
    format!("{} {word}{}", grouped(n as u64), if n == 1 { "" } else { "s" })
}

/// A time in its two greatest units.
pub fn time(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..=59 => format!("{whole}s"),
        60..=3_599 => format!("{}m{:02}s", whole / 60, whole % 60),
        _ => format!("{}h{:02}m", whole / 3_600, whole % 3_600 / 60),
    }
}

/// Mean and half width, both times `factor`; the mean alone where there is no interval, `-` where there is nothing.
pub fn interval(column: Column, factor: f64, decimals: usize) -> String {
    let (mean, half) = (column.mean * factor, column.half_width * factor);
    match (mean.is_nan(), half.is_nan()) {
        (true, _) => "-".to_string(),
        (_, true) => format!("{mean:.decimals$}"),
        _ => format!("{mean:.decimals$} ± {half:.decimals$}"),
    }
}

/// A table in Markdown, which is readable as it is; columns from `numbers` on are aligned to the right.
pub fn table(header: &[&str], rows: &[Vec<String>], numbers: usize) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(header.to_vec());
    for row in rows {
        let cell = |(i, text): (usize, &String)| {
            let side = if i >= numbers { CellAlignment::Right } else { CellAlignment::Left };
            Cell::new(text).set_alignment(side)
        };
        table.add_row(row.iter().enumerate().map(cell).collect::<Vec<_>>());
    }
    format!("{table}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_exact_where_they_can_be() {
        assert_eq!(
            (bytes(512), bytes(1 << 20), bytes(5 << 29)),
            ("512 B".into(), "1.00 MiB".into(), "2.50 GiB".into())
        );
        assert_eq!((time(59.4), time(61.0), time(7_260.0)), ("59s".into(), "1m01s".into(), "2h01m".into()));
        assert_eq!(interval(Column { mean: 0.7123, half_width: 0.0149 }, 100.0, 1), "71.2 ± 1.5");
        assert_eq!(interval(Column { mean: 0.7123, half_width: f64::NAN }, 100.0, 1), "71.2");
    }
}
