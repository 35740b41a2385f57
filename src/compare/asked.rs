//! What a comparison is asked to hold against each other, in words: `test-accuracy`, `radii`, `radii.median:of=random`.

use super::quantity::{Key, Plain, Quantity};
use crate::error::{Error, Result};
use crate::params::{did_you_mean, list_names};
use crate::record::{RunRecords, Side};

/// Readings that are compared, beside the plain numbers, where nothing is asked for and they were measured: one or two of
/// each family, none of them one number of many.
pub const HEADLINES: [&str; 6] = [
    "corruption.mean_error",
    "calibration.ece",
    "sharpness.trace",
    "radii.median:of=random",
    "slices.fragmentation",
    "displacement.exponent:of=start",
];

/// The plain numbers that are compared where nothing is asked for.
pub const DEFAULTS: [Plain; 4] = [Plain::TestAccuracy, Plain::TestLoss, Plain::AccuracyGap, Plain::ChosenTestAccuracy];

/// Something to compare.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// A number that every run has.
    Plain(Plain),
    /// All numbers of metrics that have these keys.
    Readings(Selector),
}

/// Which readings: those whose keys are these, where they are given.
#[derive(Clone, Debug, PartialEq)]
pub struct Selector {
    /// The metric's name.
    pub metric: String,
    /// Which of its numbers.
    pub name: Option<String>,
    /// Of what.
    pub of: Option<String>,
    /// Place on the axis.
    pub at: Option<f64>,
    /// Its layer.
    pub layer: Option<String>,
    /// Before or behind the layer's non-linearity.
    pub position: Option<Side>,
}

impl Asked {
    /// Reads the name of a plain number, or `METRIC[.NAME][:KEY=VALUE,...]` with the keys `of`, `at`, `layer` and `position`.
    ///
    /// # Errors
    /// [`Error::Config`] for a key that is none of these, and for a value that cannot be one.
    pub fn parse(text: &str) -> Result<Self> {
        if let Some(plain) = Plain::ALL.into_iter().find(|plain| plain.name() == text) {
            return Ok(Asked::Plain(plain));
        }
        let wrong = |message: String| Err(Error::Config(format!("metric `{text}`: {message}")));
        let (what, keys) = text.split_once(':').map_or((text, None), |(what, keys)| (what, Some(keys)));
        let (metric, name) = what.split_once('.').map_or((what, None), |(metric, name)| (metric, Some(name)));
        if metric.is_empty() || name == Some("") || keys == Some("") {
            return wrong("write METRIC[.NAME][:KEY=VALUE,...], as in radii.median:of=random".to_string());
        }
        let (metric, name) = (metric.to_string(), name.map(str::to_string));
        let mut found = Selector { metric, name, of: None, at: None, layer: None, position: None };
        for word in keys.into_iter().flat_map(|keys| keys.split(',')) {
            let Some((key, value)) = word.split_once('=') else {
                return wrong(format!("`{word}` is no KEY=VALUE, as in of=random"));
            };
            match key {
                "of" => found.of = Some(value.to_string()),
                "layer" => found.layer = Some(value.to_string()),
                "at" => match value.parse() {
                    Ok(at) => found.at = Some(at),
                    Err(_) => return wrong(format!("at = `{value}`: must be a number")),
                },
                "position" => match value {
                    "pre" => found.position = Some(Side::Pre),
                    "post" => found.position = Some(Side::Post),
                    _ => return wrong(format!("position = `{value}`: must be pre or post")),
                },
                _ => {
                    let known = ["of", "at", "layer", "position"];
                    let meant = did_you_mean(key, known).map(|meant| format!("; {meant}")).unwrap_or_default();
                    return wrong(format!("unknown key `{key}`: expected {}{meant}", list_names(known)));
                }
            }
        }
        Ok(Asked::Readings(found))
    }

    /// What is compared where nothing is asked for.
    pub(super) fn defaults() -> Vec<Asked> {
        let headline = |text: &&str| Asked::parse(text).expect("headlines can be read");
        DEFAULTS.into_iter().map(Asked::Plain).chain(HEADLINES.iter().map(headline)).collect()
    }

    /// The quantities that this names among readings, in order.
    pub(super) fn among(&self, measured: &[Key]) -> Vec<Quantity> {
        match self {
            Asked::Plain(plain) => vec![Quantity::Plain(*plain)],
            Asked::Readings(selector) => {
                measured.iter().filter(|key| selector.has(key)).cloned().map(Quantity::Measured).collect()
            }
        }
    }
}

impl Selector {
    fn has(&self, key: &Key) -> bool {
        fn is<T: PartialEq>(wanted: &Option<T>, found: &Option<T>) -> bool {
            wanted.is_none() || wanted == found
        }
        self.metric == key.metric
            && self.name.as_ref().is_none_or(|name| *name == key.name)
            && is(&self.of, &key.of)
            && is(&self.at, &key.at)
            && is(&self.layer, &key.layer)
            && is(&self.position, &key.position)
    }
}

/// All numbers that metrics gave of these runs, in order, each once.
pub(super) fn measured<'a>(runs: impl Iterator<Item = &'a RunRecords>) -> Vec<Key> {
    let readings = runs.flat_map(|run| &run.measurements).flat_map(|there| &there.readings);
    let mut keys: Vec<Key> = readings.map(Key::of).collect();
    keys.sort_by(Key::order);
    keys.dedup();
    keys
}

/// Refuses what no run has.
///
/// # Errors
/// [`Error::Config`] with what there is.
pub(super) fn check(asked: &[Asked], measured: &[Key]) -> Result<()> {
    for wanted in asked {
        let Asked::Readings(selector) = wanted else { continue };
        if !wanted.among(measured).is_empty() {
            continue;
        }
        let of_metric: Vec<&Key> = measured.iter().filter(|key| key.metric == selector.metric).collect();
        let message = if of_metric.is_empty() {
            let mut metrics: Vec<&str> = measured.iter().map(|key| key.metric.as_str()).collect();
            metrics.dedup();
            let plain = Plain::ALL.map(Plain::name);
            let meant = did_you_mean(&selector.metric, plain.into_iter().chain(metrics.iter().copied()));
            let there = if metrics.is_empty() {
                "nothing was measured of these runs".to_string()
            } else {
                format!("measured are {}", list_names(metrics))
            };
            format!(
                "no run has a `{}`: {there}, and every run has {}; {}",
                selector.metric,
                list_names(plain),
                meant.unwrap_or_else(|| format!("`subevo measure FOLDER --metric {}` measures it", selector.metric)),
            )
        } else {
            const SHOWN: usize = 8;
            let mut there: Vec<String> = of_metric.iter().map(|key| key.to_string()).collect();
            let more = there.len().saturating_sub(SHOWN);
            there.truncate(SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("`{}` was measured, but not this of it: there are {}{more}", selector.metric, there.join(", "))
        };
        return Err(Error::Config(message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{campaign, measure};
    use super::*;
    use crate::record::Reading;

    #[test]
    fn words_and_keys_are_the_same_thing() {
        assert_eq!(Asked::parse("test-accuracy").unwrap(), Asked::Plain(Plain::TestAccuracy));
        for text in ["radii.median:of=random,at=0.5", "codes.bits:at=-3,layer=conv1,position=pre", "a.b"] {
            let Asked::Readings(found) = Asked::parse(text).unwrap() else { panic!("{text}") };
            let Selector { metric, name, of, at, layer, position } = found;
            let key = Key { metric, name: name.unwrap(), of, at, layer, position };
            assert_eq!(key.to_string(), text);
        }
        assert!(Asked::defaults().len() == DEFAULTS.len() + HEADLINES.len());
    }

    #[test]
    fn mistakes_say_what_is_allowed() {
        for (text, expected) in [
            ("", "write METRIC[.NAME][:KEY=VALUE,...]"),
            ("radii.", "write METRIC[.NAME]"),
            ("radii:off=x", "unknown key `off`: expected `of`, `at`, `layer` or `position`; did you mean `of`?"),
            ("radii:of", "`of` is no KEY=VALUE"),
            ("radii:at=x", "at = `x`: must be a number"),
            ("radii:position=in", "position = `in`: must be pre or post"),
        ] {
            let told = Asked::parse(text).unwrap_err().to_string();
            assert!(told.contains(expected) && told.starts_with(&format!("metric `{text}`")), "{told}");
        }
    }

    #[test]
    fn readings_are_found_by_as_many_keys_as_are_given() {
        let mut runs = campaign(&[(0.5, 0.6)]);
        for (of, at) in [("random", 0.5), ("random", 0.1), ("deepfool", 0.5)] {
            measure(&mut runs[0], 8, "radii", Reading::new("quantile", 1.0, "sd", 5).of(of).at(at));
        }
        measure(&mut runs[1], 8, "radii", Reading::new("median", 1.0, "sd", 5).of("random"));
        measure(&mut runs[1], 8, "codes", Reading::new("median", 1.0, "sd", 5));
        let measured = measured(runs.iter());
        let found = |text: &str| {
            let among = Asked::parse(text).unwrap().among(&measured);
            among.iter().map(Quantity::to_string).collect::<Vec<_>>()
        };
        let quantiles = ["radii.quantile:of=random,at=0.1", "radii.quantile:of=random,at=0.5"];
        assert_eq!(found("radii.quantile:of=random"), quantiles);
        assert_eq!(found("radii:at=0.5").len(), 2);
        assert_eq!((found("radii").len(), found("radius").len()), (4, 0));
        let told = |text: &str| check(&[Asked::parse(text).unwrap()], &measured).unwrap_err().to_string();
        assert!(
            told("radi").contains("measured are `codes` or `radii`") && told("radi").ends_with("did you mean `radii`?")
        );
        assert!(told("test-acuracy").ends_with("did you mean `test-accuracy`?"));
        assert!(told("slices").ends_with("`subevo measure FOLDER --metric slices` measures it"));
        assert_eq!(told("codes.mean"), "`codes` was measured, but not this of it: there are codes.median");
        check(&[Asked::parse("codes").unwrap()], &measured).unwrap();
    }
}
