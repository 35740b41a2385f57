//! The figures, as SVG that can stand in a page.

use std::mem::take;

use serde::Serialize;

use crate::campaign::{drawn_figures, Registry};
use crate::error::Result;
use crate::num::bytes;
use crate::plot::{svg, FigureData, Theme};
use crate::record::RunRecords;

/// A figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Figure {
    /// Name of its file without the ending.
    pub name: String,
    pub title: String,
    pub caption: String,
    /// The picture; empty where it is left out.
    pub svg: String,
    /// Its size in words, where it is left out.
    pub left_out: Option<String>,
}

/// All figures that the records give, in the order of the registry, and sentences on those that are left out for there are too
/// many cells.
///
/// # Errors
/// None that a user could make.
pub(super) fn figures(runs: &[RunRecords], registry: &Registry) -> Result<(Vec<Figure>, Vec<String>)> {
    let theme = Theme::light();
    let drawn = drawn_figures(runs, registry, &[])?;
    let figure = |(name, mut data): (String, FigureData)| {
        // In a page both are text, which is found, read aloud and large enough on a phone.
        let (title, caption) = (take(&mut data.title), take(&mut data.caption));
        Figure { name, title, caption, svg: in_page(&svg(&data, &theme)), left_out: None }
    };
    Ok((drawn.figures.into_iter().map(figure).collect(), drawn.notes))
}

/// Without what a document of its own needs and a part of a page does not: size in pixels, namespace. The template names it.
fn in_page(svg: &str) -> String {
    let Some((head, body)) = svg.split_once('>') else { return String::new() };
    let view = head.split_once("viewBox=\"").and_then(|(_, rest)| rest.split_once('"')).map_or("", |(view, _)| view);
    format!("viewBox=\"{view}\">{}", body.trim_end())
}

/// Leaves out the largest until the others have at most so many bytes.
pub(super) fn leave_out(figures: &mut [Figure], most: usize) {
    let mut total: usize = figures.iter().map(|figure| figure.svg.len()).sum();
    while total > most {
        // Of equal ones the last.
        let Some(largest) = figures.iter_mut().max_by_key(|figure| figure.svg.len()) else { return };
        total -= largest.svg.len();
        largest.left_out = Some(bytes(largest.svg.len() as u64));
        largest.svg.clear();
    }
}
