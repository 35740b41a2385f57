//! Accuracy in the course of training, as small multiples: one column for each subset, one row for each background. The
//! two figures of learning curves differ in the horizontal axis alone.

use super::cases::{accuracy_axis, chance, seeds, setting, untrained, Case, Cases};
use super::figure::{
    pieces, Axis, Dash, FigureData, Fill, Key, Mark, Panel, Point, Role, Sample, Scale, Series, Shape,
};
use super::traces::{average, Trace};
use crate::record::{Evaluation, RunRecords};

/// Most panels side by side; more subsets are shared out among blocks of rows.
const COLUMNS: usize = 4;
/// Room beyond the first and the last x, as a share of the axis.
const ROOM: f64 = 0.015;

/// What the horizontal axis counts.
pub(super) struct Against {
    /// Axis label.
    pub label: &'static str,
    /// Word in the title.
    pub word: &'static str,
    /// Where an evaluation of a run stands on it, if that is known.
    pub position: fn(&RunRecords, &Evaluation) -> Option<f64>,
}

/// The figure, or `None` where no run has an evaluation that the axis can show.
pub(super) fn figure(runs: &[RunRecords], against: &Against) -> Option<FigureData> {
    let cases = Cases::of(runs);
    let traces: Vec<Vec<Trace>> = cases
        .cases
        .iter()
        .map(|case| {
            case.runs
                .iter()
                .map(|run| Trace::of(run, against.position))
                .filter(|trace| !trace.points.is_empty())
                .collect()
        })
        .collect();
    let all = || traces.iter().flatten().flat_map(|trace| &trace.points);
    let first = all().map(|point| point[0]).reduce(f64::min)?;
    let last = all().map(|point| point[0]).reduce(f64::max)?;
    // One single x would leave the axis without a length.
    let room = if first < last { (last / first).powf(ROOM) } else { 2.0 };
    let range = [first / room, last * room];
    let x = Axis { label: against.label.to_string(), scale: Scale::Log, range };

    let chance = chance(runs);
    let columns = cases.subsets.len().div_ceil(cases.subsets.len().div_ceil(COLUMNS));
    let mut panels: Vec<Panel> = Vec::new();
    for (case, traces) in cases.cases.iter().zip(&traces) {
        let (block, column) = (case.subset / columns, case.subset % columns);
        let within = cases.backgrounds.iter().position(|&b| b == case.background).expect("every background is listed");
        let row = block * cases.backgrounds.len() + within;
        if panels.last().is_none_or(|panel| (panel.row, panel.column) != (row, column)) {
            let levels = levels(&cases, case, chance);
            let y = accuracy_axis("", std::iter::empty());
            let subset = &cases.subsets[case.subset];
            let side = format!("{} background", case.background.name());
            let (heading, note) = (subset.name.clone(), subset.note.clone());
            panels.push(Panel { row, column, heading, note, side, x: x.clone(), y, series: levels });
        }
        let learner = &cases.learners[case.learner];
        let panel = panels.last_mut().expect("a panel was pushed");
        panel.series.extend(curves(traces, learner.role, learner.alone));
    }
    let y = accuracy_axis("Accuracy", panels.iter().flat_map(|panel| &panel.series).flat_map(Series::heights));
    for panel in &mut panels {
        panel.y = y.clone();
    }
    head_once(&mut panels);

    let shown = traces.iter().filter(|traces| !traces.is_empty());
    let counts = shown.clone().map(Vec::len);
    let unfinished = traces.iter().flatten().filter(|trace| !trace.finished).count();
    let single = counts.clone().all(|n| n == 1);
    Some(FigureData {
        title: format!("Accuracy against {}: {}", against.word, setting(runs)),
        caption: caption(&seeds(counts), single, unfinished),
        panels,
        legend: legend(&cases, chance, single),
        ramp: None,
        shape: Shape::Wide,
    })
}

/// Band, train line and test line of one case.
fn curves(traces: &[Trace], role: Role, alone: bool) -> Vec<Series> {
    let means = average(traces);
    let ends = |&[x, _, test, half]: &[f64; 4]| [x, (test - half).clamp(0.0, 1.0), (test + half).clamp(0.0, 1.0)];
    let band = pieces(means.iter().map(ends));
    let train = pieces(means.iter().map(|&[x, train, _, _]| [x, train]));
    let test = pieces(means.iter().map(|&[x, _, test, _]| [x, test]));
    let end = test.last().and_then(|piece| piece.last()).map(|&[x, y]| Point { x, y, interval: None });
    let mut marks = Vec::new();
    marks.extend((!band.is_empty()).then_some(Mark::Band(band)));
    marks.extend((!train.is_empty()).then_some(Mark::Line(Dash::Dashed, train)));
    marks.extend((!test.is_empty()).then_some(Mark::Line(Dash::Solid, test)));
    // Where learners share a hue, a point at the end tells their shades apart.
    marks.extend(end.filter(|_| !alone).map(|end| Mark::Points(role.marker(), Fill::Solid, vec![end])));
    marks.into_iter().map(|mark| Series { role, mark }).collect()
}

/// Chance, and the accuracy of the untrained network on test images, mean over all runs of the panel.
fn levels(cases: &Cases<'_>, panel: &Case<'_>, chance: Option<f64>) -> Vec<Series> {
    let here = cases.cases.iter().filter(|c| c.subset == panel.subset && c.background == panel.background);
    let untrained = untrained(here);
    let level = |dash, y| Series { role: Role::Reference, mark: Mark::Level(dash, y) };
    let untrained = untrained.map(|y| level(Dash::Dotted, y));
    chance.map(|y| level(Dash::Solid, y)).into_iter().chain(untrained).collect()
}

/// Leaves the subset's name above the first panel of its column alone, and the background's beside the last of its row.
fn head_once(panels: &mut [Panel]) {
    let places: Vec<(usize, usize)> = panels.iter().map(|panel| (panel.row, panel.column)).collect();
    let headings: Vec<String> = panels.iter().map(|panel| panel.heading.clone()).collect();
    for (i, panel) in panels.iter_mut().enumerate() {
        if headings[..i].contains(&headings[i]) {
            panel.heading.clear();
            panel.note.clear();
        }
        if places.iter().any(|&(row, column)| row == panel.row && column > panel.column) {
            panel.side.clear();
        }
    }
}

fn legend(cases: &Cases<'_>, chance: Option<f64>, single: bool) -> Vec<Key> {
    let key = |label: &str, role, sample| Key { label: label.to_string(), role, sample };
    let mut legend: Vec<Key> = Vec::new();
    for learner in &cases.learners {
        let marker = (!learner.alone).then(|| learner.role.marker());
        legend.push(key(&learner.label, learner.role, Sample::Line(Dash::Solid, marker)));
    }
    legend.push(key("test", Role::Any, Sample::Line(Dash::Solid, None)));
    legend.push(key("train", Role::Any, Sample::Line(Dash::Dashed, None)));
    legend.extend((!single).then(|| key("95 % interval", Role::Any, Sample::Band)));
    legend.push(key("untrained", Role::Reference, Sample::Level(Dash::Dotted)));
    legend.extend(chance.map(|_| key("chance", Role::Reference, Sample::Level(Dash::Solid))));
    legend
}

fn caption(seeds: &str, single: bool, unfinished: usize) -> String {
    let mut caption = String::from(
        "The network that each learner would deploy, in evaluation mode: test images (solid) and a fixed snapshot of \
         the training images (dashed). Columns: trained subset with its number k of weights; rows: what stands outside it. ",
    );
    caption += &match single {
        true => format!("{seeds}, so no interval. "),
        false => format!("Lines: mean over {seeds}; bands: 95 % Student t interval of the mean on test images. "),
    };
    caption += "Step 0 has no place on a log axis: its test accuracy is the dotted line.";
    caption += &match unfinished {
        0 => String::new(),
        1 => " 1 run is unfinished and shown as far as it went.".to_string(),
        n => format!(" {n} runs are unfinished and shown as far as they went."),
    };
    caption
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{campaign, end, evaluate, figure, quickstart, run};
    use super::*;
    use crate::record::{Background, Method};

    /// A finished run of backprop with these (step, train, test); 100 images and half a second a step.
    fn backprop(seed: u64, points: &[(u64, f64, f64)]) -> RunRecords {
        let mut run = run(Method::Backprop, Background::Random, ("classifier", 10), seed);
        for &(step, train, test) in points {
            evaluate(&mut run, step, 100, 0.5 * step as f64, train, test);
        }
        end(&mut run);
        run
    }

    fn images(runs: &[RunRecords]) -> FigureData {
        figure("learning-curves").draw_from(runs).unwrap()
    }

    fn line(figure: &FigureData, panel: usize, which: Dash) -> Vec<Vec<[f64; 2]>> {
        let found = figure.panels[panel].series.iter().find_map(|series| match &series.mark {
            Mark::Line(dash, lines) if *dash == which => Some(lines.clone()),
            _ => None,
        });
        found.unwrap_or_default()
    }

    fn bands(figure: &FigureData) -> Vec<Vec<Vec<[f64; 3]>>> {
        let band = |series: &Series| match &series.mark {
            Mark::Band(bands) => Some(bands.clone()),
            _ => None,
        };
        figure.panels.iter().flat_map(|panel| &panel.series).filter_map(band).collect()
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    #[test]
    fn lines_are_means_and_bands_are_t_intervals_over_seeds() {
        let runs: Vec<RunRecords> = [0.5, 0.6, 0.7]
            .iter()
            .zip(0..)
            .map(|(&test, seed)| backprop(seed, &[(0, 0.1, 0.1), (4, 0.8, test)]))
            .collect();
        let figure = images(&runs);
        let (test, train) = (line(&figure, 0, Dash::Solid), line(&figure, 0, Dash::Dashed));
        assert!(close(test[0][0][0], 400.0) && close(test[0][0][1], 0.6), "{test:?}");
        assert!(test[0].len() == 1 && close(train[0][0][1], 0.8), "{train:?}");
        let [x, low, high] = bands(&figure)[0][0][0];
        // t(0.975, 2) * 0.1 / sqrt(3), by hand.
        let half = 4.302_652_729_7 * 0.1 / 3f64.sqrt();
        assert!(close(x, 400.0) && (low - 0.6 + half).abs() < 1e-9 && (high - 0.6 - half).abs() < 1e-9, "{low} {high}");
        assert!(figure.caption.contains("n = 3 seeds"), "{}", figure.caption);
    }

    #[test]
    fn a_band_stays_within_0_and_1() {
        let runs = [backprop(0, &[(1, 0.9, 0.8)]), backprop(1, &[(1, 0.9, 1.0)])];
        assert_eq!(bands(&images(&runs)), [[[[100.0, 0.0, 1.0]]]]);
    }

    #[test]
    fn step_0_is_a_level_and_not_on_the_log_axis() {
        let figure = images(&[backprop(0, &[(0, 0.3, 0.12), (1, 0.3, 0.3), (9, 0.5, 0.4)])]);
        assert_eq!(line(&figure, 0, Dash::Solid), [[[100.0, 0.3], [900.0, 0.4]]]);
        let levels: Vec<&Mark> = figure.panels[0].series[..2].iter().map(|series| &series.mark).collect();
        assert_eq!(levels, [&Mark::Level(Dash::Solid, 0.1), &Mark::Level(Dash::Dotted, 0.12)]);
        let [low, high] = figure.panels[0].x.range;
        assert!(low < 100.0 && low > 90.0 && high > 900.0 && high < 1000.0);
    }

    #[test]
    fn without_a_number_of_classes_there_is_no_chance() {
        let mut only = backprop(0, &[(1, 0.3, 0.3)]);
        only.header.classes = 0;
        let figure = images(&[only]);
        assert!(!figure.panels[0].series.iter().any(|series| matches!(series.mark, Mark::Level(..))));
        assert!(!figure.legend.iter().any(|key| key.label == "chance"));
    }

    #[test]
    fn one_seed_has_no_band() {
        let mut runs = campaign(&[("classifier", 10, 0.5)], 1);
        runs[0].end = None;
        let figure = images(&runs);
        assert_eq!(bands(&figure), Vec::<Vec<Vec<[f64; 3]>>>::new());
        assert!(figure.caption.contains("n = 1 seed, so no interval"), "{}", figure.caption);
        assert!(figure.caption.contains("1 run is unfinished"), "{}", figure.caption);
        assert!(!figure.legend.iter().any(|key| key.sample == Sample::Band));
    }

    #[test]
    fn every_subset_and_background_has_its_panel() {
        let figure = images(&quickstart());
        let heads: Vec<_> = figure
            .panels
            .iter()
            .map(|p| (p.row, p.column, p.heading.as_str(), p.note.as_str(), p.side.as_str()))
            .collect();
        let expected = [
            (0, 0, "batchnorm", "k = 96", ""),
            (1, 0, "", "", ""),
            (0, 1, "filters-0.25", "k = 1,310", ""),
            (1, 1, "", "", ""),
            (0, 2, "batchnorm+classifier", "k = 5,226", "random background"),
            (1, 2, "", "", "zero background"),
        ];
        assert_eq!(heads, expected);
        // Chance, untrained; band, train and test of two learners.
        assert!(figure.panels.iter().all(|panel| panel.series.len() == 8));
        assert!(figure.panels.iter().all(|panel| panel.x == figure.panels[0].x && panel.y == figure.panels[0].y));
    }

    #[test]
    fn five_subsets_share_two_blocks_of_rows() {
        let names = ["a", "b", "c", "d", "e"];
        let subsets: Vec<(&str, u64, f64)> = names.iter().zip(1..).map(|(&name, k)| (name, k, 0.5)).collect();
        let figure = images(&campaign(&subsets, 1));
        let places: Vec<(usize, usize)> = figure.panels.iter().map(|panel| (panel.row, panel.column)).collect();
        assert_eq!(places, [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 0), (3, 0), (2, 1), (3, 1)]);
    }

    #[test]
    fn a_nan_is_a_gap() {
        let nan = f64::NAN;
        let runs = [
            backprop(0, &[(1, 0.1, 0.1), (2, 0.2, nan), (3, 0.3, 0.3), (4, nan, 0.4)]),
            backprop(1, &[(1, 0.1, 0.2), (2, 0.2, 0.2), (3, 0.3, 0.4), (4, 0.4, 0.5)]),
        ];
        let figure = images(&runs);
        let places = |lines: Vec<Vec<[f64; 2]>>| -> Vec<Vec<f64>> {
            lines.iter().map(|line| line.iter().map(|point| point[0]).collect()).collect()
        };
        assert_eq!(places(line(&figure, 0, Dash::Solid)), [vec![100.0], vec![300.0, 400.0]]);
        assert_eq!(places(line(&figure, 0, Dash::Dashed)), [vec![100.0, 200.0, 300.0]]);
        assert_eq!(bands(&figure)[0].iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
        let all = [backprop(0, &[(0, nan, nan), (1, nan, nan)])];
        assert_eq!(line(&images(&all), 0, Dash::Solid), Vec::<Vec<[f64; 2]>>::new());
    }

    #[test]
    fn nothing_to_show_is_no_figure() {
        for name in ["learning-curves", "learning-curves-seconds"] {
            assert_eq!(figure(name).draw_from(&[]), None);
            assert_eq!(figure(name).draw_from(&[backprop(0, &[(0, 0.1, 0.1)])]), None);
        }
    }

    #[test]
    fn the_grid_tells_learners_of_one_name_apart() {
        let mut runs = Vec::new();
        for (rate, subset) in [("0.1", "a"), ("0.2", "a"), ("0.1", "b")] {
            let mut run = backprop(0, &[(1, 0.1, 0.1), (2, 0.2, 0.2)]);
            run.header.subset = subset.to_string();
            run.header.cell = format!("background=random subset={subset} lr={rate}");
            runs.push(run);
        }
        let figure = images(&runs);
        let learners: Vec<_> = figure.legend.iter().take(2).map(|key| (key.label.as_str(), key.role)).collect();
        let role = |shade| Role::Learner(Method::Backprop, shade);
        assert_eq!(learners, [("backprop (lr=0.1)", role(0)), ("backprop (lr=0.2)", role(1))]);
        // The test lines of a hue with two shades end in points.
        assert!(figure.panels[1].series.iter().any(|s| matches!(s.mark, Mark::Points(..)) && s.role == role(0)));
    }
}
