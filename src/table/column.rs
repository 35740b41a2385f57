//! A table: rows, and columns that say how a row's value is found.

use std::ops::Range;

/// What a column holds. Every value may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// A whole number, not negative.
    Integer,
    /// f64, NaN and infinities among them.
    Number,
}

/// Some values of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Values<'a> {
    /// Of [`Kind::Text`].
    Text(Vec<Option<&'a str>>),
    /// Of [`Kind::Integer`].
    Integer(Vec<Option<u64>>),
    /// Of [`Kind::Number`].
    Number(Vec<Option<f64>>),
}

/// A table, whatever its rows are made of.
pub trait Table {
    /// Its name, which is its file's.
    fn name(&self) -> &'static str;
    /// How many rows it has.
    fn rows(&self) -> usize;
    /// Name and kind of each column.
    fn columns(&self) -> Vec<(&'static str, Kind)>;
    /// The values of a column in these rows.
    ///
    /// # Panics
    /// If there is no such column or row.
    fn values(&self, column: usize, rows: Range<usize>) -> Values<'_>;
}

/// How the value of a column is found in a row.
pub(super) enum Get<R> {
    Text(for<'a> fn(&'a R) -> Option<&'a str>),
    Integer(fn(&R) -> Option<u64>),
    Number(fn(&R) -> Option<f64>),
}

/// A column of a table with rows of `R`.
pub(super) struct Column<R> {
    name: &'static str,
    get: Get<R>,
}

/// A column of words.
pub(super) fn text<R>(name: &'static str, get: for<'a> fn(&'a R) -> Option<&'a str>) -> Column<R> {
    Column { name, get: Get::Text(get) }
}

/// A column of counts.
pub(super) fn integer<R>(name: &'static str, get: fn(&R) -> Option<u64>) -> Column<R> {
    Column { name, get: Get::Integer(get) }
}

/// A column of measured numbers.
pub(super) fn number<R>(name: &'static str, get: fn(&R) -> Option<f64>) -> Column<R> {
    Column { name, get: Get::Number(get) }
}

/// A table with rows of `R`.
pub(super) struct Rows<R> {
    pub name: &'static str,
    pub columns: Vec<Column<R>>,
    pub rows: Vec<R>,
}

impl<R> Table for Rows<R> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn columns(&self) -> Vec<(&'static str, Kind)> {
        let kind = |column: &Column<R>| match column.get {
            Get::Text(_) => Kind::Text,
            Get::Integer(_) => Kind::Integer,
            Get::Number(_) => Kind::Number,
        };
        self.columns.iter().map(|column| (column.name, kind(column))).collect()
    }

    fn values(&self, column: usize, rows: Range<usize>) -> Values<'_> {
        let rows = &self.rows[rows];
        match self.columns[column].get {
            Get::Text(get) => Values::Text(rows.iter().map(get).collect()),
            Get::Integer(get) => Values::Integer(rows.iter().map(get).collect()),
            Get::Number(get) => Values::Number(rows.iter().map(get).collect()),
        }
    }
}
