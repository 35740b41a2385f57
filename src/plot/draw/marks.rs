//! Series and legend samples as lines and areas: dashes, bands, markers, error bars.

use super::scene::{Anchor, Item, Text, Turn};
use crate::plot::figure::{Beside, Cells, Dash, Fill, Label, Mark, Marker, Point, Role, Sample};
use crate::plot::theme::{Colour, Theme};

/// Width of a solid line; dashed ones stand back a little.
const LINE: f64 = 3.0;
const DASHED: f64 = 2.2;
const LEVEL: f64 = 1.8;
/// Half the size of a point and of a small dot.
const POINT: f64 = 10.0;
const DOT: f64 = 4.5;
/// Size of direct labels.
const LABEL_EM: f64 = 20.0;
/// Between a point and its label.
const LABEL_GAP: f64 = 10.0;
/// Steps of opacity in a map.
const OPACITIES: f64 = 8.0;
/// Width and height of the bar that explains the colour ramp.
pub(super) const BAR: [f64; 2] = [240.0, 20.0];

/// Draws a series; `place` turns values into pixels, `sides` are the left, top, right and bottom of the panel.
pub(super) fn series(
    mark: &Mark,
    role: Role,
    theme: &Theme,
    place: &dyn Fn(f64, f64) -> [f64; 2],
    sides: [f64; 4],
    items: &mut Vec<Item>,
) {
    let [left, top, right, bottom] = sides;
    let colour = theme.colour(role);
    match mark {
        Mark::Line(dash, lines) => {
            for line in lines {
                let points: Vec<[f64; 2]> = line.iter().map(|&[x, y]| place(x, y)).collect();
                match points[..] {
                    // A value between two gaps would leave no trace as a line.
                    [only] => items.push(area(outline(Marker::Circle, only, LINE), colour, 1.0)),
                    _ => dashed(*dash, &points, colour, if *dash == Dash::Solid { LINE } else { DASHED }, items),
                }
            }
        }
        Mark::Band(bands) => {
            for band in bands {
                let low = band.iter().map(|&[x, low, _]| place(x, low));
                let high = band.iter().rev().map(|&[x, _, high]| place(x, high));
                items.push(area(low.chain(high).collect(), colour, theme.band));
            }
        }
        Mark::Points(marker, fill, points) => {
            for &Point { x, y, interval } in points {
                let (at, mut size) = (place(x, y), POINT);
                match interval {
                    Some([low, high]) => error_bar(place(x, low), place(x, high), colour, items),
                    None => size = 0.8 * POINT,
                }
                point(*marker, *fill, at, size, colour, theme, items);
            }
        }
        Mark::Across(marker, fill, points) => {
            for &Point { x, y, interval } in points {
                if let Some([low, high]) = interval {
                    error_bar(place(low, y), place(high, y), colour, items);
                }
                // Rows are narrow.
                point(*marker, *fill, place(x, y), 0.8 * POINT, colour, theme, items);
            }
        }
        Mark::Dots(fill, dots) => {
            for &[x, y] in dots {
                point(Marker::Circle, *fill, place(x, y), DOT, colour, theme, items);
            }
        }
        Mark::Level(dash, y) => {
            let height = place(0.0, *y)[1];
            dashed(*dash, &[[left, height], [right, height]], colour, LEVEL, items);
        }
        Mark::Upright(dash, x) => {
            // The height is no matter, and must only be one that a log axis has.
            let across = place(*x, 1.0)[0];
            dashed(*dash, &[[across, top], [across, bottom]], colour, LEVEL, items);
        }
        Mark::Labels(labels) => {
            for label in labels {
                let text = beside(label, place(label.at[0], label.at[1]), colour);
                items.push(ground(&text, theme.paper));
                items.push(Item::Text(text));
            }
        }
        Mark::Cells(map) => cells(map, theme, sides, items),
    }
}

/// A direct label.
fn beside(label: &Label, [x, y]: [f64; 2], colour: Colour) -> Text {
    let middle = 0.36 * LABEL_EM;
    let (at, anchor) = match label.side {
        Beside::Left => ([x - LABEL_GAP, y + middle], Anchor::End),
        Beside::Right => ([x + LABEL_GAP, y + middle], Anchor::Start),
        Beside::Above => ([x, y - LABEL_GAP], Anchor::Middle),
        Beside::Below => ([x, y + LABEL_GAP + 2.0 * middle], Anchor::Middle),
    };
    Text { text: label.text.clone(), at, em: LABEL_EM, bold: false, colour, anchor, turn: Turn::None }
}

/// Paper behind a direct label, so that lines that pass there can be told from its letters.
fn ground(text: &Text, paper: Colour) -> Item {
    let [left, top, right, below] = text.bounds();
    // Not as far down as letters may reach: the mark that is named stands there.
    let bottom = below - 0.2 * text.em;
    let points = vec![[left - 3.0, top], [right + 3.0, top], [right + 3.0, bottom], [left - 3.0, bottom]];
    Item::Area { points, colour: paper, opacity: 0.8 }
}

/// A map: cells beside each other that look the same are one area, and the paper shines through by opacity.
fn cells(map: &Cells, theme: &Theme, [left, top, right, bottom]: [f64; 4], items: &mut Vec<Item>) {
    let columns = map.columns.max(1);
    let rows = map.cells.len() / columns;
    let look = |&(role, opacity): &(Role, f64)| (role, (opacity.clamp(0.0, 1.0) * OPACITIES).round());
    let across = |column: usize| left + (right - left) * column as f64 / columns as f64;
    let up = |row: usize| bottom - (bottom - top) * row as f64 / rows as f64;
    for (row, line) in map.cells.chunks_exact(columns).enumerate() {
        let (low, high) = (up(row), up(row + 1));
        let mut first = 0;
        for same in line.chunk_by(|a, b| look(a) == look(b)) {
            let (from, to) = (across(first), across(first + same.len()));
            first += same.len();
            let (role, steps) = look(&same[0]);
            // Mixed with the paper here: areas that are half transparent would show seams where they meet.
            let colour = mix(theme.paper, theme.colour(role), steps / OPACITIES);
            items.push(area(vec![[from, low], [to, low], [to, high], [from, high]], colour, 1.0));
        }
    }
}

fn mix(Colour(r, g, b): Colour, Colour(s, h, c): Colour, share: f64) -> Colour {
    let between = |from: u8, to: u8| (f64::from(from) + share * (f64::from(to) - f64::from(from))).round() as u8;
    Colour(between(r, s), between(g, h), between(b, c))
}

/// Draws the bar that explains the colour ramp from `left` on, around the height `middle`.
pub(super) fn bar(theme: &Theme, left: f64, middle: f64, items: &mut Vec<Item>) {
    const PIECES: u16 = 60;
    let step = BAR[0] / f64::from(PIECES);
    let (top, bottom) = (middle - BAR[1] / 2.0, middle + BAR[1] / 2.0);
    for piece in 0..PIECES {
        let (from, to) = (left + step * f64::from(piece), left + step * f64::from(piece + 1));
        let colour = theme.colour(Role::Ramp(piece * 1000 / (PIECES - 1)));
        items.push(area(vec![[from, bottom], [to, bottom], [to, top], [from, top]], colour, 1.0));
    }
}

/// Width of a legend sample.
pub(super) fn sample_width(sample: Sample) -> f64 {
    match sample {
        Sample::Line(..) | Sample::Level(_) => 48.0,
        Sample::Band => 36.0,
        Sample::Point(Marker::Star, _) => 3.0 * POINT,
        Sample::Point(..) => 2.0 * POINT,
        Sample::Dot => 2.0 * DOT,
    }
}

/// Draws a legend sample from `left` on, around the height `middle`.
pub(super) fn sample(sample: Sample, role: Role, theme: &Theme, left: f64, middle: f64, items: &mut Vec<Item>) {
    let colour = theme.colour(role);
    let width = sample_width(sample);
    let line = [[left, middle], [left + width, middle]];
    let centre = [left + width / 2.0, middle];
    match sample {
        Sample::Line(dash, marker) => {
            dashed(dash, &line, colour, if dash == Dash::Solid { LINE + 1.0 } else { DASHED }, items);
            if let Some(marker) = marker {
                point(marker, Fill::Solid, centre, 0.8 * POINT, colour, theme, items);
            }
        }
        Sample::Level(dash) => dashed(dash, &line, colour, LEVEL, items),
        Sample::Band => {
            let (top, bottom) = (middle - 11.0, middle + 11.0);
            let corners = vec![[left, top], [left + width, top], [left + width, bottom], [left, bottom]];
            items.push(area(corners, colour, theme.band));
        }
        Sample::Point(marker, fill) => point(marker, fill, centre, POINT, colour, theme, items),
        Sample::Dot => point(Marker::Circle, Fill::Solid, centre, DOT, colour, theme, items),
    }
}

fn area(points: Vec<[f64; 2]>, colour: Colour, opacity: f64) -> Item {
    Item::Area { points, colour, opacity }
}

/// A line from end to end, upright or level, with a cap across each end.
fn error_bar(from: [f64; 2], to: [f64; 2], colour: Colour, items: &mut Vec<Item>) {
    const CAP: f64 = 7.0;
    let [dx, dy] = if from[0] == to[0] { [CAP, 0.0] } else { [0.0, CAP] };
    let cap = |[x, y]: [f64; 2]| vec![[x - dx, y - dy], [x + dx, y + dy]];
    for points in [vec![from, to], cap(from), cap(to)] {
        items.push(Item::Line { points, colour, width: 2.4 });
    }
}

fn point(marker: Marker, fill: Fill, at: [f64; 2], size: f64, colour: Colour, theme: &Theme, items: &mut Vec<Item>) {
    match fill {
        Fill::Solid => items.push(area(outline(marker, at, size), colour, 1.0)),
        Fill::Hollow => {
            // A coloured shape with a smaller one of paper on it: an outline without joints.
            items.push(area(outline(marker, at, size), colour, 1.0));
            items.push(area(outline(marker, at, size - (0.3 * size).max(1.8)), theme.paper, 1.0));
        }
    }
}

/// The corners of a marker; all markers of one size cover about the same area.
fn outline(marker: Marker, [x, y]: [f64; 2], size: f64) -> Vec<[f64; 2]> {
    let ring = |corners: usize, radius: f64, first: f64| -> Vec<[f64; 2]> {
        let angle = move |i: usize| (first + i as f64 / corners as f64) * std::f64::consts::TAU;
        (0..corners).map(|i| [x + radius * angle(i).cos(), y + radius * angle(i).sin()]).collect()
    };
    match marker {
        Marker::Circle => ring(40, size, 0.0),
        Marker::Square => ring(4, 1.25 * size, 0.125),
        Marker::Diamond => ring(4, 1.3 * size, 0.0),
        Marker::Triangle => ring(3, 1.4 * size, -0.25),
        Marker::Down => ring(3, 1.4 * size, 0.25),
        Marker::Star => {
            let (far, near) = (ring(5, 1.6 * size, -0.25), ring(5, 0.7 * size, -0.15));
            far.into_iter().zip(near).flat_map(|(far, near)| [far, near]).collect()
        }
    }
}

/// Draws a line with its dashes, which run on round corners.
fn dashed(dash: Dash, points: &[[f64; 2]], colour: Colour, width: f64, items: &mut Vec<Item>) {
    let pattern = match dash {
        Dash::Solid => {
            items.push(Item::Line { points: points.to_vec(), colour, width });
            return;
        }
        Dash::Dashed => [10.0, 6.0],
        Dash::Dotted => [3.0, 5.0],
    };
    let pieces = cut(points, pattern);
    items.extend(pieces.into_iter().map(|points| Item::Line { points, colour, width }));
}

/// The dashes of a line; `pattern` is the length of a dash and of the gap behind it.
fn cut(points: &[[f64; 2]], pattern: [f64; 2]) -> Vec<Vec<[f64; 2]>> {
    let mut pieces: Vec<Vec<[f64; 2]>> = Vec::new();
    let (mut phase, mut left) = (0, pattern[0]);
    let mut piece: Vec<[f64; 2]> = points.first().copied().into_iter().collect();
    for pair in points.windows(2) {
        let [mut from, to] = [pair[0], pair[1]];
        loop {
            let length = (to[0] - from[0]).hypot(to[1] - from[1]);
            if length <= left {
                left -= length;
                if phase == 0 {
                    piece.push(to);
                }
                break;
            }
            let share = left / length;
            from = [from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])];
            if phase == 0 {
                piece.push(from);
                pieces.push(std::mem::take(&mut piece));
            } else {
                piece = vec![from];
            }
            phase = 1 - phase;
            left = pattern[phase];
        }
    }
    pieces.extend((piece.len() > 1).then_some(piece));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_look_the_same_are_one_area_and_the_first_row_is_the_lowest() {
        let (one, other) = (Role::Class(1), Role::Class(2));
        let map = Cells {
            columns: 3,
            cells: vec![(one, 1.0), (one, 0.99), (other, 1.0), (one, 0.5), (one, 1.0), (one, 1.0)],
        };
        let theme = Theme::light();
        let mut items = Vec::new();
        cells(&map, &theme, [0.0, 0.0, 30.0, 20.0], &mut items);
        let found: Vec<(Colour, [f64; 2], [f64; 2])> = items
            .iter()
            .map(|item| match item {
                Item::Area { points, colour, opacity: 1.0 } => (*colour, points[0], points[2]),
                _ => panic!("an area that covers"),
            })
            .collect();
        let half = mix(theme.paper, theme.classes[1], 0.5);
        let expected = [
            (theme.classes[1], [0.0, 20.0], [20.0, 10.0]),
            (theme.classes[2], [20.0, 20.0], [30.0, 10.0]),
            (half, [0.0, 10.0], [10.0, 0.0]),
            (theme.classes[1], [10.0, 10.0], [30.0, 0.0]),
        ];
        assert_eq!(found, expected);
        assert_eq!(mix(Colour(0, 100, 200), Colour(100, 0, 200), 0.5), Colour(50, 50, 200));
    }

    #[test]
    fn dashes_run_on_round_corners() {
        let pieces = cut(&[[0.0, 0.0], [4.0, 0.0], [4.0, 10.0]], [6.0, 2.0]);
        let expected = [vec![[0.0, 0.0], [4.0, 0.0], [4.0, 2.0]], vec![[4.0, 4.0], [4.0, 10.0]]];
        assert_eq!(pieces, expected);
    }
}
