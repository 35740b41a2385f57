//! safetensors files with a checksum, which the format lacks: the metadata field `digest` is the CRC-64/XZ, in sixteen hex
//! digits, of the whole file, header included, with zeros in the place of those digits.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::disk;
use crate::error::{Error, Result};
use crate::state::Array;

/// The digits follow this. Within a JSON string its quotes would be escaped, so it stands in a header only once.
const FIELD: &[u8] = b"\"digest\":\"";
const ZEROS: [u8; 16] = [b'0'; 16];

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Contents {
    /// Texts by name; `digest` is not among them.
    pub metadata: BTreeMap<String, String>,
    /// One-dimensional tensors by name; every bit is kept.
    pub arrays: BTreeMap<String, Array>,
}

impl Contents {
    /// The text of that name.
    pub fn text(&self, path: &Path, name: &str) -> Result<&str> {
        let missing = || Error::record(path, format!("its metadata have no `{name}`"));
        self.metadata.get(name).map(String::as_str).ok_or_else(missing)
    }

    /// Takes out the f32 tensor of that name.
    pub fn take_f32s(&mut self, path: &Path, name: &str) -> Result<Vec<f32>> {
        match self.arrays.remove(name) {
            Some(Array::F32(values)) => Ok(values),
            Some(_) => Err(Error::record(path, format!("tensor `{name}` is not F32"))),
            None => Err(Error::record(path, format!("it has no tensor `{name}`"))),
        }
    }
}

/// Writes the file atomically.
pub(super) fn write(path: &Path, contents: &Contents) -> Result<()> {
    disk::write_atomically(path, &to_bytes(path, contents)?)
}

/// Reads the file and makes sure that no bit of it has changed since it was written.
pub(super) fn read(path: &Path) -> Result<Contents> {
    from_bytes(path, &disk::read(path)?)
}

fn to_bytes(path: &Path, contents: &Contents) -> Result<Vec<u8>> {
    let cannot = |error| Error::record(path, format!("it cannot be a safetensors file: {error}"));
    let raw: Vec<_> = contents.arrays.iter().map(|(name, array)| (name, raw(array))).collect();
    let mut views = Vec::with_capacity(raw.len());
    for (name, (dtype, length, bytes)) in &raw {
        views.push((name, TensorView::new(*dtype, vec![*length], bytes).map_err(cannot)?));
    }
    let mut metadata = contents.metadata.clone();
    metadata.insert("digest".to_string(), String::from_utf8_lossy(&ZEROS).into_owned());
    let file = safetensors::serialize(views, None).map_err(cannot)?;
    let mut file = with_metadata(&file, &metadata).expect("the header has just been written");
    let at = digits_at(&file).expect("the digest has just been put into the header");
    let digest = digest(&file, at);
    file[at..at + ZEROS.len()].copy_from_slice(digest.as_bytes());
    Ok(file)
}

/// The file with these metadata in its header, sorted: the crate writes them in an order that differs from call to call, and
/// equal contents are to be equal bytes.
pub(super) fn with_metadata(file: &[u8], metadata: &BTreeMap<String, String>) -> Option<Vec<u8>> {
    let length = usize::try_from(u64::from_le_bytes(*file.first_chunk()?)).ok()?;
    let (header, data) = file[8..].split_at_checked(length)?;
    let mut fields: BTreeMap<String, serde_json::Value> = serde_json::from_slice(header).ok()?;
    fields.insert("__metadata__".to_string(), serde_json::to_value(metadata).ok()?);
    let mut header = serde_json::to_vec(&fields).ok()?;
    // As the format asks, the numbers begin at a multiple of eight.
    header.resize(header.len().next_multiple_of(8), b' ');
    Some([&(header.len() as u64).to_le_bytes(), &header[..], data].concat())
}

fn from_bytes(path: &Path, file: &[u8]) -> Result<Contents> {
    let at =
        digits_at(file).ok_or_else(|| Error::record(path, "it is damaged, or no file of subevo: it has no digest"))?;
    let (expected, written) = (digest(file, at), &file[at..at + ZEROS.len()]);
    if written != expected.as_bytes() {
        let written = String::from_utf8_lossy(written);
        return Err(Error::record(path, format!("it is damaged: its digest is {expected}, not {written} as written")));
    }
    let unreadable = |error| Error::record(path, format!("it is no safetensors file: {error}"));
    let (_, header) = SafeTensors::read_metadata(file).map_err(unreadable)?;
    let mut contents = Contents::default();
    contents.metadata.extend(header.metadata().clone().unwrap_or_default());
    contents.metadata.remove("digest");
    for (name, view) in SafeTensors::deserialize(file).map_err(unreadable)?.iter() {
        let array = match (view.dtype(), view.shape()) {
            (Dtype::F32, [_]) => Array::F32(numbers(view.data(), f32::from_le_bytes)),
            (Dtype::F64, [_]) => Array::F64(numbers(view.data(), f64::from_le_bytes)),
            (Dtype::U64, [_]) => Array::U64(numbers(view.data(), u64::from_le_bytes)),
            (dtype, shape) => {
                let message = format!("tensor `{name}` is {dtype:?} {shape:?}, expected one axis of F32, F64 or U64");
                return Err(Error::record(path, message));
            }
        };
        contents.arrays.insert(name.to_string(), array);
    }
    Ok(contents)
}

fn raw(array: &Array) -> (Dtype, usize, Vec<u8>) {
    match array {
        Array::F32(values) => (Dtype::F32, values.len(), values.iter().flat_map(|x| x.to_le_bytes()).collect()),
        Array::F64(values) => (Dtype::F64, values.len(), values.iter().flat_map(|x| x.to_le_bytes()).collect()),
        Array::U64(values) => (Dtype::U64, values.len(), values.iter().flat_map(|x| x.to_le_bytes()).collect()),
    }
}

fn numbers<const N: usize, T>(bytes: &[u8], number: fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|chunk| number(*chunk)).collect()
}

/// Where the digits of the digest stand, if the header has them.
fn digits_at(file: &[u8]) -> Option<usize> {
    let length = u64::from_le_bytes(*file.first_chunk()?);
    let header = file[8..].get(..usize::try_from(length).ok()?)?;
    let at = 8 + FIELD.len() + header.windows(FIELD.len()).position(|window| window == FIELD)?;
    (at + ZEROS.len() <= file.len()).then_some(at)
}

fn digest(file: &[u8], digits_at: usize) -> String {
    let (before, rest) = file.split_at(digits_at);
    let crc = [before, &ZEROS, &rest[ZEROS.len()..]].into_iter().fold(!0, crc64);
    format!("{:016x}", !crc)
}

/// CRC-64/XZ, table of one byte.
fn crc64(crc: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(crc, |crc, byte| TABLE[usize::from(crc as u8 ^ byte)] ^ (crc >> 8))
}

const TABLE: [u64; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xc96c_5795_d787_0f42 } else { crc >> 1 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Contents {
        let mut contents = Contents::default();
        contents.metadata.insert("note".to_string(), "quotes \" and \"digest\":\"0123456789abcdef\"\u{1f}".to_string());
        contents.arrays.insert("empty".to_string(), Array::F64(Vec::new()));
        contents.arrays.insert("a".to_string(), Array::F32(vec![1.5, -0.0, f32::INFINITY]));
        contents.arrays.insert("b".to_string(), Array::F64(vec![5e-324, f64::MAX]));
        contents.arrays.insert("c".to_string(), Array::U64(vec![u64::MAX]));
        contents
    }

    #[test]
    fn the_checksum_is_crc_64_xz() {
        assert_eq!(!crc64(!0, b"123456789"), 0x995d_c9bb_df19_39fa);
    }

    #[test]
    fn contents_come_back_and_other_readers_can_read_the_file() {
        let path = Path::new("x");
        let file = to_bytes(path, &example()).unwrap();
        assert_eq!(from_bytes(path, &file).unwrap(), example());
        let tensors = SafeTensors::deserialize(&file).unwrap();
        assert_eq!(tensors.tensor("c").unwrap().data(), [255; 8]);
        assert_eq!(tensors.len(), 4);
    }

    #[test]
    fn equal_contents_are_equal_bytes() {
        let file = to_bytes(Path::new("x"), &example()).unwrap();
        for _ in 0..20 {
            assert_eq!(to_bytes(Path::new("x"), &example()).unwrap(), file);
        }
        let header = u64::from_le_bytes(*file.first_chunk().unwrap());
        assert_eq!(header % 8, 0);
    }

    #[test]
    fn every_bit_of_a_nan_is_kept() {
        let path = Path::new("x");
        let bits = [0x7fc0_0000, 0xffc0_0001, 0x7f80_0001];
        let mut contents = Contents::default();
        contents.arrays.insert("a".to_string(), Array::F32(bits.map(f32::from_bits).to_vec()));
        let mut read = from_bytes(path, &to_bytes(path, &contents).unwrap()).unwrap();
        assert_eq!(read.take_f32s(path, "a").unwrap().iter().map(|x| x.to_bits()).collect::<Vec<_>>(), bits);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let path = Path::new("x");
        let file = to_bytes(path, &example()).unwrap();
        for bit in 0..file.len() * 8 {
            let mut damaged = file.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(from_bytes(path, &damaged).is_err(), "bit {bit}");
        }
        for length in 0..file.len() {
            assert!(from_bytes(path, &file[..length]).is_err(), "cut at {length}");
        }
        assert!(from_bytes(path, &[&file[..], b"x"].concat()).is_err());
    }

    #[test]
    fn a_foreign_file_is_an_error() {
        let path = Path::new("x");
        let file = safetensors::serialize::<&str, TensorView<'_>, _>([], None).unwrap();
        assert!(from_bytes(path, &file).unwrap_err().to_string().contains("no digest"));
        // The field is there, but the file ends within its digits.
        let cut = [&10u64.to_le_bytes()[..], b"\"digest\":\"000"].concat();
        assert!(from_bytes(path, &cut).unwrap_err().to_string().contains("no digest"));
    }
}
