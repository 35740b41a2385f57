//! Zeros behind each non-linearity: their share, units that are zero for all test images (dead), and units that never are.
//!
//! A unit that is zero for all of n images may still be active on 3/n of inputs (95 %): `active-at-most` tells it beside `dead`.

use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::zeroed::{dead_activity_bound, zeroed, Zeroed};
use crate::metric::{Measured, Metric, SiteKind, Size, Subject, When};
use crate::record::{Reading, Side};

struct Zeros;

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "zeroed",
    summary: "share of zeros behind each non-linearity, dead units, units that are always on",
    reference: "Nair & Hinton 2010",
    build: |_, ()| Ok(Box::new(Zeros)),
};

impl Metric for Zeros {
    fn when(&self) -> When {
        When::Always
    }

    fn macs(&self, size: &Size) -> f64 {
        size.forward * size.images as f64
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let mut measured = Measured::default();
        let n = subject.images();
        for site in subject.sites.iter().filter(|site| site.kind != SiteKind::Output) {
            let Zeroed { zeroed, se, dead, always_on } = zeroed(&subject.values(site.post), n);
            let reading = |name, value| Reading::new(name, value, "1", n).side(&site.layer, Side::Post);
            measured.push(reading("zeroed", zeroed).se(se));
            measured.push(reading("dead", dead));
            measured.push(reading("active-at-most", dead_activity_bound(n)));
            measured.push(reading("always-on", always_on));
        }
        Ok(measured)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{find, mlp, normals};
    use super::*;
    use crate::graph::Activation;

    #[test]
    fn half_of_the_units_are_zeroed_and_one_with_weights_of_0_is_dead() {
        let mut network = mlp(30, &[40], 4, Activation::Relu, 2.0);
        let first = network.graph.parameters[0].range().start;
        network.weights[first..first + 30].fill(0.0);
        let images = normals(500 * 30, 2);
        let readings = network.readings(&ENTRY, "", &images);
        let of = |name| find(&readings, name, "act0", Some(Side::Post));
        assert_eq!(of("dead").value, 1.0 / 40.0);
        assert_eq!(of("active-at-most").value, 0.006);
        assert_eq!(of("always-on").value, 0.0);
        let expected = 0.5 + 0.5 / 40.0;
        assert!((of("zeroed").value - expected).abs() < 0.01 && of("zeroed").se.unwrap() < 0.01, "{:?}", of("zeroed"));
        assert_eq!((of("zeroed").n, readings.len()), (500, 4), "the output has no zeros to count");
        // Nothing is zero behind tanh.
        let readings = mlp(30, &[40], 4, Activation::Tanh, 1.0).readings(&ENTRY, "", &images);
        assert_eq!(find(&readings, "always-on", "act0", Some(Side::Post)).value, 1.0);
    }
}
