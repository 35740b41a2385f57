//! One panel: grid lines, ticks, tick labels, series.

use super::marks;
use super::scene::{wrap, Anchor, Item, Text, Turn};
use super::ticks::{minor, ticks, Tick};
use crate::plot::figure::{Axis, Category, Panel, Scale};
use crate::plot::theme::{Colour, Theme};

/// Size of tick labels.
pub(super) const TICK_EM: f64 = 22.0;
/// Greatest width of a category's name beside a row.
const NAME: f64 = 250.0;
/// Height of a line of tick labels.
const TICK_LINE: f64 = 28.0;
/// Between an axis and its tick labels.
pub(super) const TICK_GAP: f64 = 12.0;

/// Where a panel stands on the page.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Frame {
    pub(super) fn right(&self) -> f64 {
        self.left + self.width
    }

    pub(super) fn bottom(&self) -> f64 {
        self.top + self.height
    }
}

/// Height of a row of a vertical axis of categories.
const ROW: f64 = 30.0;

/// The least height that a vertical axis needs for its categories.
pub(super) fn rows_height(axis: &Axis) -> f64 {
    match &axis.scale {
        Scale::Categories(_) => ROW * (axis.range[1] - axis.range[0]),
        _ => 0.0,
    }
}

/// The labelled ticks of a vertical axis of this height; categories have their names, cut where they are long.
pub(super) fn y_ticks(axis: &Axis, height: f64) -> Vec<Tick> {
    match &axis.scale {
        Scale::Categories(categories) => {
            let name = |category: &Category| wrap(&category.name, NAME, TICK_EM, false, 1).concat();
            categories.iter().enumerate().map(|(i, category)| (i as f64, name(category))).collect()
        }
        _ => ticks(axis, (height / 44.0) as usize),
    }
}

/// Height of the tick labels below a panel of this width.
pub(super) fn x_labels_height(axis: &Axis, width: f64) -> f64 {
    let lines = match &axis.scale {
        Scale::Categories(categories) => {
            let lines = |c: &Category| names(c, width, axis).len() + usize::from(!c.note.is_empty());
            categories.iter().map(lines).max().unwrap_or(0)
        }
        _ => 1,
    };
    TICK_GAP + lines as f64 * TICK_LINE
}

fn names(category: &Category, width: f64, axis: &Axis) -> Vec<String> {
    let room = width / (axis.range[1] - axis.range[0]);
    wrap(&category.name, room - 14.0, TICK_EM, false, 3)
}

/// Draws a panel; tick labels only where `labels` (x, y) says so.
pub(super) fn panel(panel: &Panel, frame: &Frame, labels: (bool, bool), theme: &Theme, items: &mut Vec<Item>) {
    let place = |x: f64, y: f64| {
        let (across, up) = (panel.x.position(x), panel.y.position(y));
        [frame.left + across * frame.width, frame.bottom() - up * frame.height]
    };
    let [x_low, y_low] = [panel.x.range[0], panel.y.range[0]];
    let mut rule = |from: [f64; 2], to: [f64; 2], colour: Colour, width: f64| {
        items.push(Item::Line { points: vec![from, to], colour, width });
    };

    let y_ticks = y_ticks(&panel.y, frame.height);
    let x_ticks = ticks(&panel.x, (frame.width / 82.0) as usize);
    for (y, _) in &y_ticks {
        let height = place(x_low, *y)[1];
        rule([frame.left, height], [frame.right(), height], theme.grid, 1.2);
    }
    for (x, _) in &x_ticks {
        let across = place(*x, y_low)[0];
        rule([across, frame.top], [across, frame.bottom()], theme.grid, 1.2);
        rule([across, frame.bottom()], [across, frame.bottom() + 8.0], theme.grey, 1.5);
    }
    for y in minor(&panel.y) {
        let height = place(x_low, y)[1];
        rule([frame.left, height], [frame.left - 4.0, height], theme.grey, 1.2);
    }
    for x in minor(&panel.x) {
        let across = place(x, y_low)[0];
        rule([across, frame.bottom()], [across, frame.bottom() + 4.0], theme.grey, 1.2);
    }
    if let Scale::Categories(categories) = &panel.x.scale {
        for i in 1..categories.len() {
            let across = place(i as f64 - 0.5, y_low)[0];
            rule([across, frame.top], [across, frame.bottom()], theme.grid, 1.2);
        }
    }
    rule([frame.left, frame.bottom()], [frame.right(), frame.bottom()], theme.grey, 1.5);

    for series in &panel.series {
        let sides = [frame.left, frame.top, frame.right(), frame.bottom()];
        marks::series(&series.mark, series.role, theme, &place, sides, items);
    }

    let text = |text: String, at, anchor, colour| {
        Item::Text(Text { text, at, em: TICK_EM, bold: false, colour, anchor, turn: Turn::None })
    };
    if labels.1 {
        for (y, word) in y_ticks {
            let at = [frame.left - TICK_GAP, place(x_low, y)[1] + 0.36 * TICK_EM];
            items.push(text(word, at, Anchor::End, theme.ink));
        }
    }
    if labels.0 {
        let line = |i: usize| frame.bottom() + TICK_GAP + i as f64 * TICK_LINE + 0.8 * TICK_EM;
        for (x, word) in x_ticks {
            items.push(text(word, [place(x, y_low)[0], line(0)], Anchor::Middle, theme.ink));
        }
        if let Scale::Categories(categories) = &panel.x.scale {
            for (i, category) in categories.iter().enumerate() {
                let across = place(i as f64, y_low)[0];
                let names = names(category, frame.width, &panel.x);
                let under = names.len();
                for (j, name) in names.into_iter().enumerate() {
                    items.push(text(name, [across, line(j)], Anchor::Middle, theme.ink));
                }
                if !category.note.is_empty() {
                    items.push(text(category.note.clone(), [across, line(under)], Anchor::Middle, theme.grey));
                }
            }
        }
    }
}
