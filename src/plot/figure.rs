//! A figure as data: panels in a grid, axes, series, legend and caption, with colours by role. What it looks like on
//! paper is decided in `draw`, so that a test can ask what a figure shows.

use crate::record::Method;

/// A whole figure.
#[derive(Clone, Debug, PartialEq)]
pub struct FigureData {
    /// What it shows; empty where it stands beside the picture.
    pub title: String,
    /// How to read it: marks, intervals and n, what was left out; empty where it stands beside the picture.
    pub caption: String,
    /// Panels; no two stand in the same place.
    pub panels: Vec<Panel>,
    /// What the marks mean, for all panels.
    pub legend: Vec<Key>,
    /// What the colours of [`Role::Ramp`] stand for, where there are any: linear or logarithmic.
    pub ramp: Option<Axis>,
    /// The shape of the panels.
    pub shape: Shape,
}

/// The shape of a figure's panels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Wider than high, as suits curves.
    Wide,
    /// Much wider than high, as suits a long row of categories.
    Flat,
    /// As wide as high, as suits maps with the same unit on both axes.
    Square,
}

/// One pair of axes with its series.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// Row in the grid, from 0 at the top.
    pub row: usize,
    /// Column in the grid, from 0 at the left.
    pub column: usize,
    /// Heading above the panel; empty for none.
    pub heading: String,
    /// Second, lighter line of the heading; empty for none.
    pub note: String,
    /// Heading of the row, at its right side; empty for none.
    pub side: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// Series, the first at the bottom.
    pub series: Vec<Series>,
}

/// One axis. Panels that all have the same axis share its label and its tick labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// What is measured, unit included.
    pub label: String,
    /// How values become lengths and ticks.
    pub scale: Scale,
    /// Values at the two ends, the lower first, both finite; above 0 on a log scale.
    pub range: [f64; 2],
}

/// How an axis is divided.
#[derive(Clone, Debug, PartialEq)]
pub enum Scale {
    /// Linear.
    Linear,
    /// Linear, for shares in 0 to 1 that are written in percent.
    Percent,
    /// Logarithmic, with ticks at the decades.
    Log,
    /// Categories: the i-th has the value i and reaches half a unit to both sides.
    Categories(Vec<Category>),
}

/// One category of an axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    /// Its name.
    pub name: String,
    /// Second, lighter line; empty for none.
    pub note: String,
}

/// Something drawn in a panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What it belongs to, which gives the colour.
    pub role: Role,
    /// What is drawn.
    pub mark: Mark,
}

/// What a colour stands for, in every figure alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A learner: the hue is the method's, the shade counts the learners of that method from 0.
    Learner(Method, usize),
    /// Something to compare with, as in chance: grey.
    Reference,
    /// What a legend says of all learners alike: the colour of text.
    Any,
    /// A class of images, from 0.
    Class(usize),
    /// A place on the figure's colour ramp, in thousandths: see [`FigureData::ramp`] and [`Role::on_ramp`].
    Ramp(u16),
}

/// A shape in the coordinates of the axes.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// Lines through `[x, y]`; a gap stands between two pieces.
    Line(Dash, Vec<Vec<[f64; 2]>>),
    /// Bands of `[x, low, high]`; a gap stands between two pieces.
    Band(Vec<Vec<[f64; 3]>>),
    /// Points with error bars.
    Points(Marker, Fill, Vec<Point>),
    /// Points with error bars along the horizontal axis, for values of things that stand in rows.
    Across(Marker, Fill, Vec<Point>),
    /// Small dots at `[x, y]`, for single observations behind a mean.
    Dots(Fill, Vec<[f64; 2]>),
    /// A thin horizontal line across the panel.
    Level(Dash, f64),
    /// A thin vertical line across the panel.
    Upright(Dash, f64),
    /// Text beside points.
    Labels(Vec<Label>),
    /// A map that fills the panel.
    Cells(Cells),
}

/// A text beside a point.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// The point.
    pub at: [f64; 2],
    /// What it says.
    pub text: String,
    /// Where it stands.
    pub side: Beside,
}

/// Where a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// To the left of its point.
    Left,
    /// To the right of its point.
    Right,
    /// Above its point.
    Above,
    /// Below its point.
    Below,
}

/// Rows and columns of coloured cells between the ends of both axes, all of one size.
#[derive(Clone, Debug, PartialEq)]
pub struct Cells {
    /// Cells in a row.
    pub columns: usize,
    /// Role and opacity (0 to 1) of each, row by row from the lowest on, from left to right. Opacity is drawn in eighths.
    pub cells: Vec<(Role, f64)>,
}

/// A point and its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Place on the horizontal axis, or the value of a point across.
    pub x: f64,
    /// Value, or the place of a point across.
    pub y: f64,
    /// Lower and upper end of the value's error bar.
    pub interval: Option<[f64; 2]>,
}

/// Line styles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dash {
    /// Unbroken.
    Solid,
    /// Dashed.
    Dashed,
    /// Dotted.
    Dotted,
}

/// Shapes of points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// Circle.
    Circle,
    /// Square.
    Square,
    /// Square on its corner.
    Diamond,
    /// Triangle that stands on a side.
    Triangle,
    /// Triangle that stands on a corner.
    Down,
    /// Star of five rays.
    Star,
}

/// Whether a point is filled: the random background is, the zero background is hollow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Filled.
    Solid,
    /// Outline only.
    Hollow,
}

/// One entry of the legend.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// What it says.
    pub label: String,
    /// Whose colour it has.
    pub role: Role,
    /// What is shown beside the label.
    pub sample: Sample,
}

/// What a legend shows beside a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// A line, with a point on it where several learners share a hue.
    Line(Dash, Option<Marker>),
    /// A piece of a band.
    Band,
    /// A point.
    Point(Marker, Fill),
    /// A small dot.
    Dot,
    /// A thin horizontal line.
    Level(Dash),
}

/// Shades of a hue; further learners of the same method have the same shades with another marker.
pub const SHADES: usize = 4;

impl Role {
    /// The shape of this role's points.
    pub fn marker(self) -> Marker {
        match self {
            Role::Learner(Method::Evolution, shade) if (shade / SHADES).is_multiple_of(2) => Marker::Circle,
            Role::Learner(Method::Evolution, _) => Marker::Diamond,
            Role::Learner(Method::Backprop, shade) if (shade / SHADES).is_multiple_of(2) => Marker::Square,
            Role::Learner(Method::Backprop, _) => Marker::Triangle,
            Role::Reference | Role::Any | Role::Class(_) | Role::Ramp(_) => Marker::Circle,
        }
    }

    /// The place of a value on a figure's colour ramp; values beyond an end have the end's colour.
    pub fn on_ramp(ramp: &Axis, value: f64) -> Self {
        // Truncation is meant: the product lies in 0 to 1000, and NaN becomes 0.
        Role::Ramp((ramp.position(value).clamp(0.0, 1.0) * 1000.0).round() as u16)
    }
}

impl Series {
    /// All values on the vertical axis, ends of intervals included.
    pub fn heights(&self) -> Vec<f64> {
        match &self.mark {
            Mark::Line(_, lines) => lines.iter().flatten().map(|point| point[1]).collect(),
            Mark::Band(bands) => bands.iter().flatten().flat_map(|point| [point[1], point[2]]).collect(),
            Mark::Points(_, _, points) => points
                .iter()
                .flat_map(|point| [point.y].into_iter().chain(point.interval.into_iter().flatten()))
                .collect(),
            Mark::Across(_, _, points) => points.iter().map(|point| point.y).collect(),
            Mark::Dots(_, dots) => dots.iter().map(|dot| dot[1]).collect(),
            Mark::Level(_, y) => vec![*y],
            Mark::Labels(labels) => labels.iter().map(|label| label.at[1]).collect(),
            Mark::Upright(..) | Mark::Cells(_) => Vec::new(),
        }
    }
}

impl Axis {
    /// Where a value lies between the ends: 0 at the lower, 1 at the upper.
    pub fn position(&self, value: f64) -> f64 {
        let [low, high] = self.range;
        match self.scale {
            Scale::Log => (value / low).ln() / (high / low).ln(),
            _ => (value - low) / (high - low),
        }
    }
}

/// Cuts a row of points into pieces at those that hold a value that is not finite.
pub fn pieces<const N: usize>(points: impl IntoIterator<Item = [f64; N]>) -> Vec<Vec<[f64; N]>> {
    let mut pieces = vec![Vec::new()];
    for point in points {
        if point.iter().all(|x| x.is_finite()) {
            pieces.last_mut().expect("there is always a last piece").push(point);
        } else {
            pieces.push(Vec::new());
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_axis_puts_the_geometric_mean_in_the_middle() {
        let axis = |scale, range| Axis { label: String::new(), scale, range };
        assert!((axis(Scale::Log, [10.0, 1000.0]).position(100.0) - 0.5).abs() < 1e-12);
        assert_eq!(axis(Scale::Linear, [10.0, 30.0]).position(15.0), 0.25);
    }

    #[test]
    fn a_ramp_has_thousand_places_and_two_ends() {
        let ramp = Axis { label: String::new(), scale: Scale::Log, range: [1.0, 100.0] };
        let places = [0.1, 1.0, 10.0, 100.0, 1e9, f64::NAN].map(|value| Role::on_ramp(&ramp, value));
        assert_eq!(places, [0, 0, 500, 1000, 1000, 0].map(Role::Ramp));
    }

    #[test]
    fn values_that_are_not_finite_cut_a_line() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        let cut = pieces([[nan, 1.0], [1.0, 2.0], [2.0, 3.0], [3.0, inf], [4.0, nan], [5.0, 6.0]]);
        assert_eq!(cut, [vec![[1.0, 2.0], [2.0, 3.0]], vec![[5.0, 6.0]]]);
        assert_eq!(pieces([[nan]]), Vec::<Vec<[f64; 1]>>::new());
    }
}
