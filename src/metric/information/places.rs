//! Both sides of each site, and what is measured there: once for each node, for what comes out of one site may go into the
//! next.

use std::collections::btree_map::{BTreeMap, Entry};

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
    let mut places = Vec::new();
    for site in sites {
        let mut side = |side, node| places.push(Place { layer: &site.layer, side, node });
        if site.kind != SiteKind::Output {
            side(Side::Pre, site.pre);
        }
        side(Side::Post, site.post);
    }
    places
}

/// The readings of each place; `of` is asked once for each node, with its values for the test images.
pub fn each_place(
    subject: &Subject<'_>,
    mut of: impl FnMut(NodeId, &[f32]) -> Result<Vec<Reading>>,
) -> Result<Measured> {
    let mut known: BTreeMap<NodeId, Vec<Reading>> = BTreeMap::new();
    let mut measured = Measured::default();
    for Place { layer, side, node } in places(subject.sites) {
        let readings = match known.entry(node) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(of(node, &subject.values(node))?),
        };
        readings.iter().for_each(|reading| measured.push(reading.clone().side(layer, side)));
    }
    Ok(measured)
}

/// Values of an image at all places.
pub fn width(size: &Size) -> f64 {
    size.sites.iter().flatten().sum::<usize>() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_site_has_two_sides_and_the_output_one() {
        let site = |layer: &str, pre, post, kind| Site {
            layer: layer.to_string(),
            pre: NodeId(pre),
            post: NodeId(post),
            kind,
            trained: true,
        };
        let sites = [
            site("relu1", 1, 2, SiteKind::Activation),
            site("pool1", 2, 3, SiteKind::MaxPool),
            site("fc", 4, 4, SiteKind::Output),
        ];
        let found: Vec<(&str, Side, usize)> =
            places(&sites).into_iter().map(|place| (place.layer, place.side, place.node.0)).collect();
        let expected = [
            ("relu1", Side::Pre, 1),
            ("relu1", Side::Post, 2),
            ("pool1", Side::Pre, 2),
            ("pool1", Side::Post, 3),
            ("fc", Side::Post, 4),
        ];
        assert_eq!(found, expected);
    }
}
