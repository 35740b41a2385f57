//! Arrays for estimators from a safetensors file.

use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::error::{Error, Result};
use crate::estimator::{Array, Arrays};

/// All tensors of a file, as f64, samples in rows.
///
/// # Errors
/// If it cannot be read, is no safetensors file, or has a tensor of another type or shape, without values, or with one that
/// is not finite.
pub fn read(path: &Path) -> Result<Arrays> {
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let file = SafeTensors::deserialize(&bytes);
    let file = file.map_err(|error| Error::data(path, format!("it is no safetensors file: {error}")))?;
    let mut tensors = file.tensors();
    // The crate gives them in an order that differs from call to call; of several mistakes the same is told.
    tensors.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut arrays = Arrays::default();
    for (name, tensor) in tensors {
        let array = array(&tensor).map_err(|message| Error::data(path, format!("tensor `{name}`: {message}")))?;
        arrays.arrays.insert(name, array);
    }
    Ok(arrays)
}

fn array(tensor: &TensorView<'_>) -> std::result::Result<Array, String> {
    let (rows, columns) = match *tensor.shape() {
        [rows] => (rows, 1),
        [rows, columns] => (rows, columns),
        ref shape => return Err(format!("its shape is {shape:?}: must be (samples) or (samples, values)")),
    };
    if rows == 0 || columns == 0 {
        return Err(format!("its shape is {:?}: it has no values", tensor.shape()));
    }
    let values = values(tensor)?;
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(format!("row {}, column {}: {}: must be finite", at / columns, at % columns, values[at])),
        None => Ok(Array::new(values, rows)),
    }
}

fn values(tensor: &TensorView<'_>) -> std::result::Result<Vec<f64>, String> {
    let bytes = tensor.data();
    Ok(match tensor.dtype() {
        Dtype::F32 => bytes.as_chunks().0.iter().map(|x| f64::from(f32::from_le_bytes(*x))).collect(),
        Dtype::F64 => bytes.as_chunks().0.iter().map(|x| f64::from_le_bytes(*x)).collect(),
        Dtype::I64 => bytes.as_chunks().0.iter().map(|x| i64::from_le_bytes(*x) as f64).collect(),
        Dtype::I32 => bytes.as_chunks().0.iter().map(|x| f64::from(i32::from_le_bytes(*x))).collect(),
        Dtype::U8 => bytes.iter().map(|x| f64::from(*x)).collect(),
        other => return Err(format!("its type is {other:?}: must be F32, F64, I64, I32 or U8")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(dtype: Dtype, shape: &[usize], bytes: &[u8]) -> std::result::Result<Array, String> {
        array(&TensorView::new(dtype, shape.to_vec(), bytes).unwrap())
    }

    #[test]
    fn each_type_keeps_its_values_and_one_dimension_is_a_column() {
        let expected = Array::new(vec![1.0, 2.0, 250.0], 3);
        let as_f32: Vec<u8> = [1.0f32, 2.0, 250.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        let as_f64: Vec<u8> = [1.0f64, 2.0, 250.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        let as_i64: Vec<u8> = [1i64, 2, 250].iter().flat_map(|x| x.to_le_bytes()).collect();
        let as_i32: Vec<u8> = [1i32, 2, 250].iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(of(Dtype::F32, &[3], &as_f32), Ok(expected.clone()));
        assert_eq!(of(Dtype::F64, &[3, 1], &as_f64), Ok(expected.clone()));
        assert_eq!(of(Dtype::I64, &[3], &as_i64), Ok(expected.clone()));
        assert_eq!(of(Dtype::I32, &[3], &as_i32), Ok(expected.clone()));
        assert_eq!(of(Dtype::U8, &[3], &[1, 2, 250]), Ok(expected));
        assert_eq!(of(Dtype::U8, &[2, 2], &[1, 2, 3, 4]).unwrap().row(1), [3.0, 4.0]);
    }

    #[test]
    fn what_no_estimator_can_take_is_told_with_its_place() {
        let told = |dtype, shape: &[usize], bytes: &[u8]| of(dtype, shape, bytes).unwrap_err();
        let four = told(Dtype::U8, &[1, 1, 2, 2], &[0; 4]);
        assert_eq!(four, "its shape is [1, 1, 2, 2]: must be (samples) or (samples, values)");
        assert_eq!(told(Dtype::U8, &[0, 3], &[]), "its shape is [0, 3]: it has no values");
        assert_eq!(told(Dtype::F16, &[2], &[0; 4]), "its type is F16: must be F32, F64, I64, I32 or U8");
        let nan: Vec<u8> = [0.0f32, 1.0, 2.0, f32::NAN].iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(told(Dtype::F32, &[2, 2], &nan), "row 1, column 1: NaN: must be finite");
    }
}
