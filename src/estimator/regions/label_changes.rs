//! Changes of class from point to point of straight lines.

use super::classifier::{predicted, Classifier};
use super::directions::push_moved;

/// Points that are evaluated at the same time.
const POINTS: usize = 4096;

/// How often the class changes along each line from `from` to `to`, both (n, D), among `points` points at equal steps, both
/// ends among them: at most as often as on the whole line.
///
/// # Panics
/// If there are not as many ends as beginnings, or fewer than two points.
pub fn label_changes(classifier: &dyn Classifier, from: &[f32], to: &[f32], points: usize) -> Vec<u64> {
    let dimension = classifier.dimension();
    assert!(from.len() == to.len() && points > 1, "an end for each beginning, and {points} points");
    let lines = (POINTS / points).max(1) * dimension;
    let mut changes = Vec::with_capacity(from.len() / dimension);
    for (from, to) in from.chunks(lines).zip(to.chunks(lines)) {
        let mut all = Vec::with_capacity(from.len() * points);
        for (from, to) in from.chunks_exact(dimension).zip(to.chunks_exact(dimension)) {
            let direction: Vec<f32> = to.iter().zip(from).map(|(to, from)| to - from).collect();
            for i in 0..points {
                push_moved(from, &direction, i as f64 / (points - 1) as f64, &mut all);
            }
        }
        let classes = predicted(&classifier.logits(&all), classifier.classes());
        let of_line = |classes: &[u32]| classes.windows(2).filter(|pair| pair[0] != pair[1]).count() as u64;
        changes.extend(classes.chunks_exact(points).map(of_line));
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::super::classifier::testing::{normals, Linear};
    use super::*;

    #[test]
    fn a_line_through_a_plane_changes_once_and_beside_it_never() {
        let classifier = Linear::plane(&[1.0, 0.0], 0.0);
        let (from, to) = ([-1.0, 3.0, 1.0, 0.0, 0.1, -4.0], [1.0, 0.0, 2.0, 2.0, -5.0, 0.0]);
        assert_eq!(label_changes(&classifier, &from, &to, 2), [1, 0, 1]);
        assert_eq!(label_changes(&classifier, &from, &to, 3000), [1, 0, 1]);
    }

    #[test]
    fn more_points_see_more_and_a_linear_classifier_has_each_class_once() {
        let classifier = Linear::random(9, 2, 1);
        let (from, to) = (normals(400, 2), normals(400, 3).iter().map(|x| 3.0 * x).collect::<Vec<f32>>());
        let [few, many] = [3, 100].map(|points| label_changes(&classifier, &from, &to, points));
        assert!(few.iter().zip(&many).all(|(few, many)| few <= many) && few != many);
        assert!(many.iter().all(|changes| *changes < 9) && many.iter().any(|changes| *changes > 1));
    }
}
