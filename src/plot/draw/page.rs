//! The page: title, legend, grid of panels, axis labels and caption, one below the other.

use super::backend::text_width;
use super::marks;
use super::panel::{self, Frame, TICK_EM, TICK_GAP};
use super::scene::{wrap, Anchor, Item, Scene, Text, Turn};
use super::ticks::word;
use crate::plot::figure::{Axis, FigureData, Panel, Scale, Shape};
use crate::plot::theme::{Colour, Theme};

/// Width of every page.
const WIDTH: f64 = 1600.0;
/// Around the page; wide enough for a viewer's font that runs a little wider than ours.
const MARGIN: f64 = 36.0;
const TITLE_EM: f64 = 32.0;
const HEADING_EM: f64 = 24.0;
const LABEL_EM: f64 = 24.0;
const LEGEND_EM: f64 = 22.0;
const CAPTION_EM: f64 = 20.0;
/// Height of a line in ems.
const LINE: f64 = 1.35;
/// Room between panels.
const GAP: f64 = 34.0;

/// Lays a figure out.
pub(super) fn lay_out(figure: &FigureData, theme: &Theme) -> Scene {
    let mut page = Page { theme, items: Vec::new(), y: MARGIN };
    if !figure.title.is_empty() {
        page.lines(&figure.title, TITLE_EM, true, theme.ink);
        page.y += 14.0;
    }
    page.legend(figure);
    page.y += 26.0;
    page.grid(figure);
    if !figure.caption.is_empty() {
        page.y += 16.0;
        page.lines(&figure.caption, CAPTION_EM, false, theme.grey);
    }
    Scene { width: WIDTH, height: (page.y + MARGIN - 8.0).ceil(), paper: theme.paper, items: page.items }
}

struct Page<'a> {
    theme: &'a Theme,
    items: Vec<Item>,
    /// Where the next part begins.
    y: f64,
}

impl Page<'_> {
    fn text(&mut self, text: impl Into<String>, at: [f64; 2], em: f64, look: (bool, Colour), place: (Anchor, Turn)) {
        let ((bold, colour), (anchor, turn), text) = (look, place, text.into());
        if !text.is_empty() {
            self.items.push(Item::Text(Text { text, at, em, bold, colour, anchor, turn }));
        }
    }

    /// A text across the page.
    fn lines(&mut self, text: &str, em: f64, bold: bool, colour: Colour) {
        for line in wrap(text, WIDTH - 2.2 * MARGIN, em, bold, usize::MAX) {
            self.text(line, [MARGIN, self.y + em], em, (bold, colour), (Anchor::Start, Turn::None));
            self.y += LINE * em;
        }
    }

    /// The legend: entries in a row, and in further rows where one is too short.
    fn legend(&mut self, figure: &FigureData) {
        const GAP: f64 = 34.0;
        const TO_LABEL: f64 = 11.0;
        let mut x = MARGIN;
        for key in &figure.legend {
            let sample = marks::sample_width(key.sample);
            let room = WIDTH - MARGIN - x.min(MARGIN) - sample - TO_LABEL;
            let label = wrap(&key.label, room, LEGEND_EM, false, 1).concat();
            let at = |x: f64, y: f64| [x + sample + TO_LABEL, y + LEGEND_EM];
            let mut text = Text {
                text: label,
                at: at(x, self.y),
                em: LEGEND_EM,
                bold: false,
                colour: self.theme.ink,
                anchor: Anchor::Start,
                turn: Turn::None,
            };
            if x > MARGIN && text.bounds()[2] > WIDTH - MARGIN {
                (x, self.y) = (MARGIN, self.y + 1.6 * LEGEND_EM);
                text.at = at(x, self.y);
            }
            marks::sample(key.sample, key.role, self.theme, x, self.y + 0.66 * LEGEND_EM, &mut self.items);
            x = text.bounds()[2] + GAP;
            self.items.push(Item::Text(text));
        }
        self.y += LINE * LEGEND_EM;
        if let Some(ramp) = &figure.ramp {
            self.y += if figure.legend.is_empty() { 0.0 } else { 0.4 * LEGEND_EM };
            self.ramp(ramp);
        }
    }

    /// What the colours of the ramp stand for: label, lower end, bar, upper end.
    fn ramp(&mut self, ramp: &Axis) {
        const GAP: f64 = 14.0;
        let (baseline, middle) = (self.y + LEGEND_EM, self.y + 0.66 * LEGEND_EM);
        let [low, high] = ramp.range.map(|end| word(three_digits(end)));
        let mut x = MARGIN;
        let say = |page: &mut Self, text: String, x: f64| -> f64 {
            page.text(text.as_str(), [x, baseline], LEGEND_EM, (false, page.theme.ink), (Anchor::Start, Turn::None));
            x + text_width(&text, LEGEND_EM, false) + GAP
        };
        x = say(self, wrap(&ramp.label, WIDTH / 2.0, LEGEND_EM, false, 1).concat(), x) + GAP;
        x = say(self, low, x);
        marks::bar(self.theme, x, middle, &mut self.items);
        say(self, high, x + marks::BAR[0] + GAP);
        self.y += LINE * LEGEND_EM;
    }

    /// The panels with their headings and axis labels. Axes that are the same everywhere have their labels once.
    fn grid(&mut self, figure: &FigureData) {
        let Some(first) = figure.panels.first() else { return };
        let panels = &figure.panels;
        let (same_x, same_y) = (panels.iter().all(|p| p.x == first.x), panels.iter().all(|p| p.y == first.y));
        let count = |of: fn(&Panel) -> usize| panels.iter().map(of).max().unwrap_or(0) + 1;
        let (rows, columns) = (count(|p| p.row), count(|p| p.column));
        let none_at = |row: usize, column: usize| !panels.iter().any(|p| (p.row, p.column) == (row, column));

        let label = LINE * LABEL_EM + 6.0;
        let sides = if panels.iter().any(|p| !p.side.is_empty()) { LINE * HEADING_EM } else { 0.0 };
        // The number of ticks hangs on the height of the panels, their labels' width hardly does.
        let words = panels.iter().flat_map(|p| panel::y_ticks(&p.y, 400.0)).map(|tick| tick.1);
        let y_words = words.map(|word| text_width(&word, TICK_EM, false)).fold(0.0, f64::max) + TICK_GAP;
        // Two round ends beside each other both have their tick labels.
        let ends_meet = |p: &Panel| matches!(p.x.scale, Scale::Linear | Scale::Percent);
        let y_label = if panels.iter().all(|p| p.y.label.is_empty()) { 0.0 } else { label };
        let between = match same_y {
            true if panels.iter().any(ends_meet) => 2.0 * GAP,
            true => GAP,
            false => GAP + y_label + y_words,
        };
        let left = MARGIN + y_label + y_words;
        let right = WIDTH - MARGIN - sides - 14.0;
        let width = (right - left - between * (columns - 1) as f64) / columns as f64;
        let rows_height = panels.iter().map(|p| panel::rows_height(&p.y)).fold(0.0, f64::max);
        let height = match figure.shape {
            Shape::Wide => (0.68 * width).clamp(290.0, 480.0).max(rows_height),
            Shape::Flat => (0.24 * width).clamp(240.0, 340.0).max(rows_height),
            Shape::Square => width,
        };

        let mut ends = [f64::NAN; 2];
        for row in 0..rows {
            let here = || panels.iter().filter(|p| p.row == row);
            let headings: Vec<(Vec<(String, bool)>, &Panel)> = here().map(|p| (heading(p, width), p)).collect();
            let head = headings.iter().map(|(lines, _)| lines.len()).max().unwrap_or(0);
            let frame_top = self.y + head as f64 * LINE * HEADING_EM + if head > 0 { 4.0 } else { 0.0 };
            ends = [ends[0].min(frame_top), frame_top + height];
            let mut below: f64 = 0.0;
            for (lines, p) in headings {
                let frame = Frame { left: left + p.column as f64 * (width + between), top: frame_top, width, height };
                self.heading(&lines, p, &frame);
                let show_x = !same_x || none_at(row + 1, p.column);
                let show_y = !same_y || p.column == 0 || none_at(row, p.column - 1);
                panel::panel(p, &frame, (show_x, show_y), self.theme, &mut self.items);
                let look = (false, self.theme.ink);
                if show_x {
                    below = below.max(panel::x_labels_height(&p.x, width));
                }
                if !same_x {
                    let at = [frame.left + width / 2.0, frame.bottom() + below + LABEL_EM];
                    self.text(p.x.label.as_str(), at, LABEL_EM, look, (Anchor::Middle, Turn::None));
                }
                if !same_y {
                    let at = [frame.left - y_words - 12.0, frame.top + height / 2.0];
                    self.text(p.y.label.as_str(), at, LABEL_EM, look, (Anchor::Middle, Turn::Up));
                }
            }
            self.y = frame_top + height + below + if same_x { 0.0 } else { label };
            self.y += if row + 1 < rows { GAP } else { 0.0 };
        }
        let look = (false, self.theme.ink);
        if same_y {
            let at = [MARGIN + 0.8 * LABEL_EM, (ends[0] + ends[1]) / 2.0];
            self.text(first.y.label.as_str(), at, LABEL_EM, look, (Anchor::Middle, Turn::Up));
        }
        if same_x {
            let at = [(left + right) / 2.0, self.y + LABEL_EM + 4.0];
            self.text(first.x.label.as_str(), at, LABEL_EM, look, (Anchor::Middle, Turn::None));
            self.y += label;
        }
    }

    /// Heading above a panel, its second line in grey, and heading of its row beside it.
    fn heading(&mut self, lines: &[(String, bool)], p: &Panel, frame: &Frame) {
        for (i, (line, note)) in lines.iter().rev().enumerate() {
            let look = if *note { (false, self.theme.grey) } else { (true, self.theme.ink) };
            let at = [frame.left, frame.top - 12.0 - i as f64 * LINE * HEADING_EM];
            self.text(line.as_str(), at, HEADING_EM, look, (Anchor::Start, Turn::None));
        }
        if !p.side.is_empty() {
            let at = [frame.right() + 14.0, frame.top + frame.height / 2.0];
            let side = wrap(&p.side, frame.height, HEADING_EM, true, 1).concat();
            self.text(side, at, HEADING_EM, (true, self.theme.ink), (Anchor::Middle, Turn::Down));
        }
    }
}

/// A number rounded to three digits.
fn three_digits(x: f64) -> f64 {
    let unit = 10f64.powf(x.abs().log10().floor() - 2.0);
    if unit.is_finite() && unit > 0.0 {
        (x / unit).round() * unit
    } else {
        x
    }
}

/// The lines above a panel, each with whether it is of the note, which is last.
fn heading(panel: &Panel, width: f64) -> Vec<(String, bool)> {
    let lines = |text: &str, note: bool| match text.is_empty() {
        true => Vec::new(),
        false => wrap(text, width, HEADING_EM, !note, 2),
    };
    let heading = lines(&panel.heading, false).into_iter().map(|line| (line, false));
    heading.chain(lines(&panel.note, true).into_iter().map(|line| (line, true))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::fixture;
    use crate::plot::ENTRIES;
    use crate::record::RunRecords;

    fn texts(scene: &Scene) -> Vec<&Text> {
        let mut texts = Vec::new();
        for item in &scene.items {
            if let Item::Text(text) = item {
                texts.push(text);
            }
        }
        texts
    }

    /// Those of the fixture, and some with names that are hard to place.
    fn campaigns() -> Vec<Vec<RunRecords>> {
        let long = "filters-0.25+batchnorm+classifier+a-name-without-any-place-to-break-that-goes-on-and-on";
        let names: Vec<String> = (0..9).map(|i| format!("subset-number-{i}+classifier")).collect();
        let many: Vec<(&str, u64, f64)> = names.iter().map(|name| (name.as_str(), 1_234_567, 0.9)).collect();
        let mut campaigns: Vec<Vec<RunRecords>> = fixture::all().into_iter().map(|(_, runs)| runs).collect();
        campaigns.extend([
            fixture::campaign(&[("classifier", 10, 0.3)], 1),
            fixture::campaign(&[(long, 12_345, 0.9), ("bn", 7, 0.99), ("b", 8, 0.9), ("c", 9, 0.9)], 2),
            fixture::campaign(&many, 1),
        ]);
        campaigns
    }

    #[test]
    fn no_text_is_cut_small_or_on_another() {
        for (i, runs) in campaigns().iter().enumerate() {
            for entry in ENTRIES {
                let Some(figure) = fixture::figure(entry.name).draw_from(runs) else { continue };
                let scene = lay_out(&figure, &Theme::light());
                let texts = texts(&scene);
                for (j, text) in texts.iter().enumerate() {
                    let [left, top, right, bottom] = text.bounds();
                    let context = format!("campaign {i}, {}: `{}`", entry.name, text.text);
                    let (least, most) = (0.6 * MARGIN, WIDTH - 0.6 * MARGIN);
                    assert!(left >= least && top >= 0.0 && right <= most && bottom <= scene.height, "{context}");
                    assert!(text.em >= 20.0, "{context}");
                    for other in &texts[..j] {
                        let [l, t, r, b] = other.bounds();
                        let apart = right <= l || r <= left || bottom <= t || b <= top;
                        assert!(apart, "{context} on `{}`", other.text);
                    }
                }
            }
        }
    }

    #[test]
    fn a_ramp_has_its_label_and_both_ends_and_square_panels_are_square() {
        let mut figure = fixture::figure("learning-curves").draw_from(&fixture::quickstart()).unwrap();
        let before = lay_out(&figure, &Theme::light());
        let range = [1e3, 199_990.0];
        figure.ramp = Some(Axis { label: "forward passes".to_string(), scale: Scale::Log, range });
        let scene = lay_out(&figure, &Theme::light());
        let said: Vec<&str> = texts(&scene).iter().map(|text| text.text.as_str()).collect();
        assert!(["forward passes", "1k", "200k"].iter().all(|text| said.contains(text)), "{said:?}");
        assert!(scene.height > before.height && scene.items.len() > before.items.len() + 50);
        figure.shape = Shape::Square;
        let wide = scene.height;
        assert!(lay_out(&figure, &Theme::light()).height > wide);
    }

    #[test]
    fn a_title_and_a_caption_that_stand_elsewhere_take_no_room() {
        let mut figure = fixture::figure("learning-curves").draw_from(&fixture::quickstart()).unwrap();
        let whole = lay_out(&figure, &Theme::light());
        let (title, caption) = (std::mem::take(&mut figure.title), std::mem::take(&mut figure.caption));
        let bare = lay_out(&figure, &Theme::light());
        let lines =
            |text: &str, em: f64, bold| wrap(text, WIDTH - 2.2 * MARGIN, em, bold, usize::MAX).len() as f64 * LINE * em;
        let room = lines(&title, TITLE_EM, true) + 14.0 + 16.0 + lines(&caption, CAPTION_EM, false);
        assert!(
            room > 100.0 && (whole.height - bare.height - room).abs() <= 1.0,
            "{} {} {room}",
            whole.height,
            bare.height
        );
    }

    #[test]
    fn a_page_says_everything_that_the_figure_says() {
        let figure = fixture::figure("learning-curves").draw_from(&fixture::quickstart()).unwrap();
        let scene = lay_out(&figure, &Theme::light());
        let said: Vec<&str> = texts(&scene).iter().map(|text| text.text.as_str()).collect();
        let expected = [
            "Accuracy against training images: conv2-bn on fashion-mnist-12k",
            "evolution",
            "backprop",
            "95 % interval",
            "chance",
            "batchnorm+classifier",
            "k = 5,226",
            "random background",
            "zero background",
            "Training images (forward passes), log scale",
            "Accuracy",
            "100k",
            "80 %",
        ];
        for label in expected {
            assert!(said.contains(&label), "`{label}` is missing in {said:?}");
        }
        // Shared axes are labelled once, and decades below each column.
        assert_eq!(said.iter().filter(|&&text| text == "Accuracy").count(), 1);
        assert_eq!(said.iter().filter(|&&text| text == "100k").count(), 3);
        assert_eq!(said.iter().filter(|&&text| text == "80 %").count(), 2);
        let svg = crate::plot::svg(&figure, &Theme::light());
        assert!(said.iter().all(|text| svg.contains(&format!(">\n{text}\n<"))));
        assert!(said.join(" ").contains(&figure.caption));
    }
}
