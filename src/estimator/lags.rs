//! Log-spaced whole numbers: the lags at which displacements are looked at.

/// Whole numbers from 1 to `most`, `per_decade` for each factor of ten where there are so many, and `most` itself; each
/// once, ascending. None for `most` 0.
pub fn log_spaced(most: usize, per_decade: usize) -> Vec<usize> {
    if most == 0 {
        return Vec::new();
    }
    let count = ((most as f64).log10() * per_decade as f64).floor() as usize;
    let mut lags: Vec<usize> = (0..=count).map(|i| 10f64.powf(i as f64 / per_decade as f64).round() as usize).collect();
    lags.push(most);
    lags.iter_mut().for_each(|lag| *lag = (*lag).min(most));
    lags.dedup();
    lags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lags_are_log_spaced_and_end_at_the_most() {
        assert_eq!(log_spaced(100, 5), [1, 2, 3, 4, 6, 10, 16, 25, 40, 63, 100]);
        assert_eq!(log_spaced(7, 5), [1, 2, 3, 4, 6, 7]);
        assert_eq!(log_spaced(1, 5), [1]);
        assert!(log_spaced(0, 5).is_empty());
        let many = log_spaced(100_000, 20);
        assert!(many.windows(2).all(|pair| pair[0] < pair[1]) && many.len() < 101, "{}", many.len());
    }
}
