//! What numbers a key allows, and how that is told.

/// The numbers that a key allows.
#[derive(Clone, Copy, Debug)]
pub enum Range {
    /// Any finite number.
    Any,
    /// `x > a`.
    Above(f64),
    /// `x >= a`.
    AtLeast(f64),
    /// `a <= x <= b`.
    Within(f64, f64),
    /// `a < x <= b`.
    AboveUpTo(f64, f64),
    /// `a <= x < b`.
    FromBelow(f64, f64),
}

impl Range {
    /// Whether it allows `x`.
    pub(super) fn holds(self, x: f64) -> bool {
        x.is_finite()
            && match self {
                Range::Any => true,
                Range::Above(a) => x > a,
                Range::AtLeast(a) => x >= a,
                Range::Within(a, b) => (a..=b).contains(&x),
                Range::AboveUpTo(a, b) => x > a && x <= b,
                Range::FromBelow(a, b) => (a..b).contains(&x),
            }
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Range::Any => write!(f, "finite"),
            Range::Above(a) => write!(f, "greater than {a}"),
            Range::AtLeast(a) => write!(f, "at least {a}"),
            Range::Within(a, b) => write!(f, "{a} to {b}"),
            Range::AboveUpTo(a, b) => write!(f, "greater than {a} and at most {b}"),
            Range::FromBelow(a, b) => write!(f, "at least {a} and less than {b}"),
        }
    }
}

/// A range of whole numbers in words.
pub(super) fn span_words(range: &std::ops::RangeInclusive<u64>) -> String {
    if *range.end() >= i64::MAX as u64 {
        format!("at least {}", range.start())
    } else {
        format!("{} to {}", range.start(), range.end())
    }
}
