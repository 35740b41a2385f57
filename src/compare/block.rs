//! Two learners in one cell: whose runs are paired, whose are left out, and all comparisons of them.

use super::arms::{Arm, Cell, Group};
use super::asked::{measured, Asked};
use super::moment::Moment;
use super::quantity::Quantity;
use super::row::Row;
use crate::record::{Method, RunRecords};

/// Two learners in one cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// The cell.
    pub cell: Cell,
    /// Numbers that are trained, in the first pair.
    pub subset_size: u64,
    /// The labels of both.
    pub learners: [String; 2],
    /// How both learn.
    pub methods: [Method; 2],
    /// The seeds that both have finished, which are the pairs.
    pub seeds: Vec<u64>,
    /// Seeds of each that the other does not have.
    pub alone: [Vec<u64>; 2],
    /// Seeds of each that are not finished.
    pub unfinished: [Vec<u64>; 2],
    /// The comparisons.
    pub rows: Vec<Row>,
}

impl Block {
    /// Who is paired with whom, without rows.
    pub(super) fn of(group: &Group<'_>, arms: [&Arm<'_>; 2]) -> Self {
        let seeds = |arm: &Arm<'_>, finished: bool| -> Vec<u64> {
            let runs = arm.runs.iter().filter(|run| run.end.is_some() || !finished);
            runs.map(|run| run.header.seed).collect()
        };
        let [all_first, all_second] = arms.map(|arm| seeds(arm, false));
        let [done_first, done_second] = arms.map(|arm| seeds(arm, true));
        let without = |all: &[u64], other: &[u64]| -> Vec<u64> {
            all.iter().copied().filter(|seed| !other.contains(seed)).collect()
        };
        let paired: Vec<u64> = done_first.iter().copied().filter(|seed| done_second.contains(seed)).collect();
        let size = arms[0].runs.iter().find(|run| paired.first().is_none_or(|seed| run.header.seed == *seed));
        Block {
            cell: group.cell.clone(),
            subset_size: size.map_or(0, |run| run.header.subset_size),
            learners: arms.map(|arm| arm.label.clone()),
            methods: arms.map(|arm| arm.method),
            alone: [without(&all_first, &all_second), without(&all_second, &all_first)],
            unfinished: [without(&all_first, &done_first), without(&all_second, &done_second)],
            seeds: paired,
            rows: Vec::new(),
        }
    }

    /// With a row for each moment and quantity.
    pub(super) fn filled(mut self, arms: [&Arm<'_>; 2], moments: &[Moment], asked: &[Asked]) -> Self {
        let of_seed = |side: usize, seed: u64| arms[side].runs.iter().copied().find(|run| run.header.seed == seed);
        let both = |seed: &u64| Some((*seed, [of_seed(0, *seed)?, of_seed(1, *seed)?]));
        let pairs: Vec<(u64, [&RunRecords; 2])> = self.seeds.iter().filter_map(both).collect();
        // What both have somewhere: a number that one learner alone can have compares nothing.
        let there = |side: usize| measured(pairs.iter().map(move |(_, runs)| runs[side]));
        let (of_first, of_second) = (there(0), there(1));
        let common: Vec<_> = of_first.into_iter().filter(|key| of_second.contains(key)).collect();
        let mut quantities: Vec<Quantity> = Vec::new();
        for quantity in asked.iter().flat_map(|asked| asked.among(&common)) {
            if !quantities.contains(&quantity) {
                quantities.push(quantity);
            }
        }
        for moment in moments {
            let here = quantities.iter().filter(|quantity| quantity.exists_at(moment.at()));
            self.rows.extend(here.filter_map(|quantity| Row::of(*moment, quantity, &pairs)));
        }
        self
    }

    /// What is left out of it, in words.
    pub(super) fn left_out(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for (i, other) in [(0, 1), (1, 0)] {
            let (label, other) = (&self.learners[i], &self.learners[other]);
            if !self.alone[i].is_empty() {
                let seeds = seeds_in_words(&self.alone[i]);
                notes.push(format!("{}: {seeds} of {label} left out, which {other} does not have", self.cell));
            }
            if !self.unfinished[i].is_empty() {
                notes.push(format!(
                    "{}: {} of {label} not finished, left out",
                    self.cell,
                    seeds_in_words(&self.unfinished[i])
                ));
            }
        }
        notes
    }

    /// Whether runs are left out.
    pub(super) fn leaves_out(&self) -> bool {
        self.alone.iter().chain(&self.unfinished).any(|seeds| !seeds.is_empty())
    }

    /// Why there is no pair.
    pub(super) fn without_pairs(&self) -> String {
        let [first, second] = &self.learners;
        let mut whys: Vec<String> = Vec::new();
        for (i, label) in [(0, first), (1, second)] {
            if !self.alone[i].is_empty() {
                whys.push(format!("{label} alone has {}", seeds_in_words(&self.alone[i])));
            }
            if !self.unfinished[i].is_empty() {
                whys.push(format!("{} of {label} not finished", seeds_in_words(&self.unfinished[i])));
            }
        }
        format!("{}: {first} and {second} have no finished seed in common: {}", self.cell, whys.join(", "))
    }
}

/// `seed 1`, `seeds 1, 2, 5`.
pub fn seeds_in_words(seeds: &[u64]) -> String {
    let numbers: Vec<String> = seeds.iter().map(u64::to_string).collect();
    format!("seed{} {}", if seeds.len() == 1 { "" } else { "s" }, numbers.join(", "))
}
