//! How much worse a network becomes on corrupted test images: the error by corruption and severity, 0 being the clean images,
//! and its mean over all corruptions and severities 1 to 5 (Hendrycks & Dietterich 2019).
//!
//! Where backprop has reached the same landmark, its network is the reference: `relative_error` of a corruption is
//! `sum_s E_s / sum_s E_s(backprop)`, and `relative_rise` the same with the error on clean images taken off in both. All
//! networks of a seed see the same corrupted images.

use rayon::prelude::*;

use super::judged::judge;
use crate::data::corruption::{self, SEVERITIES};
use crate::data::{Batch, Corruption, Split};
use crate::engine::Probe;
use crate::entry::{Entries, Entry};
use crate::error::Result;
use crate::estimator::accuracy::right;
use crate::metric::{Measured, Metric, Size, Subject, When};
use crate::num::{mean, sd, wilson};
use crate::params::{read_named, Node, Origin, Params, Value};
use crate::record::{Method, Reading};

/// Test images by default.
const IMAGES: u64 = 2_000;

/// The corruptions that are known.
const KNOWN: Entries<dyn Corruption> = Entries::new("corruption", corruption::ENTRIES);

struct Corrupted {
    images: usize,
    corruptions: Vec<Named>,
}

/// A corruption and its name.
type Named = (String, Box<dyn Corruption>);

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "corruption",
    summary: "error on corrupted test images by corruption and severity; `images` = 2000, `corruptions` = all",
    reference: "Hendrycks & Dietterich 2019; Mu & Gilmer 2019",
    build: |params, ()| {
        let images = params.integer("images", Some(IMAGES), 1..=u64::MAX) as usize;
        Ok(Box::new(Corrupted { images, corruptions: read(params) }))
    },
};

/// All corruptions, or those that `corruptions` names.
fn read(params: &Params<'_>) -> Vec<Named> {
    let build = |node: &Node, path: &str| {
        let build = |name: &str, origin: &Origin, params: &Params<'_>| {
            Some((name.to_string(), KNOWN.build(name, origin, params, &())?))
        };
        let (built, resolved) = read_named(node, path, params.problems(), build)?;
        Some((built?, resolved))
    };
    if params.has("corruptions") {
        return params.list("corruptions", build);
    }
    let all = corruption::ENTRIES.iter().map(|entry| Node::new(Value::Text(entry.name.to_string())));
    let (built, resolved): (Vec<Named>, Vec<Value>) = all.filter_map(|node| build(&node, "corruptions")).unzip();
    params.resolve("corruptions", Value::Array(resolved.into_iter().map(Node::new).collect()));
    built
}

/// Errors of some networks on the same images: for each network, 1 or 0 for each image.
type Errors = Vec<Vec<f64>>;

impl Corrupted {
    fn images(&self, subject: &Subject<'_>) -> usize {
        self.images.min(subject.task.data.len(Split::Test))
    }

    /// On clean images.
    fn clean(&self, subject: &Subject<'_>, probes: &[&Probe]) -> Result<Errors> {
        let data = &subject.task.data;
        let of = |probe: &&Probe| wrong(probe, self.images(subject), |range| data.range(Split::Test, range));
        probes.iter().map(of).collect()
    }

    /// On images under corruption `c` at severity `s` of 1 to 5.
    fn corrupted(&self, subject: &Subject<'_>, probes: &[&Probe], c: usize, s: usize) -> Result<Errors> {
        let (name, corruption) = &self.corruptions[c];
        let data = &subject.task.data;
        let corrupted = corruption.of(corruption.strengths(data.shape()[0])[s - 1]);
        let seed = subject.seed.child("corruption").child(name);
        let of = |probe: &&Probe| wrong(probe, self.images(subject), |range| data.corrupted(range, &corrupted, seed));
        probes.iter().map(of).collect()
    }
}

fn wrong(probe: &Probe, n: usize, read: impl FnMut(std::ops::Range<usize>) -> Batch) -> Result<Vec<f64>> {
    Ok(judge(probe, n, read)?.each(|row, label| 1.0 - right(row, label)))
}

impl Metric for Corrupted {
    fn when(&self) -> When {
        When::Landmarks
    }

    fn macs(&self, size: &Size) -> f64 {
        size.forward * (self.images * (1 + SEVERITIES * self.corruptions.len())) as f64
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let reference = subject.peers.iter().find(|peer| peer.method == Method::Backprop);
        let mut probes = vec![subject.probe];
        probes.extend(reference.map(|peer| &peer.probe));
        let n = self.images(subject);
        let mut measured = Measured::default();
        let clean = self.clean(subject, &probes)?;
        let clean_errors: Vec<f64> = clean.iter().map(|errors| mean(errors)).collect();
        // Over all corruptions and severities: errors of each image under this network, then sums for each corruption.
        let mut by_image = vec![0.0; n];
        let (mut relative, mut rises) = (Vec::new(), Vec::new());
        for (c, (name, _)) in self.corruptions.iter().enumerate() {
            let severities: Vec<usize> = (1..=SEVERITIES).collect();
            let all = severities.par_iter().map(|s| self.corrupted(subject, &probes, c, *s));
            let all = all.collect::<Result<Vec<Errors>>>()?;
            let mut sums = vec![0.0; probes.len()];
            for (s, errors) in std::iter::once(&clean).chain(&all).enumerate() {
                let error = mean(&errors[0]);
                let reading = Reading::new("error", error, "1", n).of(name).at(s as f64);
                measured.push(reading.interval(wilson((error * n as f64).round(), n as f64)));
                if s > 0 {
                    by_image.iter_mut().zip(&errors[0]).for_each(|(sum, error)| *sum += error);
                    sums.iter_mut().zip(errors).for_each(|(sum, errors)| *sum += mean(errors));
                }
            }
            if let [own, other] = sums[..] {
                let rise = |sum: f64, clean: f64| sum - SEVERITIES as f64 * clean;
                relative.push(own / other);
                rises.push(rise(own, clean_errors[0]) / rise(other, clean_errors[1]));
                measured.push(Reading::new("relative_error", own / other, "1", n).of(name));
                measured.push(Reading::new("relative_rise", rises[rises.len() - 1], "1", n).of(name));
            }
        }
        let cases = (SEVERITIES * self.corruptions.len()) as f64;
        by_image.iter_mut().for_each(|sum| *sum /= cases);
        let all = Reading::new("mean_error", mean(&by_image), "1", n).se(sd(&by_image) / (n as f64).sqrt());
        measured.push(all);
        if !relative.is_empty() {
            measured.push(Reading::new("mean_relative_error", mean(&relative), "1", n));
            measured.push(Reading::new("mean_relative_rise", mean(&rises), "1", n));
        }
        Ok(measured)
    }
}
