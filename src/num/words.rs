//! Counts and times as people read them.

use super::{digits_before, grouped};

/// So many of something: `1 run`, `2 runs`.
pub fn counted(n: usize, word: &str) -> String {
    format!("{} {word}{}", grouped(n as u64), if n == 1 { "" } else { "s" })
}

/// A count with three digits and a unit: 12.3k, 4.56M, 7.89G.
pub fn short(x: f64) -> String {
    let (value, unit) = match x.abs() {
        a if a >= 1e12 => (x / 1e12, "T"),
        a if a >= 1e9 => (x / 1e9, "G"),
        a if a >= 1e6 => (x / 1e6, "M"),
        a if a >= 1e3 => (x / 1e3, "k"),
        _ => (x, ""),
    };
    let decimals =
        if unit.is_empty() && value.fract() == 0.0 { 0 } else { 2usize.saturating_sub(digits_before(value)) };
    format!("{value:.decimals$}{unit}")
}

/// A time in its two greatest units.
pub fn time(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..=59 => format!("{whole}s"),
        60..=3_599 => format!("{}m{:02}s", whole / 60, whole % 60),
        _ => format!("{}h{:02}m", whole / 3_600, whole % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::super::bytes;
    use super::*;

    #[test]
    fn numbers_are_short_and_exact_where_they_can_be() {
        assert_eq!((short(7.0), short(12_345.0), short(1.5e9)), ("7".into(), "12.3k".into(), "1.50G".into()));
        assert_eq!((counted(1, "run"), counted(1_200, "run")), ("1 run".into(), "1,200 runs".into()));
        assert_eq!(
            (bytes(512), bytes(1 << 20), bytes(5 << 29)),
            ("512 B".into(), "1.00 MiB".into(), "2.50 GiB".into())
        );
        assert_eq!((time(59.4), time(61.0), time(7_260.0)), ("59s".into(), "1m01s".into(), "2h01m".into()));
    }
}
