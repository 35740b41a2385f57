//! The shortest way to another class that a walk over linearisations finds (Moosavi-Dezfooli, Fawzi & Frossard 2016,
//! algorithm 2), in the euclidean norm.
//!
//! With `f_k` the logit of class `k` less that of the point's class and `w_k` its gradient, each step adds `|f_k| / |w_k|^2
//! w_k` of the class that is nearest; the point moves by 1 + overshoot of the sum, without clipping, until its class is
//! another. Then bisection back along the straight line: the radius is that of the boundary, not of the overshoot.

use super::classifier::{predicted, Classifier};
use super::directions::push_moved;

/// Points whose gradients are held at the same time.
const POINTS: usize = 64;

/// How far the walk goes.
#[derive(Clone, Copy, Debug)]
pub struct DeepFool {
    /// What the sum of steps is lengthened by. 0.02, as in the authors' program.
    pub overshoot: f64,
    /// Most steps. 50, as in the authors' program.
    pub steps: usize,
    /// Bisections back. 20.
    pub bisections: usize,
}

impl Default for DeepFool {
    fn default() -> Self {
        DeepFool { overshoot: 0.02, steps: 50, bisections: 20 }
    }
}

/// For each of `points` (n, D) the distance to another class than its own, and the displacement (n, D) to there. Infinite,
/// with the displacement so far, where the walk did not arrive; NaN where a point has no class.
pub fn deepfool_l2(classifier: &dyn Classifier, points: &[f32], settings: &DeepFool) -> (Vec<f64>, Vec<f32>) {
    let dimension = classifier.dimension();
    let (mut radii, mut displacements) = (Vec::new(), Vec::with_capacity(points.len()));
    for points in points.chunks(POINTS * dimension) {
        let (some, moved) = walk(classifier, points, settings);
        radii.extend(some);
        displacements.extend(moved);
    }
    (radii, displacements)
}

fn walk(classifier: &dyn Classifier, points: &[f32], settings: &DeepFool) -> (Vec<f64>, Vec<f32>) {
    let (dimension, classes) = (classifier.dimension(), classifier.classes());
    let n = points.len() / dimension;
    let point = |i: usize| &points[i * dimension..(i + 1) * dimension];
    let own = predicted(&classifier.logits(points), classes);
    let mut totals = vec![0f32; points.len()];
    let stretch = 1.0 + settings.overshoot;
    let moved = |places: &[usize], totals: &[f32], stretch: &dyn Fn(usize) -> f64| {
        let mut all = Vec::with_capacity(places.len() * dimension);
        for i in places {
            push_moved(point(*i), &totals[i * dimension..(i + 1) * dimension], stretch(*i), &mut all);
        }
        all
    };
    // The gradient of each logit by itself.
    let identity: Vec<f32> = (0..classes * classes).map(|i| f32::from(u8::from(i / classes == i % classes))).collect();
    let mut walking: Vec<usize> = (0..n).filter(|i| own[*i] != u32::MAX).collect();
    let mut arrived = vec![false; n];
    for _ in 0..settings.steps {
        if walking.is_empty() {
            break;
        }
        let here = moved(&walking, &totals, &|_| stretch);
        let (logits, gradients) = classifier.pullback(&here, &identity.repeat(walking.len()), classes);
        for (place, i) in walking.iter().enumerate() {
            let logits = &logits[place * classes..(place + 1) * classes];
            let gradients = &gradients[place * classes * dimension..(place + 1) * classes * dimension];
            let total = &mut totals[i * dimension..(i + 1) * dimension];
            step(logits, gradients, own[*i] as usize, total);
        }
        let now = predicted(&classifier.logits(&moved(&walking, &totals, &|_| stretch)), classes);
        walking.iter().zip(now).filter(|(i, class)| own[**i] != *class).for_each(|(i, _)| arrived[*i] = true);
        walking.retain(|i| !arrived[*i]);
    }
    let there: Vec<usize> = (0..n).filter(|i| arrived[*i]).collect();
    let (mut inside, mut outside) = (vec![0.0; n], vec![stretch; n]);
    for _ in 0..settings.bisections {
        let middle = |i: usize| 0.5 * (inside[i] + outside[i]);
        let now = predicted(&classifier.logits(&moved(&there, &totals, &middle)), classes);
        for (i, class) in there.iter().zip(now) {
            let middle = 0.5 * (inside[*i] + outside[*i]);
            *(if class == own[*i] { &mut inside[*i] } else { &mut outside[*i] }) = middle;
        }
    }
    let mut radii = vec![f64::INFINITY; n];
    for (i, total) in totals.chunks_exact_mut(dimension).enumerate() {
        if own[i] == u32::MAX {
            radii[i] = f64::NAN;
        } else if arrived[i] {
            let share = 0.5 * (inside[i] + outside[i]);
            radii[i] = share * total.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
            total.iter_mut().for_each(|x| *x = (f64::from(*x) * share) as f32);
        }
    }
    (radii, totals)
}

/// Adds the step to the nearest plane of the linearised network; none where no logit moves.
fn step(logits: &[f32], gradients: &[f32], own: usize, total: &mut [f32]) {
    let dimension = total.len();
    let gradient = |class: usize| &gradients[class * dimension..(class + 1) * dimension];
    let difference =
        |class: usize| gradient(class).iter().zip(gradient(own)).map(|(a, b)| f64::from(*a) - f64::from(*b));
    let planes = (0..logits.len()).filter(|class| *class != own).map(|class| {
        let gap = (f64::from(logits[class]) - f64::from(logits[own])).abs();
        (class, gap, difference(class).map(|w| w * w).sum::<f64>())
    });
    let nearest = planes
        .filter(|(_, gap, square)| *square > 0.0 && gap.is_finite())
        .min_by(|a, b| (a.1 / a.2.sqrt()).total_cmp(&(b.1 / b.2.sqrt())));
    if let Some((class, gap, square)) = nearest {
        let factor = gap / square;
        total.iter_mut().zip(difference(class)).for_each(|(sum, w)| *sum = (f64::from(*sum) + factor * w) as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::super::classifier::testing::{normals, Linear};
    use super::*;

    #[test]
    fn of_a_linear_classifier_the_radius_is_the_distance_to_the_nearest_plane() {
        let (classes, dimension) = (5, 30);
        let classifier = Linear::random(classes, dimension, 1);
        let points = normals(70 * dimension, 2);
        let (radii, displacements) = deepfool_l2(&classifier, &points, &DeepFool::default());
        let logits = classifier.logits(&points);
        for (i, radius) in radii.iter().enumerate() {
            let logits = &logits[i * classes..(i + 1) * classes];
            let own = predicted(logits, classes)[0] as usize;
            let row = |class: usize| &classifier.weight[class * dimension..(class + 1) * dimension];
            let distance = |class: usize| {
                let square: f64 = row(class).iter().zip(row(own)).map(|(a, b)| (a - b) * (a - b)).sum();
                f64::from(logits[own] - logits[class]) / square.sqrt()
            };
            let exact = (0..classes).filter(|class| *class != own).map(distance).fold(f64::INFINITY, f64::min);
            assert!((radius / exact - 1.0).abs() < 1e-4, "{radius} against {exact}");
            let length = displacements[i * dimension..(i + 1) * dimension].iter().map(|x| x * x).sum::<f32>().sqrt();
            assert!((f64::from(length) / radius - 1.0).abs() < 1e-5);
        }
        // One step goes there, lengthened by 0.02; what is told without bisection is half of that.
        let once = DeepFool { steps: 1, bisections: 0, ..DeepFool::default() };
        for (radius, half) in radii.iter().zip(deepfool_l2(&classifier, &points, &once).0) {
            assert!((half / (0.51 * radius) - 1.0).abs() < 1e-4, "{half} against {radius}");
        }
    }

    #[test]
    fn a_constant_classifier_has_no_other_class_and_nan_none_at_all() {
        let constant = Linear { weight: vec![0.0; 30], bias: vec![0.0, 1.0, 0.5] };
        assert_eq!(deepfool_l2(&constant, &normals(20, 3), &DeepFool::default()).0, [f64::INFINITY; 2]);
        let nan = Linear { weight: vec![f64::NAN; 30], bias: vec![0.0; 3] };
        assert!(deepfool_l2(&nan, &normals(20, 3), &DeepFool::default()).0.iter().all(|radius| radius.is_nan()));
    }
}
