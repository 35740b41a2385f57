//! Where an axis has ticks and what they say.

use crate::plot::figure::{Axis, Scale};

/// A tick: value and label.
pub(super) type Tick = (f64, String);

/// At most `most` labelled ticks (but at least two where that is possible): round numbers, on a log axis decades.
/// Categories have none.
pub(super) fn ticks(axis: &Axis, most: usize) -> Vec<Tick> {
    match axis.scale {
        Scale::Categories(_) => Vec::new(),
        Scale::Linear => linear(axis.range, most).into_iter().map(|x| (x, word(x))).collect(),
        Scale::Percent => {
            let percents = linear(axis.range.map(|x| x * 100.0), most);
            percents.into_iter().map(|x| (x / 100.0, format!("{} %", word(x)))).collect()
        }
        Scale::Log => log(axis.range, most).into_iter().map(|x| (x, word(x))).collect(),
    }
}

/// Ticks without a label: the multiples of the decades on a log axis of at most five decades.
pub(super) fn minor(axis: &Axis) -> Vec<f64> {
    let [low, high] = axis.range;
    if axis.scale != Scale::Log || high / low > 1e5 {
        return Vec::new();
    }
    multiples([low, high], &[2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])
}

fn linear([low, high]: [f64; 2], most: usize) -> Vec<f64> {
    let rough = (high - low) / most.max(2) as f64;
    let decade = 10f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0].map(|factor| factor * decade);
    let at = |step: f64| {
        let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
        (first..=last).map(move |i| i as f64 * step)
    };
    let step = steps.into_iter().find(|&step| at(step).count() <= most.max(2)).unwrap_or(steps[5]);
    at(step).collect()
}

fn log(range: [f64; 2], most: usize) -> Vec<f64> {
    let decades = multiples(range, &[1.0]);
    if decades.len() > most {
        let every = decades.len().div_ceil(most.max(1));
        return decades.into_iter().step_by(every).collect();
    }
    if decades.len() >= 2 {
        return decades;
    }
    for factors in [&[1.0, 3.0][..], &[1.0, 2.0, 5.0], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]] {
        let found = multiples(range, factors);
        if found.len() >= 2 && found.len() <= most {
            return found;
        }
    }
    linear(range, most.min(3))
}

fn multiples([low, high]: [f64; 2], factors: &[f64]) -> Vec<f64> {
    let exponents = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let all = exponents.flat_map(|e| factors.iter().map(move |f| f * 10f64.powi(e)));
    all.filter(|x| (low * (1.0 - 1e-9)..=high * (1.0 + 1e-9)).contains(x)).collect()
}

/// A number in few letters: `0.1`, `20`, `1.5k`, `10k`, `2M`, `1G`.
pub(super) fn word(x: f64) -> String {
    let size = x.abs();
    let (unit, letter) = match size {
        _ if size >= 0.9999e12 => (1e12, "T"),
        _ if size >= 0.9999e9 => (1e9, "G"),
        _ if size >= 0.9999e6 => (1e6, "M"),
        _ if size >= 0.9999e3 => (1e3, "k"),
        _ => (1.0, ""),
    };
    if size > 0.0 && size < 1e-4 {
        return format!("{x:e}");
    }
    let number = format!("{:.4}", x / unit);
    let number = number.trim_end_matches('0').trim_end_matches('.');
    format!("{}{letter}", if number == "-0" { "0" } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(scale: Scale, range: [f64; 2], most: usize) -> Vec<String> {
        let axis = Axis { label: String::new(), scale, range };
        ticks(&axis, most).into_iter().map(|tick| tick.1).collect()
    }

    #[test]
    fn a_log_axis_has_its_decades() {
        assert_eq!(words(Scale::Log, [256.0, 2e6], 6), ["1k", "10k", "100k", "1M"]);
        assert_eq!(words(Scale::Log, [0.05, 120.0], 6), ["0.1", "1", "10", "100"]);
        assert_eq!(words(Scale::Log, [1.0, 1e6], 4), ["1", "100", "10k", "1M"]);
    }

    #[test]
    fn a_log_axis_of_less_than_two_decades_has_multiples() {
        assert_eq!(words(Scale::Log, [9.0, 40.0], 6), ["10", "30"]);
        assert_eq!(words(Scale::Log, [18.0, 70.0], 6), ["20", "50"]);
        assert_eq!(words(Scale::Log, [1010.0, 1290.0], 6), ["1.1k", "1.2k"]);
    }

    #[test]
    fn percents_are_round() {
        assert_eq!(words(Scale::Percent, [0.0, 1.0], 6), ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]);
        assert_eq!(words(Scale::Percent, [0.1, 0.4], 6), ["10 %", "20 %", "30 %", "40 %"]);
        assert_eq!(words(Scale::Linear, [-2.0, 2.0], 5), ["-2", "-1", "0", "1", "2"]);
    }

    #[test]
    fn minor_ticks_are_the_multiples() {
        let axis = Axis { label: String::new(), scale: Scale::Log, range: [50.0, 250.0] };
        let close = |a: Vec<f64>, b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9);
        assert!(close(minor(&axis), &[50.0, 60.0, 70.0, 80.0, 90.0, 200.0]), "{:?}", minor(&axis));
    }
}
