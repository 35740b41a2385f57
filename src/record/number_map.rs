//! Maps of numbers as [`super::number`] writes them.

use super::number;
use serde::{ser::SerializeMap, Deserialize, Deserializer, Serializer};
use std::collections::BTreeMap;

pub fn serialize<S: Serializer>(map: &BTreeMap<String, f64>, s: S) -> Result<S::Ok, S::Error> {
    let mut out = s.serialize_map(Some(map.len()))?;
    for (key, x) in map {
        match number::word(*x) {
            Some(word) => out.serialize_entry(key, word)?,
            None => out.serialize_entry(key, x)?,
        }
    }
    out.end()
}

pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeMap<String, f64>, D::Error> {
    let raw = BTreeMap::<String, number::Written>::deserialize(d)?;
    raw.into_iter().map(|(key, written)| Ok((key, written.value()?))).collect()
}
