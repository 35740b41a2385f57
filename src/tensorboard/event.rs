//! One message of an event file: TensorFlow's `Event` as protobuf, framed as a TFRecord: length as u64, its masked CRC-32C,
//! the message, its masked CRC-32C; all little-endian.

use super::Scalar;

/// What every file begins with; from version 2 on a start of a session takes points back.
const VERSION: &str = "brain.Event:2";

/// Fields of `Event`.
const WALL_TIME: u32 = 1;
const STEP: u32 = 2;
const FILE_VERSION: u32 = 3;
const SUMMARY: u32 = 5;
const SESSION_LOG: u32 = 7;

/// The only field of `Summary`, and those of its `Value`.
const VALUE: u32 = 1;
const TAG: u32 = 1;
const SIMPLE_VALUE: u32 = 2;

/// The field of `SessionLog`, and its word for a start.
const STATUS: u32 = 1;
const START: u64 = 1;

/// How protobuf writes what follows.
const VARINT: u32 = 0;
const FIXED_64: u32 = 1;
const BYTES: u32 = 2;
const FIXED_32: u32 = 5;

/// What is added to a rotated checksum.
const MASK: u32 = 0xa282_ead8;

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When it was, in seconds since 1970.
    pub wall_time: f64,
    /// Training steps done.
    pub step: u64,
    /// What it says.
    pub what: What,
}

/// What an event says.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The version of the file.
    Version,
    /// A session starts: points from its step on that were shown before no longer hold.
    Start,
    /// Points of curves.
    Scalars(Vec<Scalar>),
}

impl Event {
    /// The bytes in the file.
    pub fn framed(&self) -> Vec<u8> {
        framed(&self.message())
    }

    fn message(&self) -> Vec<u8> {
        let mut out = Vec::new();
        key(&mut out, WALL_TIME, FIXED_64);
        out.extend(self.wall_time.to_le_bytes());
        key(&mut out, STEP, VARINT);
        varint(&mut out, self.step);
        match &self.what {
            What::Version => bytes(&mut out, FILE_VERSION, VERSION.as_bytes()),
            What::Start => {
                let mut log = Vec::new();
                key(&mut log, STATUS, VARINT);
                varint(&mut log, START);
                bytes(&mut out, SESSION_LOG, &log);
            }
            What::Scalars(scalars) => {
                let mut summary = Vec::new();
                for scalar in scalars {
                    bytes(&mut summary, VALUE, &value(scalar));
                }
                bytes(&mut out, SUMMARY, &summary);
            }
        }
        out
    }
}

fn value(scalar: &Scalar) -> Vec<u8> {
    let mut out = Vec::new();
    bytes(&mut out, TAG, scalar.tag.as_bytes());
    key(&mut out, SIMPLE_VALUE, FIXED_32);
    out.extend((scalar.value as f32).to_le_bytes());
    out
}

fn key(out: &mut Vec<u8>, field: u32, kind: u32) {
    varint(out, u64::from(field << 3 | kind));
}

fn bytes(out: &mut Vec<u8>, field: u32, content: &[u8]) {
    key(out, field, BYTES);
    varint(out, content.len() as u64);
    out.extend(content);
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn varint(out: &mut Vec<u8>, mut x: u64) {
    while x > 0x7f {
        out.push(x as u8 | 0x80);
        x >>= 7;
    }
    out.push(x as u8);
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u64).to_le_bytes();
    let mut out = length.to_vec();
    out.extend(masked(&length).to_le_bytes());
    out.extend(message);
    out.extend(masked(message).to_le_bytes());
    out
}

/// Checksums of data that hold checksums are weak, so they are rotated and shifted.
fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(MASK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_castagnolis_masked_as_tfrecords_mask_them() {
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        // 0xe3069283 rotated right by 15 is 0x2507c60d.
        assert_eq!(masked(b"123456789"), 0x2507_c60du32.wrapping_add(0xa282_ead8));
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa, "RFC 3720, B.4");
    }

    #[test]
    fn messages_have_the_bytes_of_protobuf() {
        let version = Event { wall_time: 1.5, step: 0, what: What::Version };
        let expected = b"\x09\0\0\0\0\0\0\xf8\x3f\x10\0\x1a\x0dbrain.Event:2";
        assert_eq!(version.message(), expected);
        let scalars = vec![Scalar { tag: "a/b".to_string(), value: -2.0 }, Scalar { tag: "c".into(), value: f64::NAN }];
        let event = Event { wall_time: 0.0, step: 300, what: What::Scalars(scalars) };
        let expected = b"\x09\0\0\0\0\0\0\0\0\x10\xac\x02\x2a\x16\x0a\x0a\x0a\x03a/b\x15\0\0\0\xc0\x0a\x08\x0a\x01c\x15\0\0\xc0\x7f";
        assert_eq!(event.message(), expected);
        let start = Event { wall_time: 0.0, step: 0, what: What::Start };
        assert_eq!(start.message(), b"\x09\0\0\0\0\0\0\0\0\x10\0\x3a\x02\x08\x01");
        let file = version.framed();
        assert_eq!((file.len(), &file[..8]), (8 + 4 + 26 + 4, &26u64.to_le_bytes()[..]));
    }
}
