//! Switching codes: which units of each activation are on, how many different codes images have, what a code forgets, and
//! whether a layer decides anything that the one before did not.
//!
//! Of whole codes: how many are `distinct`, `collision_entropy` (Renyi's of order 2; equal to its cap where no two images share
//! a code, and then a lower bound), `forgotten` = H(X|S), `coverage`. In wide layers all of these saturate, so there are
//! `sub_code_entropy` of `units` units drawn at random, and `fresh_switching` = H(s_l | s_{l-1}) of `joint_units` units of each
//! of two activations, one behind the other: 0 is no new decision. Both by Miller & Madow's estimate, means over draws. And
//! `distinct_values`: how many rows of values differ at all.

use super::places::{places, width, Place};
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::{
    collision_entropy, counts, coverage, distinct, drawn_units, forgotten_bits, joint, miller_madow_bits,
    most_collision_bits, numbered, sub_code, switches,
};
use crate::graph::NodeId;
use crate::metric::{sites, Measured, Metric, Site, SiteKind, Size, Subject, When};
use crate::num::{mean, sd};
use crate::record::{Reading, Side};
use crate::rng::Seed;

struct Codes {
    units: usize,
    joint_units: usize,
    draws: usize,
}

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "codes",
    summary: "switching codes: distinct, collisions, forgotten, sub-codes of `units` = 8, fresh switching of `joint_units` = 6",
    reference: "Ma 1981; Miller 1955",
    build: |params, ()| {
        Ok(Box::new(Codes {
            units: params.integer("units", Some(8), 1..=24) as usize,
            joint_units: params.integer("joint_units", Some(6), 1..=16) as usize,
            draws: params.integer("draws", Some(64), 2..=10_000) as usize,
        }))
    },
};

/// Which units of a layer are on.
struct Layer {
    switches: Vec<u64>,
    rows: usize,
    units: usize,
    /// An address that belongs to the layer.
    seed: Seed,
}

impl Layer {
    fn new(values: &[f32], rows: usize, seed: Seed) -> Self {
        Layer { switches: switches(values, rows), rows, units: values.len() / rows, seed }
    }

    /// A code of some units, drawn for this number; the same units in all networks.
    fn drawn(&self, units: usize, draw: usize) -> Vec<u32> {
        let chosen = drawn_units(self.units, units, self.seed.child("units").index(draw as u64));
        numbered(&sub_code(&self.switches, self.rows, &chosen), self.rows)
    }
}

fn entropy(codes: &[u32]) -> f64 {
    miller_madow_bits(&counts(codes))
}

impl Codes {
    /// Mean over draws with its standard error.
    fn drawn(&self, name: &str, n: usize, of: impl Fn(usize) -> f64) -> Reading {
        let values: Vec<f64> = (0..self.draws).map(of).collect();
        Reading::new(name, mean(&values), "bits", n).se(sd(&values) / (self.draws as f64).sqrt())
    }

    /// Of one layer by itself.
    fn of_layer(&self, layer: &Layer) -> Vec<Reading> {
        let (n, samples) = (layer.rows, layer.rows as f64);
        let counts = counts(&numbered(&layer.switches, n));
        let units = self.units.min(layer.units);
        vec![
            Reading::new("distinct", distinct(&counts) as f64, "1", n).cap(samples),
            Reading::new("collision_entropy", collision_entropy(&counts).bits, "bits", n)
                .cap(most_collision_bits(samples)),
            Reading::new("forgotten", forgotten_bits(&counts), "bits", n).cap(samples.log2()),
            Reading::new("coverage", coverage(&counts), "1", n).cap(1.0),
            self.drawn("sub_code_entropy", n, |draw| entropy(&layer.drawn(units, draw)))
                .at(units as f64)
                .cap(units as f64),
        ]
    }

    /// H(code | code of the layer before), and the same with the images of the layer before in random order.
    fn fresh(&self, before: &Layer, layer: &Layer) -> Reading {
        let (n, units) = (layer.rows, self.joint_units.min(layer.units));
        let of = |shuffled: bool| {
            move |draw: usize| {
                let own = layer.drawn(units, draw);
                let mut known = before.drawn(self.joint_units.min(before.units), draw);
                if shuffled {
                    before.seed.child("permutation").index(draw as u64).rng().shuffle(&mut known);
                }
                entropy(&joint(&known, &own)) - entropy(&known)
            }
        };
        let shuffled = self.drawn("shuffled", n, of(true)).value;
        self.drawn("fresh_switching", n, of(false)).at(units as f64).cap(units as f64).shuffled(shuffled)
    }
}

/// Rows of values that differ.
fn distinct_values(values: &[f32], rows: usize) -> Reading {
    // 0 and -0 are the same value.
    let bits: Vec<u32> = values.iter().map(|value| (value + 0.0).to_bits()).collect();
    Reading::new("distinct_values", distinct(&counts(&numbered(&bits, rows))) as f64, "1", rows).cap(rows as f64)
}

/// The activation before each activation of a graph, in the order of computation.
fn before(graph_sites: &[Site]) -> Vec<(NodeId, Option<NodeId>)> {
    let activations = graph_sites.iter().filter(|site| site.kind == SiteKind::Activation);
    let nodes: Vec<NodeId> = activations.map(|site| site.pre).collect();
    let earlier = [None].into_iter().chain(nodes.iter().copied().map(Some));
    nodes.iter().copied().zip(earlier).collect()
}

impl Metric for Codes {
    fn when(&self) -> When {
        When::Landmarks
    }

    fn macs(&self, size: &Size) -> f64 {
        let drawn = 400.0 * self.draws as f64 * size.sites.len() as f64;
        size.images as f64 * (10.0 * width(size) + drawn)
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let (graph, n) = (subject.probe.graph(), subject.images());
        let seed = subject.seed.child(ENTRY.name);
        let layer = |node: NodeId| Layer::new(&subject.values(node), n, seed.child(&graph.node(node).name));
        // All of the graph: the layer before one that is measured may be one that is not.
        let before = before(&sites(graph, &vec![true; graph.nodes.len()]));
        let mut measured = Measured::default();
        for site in subject.sites.iter().filter(|site| site.kind == SiteKind::Activation) {
            let own = layer(site.pre);
            let mut readings = self.of_layer(&own);
            let earlier = before.iter().find(|(node, _)| *node == site.pre).and_then(|(_, earlier)| *earlier);
            readings.extend(earlier.map(|earlier| self.fresh(&layer(earlier), &own)));
            readings.into_iter().for_each(|reading| measured.push(reading.side(&site.layer, Side::Pre)));
        }
        for Place { layer, side, node } in places(subject.sites) {
            measured.push(distinct_values(&subject.values(node), n).side(layer, side));
        }
        Ok(measured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRIC: Codes = Codes { units: 3, joint_units: 3, draws: 8 };

    fn normals(count: usize, seed: u64) -> Vec<f32> {
        let mut values = vec![0.0; count];
        Seed::new(seed).rng().fill_normal(&mut values);
        values
    }

    fn value<'a>(readings: &'a [Reading], name: &str) -> &'a Reading {
        readings.iter().find(|reading| reading.name == name).unwrap_or_else(|| panic!("no {name}"))
    }

    #[test]
    fn a_layer_of_fair_units_has_as_many_bits_as_units_and_a_wide_one_saturates() {
        let readings = METRIC.of_layer(&Layer::new(&normals(1_000 * 3, 1), 1_000, Seed::new(1)));
        assert_eq!(value(&readings, "distinct").value, 8.0);
        for name in ["sub_code_entropy", "collision_entropy"] {
            assert!((value(&readings, name).value - 3.0).abs() < 0.03, "{name}");
        }
        let forgotten = value(&readings, "forgotten");
        assert!((forgotten.value - (1_000f64.log2() - 3.0)).abs() < 0.03 && value(&readings, "coverage").value == 1.0);
        assert_eq!(value(&readings, "sub_code_entropy").cap, Some(3.0));
        let readings = METRIC.of_layer(&Layer::new(&normals(100 * 200, 1), 100, Seed::new(1)));
        let collisions = value(&readings, "collision_entropy");
        assert_eq!((collisions.value, collisions.cap), (4_950f64.log2(), Some(4_950f64.log2())));
        assert_eq!([value(&readings, "forgotten").value, value(&readings, "coverage").value], [0.0, 0.0]);
    }

    #[test]
    fn a_copy_decides_nothing_new_and_an_independent_layer_everything() {
        let values = normals(2_000 * 3, 2);
        let [first, copy, other] =
            [&values, &values, &normals(2_000 * 3, 3)].map(|values| Layer::new(values, 2_000, Seed::new(9)));
        let found = METRIC.fresh(&first, &copy);
        assert!(found.value.abs() < 1e-12 && (found.shuffled.unwrap() - 3.0).abs() < 0.03, "{found:?}");
        let found = METRIC.fresh(&first, &other);
        assert!((found.value - 3.0).abs() < 0.03 && found.cap == Some(3.0) && found.at == Some(3.0), "{found:?}");
    }

    #[test]
    fn rows_are_distinct_by_their_values_and_zeros_are_equal() {
        assert_eq!(distinct_values(&[0.0, 1.0, -0.0, 1.0, 0.0, 2.0], 3).value, 2.0);
    }
}
