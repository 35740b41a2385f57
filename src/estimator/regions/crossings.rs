//! The linear pieces of a network that a segment crosses, exactly.
//!
//! On a line through a piecewise linear map every value is linear as long as no sign and no winner of a window changes: at a
//! point the values and their derivatives along the line tell how far its piece reaches, back and ahead. So the segment is
//! covered piece by piece, in any order: the middle of what is not covered is the next point. Pieces are convex, so between
//! two points of one piece there is nothing to find. What changes is counted between neighbours, and a gap of less than a
//! millionth of the segment is closed: pieces in it are too narrow for numbers of 24 bits, and a value that changes its sign
//! twice there is not seen. (Hanin & Rolnick 2019 count such pieces; sampled points give a lower bound.)

use std::sync::Arc;

use rayon::prelude::*;

use super::folds::Fold;

/// Gaps, as a part of the segment, that are closed.
const NARROW: f64 = 1e-6;

/// Points that are evaluated at the same time.
const POINTS: usize = 128;

/// A piecewise linear map of points (D) to logits.
pub trait PiecewiseLinear: Sync {
    /// Values of one point (D).
    fn dimension(&self) -> usize;

    /// Where it bends, in the order of the layers.
    fn folds(&self) -> &[Fold];

    /// At points (n, D): the values of each fold and, last, the logits, and their derivatives along directions (n, D).
    fn lines(&self, points: &[f32], directions: &[f32]) -> Lines;
}

/// Values at points, and their derivatives along a line: of each fold and, last, of the logits, (n, length) each.
#[derive(Clone, Debug)]
pub struct Lines {
    /// Values.
    pub values: Vec<Vec<f32>>,
    /// Derivatives.
    pub slopes: Vec<Vec<f32>>,
}

/// What one segment crosses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crossings {
    /// Of each fold the changes of sign, or of winner.
    pub folds: Vec<u64>,
    /// Places where anything changes. One more than these are the linear pieces.
    pub boundaries: u64,
    /// Changes of the class.
    pub labels: u64,
}

/// What is known of one piece.
struct Piece {
    /// Of each fold.
    codes: Vec<Vec<u16>>,
    /// Where it begins and ends on the segment.
    reach: [f64; 2],
    /// Class at its beginning and at its end.
    labels: [u32; 2],
    label_changes: u64,
}

/// A part of a segment that is not covered, with the pieces beside it.
struct Gap {
    segment: usize,
    from: f64,
    to: f64,
    left: Option<Arc<Piece>>,
    right: Option<Arc<Piece>>,
}

/// What each segment from `from` to `to`, both (n, D), crosses; `None` where a logit is no finite number.
///
/// # Panics
/// If there are not as many ends as beginnings.
pub fn crossings(map: &dyn PiecewiseLinear, from: &[f32], to: &[f32]) -> Vec<Option<Crossings>> {
    let dimension = map.dimension();
    assert_eq!(from.len(), to.len(), "an end for each beginning");
    assert!(from.len().is_multiple_of(dimension), "points of {dimension} values");
    let directions: Vec<f32> = to.iter().zip(from).map(|(to, from)| to - from).collect();
    let row = |i: usize| i * dimension..(i + 1) * dimension;
    let empty = Crossings { folds: vec![0; map.folds().len()], ..Crossings::default() };
    let mut found = vec![Some(empty); from.len() / dimension];
    let whole = |segment| Gap { segment, from: 0.0, to: 1.0, left: None, right: None };
    // The last gap first, so that few are open at a time.
    let mut open: Vec<Gap> = (0..found.len()).rev().map(whole).collect();
    while !open.is_empty() {
        let gaps = open.split_off(open.len().saturating_sub(POINTS));
        let (mut points, mut along) = (Vec::new(), Vec::new());
        for gap in &gaps {
            let middle = 0.5 * (gap.from + gap.to);
            let (start, direction) = (&from[row(gap.segment)], &directions[row(gap.segment)]);
            super::directions::push_moved(start, direction, middle, &mut points);
            along.extend_from_slice(direction);
        }
        let lines = map.lines(&points, &along);
        let pieces: Vec<Option<Piece>> =
            gaps.par_iter().enumerate().map(|(i, gap)| piece(map.folds(), &lines, i, gaps.len(), gap)).collect();
        for (gap, piece) in gaps.into_iter().zip(pieces) {
            let Some(piece) = piece else {
                found[gap.segment] = None;
                continue;
            };
            let Some(crossings) = &mut found[gap.segment] else { continue };
            let piece = Arc::new(piece);
            crossings.labels += piece.label_changes;
            let [begins, ends] = piece.reach;
            let Gap { segment, from, to, left, right } = gap;
            let before = Gap { segment, from, to: begins, left, right: Some(piece.clone()) };
            let behind = Gap { segment, from: ends, to, left: Some(piece), right };
            for gap in [before, behind] {
                if !close(map.folds(), &gap, crossings) {
                    open.push(gap);
                }
            }
        }
    }
    found
}

/// The piece of the middle of gap `i`, as far as it reaches in the gap; `None` where a logit is no finite number.
fn piece(folds: &[Fold], lines: &Lines, i: usize, n: usize, gap: &Gap) -> Option<Piece> {
    let row = |values: &[f32]| i * (values.len() / n)..(i + 1) * (values.len() / n);
    let of_fold = |which: usize| {
        let (values, slopes) = (&lines.values[which], &lines.slopes[which]);
        (&values[row(values)], &slopes[row(slopes)])
    };
    let (logits, slopes) = of_fold(folds.len());
    if logits.iter().chain(slopes).any(|z| !z.is_finite()) {
        return None;
    }
    let middle = 0.5 * (gap.from + gap.to);
    let mut reach = [gap.from, gap.to];
    let mut codes = Vec::with_capacity(folds.len());
    for (which, fold) in folds.iter().enumerate() {
        let (values, slopes) = of_fold(which);
        let [back, ahead] = fold.reach(values, slopes);
        reach = [reach[0].max(middle + back), reach[1].min(middle + ahead)];
        codes.push(fold.code(values, slopes));
    }
    let (labels, label_changes) = classes(logits, slopes, reach.map(|end| end - middle));
    Some(Piece { codes, reach, labels, label_changes })
}

/// The first and the last class between two places of a line, given the logits at 0 and their slopes, and how often it
/// changes: along the upper envelope of the logits.
fn classes(logits: &[f32], slopes: &[f32], [from, to]: [f64; 2]) -> ([u32; 2], u64) {
    let (z, s) = (|k: usize| f64::from(logits[k]), |k: usize| f64::from(slopes[k]));
    let value = |k: usize| z(k) + s(k) * from;
    let first = (1..logits.len()).fold(0, |best, k| if value(k) > value(best) { k } else { best });
    let (mut class, mut changes) = (first, 0);
    loop {
        // Those that rise faster overtake; the earliest of them is the next.
        let overtakes = |k: usize| (k, (z(class) - z(k)) / (s(k) - s(class)));
        let next = (0..logits.len()).filter(|k| s(*k) > s(class)).map(overtakes);
        match next.min_by(|a, b| a.1.total_cmp(&b.1)) {
            Some((next, at)) if at <= to => (class, changes) = (next, changes + 1),
            _ => return ([first as u32, class as u32], changes),
        }
    }
}

/// Counts what changes over a gap, where there is nothing left to find in it.
fn close(folds: &[Fold], gap: &Gap, crossings: &mut Crossings) -> bool {
    let narrow = gap.to - gap.from <= NARROW;
    let (Some(left), Some(right)) = (&gap.left, &gap.right) else { return narrow };
    if !narrow && left.codes != right.codes {
        return false;
    }
    let mut any = false;
    for (fold, count) in crossings.folds.iter_mut().enumerate() {
        let changes = folds[fold].changes(&left.codes[fold], &right.codes[fold]);
        *count += changes;
        any |= changes > 0;
    }
    crossings.boundaries += u64::from(any);
    crossings.labels += u64::from(left.labels[1] != right.labels[0]);
    true
}

#[cfg(test)]
mod tests {
    use super::super::classifier::testing::{normals, Linear};
    use super::super::{predicted, Classifier};
    use super::*;

    /// A perceptron with rectified layers, behind the first of which the greatest of each three is taken, where `pool`.
    struct Perceptron {
        layers: Vec<Linear>,
        pool: bool,
        folds: Vec<Fold>,
    }

    impl Perceptron {
        /// Of these widths, with biases only where `bias`.
        fn new(widths: &[usize], bias: bool, pool: bool, seed: u64) -> Self {
            let mut layers = Vec::new();
            let mut inputs = widths[0];
            for (i, width) in widths[1..].iter().enumerate() {
                let mut layer = Linear::random(*width, inputs, seed + i as u64);
                layer.weight.iter_mut().for_each(|w| *w *= (2.0 / inputs as f64).sqrt());
                layer.bias.iter_mut().for_each(|b| *b = if bias { 0.3 * *b } else { 0.0 });
                layers.push(layer);
                inputs = if pool && i == 0 { *width / 3 } else { *width };
            }
            let mut folds = vec![Fold::Sign; layers.len() - 1];
            if pool {
                folds.insert(1, Fold::Windows((0..widths[1] / 3).map(|i| vec![3 * i, 3 * i + 1, 3 * i + 2]).collect()));
            }
            Perceptron { layers, pool, folds }
        }
    }

    impl PiecewiseLinear for Perceptron {
        fn dimension(&self) -> usize {
            self.layers[0].dimension()
        }

        fn folds(&self) -> &[Fold] {
            &self.folds
        }

        fn lines(&self, points: &[f32], directions: &[f32]) -> Lines {
            let (mut values, mut slopes) = (Vec::new(), Vec::new());
            let (mut x, mut u) = (points.to_vec(), directions.to_vec());
            for (i, layer) in self.layers.iter().enumerate() {
                x = layer.logits(&x);
                u = Linear { weight: layer.weight.clone(), bias: vec![0.0; layer.bias.len()] }.logits(&u);
                values.push(x.clone());
                slopes.push(u.clone());
                if i + 1 < self.layers.len() {
                    u.iter_mut().zip(&x).for_each(|(u, x)| *u = if *x > 0.0 { *u } else { 0.0 });
                    x.iter_mut().for_each(|x| *x = x.max(0.0));
                    if self.pool && i == 0 {
                        values.push(x.clone());
                        slopes.push(u.clone());
                        let best = |w: usize| {
                            (1..3).fold(3 * w, |best, k| if x[3 * w + k] > x[best] { 3 * w + k } else { best })
                        };
                        let places: Vec<usize> = (0..x.len() / 3).map(best).collect();
                        u = places.iter().map(|place| u[*place]).collect();
                        x = places.iter().map(|place| x[*place]).collect();
                    }
                }
            }
            Lines { values, slopes }
        }
    }

    /// Of a fine grid of points what changes from one to the next: at most what is there.
    fn sampled(map: &Perceptron, from: &[f32], to: &[f32], points: usize) -> Crossings {
        let at = |i: usize| from.iter().zip(to).map(move |(a, b)| a + (b - a) * (i as f32 / points as f32));
        let all: Vec<f32> = (0..=points).flat_map(at).collect();
        let along: Vec<f32> = (0..=points).flat_map(|_| from.iter().zip(to).map(|(a, b)| b - a)).collect();
        let lines = map.lines(&all, &along);
        let mut found = Crossings { folds: vec![0; map.folds.len()], ..Crossings::default() };
        let code = |fold: usize, i: usize| {
            let length = lines.values[fold].len() / (points + 1);
            let row = i * length..(i + 1) * length;
            map.folds[fold].code(&lines.values[fold][row.clone()], &lines.slopes[fold][row])
        };
        let labels = predicted(&lines.values[map.folds.len()], map.layers.last().unwrap().classes());
        for i in 0..points {
            for fold in 0..map.folds.len() {
                found.folds[fold] += map.folds[fold].changes(&code(fold, i), &code(fold, i + 1));
            }
            found.labels += u64::from(labels[i] != labels[i + 1]);
        }
        found
    }

    #[test]
    fn one_hidden_layer_is_crossed_once_for_each_unit_that_changes_its_sign() {
        let map = Perceptron::new(&[6, 300, 3], true, false, 1);
        let (from, to) = (normals(6 * 4, 2), normals(6 * 4, 3));
        for (i, found) in crossings(&map, &from, &to).into_iter().enumerate() {
            let found = found.unwrap();
            let ends = [&from, &to].map(|ends| map.layers[0].logits(&ends[i * 6..(i + 1) * 6]));
            let changed = ends[0].iter().zip(&ends[1]).filter(|(a, b)| (**a > 0.0) != (**b > 0.0)).count() as u64;
            assert_eq!((found.folds[0], found.boundaries), (changed, changed));
        }
    }

    #[test]
    fn deep_layers_and_windows_are_crossed_as_often_as_the_finest_grid_says() {
        for (pool, seed) in [(false, 10), (true, 20), (true, 30)] {
            let map = Perceptron::new(&[5, 24, 18, 12, 4], true, pool, seed);
            let (from, to) = (normals(5 * 3, seed + 5), normals(5 * 3, seed + 6));
            let mut totals = vec![0; map.folds.len()];
            for (i, found) in crossings(&map, &from, &to).into_iter().enumerate() {
                let found = found.unwrap();
                let ends = [&from, &to].map(|ends| ends[i * 5..(i + 1) * 5].to_vec());
                let grid = sampled(&map, &ends[0], &ends[1], 20_000);
                assert_eq!((&found.folds, found.labels), (&grid.folds, grid.labels), "pool {pool}, segment {i}");
                totals.iter_mut().zip(&found.folds).for_each(|(total, count)| *total += count);
            }
            assert!(totals.iter().all(|count| *count > 0), "{totals:?}");
        }
    }

    #[test]
    fn gaussian_hyperplanes_through_zero_are_crossed_as_often_as_the_angle_says() {
        let (dimension, units, pairs) = (40, 500, 8);
        let map = Perceptron::new(&[dimension, units, 2], false, false, 4);
        let (from, to) = (normals(dimension * pairs, 5), normals(dimension * pairs, 6));
        let (mut total, mut expected) = (0.0, 0.0);
        for (i, found) in crossings(&map, &from, &to).into_iter().enumerate() {
            let row =
                |x: &[f32]| x[i * dimension..(i + 1) * dimension].iter().map(|x| f64::from(*x)).collect::<Vec<f64>>();
            let (a, b) = (row(&from), row(&to));
            let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let cosine = inner(&a, &b) / (inner(&a, &a) * inner(&b, &b)).sqrt();
            total += found.unwrap().folds[0] as f64;
            expected += units as f64 * cosine.acos() / std::f64::consts::PI;
        }
        // Each hyperplane at most once: a binomial count, four standard deviations.
        let deviation = (units as f64 * pairs as f64 / 4.0).sqrt();
        assert!((total - expected).abs() < 4.0 * deviation, "{total} against {expected}");
        assert!(expected > 1500.0);
    }

    #[test]
    fn of_linear_classes_a_segment_meets_each_at_most_once() {
        let map = Perceptron::new(&[3, 7], true, false, 8);
        let (from, to) = (normals(3 * 50, 9), normals(3 * 50, 10));
        let mut changes = 0;
        for (i, found) in crossings(&map, &from, &to).into_iter().enumerate() {
            let found = found.unwrap();
            let grid = sampled(&map, &from[i * 3..i * 3 + 3], &to[i * 3..i * 3 + 3], 2000);
            // The grid may step over a class.
            assert!(found.labels >= grid.labels && found.labels <= grid.labels + 1, "{found:?}, {grid:?}");
            assert_eq!((found.boundaries, found.folds.len()), (0, 0));
            changes += found.labels;
        }
        assert!(changes > 30);
    }

    #[test]
    fn a_map_without_numbers_has_no_crossings_and_a_point_no_segment() {
        let mut map = Perceptron::new(&[4, 5, 3], true, false, 11);
        let point = normals(4, 12);
        let same = crossings(&map, &point, &point)[0].clone().unwrap();
        assert_eq!(same, Crossings { folds: vec![0], ..Crossings::default() });
        map.layers[1].bias[0] = f64::NAN;
        assert_eq!(crossings(&map, &point, &normals(4, 13)), [None]);
    }
}
