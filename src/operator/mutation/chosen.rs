//! Which genes change: exactly so many, without replacement, each set of them with equal probability (Floyd's method;
//! Bentley & Floyd 1987). The work is that of the chosen, or of the others where these are fewer.

use crate::params::{Amount, Params};
use crate::rng::Rng;

/// Reads `genes`, how many of them change at a time: a count, or a fraction of all, of which at least one.
pub(super) fn read(params: &Params<'_>, default: Amount) -> Amount {
    params.amount("genes", Some(default))
}

/// The genes that change, of `k`, ascending: `amount` of them, at least one.
pub(super) fn choose(amount: Amount, k: usize, rng: &mut Rng) -> impl Iterator<Item = usize> {
    let count = amount.of(k).clamp(1, k);
    // Of more than half the others are drawn.
    let (drawn, inverted) = if count > k / 2 { (k - count, true) } else { (count, false) };
    let mut marks = vec![0u64; k.div_ceil(64)];
    for last in k - drawn..k {
        let i = rng.below(last + 1);
        let taken = marks[i / 64] >> (i % 64) & 1 == 1;
        let i = if taken { last } else { i };
        marks[i / 64] |= 1 << (i % 64);
    }
    if inverted {
        marks.iter_mut().for_each(|word| *word = !*word);
    }
    let places = |(i, mut word): (usize, u64)| {
        std::iter::from_fn(move || {
            let bit = word.trailing_zeros() as usize;
            word &= word.wrapping_sub(1);
            (bit < 64).then_some(64 * i + bit)
        })
    };
    // Inverted, the last word has marks beyond the last gene.
    marks.into_iter().enumerate().flat_map(places).take_while(move |gene| *gene < k)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn every_set_of_the_asked_size_comes_equally_often() {
        for count in 1..=5 {
            let mut times = std::collections::BTreeMap::<Vec<usize>, f64>::new();
            let mut rng = Seed::new(3).rng();
            for _ in 0..20_000 {
                *times.entry(choose(Amount::Count(count), 5, &mut rng).collect()).or_default() += 1.0;
            }
            assert!(times.keys().all(|set| set.len() == count && set.windows(2).all(|pair| pair[0] < pair[1])));
            let sets = [5.0, 10.0, 10.0, 5.0, 1.0][count - 1];
            assert_eq!(times.len() as f64, sets, "{count} of 5");
            let bound = 4.0 * (20_000.0 / sets * (1.0 - 1.0 / sets)).sqrt();
            assert!(times.values().all(|n| (n - 20_000.0 / sets).abs() <= bound), "{times:?}");
        }
    }

    #[test]
    fn shares_are_counted_exactly_also_beyond_a_word_of_marks() {
        for (amount, k, count) in [
            (Amount::Fraction(0.25), 1000, 250),
            (Amount::Fraction(0.75), 1001, 750),
            (Amount::Fraction(1.0), 129, 129),
            (Amount::Fraction(0.001), 64, 1),
            (Amount::Count(63), 64, 63),
            (Amount::Count(9), 1, 1),
        ] {
            let chosen: Vec<usize> = choose(amount, k, &mut Seed::new(4).rng()).collect();
            assert!(chosen.len() == count && chosen.windows(2).all(|pair| pair[0] < pair[1]), "{amount:?} of {k}");
            assert!(chosen.last().is_none_or(|last| *last < k));
        }
    }
}
