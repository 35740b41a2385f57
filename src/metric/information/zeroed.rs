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
