//! A curve kept in few numbers, however long it grows.

/// The most points that are kept.
const MOST: usize = 512;

/// Means over equally many steps each, from the first step to the last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    points: Vec<f64>,
    /// Steps of a point, as a power of two.
    doublings: u32,
    /// Sum and number of what the next point is made of; steps whose value is no number are among the steps alone.
    sum: f64,
    finite: u64,
    steps: u64,
}

impl Series {
    /// Adds the value of the next step.
    pub fn push(&mut self, value: f64) {
        if value.is_finite() {
            (self.sum, self.finite) = (self.sum + value, self.finite + 1);
        }
        self.steps += 1;
        if self.steps < 1 << self.doublings {
            return;
        }
        self.points.push(self.sum / self.finite as f64);
        (self.sum, self.finite, self.steps) = (0.0, 0, 0);
        if self.points.len() == MOST {
            self.points = self.points.chunks(2).map(mean).collect();
            self.doublings += 1;
        }
    }

    /// The curve in at most `n` points; NaN where no step had a number.
    pub fn points(&self, n: usize) -> Vec<f64> {
        let rest = (self.finite > 0).then(|| self.sum / self.finite as f64);
        let points: Vec<f64> = self.points.iter().copied().chain(rest).collect();
        if points.len() <= n || n == 0 {
            return points.into_iter().take(n).collect();
        }
        (0..n).map(|i| mean(&points[i * points.len() / n..(i + 1) * points.len() / n])).collect()
    }
}

/// Of what is a number; NaN where nothing is.
fn mean(values: &[f64]) -> f64 {
    let finite: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
    finite.iter().sum::<f64>() / finite.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_curve_keeps_its_course_in_few_points() {
        let mut series = Series::default();
        assert!(series.points(8).is_empty());
        (0..100_000).for_each(|i| series.push(f64::from(i)));
        assert!(series.points.len() < MOST);
        let points = series.points(4);
        for (i, point) in points.iter().enumerate() {
            let middle = 12_500.0 + 25_000.0 * i as f64;
            assert!((point - middle).abs() < 500.0, "{points:?}");
        }
    }

    #[test]
    fn what_is_no_number_is_left_out_and_short_curves_are_whole() {
        let mut series = Series::default();
        [1.0, f64::NAN, 3.0, f64::INFINITY].into_iter().for_each(|x| series.push(x));
        let points = series.points(9);
        assert_eq!((points[0], points[2], points.len()), (1.0, 3.0, 4));
        assert!(points[1].is_nan() && points[3].is_nan());
        assert_eq!(series.points(2), [1.0, 3.0]);
    }
}
