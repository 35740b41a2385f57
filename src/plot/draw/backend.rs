//! Plays a scene on plotters' backends. Text is measured and, in PNG, drawn with the embedded DejaVu Sans; an SVG names
//! it, says how long each text is and leaves the drawing to the viewer.

use plotters::prelude::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{register_font, Color, FontDesc, FontFamily, FontStyle, FontTransform, RGBColor, ShapeStyle};

use super::scene::{Anchor, Item, Scene, Text, Turn};
use crate::plot::theme::Colour;

/// The first is embedded under this whole name; a viewer of an SVG takes the first that it has.
const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";
static REGULAR: &[u8] = include_bytes!("../font/DejaVuSans.ttf");
static BOLD: &[u8] = include_bytes!("../font/DejaVuSans-Bold.ttf");

/// Backend units per pixel: plotters knows whole units only.
const SVG_SCALE: f64 = 10.0;
/// Samples per pixel and direction of a bitmap.
pub(super) const BITMAP_SCALE: u32 = 3;

/// How a backend understands the size of a font and where it puts the baseline.
struct FontMetrics {
    /// Font size that gives an em of 1.
    size: f64,
    /// Baseline below the anchor `Top`, in ems.
    baseline: f64,
}

/// plotters' SVG backend divides the size by 1.24 and shifts by 0.76 em.
const SVG_FONT: FontMetrics = FontMetrics { size: 1.24, baseline: 0.76 };
/// ab_glyph's size is ascent to descent, which is (1901 + 483) / 2048 em in DejaVu Sans; plotters shifts by half of it.
const GLYPH_FONT: FontMetrics = FontMetrics { size: 2384.0 / 2048.0, baseline: 1192.0 / 2048.0 };

/// Width in pixels of a text with the given em.
pub(super) fn text_width(text: &str, em: f64, bold: bool) -> f64 {
    // Measured large, for plotters rounds down to whole units.
    const LARGE: f64 = 1000.0;
    let ((left, _), (right, _)) = font(LARGE * GLYPH_FONT.size, bold).layout_box(text).expect("the font is embedded");
    f64::from(right - left) / LARGE * em
}

/// Draws a scene as an SVG document.
pub(super) fn svg(scene: &Scene) -> String {
    let mut out = String::new();
    let (width, height) = (scene.width.ceil() as u32, scene.height.ceil() as u32);
    let inner = (width * SVG_SCALE as u32, height * SVG_SCALE as u32);
    play(scene, &mut SVGBackend::with_string(&mut out, inner), SVG_SCALE, &SVG_FONT);
    // The document is as large as the page; only its inner units are finer.
    let size = |(width, height)| format!("width=\"{width}\" height=\"{height}\"");
    with_lengths(&out.replacen(&size(inner), &size((width, height)), 1), scene)
}

/// Says in an SVG document how long each text is, so that it takes the same room in whatever font the viewer draws it.
fn with_lengths(svg: &str, scene: &Scene) -> String {
    const TEXT: &str = "<text ";
    let texts = scene.items.iter().filter_map(|item| match item {
        Item::Text(text) => Some(text),
        _ => None,
    });
    let mut pieces = svg.split(TEXT);
    let mut out = pieces.next().unwrap_or_default().to_string();
    for (piece, text) in pieces.zip(texts) {
        let length = (text.width() * SVG_SCALE).round();
        out.push_str(&format!("{TEXT}textLength=\"{length}\" lengthAdjust=\"spacingAndGlyphs\" {piece}"));
    }
    out
}

/// Draws a scene as red, green and blue bytes, [`BITMAP_SCALE`] times as wide and high as the page; gives width, height
/// and bytes.
pub(super) fn bitmap(scene: &Scene) -> (u32, u32, Vec<u8>) {
    let (width, height) = (scene.width.ceil() as u32 * BITMAP_SCALE, scene.height.ceil() as u32 * BITMAP_SCALE);
    let mut bytes = vec![0; width as usize * height as usize * 3];
    let mut backend = BitMapBackend::with_buffer(&mut bytes, (width, height));
    play(scene, &mut backend, f64::from(BITMAP_SCALE), &GLYPH_FONT);
    drop(backend);
    (width, height, bytes)
}

fn play<B: DrawingBackend>(scene: &Scene, backend: &mut B, scale: f64, metrics: &FontMetrics) {
    let unit = |x: f64| (x * scale).round() as i32;
    let place = |points: &[[f64; 2]]| {
        let mut placed: Vec<(i32, i32)> = points.iter().map(|&[x, y]| (unit(x), unit(y))).collect();
        placed.dedup();
        placed
    };
    let fill =
        |colour: Colour, opacity: f64| ShapeStyle { color: rgb(colour).mix(opacity), filled: true, stroke_width: 0 };
    let (width, height) = backend.get_size();
    let mut drawn = backend.draw_rect((0, 0), (width as i32, height as i32), &fill(scene.paper, 1.0), true);
    for item in &scene.items {
        drawn = drawn.and_then(|()| match item {
            Item::Line { points, colour, width } => {
                let style = rgb(*colour).stroke_width((width * scale).round().max(1.0) as u32);
                let lines = without_spikes(&place(points));
                lines.into_iter().try_for_each(|points| backend.draw_path(points, &style))
            }
            Item::Area { points, colour, opacity } => {
                let points = place(points);
                match points.len() {
                    0..=2 => Ok(()),
                    _ => backend.fill_polygon(points, &fill(*colour, *opacity)),
                }
            }
            Item::Text(text) => {
                let (style, at) = text_style(text, scale, metrics);
                backend.draw_text(&text.text, &style, (at[0].round() as i32, at[1].round() as i32))
            }
        });
    }
    // Memory does not refuse, and the font is embedded, so there is nothing that a caller could do.
    drawn.and_then(|()| backend.present()).unwrap_or_else(|error| unreachable!("drawing into memory failed: {error}"));
}

/// Cuts a line where it turns back: plotters' bitmaps would draw the mitre of such a corner, which may be as long as the page.
fn without_spikes(points: &[(i32, i32)]) -> Vec<Vec<(i32, i32)>> {
    let step = |a: (i32, i32), b: (i32, i32)| [f64::from(b.0 - a.0), f64::from(b.1 - a.1)];
    let mut lines: Vec<Vec<(i32, i32)>> = vec![points[..points.len().min(1)].to_vec()];
    for (i, point) in points.iter().enumerate().skip(1) {
        let line = lines.last_mut().expect("there is always a last line");
        line.push(*point);
        if let Some(next) = points.get(i + 1) {
            let (a, b) = (step(points[i - 1], *point), step(*point, *next));
            let cosine = (a[0] * b[0] + a[1] * b[1]) / (a[0].hypot(a[1]) * b[0].hypot(b[1]));
            if cosine < -0.5 {
                lines.push(vec![*point]);
            }
        }
    }
    lines.retain(|line| line.len() > 1);
    lines
}

/// The style of a text and the place that it has to be drawn at for its baseline to be right.
fn text_style(text: &Text, scale: f64, metrics: &FontMetrics) -> (plotters::style::TextStyle<'static>, [f64; 2]) {
    let down = metrics.baseline * text.em;
    let [x, y] = text.at;
    let (turn, at) = match text.turn {
        Turn::None => (FontTransform::None, [x, y - down]),
        Turn::Up => (FontTransform::Rotate270, [x - down, y]),
        Turn::Down => (FontTransform::Rotate90, [x + down, y]),
    };
    let anchor = match text.anchor {
        Anchor::Start => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    };
    let font = font(text.em * metrics.size * scale, text.bold).transform(turn);
    (font.color(&rgb(text.colour)).pos(Pos::new(anchor, VPos::Top)), at.map(|x| x * scale))
}

fn font(size: f64, bold: bool) -> FontDesc<'static> {
    let (style, bytes) = if bold { (FontStyle::Bold, BOLD) } else { (FontStyle::Normal, REGULAR) };
    // plotters keeps fonts by name; to register the same bytes again changes nothing.
    let known = register_font(FAMILY, style, bytes);
    assert!(known.is_ok(), "the embedded font is damaged");
    FontDesc::new(FontFamily::Name(FAMILY), size, style)
}

fn rgb(Colour(r, g, b): Colour) -> RGBColor {
    RGBColor(r, g, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_as_wide_as_the_font_says() {
        // Advances of DejaVu Sans 2.37: "M" 1767, "i" 569, "σ" 1298 of 2048 units.
        for (text, units) in [("M", 1767.0), ("i", 569.0), ("σ", 1298.0)] {
            let width = text_width(text, 2048.0, false);
            assert!((width - units).abs() < 4.0, "{text}: {width}");
        }
        assert!(text_width("MM", 20.0, true) > text_width("MM", 20.0, false));
    }

    #[test]
    fn a_line_that_turns_back_is_cut_there() {
        let cut = without_spikes(&[(0, 0), (10, 0), (20, 5), (11, 1), (11, 30)]);
        assert_eq!(cut, [vec![(0, 0), (10, 0), (20, 5)], vec![(20, 5), (11, 1), (11, 30)]]);
        assert!(without_spikes(&[(3, 3)]).is_empty() && without_spikes(&[]).is_empty());
    }

    #[test]
    fn an_svg_says_how_long_each_text_is() {
        let text = |text: &str, bold| {
            let (at, colour) = ([10.0, 50.0], Colour(0, 0, 0));
            Item::Text(Text { text: text.into(), at, em: 20.0, bold, colour, anchor: Anchor::Start, turn: Turn::None })
        };
        let paper = Colour(255, 255, 255);
        let items = vec![text("MM", false), text("<text i", true)];
        let svg = svg(&Scene { width: 600.0, height: 60.0, paper, items });
        let length = |s: &str, bold| format!("textLength=\"{}\"", (text_width(s, 20.0, bold) * SVG_SCALE).round());
        let places: Vec<usize> =
            [length("MM", false), length("<text i", true)].iter().filter_map(|l| svg.find(l)).collect();
        assert!(places.len() == 2 && places[0] < places[1], "{svg}");
        assert_eq!(svg.matches("textLength").count(), 2);
    }

    #[test]
    fn the_baseline_is_where_it_is_asked_for() {
        let text = Text {
            text: "H".to_string(),
            at: [10.0, 50.0],
            em: 40.0,
            bold: false,
            colour: Colour(0, 0, 0),
            anchor: Anchor::Start,
            turn: Turn::None,
        };
        let paper = Colour(255, 255, 255);
        let (width, _, bytes) = bitmap(&Scene { width: 60.0, height: 60.0, paper, items: vec![Item::Text(text)] });
        let row_of = |i: usize| i / 3 / width as usize;
        let inked: Vec<usize> = (0..bytes.len()).filter(|&i| bytes[i] < 128).map(row_of).collect();
        let (top, bottom) = (inked[0] as f64 / 3.0, (inked[inked.len() - 1] + 1) as f64 / 3.0);
        // A capital of DejaVu Sans is 1493 of 2048 units high.
        assert!((bottom - 50.0).abs() <= 1.0 && (bottom - top - 40.0 * 1493.0 / 2048.0).abs() <= 1.0, "{top} {bottom}");
    }
}
