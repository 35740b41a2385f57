//! Numbers of a comparison as people read them.

use super::{Moment, Quantity, Row};
use crate::num::{digits_before, short};

/// `-` where there is no number.
const NONE: &str = "-";

/// How the numbers of a row are written: shares of images in %, the others so that a standard deviation of the difference is
/// seen with two digits.
pub struct Style {
    factor: f64,
    decimals: usize,
    /// Large counts have a letter, as in 12.3M.
    counts: bool,
}

impl Style {
    /// The style of a row.
    pub fn of(row: &Row) -> Self {
        let share = matches!(&row.quantity, Quantity::Plain(plain) if plain.is_share());
        let counts = matches!(row.unit.as_str(), "MACs" | "images" | "steps");
        let factor = if share { 100.0 } else { 1.0 };
        let size = row.paired.difference.abs().max(row.paired.interval[1] - row.paired.interval[0]) * factor;
        // Three digits of the difference, and no more than six behind the point.
        let decimals = match size {
            _ if share => 2,
            size if size >= 1.0 => 2usize.saturating_sub(digits_before(size)),
            size if size > 0.0 => (2.0 - size.log10().floor()).clamp(0.0, 6.0) as usize,
            _ => 3,
        };
        Style { factor, decimals, counts }
    }

    /// A number.
    pub fn number(&self, x: f64) -> String {
        self.written(x, false)
    }

    /// A difference, with its sign.
    pub fn signed(&self, x: f64) -> String {
        self.written(x, true)
    }

    /// Both ends of an interval of differences.
    pub fn interval(&self, [low, high]: [f64; 2]) -> String {
        if low.is_nan() {
            return NONE.to_string();
        }
        format!("{} to {}", self.signed(low), self.signed(high))
    }

    fn written(&self, x: f64, signed: bool) -> String {
        if x.is_nan() {
            return NONE.to_string();
        }
        let x = x * self.factor;
        let text = match self.counts && x.abs() >= 1e3 {
            true => short(x),
            false => format!("{x:.*}", self.decimals),
        };
        // What is rounded to zero has no sign.
        let zero = text.chars().all(|c| "-0.".contains(c));
        match (signed, zero) {
            (_, true) => text.trim_start_matches('-').to_string(),
            (true, false) if x > 0.0 => format!("+{text}"),
            _ => text,
        }
    }
}

/// Unit of a row's numbers; that of its differences is the same, and percentage points for shares.
pub fn unit(row: &Row) -> &str {
    match &row.quantity {
        Quantity::Plain(plain) if plain.is_share() => "%",
        _ if row.unit == "1" => "",
        _ => &row.unit,
    }
}

/// A p-value with two digits that count.
pub fn p_value(p: f64) -> String {
    match p {
        p if p.is_nan() => NONE.to_string(),
        p if p < 1e-4 => "<0.0001".to_string(),
        p if p < 0.001 => format!("{p:.5}"),
        p if p < 0.01 => format!("{p:.4}"),
        p if p < 0.1 => format!("{p:.3}"),
        p => format!("{p:.2}"),
    }
}

/// An effect size, with its sign.
pub fn effect(x: f64) -> String {
    if x.is_nan() {
        return NONE.to_string();
    }
    format!("{x:+.2}")
}

/// As in `loss 0.512`, `12.3M MACs`, `4.2 s`, `end`.
pub fn moment(moment: Moment) -> String {
    match (moment, moment.level()) {
        (Moment::Macs(level), _) => format!("{} MACs", short(level as f64)),
        (Moment::Seconds(level), _) => format!("{} s", three_digits(level)),
        (Moment::At(_), Some(level)) => format!("loss {}", three_digits(level)),
        (Moment::At(_), None) => "end".to_string(),
    }
}

/// What both learners really have of that which is matched; nothing at the end.
pub fn reached(row: &Row) -> String {
    let one = |x: f64| match row.moment {
        Moment::Macs(_) => short(x),
        _ => three_digits(x),
    };
    match row.reached {
        [first, second] if first.is_nan() || second.is_nan() => NONE.to_string(),
        [first, second] => format!("{}, {}", one(first), one(second)),
    }
}

/// Who has no number and why, as in `never 2, 0`: the first learner's runs and the second's.
pub fn left_out(row: &Row) -> String {
    let whys = [("never", row.never_reached), ("not measured", row.not_measured), ("not finite", row.not_finite)];
    let told = whys.iter().filter(|(_, runs)| *runs != [0; 2]).map(|(why, [a, b])| format!("{why} {a}, {b}"));
    told.collect::<Vec<_>>().join("; ")
}

fn three_digits(x: f64) -> String {
    match x.abs() {
        0.0 => "0".to_string(),
        size if size >= 1.0 => format!("{x:.*}", 2usize.saturating_sub(digits_before(x))),
        size => format!("{x:.*}", (2.0 - size.log10().floor()) as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Landmark;

    #[test]
    fn numbers_have_the_digits_that_say_something() {
        let style = |factor, decimals, counts| Style { factor, decimals, counts };
        let share = style(100.0, 2, false);
        assert_eq!(
            (share.number(0.8512), share.signed(0.0123), share.signed(-0.000_01)),
            ("85.12".into(), "+1.23".into(), "0.00".into())
        );
        assert_eq!(share.interval([-0.01, 0.02]), "-1.00 to +2.00");
        assert_eq!((share.interval([f64::NAN; 2]), share.number(f64::NAN)), ("-".into(), "-".into()));
        assert_eq!(style(1.0, 0, true).signed(12_345_678.0), "+12.3M");
        for (p, text) in
            [(0.03125, "0.031"), (0.25, "0.25"), (1.0, "1.00"), (0.0039, "0.0039"), (1e-9, "<0.0001"), (f64::NAN, "-")]
        {
            assert_eq!(p_value(p), text);
        }
        assert_eq!((effect(1.0), effect(-0.333), effect(f64::NAN)), ("+1.00".into(), "-0.33".into(), "-".into()));
    }

    #[test]
    fn moments_are_told_with_three_digits() {
        let at = [
            (Moment::At(Landmark::Loss(0.051_23)), "loss 0.0512"),
            (Moment::At(Landmark::Loss(2.345_6)), "loss 2.35"),
            (Moment::At(Landmark::End), "end"),
            (Moment::Macs(123_456_789), "123M MACs"),
            (Moment::Seconds(61.27), "61.3 s"),
        ];
        at.into_iter().for_each(|(at, text)| assert_eq!(moment(at), text));
    }
}
