//! Distances by the greatest difference of coordinates, and the k-th nearest neighbour among them.

/// `max_i |a_i - b_i|`; NaN where one is.
pub(super) fn distance(a: &[f64], b: &[f64]) -> f64 {
    // Not `max`, which leaves NaN out.
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, |most, x| if most.is_nan() || x <= most { most } else { x })
}

/// The k-th least of the values, k from 1 on; `None` where there are fewer. The values are put into another order.
pub(super) fn kth(values: &mut [f64], k: usize) -> Option<f64> {
    (k <= values.len()).then(|| *values.select_nth_unstable_by(k - 1, f64::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_difference_counts() {
        assert_eq!(distance(&[1.0, 5.0, 0.0], &[2.0, 2.0, 0.0]), 3.0);
        assert!(distance(&[f64::NAN, 1.0], &[0.0, 5.0]).is_nan() && distance(&[1.0, f64::NAN], &[5.0, 0.0]).is_nan());
        assert_eq!([1, 3, 4].map(|k| kth(&mut [3.0, 1.0, 2.0], k)), [Some(1.0), Some(3.0), None]);
    }
}
