//! f64 in JSON: numbers as shortest decimals, `"nan"`, `"inf"` and `"-inf"` as strings, for JSON has no word for them.

use serde::{Deserialize, Deserializer, Serializer};

#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Written {
    Number(f64),
    Word(String),
}

impl Written {
    pub(crate) fn value<E: serde::de::Error>(self) -> Result<f64, E> {
        match self {
            Written::Number(x) => Ok(x),
            Written::Word(word) => match word.as_str() {
                "nan" => Ok(f64::NAN),
                "inf" => Ok(f64::INFINITY),
                "-inf" => Ok(f64::NEG_INFINITY),
                other => Err(E::custom(format!("`{other}` is no number, `nan`, `inf` or `-inf`"))),
            },
        }
    }
}

pub(crate) fn word(x: f64) -> Option<&'static str> {
    match x {
        x if x.is_nan() => Some("nan"),
        f64::INFINITY => Some("inf"),
        f64::NEG_INFINITY => Some("-inf"),
        _ => None,
    }
}

pub fn serialize<S: Serializer>(x: &f64, s: S) -> Result<S::Ok, S::Error> {
    match word(*x) {
        Some(word) => s.serialize_str(word),
        None => s.serialize_f64(*x),
    }
}

pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
    Written::deserialize(d)?.value()
}
