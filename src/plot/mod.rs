//! Figures, made from records alone: a [`Figure`] turns records into [`FigureData`], and one renderer draws any of them.

mod accuracy_by_subset;
mod accuracy_by_subset_size;
mod arms;
mod background_by_fraction;
mod cases;
mod cells;
mod config;
mod corruption;
mod curves;
mod decision_regions;
mod diffusion;
mod draw;
mod figure;
mod generalisation;
mod information_by_depth;
mod information_plane;
mod kinds;
mod label_noise;
mod learners_ranked;
mod learning_curves;
mod learning_curves_seconds;
mod names;
mod plane;
mod region_radii;
mod theme;
mod throughput_by_population;
mod traces;

pub use draw::{png, svg};
pub use figure::{
    Axis, Beside, Category, Cells, Dash, FigureData, Fill, Key, Label, Mark, Marker, Panel, Point, Role, Sample, Scale,
    Series, Shape, SHADES,
};
pub use theme::{Colour, Theme};

use crate::entry::Entry;
use crate::record::RunRecords;

/// Of which runs one picture is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Of all runs.
    Campaign,
    /// Of those of one cell: one subset, one background, all learners.
    Cell,
}

/// A figure: what it shows of some runs.
pub trait Figure: Send + Sync {
    /// Of which runs one picture is made.
    fn scope(&self) -> Scope {
        Scope::Campaign
    }

    /// The figure as data, or `None` where the records hold nothing that it could show.
    fn draw_from(&self, runs: &[RunRecords]) -> Option<FigureData>;
}

/// Alphabetical; a test fails where a file here has no row.
pub const ENTRIES: &[Entry<dyn Figure>] = &[
    accuracy_by_subset::ENTRY,
    accuracy_by_subset_size::ENTRY,
    background_by_fraction::ENTRY,
    corruption::ENTRY,
    decision_regions::ENTRY,
    diffusion::ENTRY,
    generalisation::ENTRY,
    information_by_depth::ENTRY,
    information_plane::ENTRY,
    label_noise::ENTRY,
    learners_ranked::ENTRY,
    learning_curves::ENTRY,
    learning_curves_seconds::ENTRY,
    region_radii::ENTRY,
    throughput_by_population::ENTRY,
];

/// What a figure shows of runs, by the name of its file: one picture, or one for each cell.
pub fn figures(name: &str, figure: &dyn Figure, runs: &[RunRecords]) -> Vec<(String, FigureData)> {
    let cells = match figure.scope() {
        Scope::Campaign => return figure.draw_from(runs).map(|data| (name.to_string(), data)).into_iter().collect(),
        Scope::Cell => cells::cells(runs),
    };
    let drawn = |(cell, runs): (String, Vec<RunRecords>)| {
        let name = if cell.is_empty() { name.to_string() } else { format!("{name}-{cell}") };
        Some((name, figure.draw_from(&runs)?))
    };
    cells.into_iter().filter_map(drawn).collect()
}

/// A picture: file name and bytes.
pub type Picture = (String, Vec<u8>);

/// Draws a figure as `name.svg` and `name.png`. Equal figures give equal bytes.
pub fn render(name: &str, figure: &FigureData, theme: &Theme) -> [Picture; 2] {
    [(format!("{name}.svg"), svg(figure, theme).into_bytes()), (format!("{name}.png"), png(figure, theme))]
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod fixture_measured;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Method;

    #[test]
    fn every_figure_has_its_row_and_the_rows_are_alphabetical() {
        let mut files: Vec<String> = Vec::new();
        for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/plot")).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() && std::fs::read_to_string(&path).unwrap().contains("\npub const ENTRY:") {
                files.push(path.file_stem().unwrap().to_str().unwrap().replace('_', "-"));
            }
        }
        files.sort();
        assert_eq!(ENTRIES.iter().map(|entry| entry.name).collect::<Vec<_>>(), files);
    }

    #[test]
    fn a_learner_has_one_colour_in_all_figures() {
        let runs = fixture::quickstart();
        let theme = Theme::light();
        for entry in ENTRIES {
            let Some(figure) = fixture::figure(entry.name).draw_from(&runs) else { continue };
            for (label, role) in [("evolution", Method::Evolution), ("backprop", Method::Backprop)] {
                let key = figure.legend.iter().find(|key| key.label == label).unwrap();
                assert_eq!(key.role, Role::Learner(role, 0), "{}", entry.name);
            }
            let svg = svg(&figure, &theme);
            assert!(svg.contains("#D55E00") && svg.contains("#0072B2"), "{}", entry.name);
        }
    }

    #[test]
    fn the_same_records_give_the_same_bytes_in_any_order() {
        let mut drawn = std::collections::BTreeSet::new();
        for (_, runs) in fixture::all() {
            let mut other = runs.clone();
            other.reverse();
            for entry in ENTRIES {
                let pictures = |runs: &[RunRecords]| -> Vec<Picture> {
                    let figures = figures(entry.name, fixture::figure(entry.name).as_ref(), runs);
                    figures.iter().flat_map(|(name, data)| render(name, data, &Theme::dark())).collect()
                };
                let first = pictures(&runs);
                assert!(first == pictures(&other), "{}", entry.name);
                assert!(first.iter().all(|(name, _)| name.starts_with(entry.name)), "{}", entry.name);
                drawn.extend((!first.is_empty()).then_some(entry.name));
            }
        }
        assert_eq!(drawn.len(), ENTRIES.len(), "a figure that no campaign of the fixture shows");
    }

    #[test]
    fn odd_records_are_drawn_too() {
        let mut odd = fixture::run(Method::Backprop, crate::record::Background::Zero, ("<&\"> σ", 1), 0);
        odd.header.classes = 0;
        for (step, accuracy) in [(1, f64::NAN), (2, 0.5), (3, f64::INFINITY), (u64::MAX, f64::NAN)] {
            fixture::evaluate(&mut odd, step, 1, step as f64, accuracy, accuracy);
        }
        fixture::end(&mut odd);
        odd.end.as_mut().unwrap().last = fixture::scores(0.5, 0.5);
        for entry in ENTRIES {
            let Some(figure) = fixture::figure(entry.name).draw_from(std::slice::from_ref(&odd)) else { continue };
            let [(_, svg), (_, png)] = render(entry.name, &figure, &Theme::light());
            let svg = String::from_utf8(svg).unwrap();
            assert!(svg.contains("&lt;&amp;&quot;&gt; σ") && png.starts_with(b"\x89PNG"), "{}", entry.name);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{}", entry.name);
        }
    }

    #[test]
    fn a_png_is_as_large_as_its_svg() {
        let figure = fixture::figure("accuracy-by-subset").draw_from(&fixture::quickstart()).unwrap();
        let png = png(&figure, &Theme::light());
        let side = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
        let svg = svg(&figure, &Theme::light());
        let size =
            format!("width=\"{}\" height=\"{}\" viewBox=\"0 0 {}0 {}0\"", side(16), side(20), side(16), side(20));
        assert!(side(16) == 1600 && svg.starts_with("<svg ") && svg[..120].contains(&size), "{}", &svg[..120]);
    }

    /// Draws all figures of a few campaigns; for the eye they are kept in the folder that `SUBEVO_PICTURES` names.
    #[test]
    fn pictures() {
        let temporary = tempfile::tempdir().unwrap();
        let named = std::env::var_os("SUBEVO_PICTURES").map(std::path::PathBuf::from);
        let folder = named.unwrap_or_else(|| temporary.path().to_path_buf());
        std::fs::create_dir_all(&folder).unwrap();
        let many: Vec<(&str, u64, f64)> = vec![
            ("batchnorm", 96, 0.45),
            ("classifier", 5_130, 0.72),
            ("batchnorm+classifier", 5_226, 0.78),
            ("filters-0.25+batchnorm+classifier", 6_410, 0.8),
            ("random-1000", 1_000, 0.5),
            ("all", 20_490, 0.9),
        ];
        let names: Vec<String> = (0..9).map(|i| format!("filters-0.{i}+classifier")).collect();
        let nine: Vec<(&str, u64, f64)> = names.iter().zip(1..).map(|(n, k)| (n.as_str(), 1000 * k, 0.5)).collect();
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
        let mut campaigns = fixture::all();
        campaigns.extend([
            ("many", fixture::campaign(&many, 5)),
            ("learners", learners),
            ("single", unfinished),
            ("nine", fixture::campaign(&nine, 2)),
        ]);
        for (campaign, runs) in &campaigns {
            for entry in ENTRIES {
                for (name, figure) in figures(entry.name, fixture::figure(entry.name).as_ref(), runs) {
                    for (look, theme) in [("light", Theme::light()), ("dark", Theme::dark())] {
                        for (name, bytes) in render(&format!("{campaign}-{name}-{look}"), &figure, &theme) {
                            std::fs::write(folder.join(name), bytes).unwrap();
                        }
                    }
                }
            }
        }
    }
}
