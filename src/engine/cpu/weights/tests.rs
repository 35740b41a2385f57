//! Each trained scalar stands in one place of what a member reads, and each frozen one in its own.

use super::*;
use crate::engine::cpu::fixture;

/// Who a value is of: trained scalars are multiples of 100, far from all others.
fn owner(value: f32) -> Option<usize> {
    (value > 50.0).then(|| (value / 100.0).round() as usize - 1)
}

/// All that the products and batch-norms of one member read from its banks; and whether it is a difference to the base.
fn of_member(program: &Program, banks: &Banks, member: usize) -> Vec<(f32, bool)> {
    let mut values = Vec::new();
    for (step, banks) in program.steps.iter().zip(&banks.steps) {
        let all = |bank: &Bank| -> Vec<f32> {
            (0..bank.rows()).flat_map(|row| (0..bank.columns()).map(move |column| bank.get(row, column))).collect()
        };
        banks.own.iter().for_each(|part| values.extend(all(&part[member]).into_iter().map(|value| (value, false))));
        if let Kind::Product(product) = &step.kind {
            let difference = !product.shared.is_empty() && !product.dense;
            values.extend(banks.bias[member].iter().map(|bias| (*bias, difference)));
            let (varied, bias) = (product.varied, &banks.bias[member]);
            if varied > 0 {
                let side_by_side = banks.varied.columns() == banks.bias.len() * varied;
                assert!(side_by_side && banks.varied.rows() == product.taps.len());
                let columns = member * varied..(member + 1) * varied;
                assert_eq!(banks.varied_first[columns.clone()], bias[bias.len() - varied..]);
                for row in 0..banks.varied.rows() {
                    values.extend(columns.clone().map(|column| (banks.varied.get(row, column), difference)));
                }
            }
        }
        for (p, part) in step.parts.iter().enumerate() {
            let range = member * part.channels.len()..(member + 1) * part.channels.len();
            for of_parts in [&banks.scale, &banks.shift] {
                let vectors = of_parts.get(p).map_or(&[][..], |values| &values[range.clone()]);
                values.extend(vectors.iter().map(|value| (*value, false)));
            }
        }
    }
    values
}

#[test]
fn each_trained_scalar_stands_exactly_once_in_what_a_member_reads() {
    type Trained = fn(&str, usize) -> bool;
    let subsets: [(&str, Trained, bool); 5] = [
        ("everything", |_, _| true, true),
        ("scattered weights, as differences to the base", |name, i| name.contains("conv") && i % 7 == 3, false),
        (
            "one filter of each convolution, whole",
            |name, i| name.contains("conv") && name.contains("weight") && i < 18,
            true,
        ),
        ("biases alone", |name, _| name.contains("bias"), false),
        ("batch-norm and classifier", |name, i| name.contains("bn") && i != 1 || name.contains("fc"), false),
    ];
    for (name, trained, dense) in subsets {
        let start = fixture::start(trained);
        let k = start.subset.size;
        let programs = fixture::plan(&start, 4).programs.unwrap();
        let members: Vec<Vec<f32>> =
            (0..3).map(|member| (0..k).map(|gene| (100 * (member * k + gene + 1)) as f32).collect()).collect();
        let varying =
            |step: &&Step| matches!(&step.kind, Kind::Product(product) if product.varied > 0 && product.dense);
        assert_eq!(programs.members.steps.iter().any(|step| varying(&step)), dense, "{name}");
        for (program, whole) in [(&programs.members, false), (&programs.whole, true)] {
            let weights = Weights::new(&start, program);
            let mut banks = Banks::default();
            // Twice: what the first filling left does not matter.
            for trained in [members.iter().rev().cloned().collect::<Vec<_>>(), members.clone()] {
                weights.fill(program, trained, &mut banks);
            }
            for (member, trained) in members.iter().enumerate() {
                let mut seen = vec![0; k];
                for (value, difference) in of_member(program, &banks, member) {
                    let Some(owner) = owner(value) else { continue };
                    assert_eq!(owner / k, member, "{name}: a value of another member");
                    let gene = owner % k;
                    seen[gene] += 1;
                    let base = if difference { start.base[gene] } else { 0.0 };
                    assert!(value == trained[gene] - base && !(difference && whole), "{name}: {value} of {gene}");
                }
                assert_eq!(seen, vec![1; k], "{name}");
            }
        }
    }
}

#[test]
fn the_banks_of_the_whole_network_hold_every_weight_in_its_place() {
    let start = fixture::start(|name, _| name.contains("fc"));
    let program = &fixture::plan(&start, 4).programs.unwrap().whole;
    let weights = Weights::new(&start, program);
    for (index, step) in program.steps.iter().enumerate() {
        let Kind::Product(product) = &step.kind else { continue };
        let parameter = start.graph.parameter(product.weight);
        let (channels, area) = (step.input.channels, product.window[0] * product.window[1]);
        let bank = weights.frozen(index, 0);
        for (place, weight) in start.weights[parameter.range()].iter().enumerate() {
            let (filter, channel, tap) = (place / (channels * area), place / area % channels, place % area);
            let column = product.filters.iter().position(|found| *found == filter).unwrap();
            assert_eq!(bank.get(tap * channels + channel, column), *weight, "{}, {place}", parameter.name);
        }
    }
}
