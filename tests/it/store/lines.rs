//! Lines: prefixes, flipped bits, numbers.

use std::fs;
use std::path::Path;

use serde::Serialize;
use subevo::campaign::store::lines::{check_covered, last_record, truncate_to};
use subevo::campaign::store::{read_lines, Covered, LineWriter};
use subevo::record::Record;
use subevo::rng::Seed;

use super::{end, evaluation, header, step};

fn records() -> Vec<Record> {
    vec![header(), step(1, 2.5), evaluation(1, 1e-300), end(1, 0.1)]
}

/// Writes the records with line numbers from `covered` on.
fn append<T: Serialize>(path: &Path, covered: Covered, records: &[T]) -> Covered {
    let mut writer = LineWriter::open(path, covered).unwrap();
    records.iter().for_each(|record| writer.append(record).unwrap());
    writer.sync().unwrap();
    assert_eq!(fs::metadata(path).unwrap().len(), writer.covered().bytes);
    writer.covered()
}

#[test]
fn a_line_has_the_bytes_of_the_format() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let empty = serde_json::json!({});
    append(&path, Covered::default(), &[serde_json::json!({"a": 1}), empty.clone()]);
    // The checksums are zlib's.
    let expected = "{\"n\":0,\"a\":1,\"crc\":\"28f1c400\"}\n{\"n\":1,\"crc\":\"ff61ec38\"}\n";
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    assert_eq!(read_lines::<serde_json::Value>(&path).unwrap().records[1], empty);
    let mut writer = LineWriter::open(&path, Covered { bytes: expected.len() as u64, lines: 2 }).unwrap();
    assert!(writer.append(&5).unwrap_err().to_string().contains("record 2: `5` is no JSON object"));
}

#[test]
fn every_prefix_gives_an_exact_prefix_and_takes_the_missing_records() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("steps.jsonl");
    let records = records();
    append(&path, Covered::default(), &records);
    let whole = fs::read(&path).unwrap();
    let ends = read_lines::<Record>(&path).unwrap().ends;
    assert_eq!(ends.last().copied(), Some(whole.len() as u64));
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let lines = read_lines::<Record>(&path).unwrap();
        let good = ends.iter().filter(|end| **end <= cut as u64).count();
        let bytes = if good == 0 { 0 } else { ends[good - 1] };
        assert_eq!(lines.records, records[..good], "cut at {cut}");
        match &lines.torn {
            None => assert_eq!(bytes, cut as u64),
            Some(torn) => {
                assert_eq!((torn.line, torn.offset, torn.bytes), (good + 1, bytes, cut as u64 - bytes));
                assert!(torn.bytes > 0);
            }
        }
        assert_eq!(last_record::<Record>(&path).unwrap().as_ref(), records[..good].last());
        truncate_to(&path, bytes).unwrap();
        append(&path, Covered { bytes, lines: good as u64 }, &records[good..]);
        assert_eq!(fs::read(&path).unwrap(), whole, "cut at {cut}");
    }
}

#[test]
fn no_flipped_bit_changes_a_record_silently() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("steps.jsonl");
    let records = vec![step(1, 2.5), evaluation(1, 1e-300), step(2, f64::NAN)];
    append(&path, Covered::default(), &records);
    let whole = fs::read(&path).unwrap();
    let mut torn = 0;
    for bit in 0..whole.len() * 8 {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &damaged).unwrap();
        if let Ok(lines) = read_lines::<Record>(&path) {
            torn += 1;
            assert!(lines.torn.is_some() && lines.records.len() < records.len(), "bit {bit}");
            assert_eq!(lines.records, records[..lines.records.len()], "bit {bit}");
        }
    }
    // Damage of the last line looks like a torn tail, and so does a lost line end before it; nothing else does.
    let last = whole.len() - last_line_start(&whole);
    assert_eq!(torn, (last + 1) * 8);
}

/// Where the last line starts.
fn last_line_start(bytes: &[u8]) -> usize {
    bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1
}

#[test]
fn damage_in_the_middle_names_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("steps.jsonl");
    append(&path, Covered::default(), &records());
    let whole = fs::read_to_string(&path).unwrap();
    let message = |text: &str| {
        fs::write(&path, text).unwrap();
        read_lines::<Record>(&path).unwrap_err().to_string()
    };
    let flipped = message(&whole.replacen("\"loss\":2.5", "\"loss\":2.4", 1));
    assert!(
        flipped.contains("steps.jsonl: line 2: its checksum is ") && flipped.contains("line 3 is good"),
        "{flipped}"
    );
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let lost = message(&[lines[0], lines[2], lines[3]].concat());
    assert!(lost.contains("line 2: it has the number 2, expected 1"), "{lost}");
    let doubled = message(&[lines[0], lines[1], lines[1]].concat());
    assert!(doubled.contains("line 3: it has the number 1, expected 2"), "{doubled}");
    // Zeros, as some file systems leave them after a power cut, are a torn tail unless something follows.
    fs::write(&path, [lines[0], "\0\0\0\0"].concat()).unwrap();
    assert_eq!(read_lines::<Record>(&path).unwrap().torn.unwrap().line, 2);
    assert!(message(&[lines[0], "\0\0\n", lines[1]].concat()).contains("line 2: it is too short; line 3 is good"));
}

#[test]
fn a_good_line_that_is_no_such_record_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("steps.jsonl");
    append(&path, Covered::default(), &[serde_json::json!({"record": "novel"})]);
    let message = read_lines::<Record>(&path).unwrap_err().to_string();
    assert!(message.contains("line 1: unknown variant `novel`"), "{message}");
}

#[test]
fn every_f64_comes_back_with_its_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("steps.jsonl");
    let mut rng = Seed::new(3).rng();
    let mut draw = || f64::from_bits(u64::from(rng.word()) << 32 | u64::from(rng.word()));
    let special =
        [0.0, -0.0, f64::MIN_POSITIVE, 5e-324, f64::MAX, f64::EPSILON, f64::NAN, f64::INFINITY, -f64::INFINITY];
    let numbers: Vec<f64> = special.into_iter().chain((0..20_000).map(|_| draw())).collect();
    // Loss and best are plain fields, sigma is in a map, the interval in an array, the scores in flattened fields.
    let records: Vec<Record> = numbers.iter().flat_map(|x| [step(1, *x), evaluation(1, *x)]).collect();
    append(&path, Covered::default(), &records);
    let read = read_lines::<Record>(&path).unwrap();
    assert!(read.torn.is_none() && read.records.len() == records.len());
    // Debug output tells every value from every other, but no NaN from another: so do the records.
    for (read, written) in read.records.iter().zip(&records) {
        assert_eq!(format!("{read:?}"), format!("{written:?}"));
        if let (Record::Step(read), Record::Step(written)) = (read, written) {
            assert!(read.loss.to_bits() == written.loss.to_bits() || (read.loss.is_nan() && written.loss.is_nan()));
        }
    }
}

#[test]
fn the_covered_part_must_be_there_and_good_and_the_rest_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("steps.jsonl");
    let covered = append(&path, Covered::default(), &records()[..2]);
    append(&path, covered, &records()[2..]);
    let whole = fs::read(&path).unwrap();
    let length = covered.bytes as usize;
    let message = |bytes: &[u8], covered: Covered| {
        fs::write(&path, bytes).unwrap();
        check_covered(&path, covered).unwrap_err().to_string()
    };
    // Damage in line 3 with a good line 4 behind it would be an error for a reader.
    let mut damaged = whole.clone();
    damaged[length + 9] ^= 1;
    fs::write(&path, &damaged).unwrap();
    assert!(read_lines::<Record>(&path).is_err());
    check_covered(&path, covered).unwrap();
    damaged[length - 30] ^= 1;
    assert!(message(&damaged, covered).contains("line 2: its checksum is "));
    assert!(message(&whole[..length - 1], covered).contains(&format!("holds {} bytes, but", length - 1)));
    assert!(message(&whole, Covered { lines: 3, ..covered }).contains("holds 2 lines where the checkpoint covers 3"));
    assert!(message(&whole, Covered { bytes: covered.bytes + 1, lines: 2 }).contains("line 3: it has no line end"));
    assert!(message(&whole, Covered { bytes: u64::MAX, lines: 2 }).contains("but the checkpoint covers"));
    assert!(check_covered(&folder.path().join("none"), covered).is_err());
    check_covered(&folder.path().join("none"), Covered::default()).unwrap();
    assert!(LineWriter::open(&path, covered).unwrap_err().to_string().contains("bytes, expected"));
}
