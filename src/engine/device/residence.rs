//! Images of the data set, and what is kept of them, on the device from the first batch in which they are seen: later batches
//! send indices alone.

use std::collections::HashMap;

use candle_core::{DType, Device, Result, Tensor};

use super::chunk::{out_of_memory, ELEMENTS};
use crate::data::{Batch, Split};
use crate::plan::Precision;

/// Rows that are on the device.
pub struct Residence {
    device: Device,
    /// Nodes whose values are held; node 0 is the images.
    nodes: Vec<Held>,
    row_of: HashMap<(Split, u32), u32>,
    /// Most rows.
    room: usize,
    /// Bytes of a row of all nodes.
    row: usize,
}

/// The rows of one node.
struct Held {
    node: usize,
    dtype: DType,
    /// Channels, height and width of an image.
    shape: [usize; 3],
    /// (capacity, values of an image).
    rows: Option<Tensor>,
}

impl Residence {
    /// Room for so many bytes; of each node its channels, height and width. Values of nodes but the images are kept in
    /// `precision`.
    pub fn new(device: &Device, nodes: &[(usize, [usize; 3])], precision: Precision, bytes: u64) -> Self {
        let of = |(node, shape): &(usize, [usize; 3])| {
            let half = *node != 0 && precision == Precision::F16;
            Held { node: *node, dtype: if half { DType::F16 } else { DType::F32 }, shape: *shape, rows: None }
        };
        let nodes: Vec<Held> = nodes.iter().map(of).collect();
        let row: usize =
            nodes.iter().map(|held| held.shape.iter().product::<usize>() * held.dtype.size_in_bytes()).sum();
        // Candle's kernels count elements in 32 bits.
        let widest = nodes.iter().map(|held| held.shape.iter().product::<usize>()).max().unwrap_or(1).max(1);
        let room = ((bytes / row.max(1) as u64) as usize).min((ELEMENTS - 1) / widest);
        Residence { device: device.clone(), nodes, row_of: HashMap::new(), room, row }
    }

    /// Bytes that may still be taken.
    pub fn unfilled_bytes(&self) -> u64 {
        (self.room.saturating_sub(self.row_of.len()) * self.row) as u64
    }

    /// For each node its values (1, batch, channels, height, width). `compute` gives them, (rows, values) each, for the images
    /// at some places of the batch; those of the training and the validation part stay.
    ///
    /// # Errors
    /// If `compute` fails or the device cannot hold the batch.
    pub fn gather<E: From<candle_core::Error>>(
        &mut self,
        batch: &Batch,
        compute: impl Fn(&[usize]) -> std::result::Result<Vec<Tensor>, E>,
    ) -> std::result::Result<HashMap<usize, Tensor>, E> {
        let images = batch.labels.len();
        let known = batch.places.as_ref().filter(|(split, _)| *split != Split::Test);
        let rows = match known {
            None => None,
            Some((split, indices)) => self.rows_of(*split, indices, &compute)?,
        };
        let mut given = HashMap::new();
        match rows {
            Some(rows) => {
                let rows = Tensor::from_slice(&rows, images, &self.device)?;
                for held in &self.nodes {
                    let all = held.rows.as_ref().expect("what is known is held");
                    given.insert(held.node, held.images(&all.index_select(&rows, 0)?.to_dtype(DType::F32)?)?);
                }
            }
            None => {
                let all: Vec<usize> = (0..images).collect();
                for (held, values) in self.nodes.iter().zip(compute(&all)?) {
                    // Rounded as those that stay.
                    given.insert(held.node, held.images(&values.to_dtype(held.dtype)?.to_dtype(DType::F32)?)?);
                }
            }
        }
        Ok(given)
    }

    /// The rows of a batch's images, those that are missing put in; `None` where there is no room for them.
    fn rows_of<E: From<candle_core::Error>>(
        &mut self,
        split: Split,
        indices: &[u32],
        compute: impl Fn(&[usize]) -> std::result::Result<Vec<Tensor>, E>,
    ) -> std::result::Result<Option<Vec<u32>>, E> {
        let mut missing: Vec<usize> = Vec::new();
        let mut fresh: HashMap<(Split, u32), u32> = HashMap::new();
        for (place, index) in indices.iter().enumerate() {
            let next = (self.row_of.len() + fresh.len()) as u32;
            // An image may stand twice in a batch.
            if !self.row_of.contains_key(&(split, *index)) && !fresh.contains_key(&(split, *index)) {
                fresh.insert((split, *index), next);
                missing.push(place);
            }
        }
        if !missing.is_empty() {
            if self.row_of.len() + fresh.len() > self.room {
                return Ok(None);
            }
            let used = self.row_of.len();
            for (held, values) in self.nodes.iter_mut().zip(compute(&missing)?) {
                match held.put(&values, used, self.room, &self.device) {
                    Ok(()) => {}
                    // What is there stays, and no more comes: the others are sent, or computed, each time.
                    Err(error) if out_of_memory(&error) => {
                        self.room = used;
                        return Ok(None);
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            self.row_of.extend(fresh);
        }
        Ok(Some(indices.iter().map(|index| self.row_of[&(split, *index)]).collect()))
    }
}

impl Held {
    /// Values (batch, values of an image) as images.
    fn images(&self, values: &Tensor) -> Result<Tensor> {
        let [c, h, w] = self.shape;
        values.reshape((1, values.dim(0)?, c, h, w))
    }

    /// Puts rows behind the `used` ones.
    fn put(&mut self, values: &Tensor, used: usize, room: usize, device: &Device) -> Result<()> {
        let (more, length) = values.dims2()?;
        let capacity = self.rows.as_ref().map_or(0, |rows| rows.dims()[0]);
        if used + more > capacity {
            let larger = Tensor::zeros(((used + more).max((2 * capacity).min(room)), length), self.dtype, device)?;
            if let (Some(rows), true) = (&self.rows, used > 0) {
                larger.slice_set(&rows.narrow(0, 0, used)?, 0, 0)?;
            }
            self.rows = Some(larger);
        }
        let rows = self.rows.as_ref().expect("made above");
        rows.slice_set(&values.to_dtype(self.dtype)?.contiguous()?, 0, used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn batch(indices: &[u32]) -> Batch {
        let images = indices.iter().map(|index| *index as f32 + 0.1).collect();
        let labels = vec![0; indices.len()];
        let places = Some((Split::Train, indices.to_vec()));
        Batch { images, shape: [indices.len(), 1, 1, 1], labels, places, noise: None }
    }

    fn values(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn an_image_is_sent_once_and_stands_where_it_is_asked_for_until_there_is_no_room() {
        // Four bytes for the image, four for two halves: room for five.
        let nodes = [(0, [1, 1, 1]), (3, [2, 1, 1])];
        let mut residence = Residence::new(&Device::Cpu, &nodes, Precision::F16, 41);
        let asked = RefCell::new(Vec::new());
        for indices in [&[3u32, 1, 3][..], &[1, 7], &[7, 3], &[5, 6], &[8, 1]] {
            let batch = batch(indices);
            let compute = |places: &[usize]| -> Result<Vec<Tensor>> {
                asked.borrow_mut().push(places.len());
                let images: Vec<f32> = places.iter().map(|place| batch.images[*place]).collect();
                let twice: Vec<f32> = images.iter().flat_map(|x| [2.0 * x, -x]).collect();
                let tensor = |values: Vec<f32>, width| Tensor::from_vec(values, (places.len(), width), &Device::Cpu);
                Ok(vec![tensor(images, 1)?, tensor(twice, 2)?])
            };
            let given = residence.gather(&batch, compute).unwrap();
            assert_eq!(values(&given[&0]), batch.images);
            let half = |x: f32| half::f16::from_f32(x).to_f32();
            let expected: Vec<f32> = batch.images.iter().flat_map(|x| [half(2.0 * x), half(-x)]).collect();
            assert_eq!(values(&given[&3]), expected);
            assert_eq!(given[&3].dims(), [1, indices.len(), 2, 1, 1]);
        }
        assert_eq!(asked.into_inner(), [2, 1, 2, 2], "the last batch whole, for a sixth image has no room");
    }
}
