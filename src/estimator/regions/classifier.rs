//! What is asked of a classifier.

/// A classifier of points (n, D).
pub trait Classifier: Sync {
    /// Values of one point (D).
    fn dimension(&self) -> usize;

    /// Number of classes.
    fn classes(&self) -> usize;

    /// Logits (n, classes) of points (n, D).
    fn logits(&self, points: &[f32]) -> Vec<f32>;

    /// Logits (n, classes), and gradients (n, s, D) with respect to the point of sums of its logits weighted by `slopes` (n,
    /// s, classes).
    fn pullback(&self, points: &[f32], slopes: &[f32], s: usize) -> (Vec<f32>, Vec<f32>);
}

/// The class of each row of logits (n, classes): the greatest, of equals the first. A row with a NaN has no class, and is
/// given `u32::MAX`, which is equal to no label.
pub fn predicted(logits: &[f32], classes: usize) -> Vec<u32> {
    logits.chunks_exact(classes).map(class).collect()
}

fn class(logits: &[f32]) -> u32 {
    if logits.iter().any(|z| z.is_nan()) {
        return u32::MAX;
    }
    let best = (1..logits.len()).fold(0, |best, i| if logits[i] > logits[best] { i } else { best });
    best as u32
}

#[cfg(test)]
pub(super) mod testing {
    //! Classifiers with known regions.

    use super::Classifier;
    use crate::rng::Seed;

    /// Logits `W x + b`, in f64.
    pub struct Linear {
        /// (classes, D).
        pub weight: Vec<f64>,
        pub bias: Vec<f64>,
    }

    impl Linear {
        /// Two classes, apart by the plane `<w, x> = shift`: class 1 where it is greater.
        pub fn plane(w: &[f64], shift: f64) -> Self {
            let weight = w.iter().map(|w| -w / 2.0).chain(w.iter().map(|w| w / 2.0)).collect();
            Linear { weight, bias: vec![shift / 2.0, -shift / 2.0] }
        }

        pub fn random(classes: usize, dimension: usize, seed: u64) -> Self {
            let mut rng = Seed::new(seed).rng();
            let mut draw = |n: usize| (0..n).map(|_| f64::from(rng.normal())).collect::<Vec<f64>>();
            Linear { weight: draw(classes * dimension), bias: draw(classes) }
        }
    }

    impl Classifier for Linear {
        fn dimension(&self) -> usize {
            self.weight.len() / self.bias.len()
        }

        fn classes(&self) -> usize {
            self.bias.len()
        }

        fn logits(&self, points: &[f32]) -> Vec<f32> {
            let of_point = |x: &[f32]| {
                let rows = self.weight.chunks_exact(self.dimension()).zip(&self.bias);
                let logit =
                    |(w, b): (&[f64], &f64)| (b + w.iter().zip(x).map(|(w, x)| w * f64::from(*x)).sum::<f64>()) as f32;
                rows.map(logit).collect::<Vec<f32>>()
            };
            points.chunks_exact(self.dimension()).flat_map(of_point).collect()
        }

        fn pullback(&self, points: &[f32], slopes: &[f32], _: usize) -> (Vec<f32>, Vec<f32>) {
            let dimension = self.dimension();
            let of_sum = |slopes: &[f32]| {
                let term = |i: usize, k: usize| f64::from(slopes[k]) * self.weight[k * dimension + i];
                let at = |i: usize| (0..slopes.len()).map(|k| term(i, k)).sum::<f64>() as f32;
                (0..dimension).map(at).collect::<Vec<f32>>()
            };
            (self.logits(points), slopes.chunks_exact(self.classes()).flat_map(of_sum).collect())
        }
    }

    pub fn normals(n: usize, seed: u64) -> Vec<f32> {
        let mut values = vec![0.0; n];
        Seed::new(seed).rng().fill_normal(&mut values);
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_greatest_is_the_class_and_a_nan_has_none() {
        assert_eq!(predicted(&[1.0, 3.0, 3.0, f32::NEG_INFINITY, -1.0, -2.0], 3), [1, 1]);
        assert_eq!(predicted(&[f32::NAN, 1.0, 1.0, f32::NAN], 2), [u32::MAX; 2]);
    }
}
