//! Draws any figure: `page` and `panel` lay it out as a scene of lines, areas and text; `backend` alone knows plotters.

mod backend;
mod image;
mod marks;
mod page;
mod panel;
mod scene;
mod ticks;

use super::figure::FigureData;
use super::theme::Theme;

/// Draws a figure as an SVG document, 1600 units wide.
pub fn svg(figure: &FigureData, theme: &Theme) -> String {
    backend::svg(&page::lay_out(figure, theme))
}

/// Draws a figure as a PNG file, 1600 pixels wide.
pub fn png(figure: &FigureData, theme: &Theme) -> Vec<u8> {
    image::png(&page::lay_out(figure, theme))
}
