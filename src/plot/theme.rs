//! Colours by role, for light and dark paper: hues of Okabe & Ito 2008, "Color Universal Design", which people with any
//! kind of colour vision can tell apart; evolution is vermillion, backprop is blue. Classes have the scheme "muted" of Tol
//! 2021, "Colour schemes"; the ramp is viridis of matplotlib, by its anchors.

use super::figure::{Role, SHADES};
use crate::record::Method;

/// Red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

/// The look of a figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    /// The paper.
    pub paper: Colour,
    /// Text and axes.
    pub ink: Colour,
    /// Text that stands back, and references.
    pub grey: Colour,
    /// Lines of the grid.
    pub grid: Colour,
    /// Shades of evolution, the main one first.
    pub evolution: [Colour; SHADES],
    /// Shades of backprop, the main one first.
    pub backprop: [Colour; SHADES],
    /// Opacity of bands, 0 to 1.
    pub band: f64,
    /// Classes of images; further ones begin again.
    pub classes: [Colour; 10],
    /// Anchors of the colour ramp, evenly spaced from its lower to its upper end.
    pub ramp: [Colour; 9],
}

const MUTED: [Colour; 10] = [
    Colour(204, 102, 119),
    Colour(51, 34, 136),
    Colour(221, 204, 119),
    Colour(17, 119, 51),
    Colour(136, 204, 238),
    Colour(136, 34, 85),
    Colour(68, 170, 153),
    Colour(153, 153, 51),
    Colour(170, 68, 153),
    Colour(170, 170, 170),
];

const VIRIDIS: [Colour; 9] = [
    Colour(68, 1, 84),
    Colour(71, 44, 122),
    Colour(59, 81, 139),
    Colour(44, 113, 142),
    Colour(33, 144, 141),
    Colour(39, 173, 129),
    Colour(92, 200, 99),
    Colour(170, 220, 50),
    Colour(253, 231, 37),
];

impl Theme {
    /// On white paper.
    pub const fn light() -> Self {
        Theme {
            paper: Colour(255, 255, 255),
            ink: Colour(34, 34, 34),
            grey: Colour(110, 110, 110),
            grid: Colour(229, 229, 229),
            evolution: [Colour(213, 94, 0), Colour(230, 159, 0), Colour(128, 52, 0), Colour(240, 128, 90)],
            backprop: [Colour(0, 114, 178), Colour(86, 180, 233), Colour(0, 54, 96), Colour(90, 110, 200)],
            band: 0.18,
            classes: MUTED,
            ramp: VIRIDIS,
        }
    }

    /// On dark paper: the same hues, lighter.
    pub const fn dark() -> Self {
        Theme {
            paper: Colour(24, 26, 30),
            ink: Colour(230, 230, 230),
            grey: Colour(155, 155, 155),
            grid: Colour(56, 59, 66),
            evolution: [Colour(240, 125, 50), Colour(240, 180, 60), Colour(196, 92, 30), Colour(255, 165, 135)],
            backprop: [Colour(60, 155, 220), Colour(130, 205, 245), Colour(40, 110, 175), Colour(140, 155, 235)],
            band: 0.25,
            classes: MUTED,
            ramp: VIRIDIS,
        }
    }

    /// The colour of a role.
    pub fn colour(&self, role: Role) -> Colour {
        match role {
            Role::Learner(Method::Evolution, shade) => self.evolution[shade % SHADES],
            Role::Learner(Method::Backprop, shade) => self.backprop[shade % SHADES],
            Role::Reference => self.grey,
            Role::Any => self.ink,
            Role::Class(class) => self.classes[class % self.classes.len()],
            Role::Ramp(place) => self.on_ramp(f64::from(place.min(1000)) / 1000.0),
        }
    }

    /// The colour of a place on the ramp, 0 to 1: linear between the anchors.
    fn on_ramp(&self, place: f64) -> Colour {
        let last = self.ramp.len() - 1;
        let at = place * last as f64;
        let before = (at as usize).min(last - 1);
        let (Colour(r, g, b), Colour(s, h, c)) = (self.ramp[before], self.ramp[before + 1]);
        let share = at - before as f64;
        let between = |from: u8, to: u8| (f64::from(from) + share * (f64::from(to) - f64::from(from))).round() as u8;
        Colour(between(r, s), between(g, h), between(b, c))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance of WCAG 2.
    fn luminance(Colour(r, g, b): Colour) -> f64 {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.04045 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }

    fn contrast(a: Colour, b: Colour) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_and_marks_stand_out_from_the_paper() {
        for theme in [Theme::light(), Theme::dark()] {
            assert!(contrast(theme.ink, theme.paper) > 10.0);
            assert!(contrast(theme.grey, theme.paper) > 4.5);
            assert!(theme.evolution.iter().chain(&theme.backprop).all(|&c| contrast(c, theme.paper) > 2.0));
            assert!(contrast(theme.evolution[0], theme.paper) > 3.0 && contrast(theme.backprop[0], theme.paper) > 3.0);
        }
    }

    #[test]
    fn the_ramp_becomes_lighter_all_the_way() {
        let theme = Theme::light();
        let lights: Vec<f64> = (0..=1000).map(|place| luminance(theme.colour(Role::Ramp(place)))).collect();
        assert!(lights.windows(2).all(|pair| pair[0] <= pair[1] + 1e-3), "{lights:?}");
        assert_eq!((theme.colour(Role::Ramp(0)), theme.colour(Role::Ramp(1000))), (theme.ramp[0], theme.ramp[8]));
        assert_eq!(theme.colour(Role::Ramp(500)), theme.ramp[4]);
    }

    #[test]
    fn no_two_shades_are_equal() {
        for theme in [Theme::light(), Theme::dark()] {
            let all: Vec<_> = theme.evolution.iter().chain(&theme.backprop).collect();
            for (i, colour) in all.iter().enumerate() {
                assert!(!all[..i].contains(colour));
            }
        }
    }
}
