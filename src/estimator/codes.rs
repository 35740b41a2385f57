//! Rows of a table as codes: equal rows have the same number.

use std::collections::HashMap;
use std::hash::Hash;

use crate::rng::Seed;

/// A number for each row, from 0 on in the order of first appearance; equal rows have the same.
///
/// # Panics
/// If the symbols cannot be shared out to so many rows.
pub fn numbered<S: Hash + Eq>(symbols: &[S], rows: usize) -> Vec<u32> {
    assert!(rows > 0 && symbols.len().is_multiple_of(rows), "{} symbols are no {rows} rows", symbols.len());
    if symbols.is_empty() {
        return vec![0; rows];
    }
    let mut known = HashMap::with_capacity(rows);
    let mut number = |row| {
        let next = known.len() as u32;
        *known.entry(row).or_insert(next)
    };
    symbols.chunks_exact(symbols.len() / rows).map(&mut number).collect()
}

/// Labels as numbers from 0 on without gaps.
pub fn renumbered(labels: &[u32]) -> Vec<u32> {
    numbered(labels, labels.len())
}

/// Numbers of pairs: of two codes side by side.
///
/// # Panics
/// If there are not as many of both.
pub fn joint(one: &[u32], other: &[u32]) -> Vec<u32> {
    assert_eq!(one.len(), other.len(), "codes of the same samples");
    let pairs: Vec<[u32; 2]> = one.iter().zip(other).map(|(a, b)| [*a, *b]).collect();
    numbered(&pairs, pairs.len())
}

/// How often each code occurs; `codes` are numbers from 0 on without gaps.
pub fn counts(codes: &[u32]) -> Vec<u64> {
    let mut counts = vec![0; codes.iter().max().map_or(0, |most| *most as usize + 1)];
    codes.iter().for_each(|code| counts[*code as usize] += 1);
    counts
}

/// Which units of each row are above 0, 64 in a word, the last word filled up with zeros: (rows, words).
///
/// # Panics
/// If the values cannot be shared out to so many rows.
pub fn switches<T: Copy + Into<f64>>(values: &[T], rows: usize) -> Vec<u64> {
    assert!(rows > 0 && values.len().is_multiple_of(rows), "{} values are no {rows} rows", values.len());
    let columns = (values.len() / rows).max(1);
    let word = |units: &[T]| units.iter().rev().fold(0, |word, unit| word << 1 | u64::from((*unit).into() > 0.0));
    values.chunks_exact(columns).flat_map(|row| row.chunks(64).map(word)).collect()
}

/// Units of a sub-code: at most 64 of `0..units`, ascending, drawn without replacement. They follow from the seed and the
/// numbers alone.
pub fn drawn_units(units: usize, most: usize, seed: Seed) -> Vec<usize> {
    seed.rng().choose(units, most.min(64))
}

/// The code of some units alone, a word for each row.
///
/// # Panics
/// If there are more than 64 units, or one is not there.
pub fn sub_code(switches: &[u64], rows: usize, units: &[usize]) -> Vec<u64> {
    assert!(units.len() <= 64, "a sub-code has at most 64 units");
    let words = (switches.len() / rows).max(1);
    let bit = |row: &[u64], unit: usize| row[unit / 64] >> (unit % 64) & 1;
    switches.chunks_exact(words).map(|row| units.iter().fold(0, |code, unit| code << 1 | bit(row, *unit))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rows_have_the_same_number_and_others_another() {
        assert_eq!(numbered(&[7, 8, 7, 9, 7, 8, 8, 7], 4), [0, 1, 0, 2]);
        assert_eq!(numbered::<u8>(&[], 3), [0, 0, 0]);
        assert_eq!(joint(&[0, 0, 1, 0], &[5, 6, 5, 5]), [0, 1, 2, 0]);
        assert_eq!(counts(&[0, 1, 0, 2, 0]), [3, 1, 1]);
        assert_eq!(renumbered(&[9, 4, 9]), [0, 1, 0]);
    }

    #[test]
    fn switches_are_the_units_above_zero_wherever_a_word_ends() {
        let (rows, columns) = (3, 70);
        let values: Vec<f32> =
            (0..rows * columns).map(|i| if i * i % 7 == 2 { 0.5 } else { -((i % 2) as f32) }).collect();
        let words = switches(&values, rows);
        assert_eq!(words.len(), 6);
        for (i, value) in values.iter().enumerate() {
            let (row, unit) = (i / columns, i % columns);
            assert_eq!(words[row * 2 + unit / 64] >> (unit % 64) & 1, u64::from(*value > 0.0), "{row} {unit}");
        }
        let units = [0, 3, 63, 64, 69];
        for (row, code) in sub_code(&words, rows, &units).into_iter().enumerate() {
            let bits: Vec<u64> = units.iter().map(|unit| u64::from(values[row * columns + unit] > 0.0)).collect();
            assert_eq!(code, bits.iter().fold(0, |code, bit| 2 * code + bit), "{row}");
        }
    }

    #[test]
    fn sub_codes_have_distinct_units() {
        assert_eq!(drawn_units(5, 9, Seed::new(1)), [0, 1, 2, 3, 4]);
        let units = drawn_units(1_000, 8, Seed::new(1));
        assert!(units.len() == 8 && units.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
