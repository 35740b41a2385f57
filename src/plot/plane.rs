//! The layers that metrics name, in the order of the network.

use super::arms::Arms;
use crate::record::{Measurement, Reading, Side};

/// A place in the network: behind a non-linearity, or the output.
pub(super) struct Layer {
    /// The layer's name.
    pub name: String,
    /// On which side of it.
    pub side: Side,
}

impl Layer {
    /// Whether a reading is of this place.
    pub(super) fn is_of(&self, reading: &Reading) -> bool {
        reading.layer.as_deref() == Some(self.name.as_str()) && reading.position == Some(self.side)
    }
}

/// The places behind all non-linearities and the output, in the order in which a metric names them.
pub(super) fn layers(arms: &Arms<'_>, untrained: &[&Measurement], (metric, name): (&str, &str)) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    let measured = arms.all().flat_map(|arm| arms.landmarks.iter().flat_map(|landmark| arm.at(*landmark)));
    for reading in untrained.iter().copied().chain(measured).flat_map(|m| m.of(metric, name)) {
        let (Some(layer), Some(side)) = (&reading.layer, reading.position) else { continue };
        match layers.iter_mut().find(|known| known.name == *layer) {
            None => layers.push(Layer { name: layer.clone(), side }),
            // Behind counts where there is a behind; the output has a before alone.
            Some(known) if side == Side::Post => known.side = side,
            Some(_) => {}
        }
    }
    layers
}
