//! A curve in block characters, on a log scale.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A character for each value, from the least to the greatest, by their logarithms; what is not above zero is as low as the
/// least that is, and what is no number is a gap.
pub fn curve(values: &[f64]) -> String {
    let above = values.iter().copied().filter(|x| x.is_finite() && *x > 0.0);
    let (least, greatest) = above.fold((f64::INFINITY, 0.0f64), |(low, high), x| (low.min(x), high.max(x)));
    let span = (greatest / least).ln();
    let block = |x: &f64| match x {
        x if !x.is_finite() => ' ',
        x if *x <= least || span <= 0.0 => BLOCKS[0],
        x => BLOCKS[((x / least).ln() / span * BLOCKS.len() as f64).min(7.0) as usize],
    };
    values.iter().map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_factors_are_equal_heights() {
        let powers: Vec<f64> = (0..8).map(|i| 2f64.powi(i) * 0.01).collect();
        assert_eq!(curve(&powers), "▁▂▃▄▅▆▇█");
        let falling: Vec<f64> = powers.into_iter().rev().collect();
        assert_eq!(curve(&falling), "█▇▆▅▄▃▂▁");
        assert_eq!(curve(&[1.0, f64::NAN, 100.0, 10.0, 0.0, -3.0]), "▁ █▅▁▁");
        assert_eq!((curve(&[2.0, 2.0]), curve(&[0.0]), curve(&[])), ("▁▁".into(), "▁".into(), String::new()));
    }
}
