//! Amounts: how many of something, as a count or as a fraction, and how they are read.

use super::{Params, Value};

/// A count, or a fraction of what there is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// So many (written as an integer, at least 1).
    Count(usize),
    /// This share (written as a float in (0, 1]; 1.0 is all).
    Fraction(f64),
}

impl Amount {
    /// How many of `n`: a fraction is truncated in f64, as in Rosenfeld & Tsotsos 2018; never more than `n`.
    pub fn of(self, n: usize) -> usize {
        match self {
            Amount::Count(count) => count.min(n),
            Amount::Fraction(fraction) => ((n as f64 * fraction) as usize).min(n),
        }
    }
}

impl Params<'_> {
    /// A count (integer, at least 1) or a fraction (float in (0, 1]).
    pub fn amount(&self, key: &str, default: Option<Amount>) -> Amount {
        let allowed = ["at least 1", "greater than 0"];
        self.amount_where(key, default, allowed, |count| count >= 1, |fraction| fraction > 0.0)
    }

    /// A count (integer) or a fraction (float, at most 1) that may be 0; the key must be written.
    pub fn amount_or_zero(&self, key: &str) -> Amount {
        self.amount_where(key, None, ["at least 0", "at least 0"], |count| count >= 0, |fraction| fraction >= 0.0)
    }

    fn amount_where(
        &self,
        key: &str,
        default: Option<Amount>,
        [counts, fractions]: [&str; 2],
        count: impl Fn(i64) -> bool,
        fraction: impl Fn(f64) -> bool,
    ) -> Amount {
        let fallback = default.unwrap_or(Amount::Fraction(1.0));
        let value = match self.raw(key).map(|node| &node.value) {
            Some(Value::Integer(x)) if count(*x) => Amount::Count(*x as usize),
            Some(Value::Float(x)) if fraction(*x) && *x <= 1.0 => Amount::Fraction(*x),
            Some(found) => {
                let message = format!(
                    "`{}` = {found}: must be a count (an integer, {counts}) or a fraction (a float, {fractions} and at most 1.0)",
                    self.path_of(key)
                );
                self.problem(key, message, None);
                fallback
            }
            None => {
                if default.is_none() {
                    self.missing(key, "a count (integer) or a fraction (float)");
                }
                fallback
            }
        };
        let node = match value {
            Amount::Count(count) => Value::Integer(count as i64),
            Amount::Fraction(fraction) => Value::Float(fraction),
        };
        self.resolve(key, node);
        value
    }
}
