//! Lines that are drawn over those of before, below what the terminal already shows.

use console::{measure_text_width, truncate_str};

/// Takes the cursor away, for it would jump.
pub const HIDE_CURSOR: &str = "\u{1b}[?25l";

/// Brings it back.
pub const SHOW_CURSOR: &str = "\u{1b}[?25h";

/// Up by so many rows follows; then to the end of the line, and of the screen.
const ESCAPE: &str = "\u{1b}[";
const CLEAR_LINE: &str = "\u{1b}[K";
const CLEAR_BELOW: &str = "\u{1b}[J";

/// What is drawn.
pub struct Screen {
    /// Width of each line of the last frame.
    widths: Vec<usize>,
}

impl Screen {
    /// Nothing yet.
    pub fn new() -> Self {
        Screen { widths: Vec::new() }
    }

    /// What draws these lines in the place of the last ones, cut to the terminal's size.
    pub fn frame(&mut self, lines: &[String], height: usize, width: usize) -> String {
        // A terminal that was made narrower has broken the lines of before.
        let rows: usize = self.widths.iter().map(|line| line.div_ceil(width).max(1)).sum();
        let room = height.saturating_sub(1).max(1);
        let mut shown: Vec<String> = lines.iter().take(room).map(|line| cut(line, width)).collect();
        if lines.len() > room {
            let more = format!("... {} lines more: make the terminal higher", lines.len() - room + 1);
            shown[room - 1] = cut(&more, width);
        }
        self.widths = shown.iter().map(|line| measure_text_width(line)).collect();
        let up = if rows > 0 { format!("{ESCAPE}{}A\r", rows.min(room)) } else { String::new() };
        let body: String = shown.iter().map(|line| format!("{line}{CLEAR_LINE}\n")).collect();
        format!("{up}{body}{CLEAR_BELOW}")
    }
}

/// A line in so many columns.
pub fn cut(line: &str, width: usize) -> String {
    truncate_str(line, width, "").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| text.to_string()).collect()
    }

    #[test]
    fn a_frame_is_drawn_over_the_one_before() {
        let mut screen = Screen::new();
        assert_eq!(screen.frame(&lines(&["one", "two"]), 24, 80), "one\u{1b}[K\ntwo\u{1b}[K\n\u{1b}[J");
        assert_eq!(screen.frame(&lines(&["three"]), 24, 80), "\u{1b}[2A\rthree\u{1b}[K\n\u{1b}[J");
        // One line of five columns is three rows of two.
        assert!(screen.frame(&lines(&["x"]), 24, 2).starts_with("\u{1b}[3A\r"));
    }

    #[test]
    fn lines_are_cut_to_the_terminal() {
        let mut screen = Screen::new();
        let frame = screen.frame(&lines(&["abcdef", "\u{1b}[1mbold\u{1b}[0m", "3", "4", "5"]), 4, 3);
        assert!(frame.starts_with("abc\u{1b}[K\n\u{1b}[1mbol\u{1b}[0m"), "{frame:?}");
        assert_eq!(frame.matches('\n').count(), 3);
        assert!(frame.ends_with("...\u{1b}[K\n\u{1b}[J"), "{frame:?}");
        assert_eq!(cut("▁▂▃▄", 2), "▁▂");
    }
}
