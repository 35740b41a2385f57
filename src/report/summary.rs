//! The table over seeds, the one that `subevo run` prints.

use super::material::Material;
use super::table::Table;
use crate::campaign::{summarise, ResultsTable};

/// Most lines.
const MOST: usize = 500;

/// The table.
pub(super) fn summary(material: &Material) -> Table {
    let ResultsTable { header, lines, words } = ResultsTable::of(&summarise(&material.records));
    Table::of_texts(&header, lines, words).at_most(MOST)
}
