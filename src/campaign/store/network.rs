//! A whole network as a safetensors file that other programs read: tensors with names and shapes, and texts about them.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::Dtype;

use super::{disk, sealed};
use crate::error::{Error, Result};

/// One tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// Its shape; empty for a single number.
    pub shape: Vec<usize>,
    /// Its values, row by row.
    pub values: Values,
}

/// Values of one type.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Weights and statistics.
    F32(Vec<f32>),
    /// Counters.
    I64(Vec<i64>),
}

/// Writes the file in the place of one that stands there, tensors in the order of the format; equal contents are equal bytes.
///
/// # Errors
/// [`Error::Io`]; [`Error::Record`] if a tensor's values do not fill its shape.
pub fn write(path: &Path, metadata: &BTreeMap<String, String>, tensors: &[Tensor]) -> Result<()> {
    let cannot = |error| Error::record(path, format!("it cannot be a safetensors file: {error}"));
    let raw: Vec<(Dtype, Vec<u8>)> = tensors.iter().map(|tensor| raw(&tensor.values)).collect();
    let mut views = Vec::with_capacity(tensors.len());
    for (tensor, (dtype, bytes)) in tensors.iter().zip(&raw) {
        views.push((&tensor.name, TensorView::new(*dtype, tensor.shape.clone(), bytes).map_err(cannot)?));
    }
    let file = safetensors::serialize(views, None).map_err(cannot)?;
    let file = sealed::with_metadata(&file, metadata).expect("the header has just been written");
    disk::write_atomically(path, &file)
}

fn raw(values: &Values) -> (Dtype, Vec<u8>) {
    match values {
        Values::F32(values) => (Dtype::F32, values.iter().flat_map(|x| x.to_le_bytes()).collect()),
        Values::I64(values) => (Dtype::I64, values.iter().flat_map(|x| x.to_le_bytes()).collect()),
    }
}
