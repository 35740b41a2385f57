//! A subset from a mask: a safetensors file with a tensor for each parameter that is trained in part, of the parameter's name
//! and shape, as PyTorch saves the masks of pruning. Where it is not zero is trained; parameters without a tensor are frozen.

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::exported::trainable;
use super::{Selector, Selectors, SubsetRequest};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::graph::Parameter;
use crate::params::NamedFile;

struct Mask(NamedFile);

/// The row of this selector.
pub const ENTRY: Entry<dyn Selector, Selectors> = Entry {
    name: "mask",
    summary: "where the tensors of a safetensors file (BOOL, U8 or F32) are not 0: `{ mask = \"mask.safetensors\" }`",
    reference: "this crate",
    build: |params, _| {
        let file = params.file("mask").unwrap_or_default();
        if !file.name.is_empty() {
            if let Err(error) = SafeTensors::deserialize(&file.bytes) {
                params.problem("mask", format!("{}: it is no safetensors file: {error}", file.name), None);
            }
        }
        Ok(Box::new(Mask(file)))
    },
};

impl Selector for Mask {
    fn select(&self, request: &SubsetRequest<'_>) -> Result<Vec<bool>> {
        let told = |message: String| Error::Subset(format!("`{}`: {message}", self.label()));
        let file = SafeTensors::deserialize(&self.0.bytes).map_err(|error| told(error.to_string()))?;
        let mut marks = vec![false; request.graph.parameter_count()];
        let mut tensors = file.tensors();
        // The crate gives them in an order that differs from call to call; of several mistakes the same is told.
        tensors.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (name, tensor) in tensors {
            let wrong = |message: String| told(format!("tensor `{name}`: {message}"));
            let parameter = trainable(request.graph, &name).map_err(wrong)?;
            let trained = trained(&tensor, parameter).map_err(wrong)?;
            marks[parameter.range()].copy_from_slice(&trained);
        }
        Ok(marks)
    }

    fn label(&self) -> String {
        format!("mask={}", self.0.stem)
    }

    fn files(&self) -> Vec<NamedFile> {
        vec![self.0.clone()]
    }
}

/// Where a parameter's mask is not zero.
fn trained(tensor: &TensorView<'_>, parameter: &Parameter) -> std::result::Result<Vec<bool>, String> {
    if tensor.shape() != parameter.shape {
        return Err(format!("its shape is {:?}, that of the parameter {:?}", tensor.shape(), parameter.shape));
    }
    let bytes = tensor.data();
    match tensor.dtype() {
        Dtype::BOOL | Dtype::U8 => Ok(bytes.iter().map(|byte| *byte != 0).collect()),
        Dtype::F32 => {
            let (values, _) = bytes.as_chunks::<4>();
            let mark = |value: &[u8; 4]| match f32::from_le_bytes(*value) {
                value if value.is_nan() => Err("it holds NaN".to_string()),
                value => Ok(value != 0.0),
            };
            values.iter().map(mark).collect()
        }
        other => Err(format!("its type is {other:?}: must be BOOL, U8 or F32")),
    }
}
