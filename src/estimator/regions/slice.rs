//! The plane through three points, its classes and its numbers (Somepalli et al. 2022).

use super::classifier::{predicted, Classifier};

/// Points that are evaluated at the same time.
const POINTS: usize = 4096;

/// A plane with two axes of length 1 at right angles: the first leads from the first point to the second.
#[derive(Clone, Debug)]
pub struct Plane {
    origin: Vec<f32>,
    axes: [Vec<f32>; 2],
    /// Where the three points lie on it.
    pub points: [[f64; 2]; 3],
}

impl Plane {
    /// The plane through three points; `None` where they lie on one line.
    ///
    /// # Panics
    /// If they have not as many values.
    pub fn through([a, b, c]: [&[f32]; 3]) -> Option<Self> {
        assert!(a.len() == b.len() && b.len() == c.len(), "three points of as many values");
        let less = |to: &[f32]| to.iter().zip(a).map(|(to, a)| f64::from(*to) - f64::from(*a)).collect::<Vec<f64>>();
        let (mut first, mut second) = (less(b), less(c));
        let whole = crate::num::dot(&second, &second).sqrt();
        let across = crate::num::dot(&first, &first).sqrt();
        first.iter_mut().for_each(|x| *x /= across);
        let along = crate::num::dot(&first, &second);
        second.iter_mut().zip(&first).for_each(|(y, x)| *y -= along * x);
        let up = crate::num::dot(&second, &second).sqrt();
        second.iter_mut().for_each(|y| *y /= up);
        // Not more than rounding leaves of a point on the line; false of NaN.
        if !(across > 0.0 && up > 1e-6 * whole) {
            return None;
        }
        let narrow = |axis: Vec<f64>| axis.into_iter().map(|x| x as f32).collect();
        let points = [[0.0, 0.0], [across, 0.0], [along, up]];
        Some(Plane { origin: a.to_vec(), axes: [narrow(first), narrow(second)], points })
    }

    /// The point at a place.
    pub fn at(&self, [x, y]: [f64; 2]) -> impl Iterator<Item = f32> + '_ {
        let axes = self.axes[0].iter().zip(&self.axes[1]);
        let step =
            move |(origin, (a, b)): (&f32, (&f32, &f32))| f64::from(*origin) + x * f64::from(*a) + y * f64::from(*b);
        self.origin.iter().zip(axes).map(step).map(|x| x as f32)
    }
}

/// Classes on a grid of a plane.
#[derive(Clone, Debug)]
pub struct Slice {
    /// Points of a side.
    pub side: usize,
    /// First and last place of the grid along each axis.
    pub extent: [[f64; 2]; 2],
    /// Where the three points lie.
    pub points: [[f64; 2]; 3],
    /// Classes (side, side), lines along the first axis; `u32::MAX` for none.
    pub labels: Vec<u32>,
    /// Softmax probability of the class (side, side).
    pub confidence: Vec<f32>,
}

impl Slice {
    /// A grid over the box of the three points and, on every side, `margin` of its own length more.
    ///
    /// # Panics
    /// If a side has fewer than two points.
    pub fn new(classifier: &dyn Classifier, plane: &Plane, side: usize, margin: f64) -> Self {
        assert!(side > 1, "a side of {side} points");
        let extent = [0, 1].map(|axis| {
            let places = plane.points.map(|point| point[axis]);
            let (low, high) =
                (places.iter().copied().fold(f64::INFINITY, f64::min), places.iter().copied().fold(0.0, f64::max));
            [low - margin * (high - low), high + margin * (high - low)]
        });
        let place = |axis: usize, i: usize| {
            let [low, high] = extent[axis];
            low + (high - low) * i as f64 / (side - 1) as f64
        };
        let places: Vec<[f64; 2]> = (0..side * side).map(|i| [place(0, i % side), place(1, i / side)]).collect();
        let (mut labels, mut confidence) = (Vec::new(), Vec::new());
        for places in places.chunks(POINTS) {
            let points: Vec<f32> = places.iter().flat_map(|place| plane.at(*place)).collect();
            let logits = classifier.logits(&points);
            labels.extend(predicted(&logits, classifier.classes()));
            confidence.extend(logits.chunks_exact(classifier.classes()).map(greatest_probability));
        }
        Slice { side, extent, points: plane.points, labels, confidence }
    }
}

/// The softmax probability of the greatest logit.
fn greatest_probability(logits: &[f32]) -> f32 {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f64 = logits.iter().map(|z| f64::from(z - top).exp()).sum();
    (1.0 / total) as f32
}

/// Connected parts of one class, over all classes, on a grid with lines of `width`: places touch at sides and corners.
pub fn fragmentation(labels: &[u32], width: usize) -> usize {
    let height = labels.len().checked_div(width).unwrap_or(0);
    let mut seen = vec![false; labels.len()];
    let (mut parts, mut open) = (0, Vec::new());
    for start in 0..width * height {
        if std::mem::replace(&mut seen[start], true) {
            continue;
        }
        parts += 1;
        open.push(start);
        while let Some(at) = open.pop() {
            let (x, y) = (at % width, at / width);
            for (x, y) in (y.saturating_sub(1)..(y + 2).min(height))
                .flat_map(|y| (x.saturating_sub(1)..(x + 2).min(width)).map(move |x| (x, y)))
            {
                let next = y * width + x;
                if labels[next] == labels[at] && !std::mem::replace(&mut seen[next], true) {
                    open.push(next);
                }
            }
        }
    }
    parts
}

/// Share of the places that have each of these classes. NaN of no place.
pub fn area_fractions(labels: &[u32], classes: &[u32]) -> Vec<f64> {
    let count = |class: &u32| labels.iter().filter(|label| *label == class).count() as f64;
    classes.iter().map(|class| count(class) / labels.len() as f64).collect()
}

/// Share of the places at which two maps have the same class (the reproducibility score). NaN of no place.
///
/// # Panics
/// If the maps have not as many places.
pub fn agreement(one: &[u32], other: &[u32]) -> f64 {
    assert_eq!(one.len(), other.len(), "maps of as many places");
    one.iter().zip(other).filter(|(a, b)| a == b).count() as f64 / one.len() as f64
}

/// Over the classes that either map has, the mean share of the places of both in the places of either. NaN of no place.
///
/// # Panics
/// If the maps have not as many places.
pub fn intersection_over_union(one: &[u32], other: &[u32]) -> f64 {
    assert_eq!(one.len(), other.len(), "maps of as many places");
    let mut classes: Vec<u32> = one.iter().chain(other).copied().collect();
    classes.sort_unstable();
    classes.dedup();
    let share = |class: &u32| {
        let count = |of: &dyn Fn(bool, bool) -> bool| {
            one.iter().zip(other).filter(|(a, b)| of(*a == class, *b == class)).count() as f64
        };
        count(&|a, b| a && b) / count(&|a, b| a || b)
    };
    crate::num::mean(&classes.iter().map(share).collect::<Vec<f64>>())
}

#[cfg(test)]
mod tests {
    use super::super::classifier::testing::{normals, Linear};
    use super::*;

    #[test]
    fn the_plane_goes_through_its_points_and_its_axes_stand_upright() {
        let points = normals(30, 1);
        let rows: Vec<&[f32]> = points.chunks_exact(10).collect();
        let plane = Plane::through([rows[0], rows[1], rows[2]]).unwrap();
        for (place, row) in plane.points.iter().zip(&rows) {
            assert!(plane.at(*place).zip(*row).all(|(found, x)| (found - x).abs() < 1e-5), "{place:?}");
        }
        let inner = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        assert!(
            inner(&plane.axes[0], &plane.axes[1]).abs() < 1e-6
                && (inner(&plane.axes[1], &plane.axes[1]) - 1.0).abs() < 1e-6
        );
        let on_a_line: Vec<f32> = rows[0].iter().zip(rows[1]).map(|(a, b)| 2.0 * b - a).collect();
        assert!(Plane::through([rows[0], rows[1], &on_a_line]).is_none());
        assert!(Plane::through([rows[0], rows[0], rows[2]]).is_none());
    }

    #[test]
    fn each_class_of_a_linear_classifier_is_in_one_part() {
        let points = normals(30, 2);
        let rows: Vec<&[f32]> = points.chunks_exact(10).collect();
        let plane = Plane::through([rows[0], rows[1], rows[2]]).unwrap();
        let mut most = 0;
        for seed in 0..20 {
            let classifier = Linear::random(6, 10, seed);
            let slice = Slice::new(&classifier, &plane, 60, 0.5);
            let mut classes = slice.labels.clone();
            classes.sort_unstable();
            classes.dedup();
            assert_eq!(fragmentation(&slice.labels, 60), classes.len(), "seed {seed}");
            most = most.max(classes.len());
            let whole: f64 = area_fractions(&slice.labels, &classes).iter().sum();
            assert!((whole - 1.0).abs() < 1e-12);
            let least = slice.confidence.iter().copied().fold(1.0, f32::min);
            assert!((1.0 / 6.0..=1.0).contains(&least));
        }
        assert!(most >= 4);
    }

    #[test]
    fn the_grid_is_the_box_with_its_margin_line_by_line() {
        // In the plane itself: class 1 right of 0.
        let classifier = Linear::plane(&[1.0, 0.0], 0.0);
        let plane = Plane::through([&[-1.0, 0.0], &[3.0, 0.0], &[1.0, 2.0]]).unwrap();
        let slice = Slice::new(&classifier, &plane, 5, 0.5);
        assert_eq!(slice.extent, [[-2.0, 6.0], [-1.0, 3.0]]);
        // Places -2, 0, 2, 4, 6 from the first point are -3, -1, 1, 3, 5.
        assert_eq!(slice.labels, [0, 0, 1, 1, 1].repeat(5));
        let expected = 1.0 / (1.0 + (-3f64).exp());
        assert!((f64::from(slice.confidence[0]) - expected).abs() < 1e-6);
    }

    #[test]
    fn parts_touch_at_corners_and_maps_agree_where_they_are_the_same() {
        let map = [0, 1, 0, 1, 1, 0, 2, 2, 2, 1, 0, 0];
        // In lines of four: zeros touch at corners, a one and a two are cut off.
        assert_eq!((fragmentation(&map, 4), fragmentation(&map, 3), fragmentation(&[], 4)), (5, 6, 0));
        let other = [0, 1, 0, 1, 1, 0, 2, 2, 1, 1, 0, 1];
        assert!((agreement(&map, &other) - 10.0 / 12.0).abs() < 1e-15);
        // Class 0: 4 of 5; class 1: 4 of 6; class 2: 2 of 3.
        let expected = (4.0 / 5.0 + 4.0 / 6.0 + 2.0 / 3.0) / 3.0;
        assert!((intersection_over_union(&map, &other) - expected).abs() < 1e-12);
        assert!(agreement(&[], &[]).is_nan());
    }
}
