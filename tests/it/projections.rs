//! Projections: the matrix of each basis against its definition, the two products against that matrix, the same bits
//! however members and threads are dealt.

use std::sync::Arc;

use serde_json::json;
use subevo::entry::Entries;
use subevo::projection::{Basis, Projection, ENTRIES};
use subevo::rng::Seed;

use crate::tables::build;

const NAMES: [&str; 3] = ["dense", "fastfood", "sparse"];

fn basis(name: &str, weights: usize, dimension: usize, seed: u64) -> Arc<dyn Basis> {
    let rows = Entries::<dyn Projection, ()>::new("projection", ENTRIES);
    build(&rows, name, json!({}), &()).basis(weights, dimension, Seed::new(seed))
}

/// `P z` of each member.
fn span(basis: &dyn Basis, members: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let mut rows = vec![vec![0.0; basis.weights()]; members.len()];
    basis.add(&members.iter().map(Vec::as_slice).collect::<Vec<_>>(), &mut rows);
    rows
}

/// The columns of P, by unit vectors.
fn columns(basis: &dyn Basis) -> Vec<Vec<f32>> {
    let d = basis.dimension();
    let unit = |j| (0..d).map(|i| if i == j { 1.0 } else { 0.0 }).collect();
    span(basis, &(0..d).map(unit).collect::<Vec<_>>())
}

fn normals(count: usize, seed: u64) -> Vec<f32> {
    let mut values = vec![0.0; count];
    Seed::new(seed).child("test").rng().fill_normal(&mut values);
    values
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

fn length(x: &[f32]) -> f64 {
    dot(x, x).sqrt()
}

fn bits(rows: &[Vec<f32>]) -> Vec<Vec<u32>> {
    rows.iter().map(|row| row.iter().map(|x| x.to_bits()).collect()).collect()
}

/// Weights and dimension: blocks cut and whole, one direction, one weight, as many directions as weights.
const SHAPES: [(usize, usize); 7] = [(1, 1), (7, 7), (515, 3), (1024, 16), (1_500, 33), (5_000, 100), (600, 513)];

#[test]
fn both_products_are_those_of_one_matrix() {
    for name in NAMES {
        for (weights, dimension) in SHAPES {
            let basis = basis(name, weights, dimension, 4);
            let (z, g) = (normals(dimension, 1), normals(weights, 2));
            let columns = columns(&*basis);
            let expected: Vec<f64> = (0..weights)
                .map(|w| (0..dimension).map(|j| f64::from(columns[j][w]) * f64::from(z[j])).sum())
                .collect();
            let own = span(&*basis, std::slice::from_ref(&z)).swap_remove(0);
            let scale = expected.iter().fold(0.0f64, |most, x| most.max(x.abs()));
            for (own, expected) in own.iter().zip(&expected) {
                assert!((f64::from(*own) - expected).abs() < 1e-5 * scale, "{name}, {weights} x {dimension}");
            }
            let slopes = basis.transpose(&g);
            for (column, slope) in columns.iter().zip(&slopes) {
                let expected = dot(column, &g);
                assert!((f64::from(*slope) - expected).abs() < 1e-5 * length(&g), "{name}, {weights} x {dimension}");
            }
            // <P z, g> = <z, P^T g>
            let (left, right) = (dot(&own, &g), dot(&z, &slopes));
            assert!((left - right).abs() < 1e-5 * length(&own) * length(&g), "{name}: {left} against {right}");
        }
    }
}

#[test]
fn directions_have_length_one_and_stand_about_square_on_each_other() {
    for name in NAMES {
        for (weights, dimension) in [(5_000, 100), (4_096, 64), (20_000, 10)] {
            let basis = basis(name, weights, dimension, 5);
            let columns = columns(&*basis);
            // Fastfood's last block is cut where the side does not divide D: exact in expectation, the rest of one block off.
            let side = dimension.next_power_of_two();
            let whole = name != "fastfood" || weights % side == 0;
            let tolerance = if whole { 1e-6 } else { (side as f64).sqrt() / weights as f64 * 4.0 };
            for column in &columns {
                assert!((length(column) - 1.0).abs() < tolerance, "{name} {weights}: {}", length(column));
            }
            // Products of two directions have the variance 1/D; of Fastfood 2/D, for they are sums of squared normals with
            // as many signs of either kind, whose variance is 2, over L of them in each of the D/L blocks.
            let pairs = (0..dimension).flat_map(|i| (0..i).map(move |j| (i, j)));
            let products: Vec<f64> = pairs.map(|(i, j)| dot(&columns[i], &columns[j])).collect();
            let square = products.iter().map(|x| x * x).sum::<f64>() / products.len() as f64;
            let expected = if name == "fastfood" { 2.0 } else { 1.0 } / weights as f64;
            assert!((0.6 * expected..1.5 * expected).contains(&square), "{name} {weights}: {square} for {expected}");
            let mean = products.iter().sum::<f64>() / products.len() as f64;
            assert!(mean.abs() < 4.0 * (expected / products.len() as f64).sqrt(), "{name} {weights}: {mean}");
        }
    }
}

#[test]
fn entries_of_the_dense_and_the_fastfood_basis_have_the_moments_of_normals() {
    for name in ["dense", "fastfood"] {
        let (weights, dimension) = (8_192, 128);
        let columns = columns(&*basis(name, weights, dimension, 6));
        let n = (weights * dimension) as f64;
        let mean_of = |power: i32| {
            let scaled = columns.iter().flatten().map(|x| f64::from(*x) * (weights as f64).sqrt());
            scaled.map(|x| x.powi(power)).sum::<f64>() / n
        };
        // Fastfood's 2^20 entries are made of 8,192 normals, and of few signs: its mean is less sure.
        assert!(mean_of(1).abs() < 0.02, "{name}: {}", mean_of(1));
        assert!((mean_of(2) - 1.0).abs() < 1e-5, "{name}: {}", mean_of(2));
        assert!((mean_of(4) - 3.0).abs() < 0.15, "{name}: {}", mean_of(4));
    }
}

#[test]
fn the_dense_basis_is_the_stream_of_each_direction_divided_by_its_length() {
    let (weights, dimension) = (1_300, 21);
    let columns = columns(&*basis("dense", weights, dimension, 9));
    for (j, column) in (0..).zip(&columns) {
        let mut drawn = vec![0.0; weights];
        Seed::new(9).index(j).rng().fill_normal(&mut drawn);
        let length = length(&drawn);
        let differs = column.iter().zip(&drawn).find(|(x, z)| (f64::from(**x) - f64::from(**z) / length).abs() > 1e-8);
        assert_eq!(differs, None, "direction {j}");
    }
}

#[test]
fn the_sparse_basis_has_one_entry_in_sqrt_d_and_both_signs_alike() {
    let (weights, dimension) = (40_000, 500);
    let columns = columns(&*basis("sparse", weights, dimension, 3));
    let (mut counts, mut negative, mut by_place) = (Vec::new(), 0.0, vec![0.0; 8]);
    for column in &columns {
        let entries: Vec<(usize, f32)> =
            column.iter().copied().enumerate().filter(|(_, value)| *value != 0.0).collect();
        let value = 1.0 / (entries.len() as f64).sqrt();
        assert!(entries.iter().all(|(_, x)| (f64::from(x.abs()) - value).abs() < 1e-7), "one size in a direction");
        negative += entries.iter().filter(|(_, x)| *x < 0.0).count() as f64;
        entries.iter().for_each(|(place, _)| by_place[place * 8 / weights] += 1.0);
        counts.push(entries.len() as f64);
    }
    // Binomial(40,000, 1/200): mean 200, variance 199.
    let n = dimension as f64;
    let mean = counts.iter().sum::<f64>() / n;
    let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / (n - 1.0);
    assert!((mean - 200.0).abs() < 4.0 * (199.0 / n).sqrt(), "{mean}");
    assert!((variance - 199.0).abs() < 4.0 * 199.0 * (2.0 / n).sqrt(), "{variance}");
    let total = mean * n;
    assert!((negative - total / 2.0).abs() < 2.0 * total.sqrt(), "{negative} of {total}");
    assert!(by_place.iter().all(|count| (count - total / 8.0).abs() < 4.0 * (total / 8.0).sqrt()), "{by_place:?}");
    // Chance that a gap is longer than g: (1 - 1/200)^g, also beyond the table, which ends at 401.
    let gaps: Vec<usize> = columns
        .iter()
        .flat_map(|column| {
            let places: Vec<usize> = (0..weights).filter(|w| column[*w] != 0.0).collect();
            places.windows(2).map(|pair| pair[1] - pair[0] - 1).collect::<Vec<_>>()
        })
        .collect();
    for longest in [0, 100, 400, 401, 402, 900] {
        let share = gaps.iter().filter(|gap| **gap > longest).count() as f64 / gaps.len() as f64;
        let expected = (1.0f64 - 1.0 / 200.0).powi(longest as i32 + 1);
        let error = (expected * (1.0 - expected) / gaps.len() as f64).sqrt();
        assert!((share - expected).abs() < 4.5 * error, "gaps over {longest}: {share} for {expected}");
    }
}

#[test]
fn a_sparse_direction_is_never_empty() {
    for seed in 0..20 {
        for column in columns(&*basis("sparse", 4, 4, seed)) {
            assert!((length(&column) - 1.0).abs() < 1e-6, "{column:?}");
        }
    }
}

#[test]
fn the_fastfood_basis_is_the_product_of_its_matrices() {
    let (weights, dimension, seed) = (45, 11, Seed::new(12));
    let columns = columns(&*basis("fastfood", weights, dimension, 12));
    let side = 16;
    // The entry (i, j) of the Hadamard matrix: the sign of the number of bits that both have.
    let hadamard = |i: usize, j: usize| if (i & j).count_ones() % 2 == 1 { -1.0 } else { 1.0 };
    for block in 0..3 {
        let seed = seed.index(block as u64);
        let mut words = seed.child("signs").rng();
        let b: Vec<f64> = (0..dimension).map(|_| if words.word() & 1 == 1 { -1.0 } else { 1.0 }).collect();
        let mut order: Vec<usize> = (0..side).collect();
        seed.child("order").rng().shuffle(&mut order);
        let mut g = vec![0.0; side];
        seed.child("normals").rng().fill_normal(&mut g);
        let s = 1.0 / ((weights as f64).sqrt() * length(&g));
        for row in 0..side.min(weights - block * side) {
            for (j, column) in columns.iter().enumerate() {
                let sum: f64 = (0..side).map(|m| hadamard(row, m) * f64::from(g[m]) * hadamard(order[m], j)).sum();
                let expected = s * sum * b[j];
                let found = f64::from(column[block * side + row]);
                assert!((found - expected).abs() < 1e-6, "block {block}, row {row}, column {j}: {found}, {expected}");
            }
        }
    }
}

#[test]
fn members_threads_and_what_stands_in_the_row_before_change_no_bit() {
    for name in NAMES {
        let (weights, dimension) = (3_000, 70);
        let members: Vec<Vec<f32>> = (0..21).map(|i| normals(dimension, 100 + i)).collect();
        let gradient = normals(weights, 3);
        let work = || {
            let basis = basis(name, weights, dimension, 8);
            (span(&*basis, &members), vec![basis.transpose(&gradient)])
        };
        let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let (rows, slopes) = pool(1).install(work);
        for threads in [2, 5] {
            let (other, other_slopes) = pool(threads).install(work);
            assert_eq!(bits(&other), bits(&rows), "{name} on {threads} threads");
            assert_eq!(bits(&other_slopes), bits(&slopes), "{name} on {threads} threads");
        }
        let basis = basis(name, weights, dimension, 8);
        for chunk in [1, 4, 17] {
            let parts: Vec<Vec<f32>> = members.chunks(chunk).flat_map(|members| span(&*basis, members)).collect();
            assert_eq!(bits(&parts), bits(&rows), "{name}, {chunk} members at a time");
        }
        let other = span(&*self::basis(name, weights, dimension, 7), &members);
        assert_ne!(bits(&other), bits(&rows), "{name}: another seed is another basis");
    }
}

#[test]
fn bases_keep_their_golden_values() {
    // The bits of a basis are part of every genome file of a subspace.
    let crc = |name: &str| {
        let rows = span(&*basis(name, 3_000, 70, 1), &[normals(70, 1)]);
        let bytes: Vec<u8> = rows[0].iter().flat_map(|x| x.to_bits().to_le_bytes()).collect();
        crc32fast::hash(&bytes)
    };
    assert_eq!(NAMES.map(crc), GOLDEN, "a change of bases is a change of every result");
}
const GOLDEN: [u32; 3] = [811_113_384, 1_728_146_249, 2_156_478_257];
