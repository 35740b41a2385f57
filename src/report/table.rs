//! A table as the template takes it.

use serde::Serialize;

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Table {
    /// What stands above each column.
    pub head: Vec<Head>,
    /// Lines, as long as the head.
    pub lines: Vec<Vec<Cell>>,
    /// Lines that are not shown, for there are too many.
    pub cut: usize,
}

/// The head of a column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Head {
    /// What it says.
    pub text: String,
    /// The word by which it can be sorted from the address.
    pub key: &'static str,
    /// Numbers stand at the right.
    pub number: bool,
}

/// A cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Cell {
    /// What it says.
    pub text: String,
    /// What it is sorted by, where that is a number; empty where there is none.
    pub value: Option<String>,
}

impl Head {
    /// A column of words.
    pub fn words(text: &str, key: &'static str) -> Self {
        Head { text: text.to_string(), key, number: false }
    }

    /// A column of numbers.
    pub fn numbers(text: &str, key: &'static str) -> Self {
        Head { text: text.to_string(), key, number: true }
    }
}

impl Cell {
    /// Words.
    pub fn words(text: impl Into<String>) -> Self {
        Cell { text: text.into(), value: None }
    }

    /// A number, and how it is written; `-` where it is not finite.
    pub fn number(value: f64, text: impl FnOnce(f64) -> String) -> Self {
        match value.is_finite() {
            true => Cell { text: text(value), value: Some(value.to_string()) },
            false => Cell { text: "-".to_string(), value: Some(String::new()) },
        }
    }

    /// A number that may be missing.
    pub fn maybe(value: Option<f64>, text: impl FnOnce(f64) -> String) -> Self {
        Cell::number(value.unwrap_or(f64::NAN), text)
    }
}

impl Table {
    /// A table of texts alone, of which the first columns are words.
    pub fn of_texts<S: AsRef<str>>(head: &[S], lines: Vec<Vec<String>>, words: usize) -> Self {
        let column = |(i, text): (usize, &S)| Head { text: text.as_ref().to_string(), key: "", number: i >= words };
        let lines = lines.into_iter().map(|line| line.into_iter().map(Cell::words).collect()).collect();
        Table { head: head.iter().enumerate().map(column).collect(), lines, cut: 0 }
    }

    /// Without the lines beyond so many.
    pub fn at_most(mut self, most: usize) -> Self {
        self.cut = self.lines.len().saturating_sub(most);
        self.lines.truncate(most);
        self
    }
}
