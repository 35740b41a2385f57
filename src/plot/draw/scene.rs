//! A page of lines, areas and text in pixels, laid out but not yet drawn.

use super::backend;
use crate::plot::theme::Colour;

/// Everything on a page, the lowest first.
pub(super) struct Scene {
    /// Width in pixels.
    pub width: f64,
    /// Height in pixels.
    pub height: f64,
    /// Colour of the paper.
    pub paper: Colour,
    /// What is drawn.
    pub items: Vec<Item>,
}

/// Something drawn; coordinates run right and down.
pub(super) enum Item {
    /// A line.
    Line { points: Vec<[f64; 2]>, colour: Colour, width: f64 },
    /// A filled polygon.
    Area { points: Vec<[f64; 2]>, colour: Colour, opacity: f64 },
    /// A text.
    Text(Text),
}

/// A line of text.
#[derive(Clone)]
pub(super) struct Text {
    /// What it says.
    pub text: String,
    /// The point on the baseline that `anchor` names.
    pub at: [f64; 2],
    /// Size of an em in pixels.
    pub em: f64,
    /// Bold or regular.
    pub bold: bool,
    /// Colour.
    pub colour: Colour,
    /// Which point of the text stands at `at`.
    pub anchor: Anchor,
    /// Direction.
    pub turn: Turn,
}

/// A point of a text.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// The direction of a text.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Turn {
    /// To the right.
    None,
    /// Upwards.
    Up,
    /// Downwards.
    Down,
}

impl Text {
    /// Width in pixels.
    pub(super) fn width(&self) -> f64 {
        backend::text_width(&self.text, self.em, self.bold)
    }

    /// Left, top, right and bottom of what it covers.
    pub(super) fn bounds(&self) -> [f64; 4] {
        let (width, above, below) = (self.width(), 0.76 * self.em, 0.24 * self.em);
        let before = match self.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => width / 2.0,
            Anchor::End => width,
        };
        let [x, y] = self.at;
        match self.turn {
            Turn::None => [x - before, y - above, x - before + width, y + below],
            Turn::Up => [x - above, y + before - width, x + below, y + before],
            Turn::Down => [x - below, y - before, x + above, y - before + width],
        }
    }
}

/// Breaks a text into lines of at most `width` pixels, at spaces and behind `+`; what is still too long, or too many lines,
/// ends in an ellipsis.
pub(super) fn wrap(text: &str, width: f64, em: f64, bold: bool, most: usize) -> Vec<String> {
    let fits = |line: &str| backend::text_width(line.trim_end(), em, bold) <= width;
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_inclusive([' ', '+']) {
        if !line.is_empty() && !fits(&format!("{line}{word}")) {
            lines.push(std::mem::take(&mut line));
        }
        line.push_str(word);
    }
    lines.push(line);
    if lines.len() > most {
        let rest = lines.split_off(most.max(1) - 1).concat();
        lines.push(rest);
    }
    lines.iter().map(|line| shorten(line.trim_end(), &fits)).collect()
}

fn shorten(line: &str, fits: &impl Fn(&str) -> bool) -> String {
    let mut short = line.to_string();
    let mut letters: Vec<char> = line.chars().collect();
    while !fits(&short) && letters.pop().is_some() {
        short = format!("{}…", letters.iter().collect::<String>());
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_break_behind_a_plus() {
        assert_eq!(wrap("batchnorm+classifier", 160.0, 20.0, false, 2), ["batchnorm+", "classifier"]);
        assert_eq!(wrap("batchnorm+classifier", 300.0, 20.0, false, 2), ["batchnorm+classifier"]);
    }

    #[test]
    fn what_cannot_break_ends_in_an_ellipsis() {
        let lines = wrap("a-name-that-goes-on-and-on one two three", 140.0, 20.0, false, 2);
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("a-name") && lines[0].ends_with('…'), "{lines:?}");
        assert!(lines.iter().all(|line| backend::text_width(line, 20.0, false) <= 140.0), "{lines:?}");
    }
}
