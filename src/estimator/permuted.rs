//! What chance gives: the same number with labels or rows in random order, several times.

use crate::num::mean;
use crate::rng::Seed;

/// Each of `items` in random orders, one for each number below `count`. Orders follow from the seed and the number of items
/// alone.
pub fn orders<T: Copy>(items: &[T], count: usize, seed: Seed) -> Vec<Vec<T>> {
    let order = |i: usize| {
        let mut order = items.to_vec();
        seed.child("permutation").index(i as u64).rng().shuffle(&mut order);
        order
    };
    (0..count).map(order).collect()
}

/// Mean of `of` over random orders of the items; `None` for no order.
pub fn mean_over_orders<T: Copy>(items: &[T], count: usize, seed: Seed, of: impl Fn(&[T]) -> f64) -> Option<f64> {
    let values: Vec<f64> = orders(items, count, seed).iter().map(|order| of(order)).collect();
    (count > 0).then(|| mean(&values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_keep_the_items_and_follow_from_the_seed() {
        let items: Vec<u32> = (0..20).collect();
        let found = orders(&items, 3, Seed::new(1));
        assert!(found[0] != items && found[0] != found[1]);
        for mut order in found.clone() {
            order.sort_unstable();
            assert_eq!(order, items);
        }
        assert_eq!(found[..2], orders(&items, 2, Seed::new(1)));
        assert_ne!(found, orders(&items, 3, Seed::new(2)));
        let first = mean_over_orders(&items, 3, Seed::new(1), |order| f64::from(order[0]));
        assert_eq!(first, Some(found.iter().map(|order| f64::from(order[0])).sum::<f64>() / 3.0));
        assert_eq!(mean_over_orders(&items, 0, Seed::new(1), |_| 1.0), None);
    }
}
