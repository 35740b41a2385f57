//! Distances along directions at which the class changes.
//!
//! `r(u) = inf { r : class(x + r u) != class(x) }`: a geometric scan finds the first step behind which the class is another,
//! bisection the place. What a step jumps over is not seen, so that a radius is an upper bound where a thin slice of another
//! class lies before it.

use super::classifier::{predicted, Classifier};
use super::directions::push_moved;

/// Rays that are evaluated at the same time: what bounds the memory.
const RAYS: usize = 4096;

/// How far and how exactly radii are measured.
#[derive(Clone, Copy, Debug)]
pub struct Scan {
    /// Radius of the first step.
    pub first: f64,
    /// Radius of the last step; what is greater is censored.
    pub last: f64,
    /// Steps, in equal ratios. Default of metrics: 40.
    pub steps: usize,
    /// Most bisections. Default of metrics: 20.
    pub bisections: usize,
    /// Bisection ends where the interval is this small a part of the radius. Default of metrics: 1e-4.
    pub precision: f64,
}

impl Scan {
    /// 40 steps from a thousandth of `last`, 20 bisections, to one in ten thousand.
    pub fn up_to(last: f64) -> Self {
        Scan { first: last / 1000.0, last, steps: 40, bisections: 20, precision: 1e-4 }
    }

    /// Radius of a step.
    fn step(&self, i: usize) -> f64 {
        if i + 1 == self.steps {
            return self.last;
        }
        self.first * (self.last / self.first).powf(i as f64 / (self.steps - 1).max(1) as f64)
    }
}

/// One ray: where the class is still the first one, and where it is not.
#[derive(Clone, Copy)]
struct Ray {
    step: usize,
    bisections: usize,
    inside: f64,
    outside: Option<f64>,
}

impl Ray {
    /// The radius to look at next; `None` where the ray is done.
    fn next(&self, scan: &Scan) -> Option<f64> {
        match self.outside {
            None => (self.step < scan.steps).then(|| scan.step(self.step)),
            Some(outside) => {
                let narrow = outside - self.inside <= scan.precision * outside;
                (!narrow && self.bisections < scan.bisections).then_some(0.5 * (self.inside + outside))
            }
        }
    }

    fn see(&mut self, radius: f64, same: bool) {
        if self.outside.is_some() {
            self.bisections += 1;
        } else {
            self.step += 1;
        }
        if same {
            self.inside = radius;
        } else {
            self.outside = Some(radius);
        }
    }
}

/// For each of `points` (n, D) and its `directions` (n, t, D), of length 1, the radius (n, t) to another class than the
/// point's own; infinite where there is none up to the last step. NaN where the point has no class.
///
/// # Panics
/// If there are not as many directions for each point, or the scan has no steps.
pub fn radii(classifier: &dyn Classifier, points: &[f32], directions: &[f32], scan: &Scan) -> Vec<f64> {
    let dimension = classifier.dimension();
    assert!(scan.steps > 0 && scan.first > 0.0 && scan.last >= scan.first, "{scan:?} has steps that grow");
    assert!(points.len().is_multiple_of(dimension), "points of {dimension} values");
    assert!(directions.len().is_multiple_of(points.len().max(1)), "as many directions for each point");
    let each = directions.len() / points.len().max(1);
    let classes = predicted(&classifier.logits(points), classifier.classes());
    let all: Vec<usize> = (0..classes.len() * each).collect();
    let mut found = Vec::with_capacity(all.len());
    for some in all.chunks(RAYS) {
        let mut rays = vec![Ray { step: 0, bisections: 0, inside: 0.0, outside: None }; some.len()];
        loop {
            let open = rays.iter().enumerate().filter_map(|(i, ray)| ray.next(scan).map(|radius| (i, radius)));
            let open: Vec<(usize, f64)> = open.filter(|(i, _)| classes[some[*i] / each] != u32::MAX).collect();
            if open.is_empty() {
                break;
            }
            let mut moved = Vec::with_capacity(open.len() * dimension);
            for (i, radius) in &open {
                let (ray, point) = (some[*i], some[*i] / each);
                let direction = &directions[ray * dimension..(ray + 1) * dimension];
                push_moved(&points[point * dimension..(point + 1) * dimension], direction, *radius, &mut moved);
            }
            let now = predicted(&classifier.logits(&moved), classifier.classes());
            for ((i, radius), class) in open.into_iter().zip(now) {
                rays[i].see(radius, class == classes[some[i] / each]);
            }
        }
        found.extend(rays.iter().zip(some).map(|(ray, i)| match (ray.outside, classes[i / each]) {
            (_, u32::MAX) => f64::NAN,
            (None, _) => f64::INFINITY,
            (Some(outside), _) => 0.5 * (ray.inside + outside),
        }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::classifier::testing::{normals, Linear};
    use super::super::{unit_directions, KaplanMeier, Time};
    use super::*;
    use crate::rng::Seed;

    /// Class 1 in x_1 > 0, but not between 4 and 4.001.
    struct Slab;

    impl Classifier for Slab {
        fn dimension(&self) -> usize {
            2
        }

        fn classes(&self) -> usize {
            2
        }

        fn logits(&self, points: &[f32]) -> Vec<f32> {
            let one = |x: f32| x > 0.0 && !(4.0..4.001).contains(&x);
            points.chunks_exact(2).flat_map(|x| if one(x[0]) { [0.0, 1.0] } else { [1.0, 0.0] }).collect()
        }

        fn pullback(&self, _: &[f32], _: &[f32], _: usize) -> (Vec<f32>, Vec<f32>) {
            unreachable!("radii need no gradients")
        }
    }

    #[test]
    fn steps_are_found_to_the_precision_asked_for() {
        let diagonal = 0.5f32.sqrt();
        let directions = [1.0, 0.0, -1.0, 0.0, -diagonal, diagonal, 0.0, 1.0];
        let found = radii(&Slab, &[2.0, 7.0], &directions, &Scan::up_to(100.0));
        assert!((found[1] - 2.0).abs() < 2e-4 && (found[2] - 8f64.sqrt()).abs() < 3e-4, "{found:?}");
        // The slab is thinner than a step; nothing but it would be found to the right.
        assert_eq!((found[0], found[3]), (f64::INFINITY, f64::INFINITY));
        let fine = Scan { steps: 20_000, ..Scan::up_to(100.0) };
        assert!((radii(&Slab, &[2.0, 7.0], &directions[..2], &fine)[0] - 2.0).abs() < 1e-3);
    }

    #[test]
    fn random_directions_reach_a_plane_at_its_distance_over_their_part_across_it() {
        for (dimension, each, printed) in [(784, 100, 41.5), (3_072, 60, 82.2)] {
            of_a_plane(dimension, each, printed);
        }
    }

    /// Radii around 20 points, and that the median is the printed number of distances.
    fn of_a_plane(dimension: usize, each: usize, printed: f64) {
        let n = 20;
        let w: Vec<f64> = normals(dimension, 1).iter().map(|w| f64::from(*w)).collect();
        let length = w.iter().map(|w| w * w).sum::<f64>().sqrt();
        let classifier = Linear::plane(&w, 0.3);
        let points = normals(n * dimension, 2);
        let directions = unit_directions(Seed::new(3), n * each, dimension);
        let scan = Scan { last: 1e5, first: 1e-3, ..Scan::up_to(1e5) };
        let found = radii(&classifier, &points, &directions, &scan);
        let mut shifts = Vec::new();
        for (i, radius) in found.iter().enumerate() {
            let (x, u) = (&points[i / each * dimension..][..dimension], &directions[i * dimension..][..dimension]);
            let inner = |x: &[f32]| w.iter().zip(x).map(|(w, x)| w * f64::from(*x)).sum::<f64>();
            let exact = -(inner(x) - 0.3) / inner(u);
            if exact < 0.0 {
                assert_eq!(*radius, f64::INFINITY);
            } else {
                assert!((radius / exact - 1.0).abs() < 1e-3 || exact > 1e4, "{radius} against {exact}");
                shifts.push(radius / ((inner(x) - 0.3).abs() / length));
            }
        }
        let share = shifts.len() as f64 / found.len() as f64;
        assert!((share - 0.5).abs() < 0.04, "{share} of all directions lead there");
        // The median of what is finite, in units of the least distance: sqrt(D) / 0.67449.
        let times = shifts.iter().map(|shift| Time { value: *shift, seen: true, weight: 1.0 }).collect();
        let median = KaplanMeier::new(times).quantile(0.5).unwrap();
        let expected = (dimension as f64).sqrt() / 0.674_489_75;
        assert!((expected - printed).abs() < 0.05 && (median / expected - 1.0).abs() < 0.08, "{median}");
    }

    #[test]
    fn logits_with_a_common_shift_have_the_same_radii_and_no_class_has_none() {
        let classifier = Linear::random(4, 10, 5);
        let shifted =
            Linear { bias: classifier.bias.iter().map(|b| b + 3.0).collect(), weight: classifier.weight.clone() };
        let (points, directions) = (normals(100, 6), unit_directions(Seed::new(7), 60, 10));
        let scan = Scan::up_to(50.0);
        let [a, b] = [&classifier, &shifted].map(|of| radii(of, &points, &directions, &scan));
        assert!(a.iter().any(|radius| radius.is_finite()));
        for (a, b) in a.iter().zip(&b) {
            assert!(a == b || (a / b - 1.0).abs() < 2e-4, "{a} against {b}");
        }
        let nan = Linear { weight: vec![f64::NAN; 40], ..Linear::random(4, 10, 5) };
        assert!(radii(&nan, &points, &directions, &scan).iter().all(|radius| radius.is_nan()));
    }
}
