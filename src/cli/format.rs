//! Numbers as people read them, and tables for the terminal.

use comfy_table::{presets, Cell, CellAlignment, Table};

pub use crate::num::{bytes, counted, grouped, short, time};

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
