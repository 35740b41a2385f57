//! Both sides of each site, and what is measured there: once for each node, for what comes out of one site may go into the
//! next.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::graph::NodeId;
use crate::metric::{Measured, Site, SiteKind, Size, Subject};
use crate::record::{Reading, Side};

/// One side of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// Name of the site.
    pub layer: &'a str,
    /// Which side.
    pub side: Side,
    /// Whose values stand there.
    pub node: NodeId,
}

/// What goes into each site and what comes out, in the order of computation; of the output, which bends nothing, one.
pub fn places(sites: &[Site]) -> Vec<Place<'_>> {
    let sides = |site: &Site| match site.kind {
        SiteKind::Output => vec![(Side::Post, site.post)],
        _ => vec![(Side::Pre, site.pre), (Side::Post, site.post)],
    };
    let of = |site: &'_ Site| sides(site).into_iter().map(|(side, node)| Place { layer: &site.layer, side, node });
    sites.iter().flat_map(of).collect()
}

/// The readings of each place; `of` is asked once for each node, with its values for the test images.
pub fn each_place(
    subject: &Subject<'_>,
    mut of: impl FnMut(NodeId, &[f32]) -> Result<Vec<Reading>>,
) -> Result<Measured> {
    let mut known: BTreeMap<NodeId, Vec<Reading>> = BTreeMap::new();
    let mut measured = Measured::default();
    for Place { layer, side, node } in places(subject.sites) {
        if !known.contains_key(&node) {
            known.insert(node, of(node, &subject.values(node))?);
        }
        known[&node].iter().for_each(|reading| measured.push(reading.clone().side(layer, side)));
    }
    Ok(measured)
}

/// Values of an image at all places.
pub fn width(size: &Size) -> f64 {
    size.sites.iter().flatten().sum::<usize>() as f64
}
