//! Figures, made from records alone: a [`Figure`] turns records into [`FigureData`], and one renderer draws any of them.

mod accuracy_by_subset;
mod cases;
mod curves;
mod draw;
mod figure;
mod learning_curves;
mod learning_curves_seconds;
mod theme;

pub use draw::{png, svg};
pub use figure::{
    Axis, Category, Dash, Fill, FigureData, Key, Mark, Marker, Panel, Point, Role, Sample, Scale, Series, SHADES,
};
pub use theme::{Colour, Theme};

use crate::entry::Entry;
use crate::record::RunRecords;

/// A figure: what it shows of some runs.
pub trait Figure: Send + Sync {
    /// The figure as data, or `None` where the records hold nothing that it could show.
    fn draw_from(&self, runs: &[RunRecords]) -> Option<FigureData>;
}

/// Alphabetical; a test fails where a file here has no row.
pub const ENTRIES: &[Entry<dyn Figure>] =
    &[accuracy_by_subset::ENTRY, learning_curves::ENTRY, learning_curves_seconds::ENTRY];

/// A picture: file name and bytes.
pub type Picture = (String, Vec<u8>);

/// Draws a figure as `name.svg` and `name.png`. Equal figures give equal bytes.
pub fn render(name: &str, figure: &FigureData, theme: &Theme) -> [Picture; 2] {
    [(format!("{name}.svg"), svg(figure, theme).into_bytes()), (format!("{name}.png"), png(figure, theme))]
}

#[cfg(test)]
mod fixture;

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes all figures of a few campaigns for the eye: `cargo test --release --lib pictures -- --ignored`.
    #[test]
    #[ignore = "writes files"]
    fn pictures() {
        let folder = std::env::temp_dir().join("subevo-pictures");
        std::fs::create_dir_all(&folder).unwrap();
        let many: Vec<(&str, u64, f64)> = vec![
            ("batchnorm", 96, 0.45),
            ("classifier", 5_130, 0.72),
            ("batchnorm+classifier", 5_226, 0.78),
            ("filters-0.25+batchnorm+classifier", 6_410, 0.8),
            ("random-1000", 1_000, 0.5),
            ("all", 20_490, 0.9),
        ];
        let mut learners = fixture::quickstart();
        for (label, change) in [("evolution-ga", -0.06), ("backprop-sgd", -0.04)] {
            let mut more = fixture::quickstart();
            more.retain(|run| label.starts_with(run.header.method.name()));
            for run in &mut more {
                run.header.learner = label.to_string();
                for evaluation in run.evaluations.iter_mut().filter(|evaluation| evaluation.cost.step > 0) {
                    evaluation.scores.train.accuracy += change;
                    evaluation.scores.test.accuracy += change;
                }
                fixture::end(run);
            }
            learners.extend(more);
        }
        let mut unfinished = fixture::campaign(&[("classifier", 5_130, 0.72)], 1);
        unfinished[0].end = None;
        unfinished[0].evaluations.truncate(9);
        let campaigns = [
            ("quickstart", fixture::quickstart()),
            ("many", fixture::campaign(&many, 5)),
            ("learners", learners),
            ("single", unfinished),
        ];
        for (campaign, runs) in &campaigns {
            for entry in ENTRIES {
                let figure = fixture::figure(entry.name).draw_from(runs).unwrap();
                for (look, theme) in [("light", Theme::light()), ("dark", Theme::dark())] {
                    for (name, bytes) in render(&format!("{campaign}-{}-{look}", entry.name), &figure, &theme) {
                        std::fs::write(folder.join(name), bytes).unwrap();
                    }
                }
            }
        }
    }
}
