//! TensorBoard's event files: live beside a run, over kills, and from records; read back by a decoder that shares no code with
//! the writer, and by TensorBoard's own reader.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::{read, start, wait_for, Place, TINY};

/// A point: tag, step, wall time, value.
type Point = (String, u64, f64, f32);

/// CRC-32C, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    !crc
}

fn masked(bytes: &[u8]) -> u32 {
    let crc = crc32c(bytes);
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// A field of a protobuf message.
enum Field<'a> {
    Varint(u64),
    Fixed(&'a [u8]),
    Bytes(&'a [u8]),
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let (mut x, mut shift) = (0, 0);
    loop {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        x |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            return x;
        }
    }
}

fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let mut take = |n: usize| {
            let (head, tail) = bytes.split_at(n);
            bytes = tail;
            head
        };
        let field = match key & 7 {
            1 => Field::Fixed(take(8)),
            5 => Field::Fixed(take(4)),
            0 => Field::Varint(varint(&mut bytes)),
            2 => {
                let length = varint(&mut bytes) as usize;
                let (head, tail) = bytes.split_at(length);
                bytes = tail;
                Field::Bytes(head)
            }
            kind => panic!("kind {kind}"),
        };
        found.push((key >> 3, field));
    }
    found
}

/// The points of a file, whose frame is checked.
fn points(path: &Path) -> Vec<Point> {
    let bytes = std::fs::read(path).unwrap();
    let (mut rest, mut found, mut events) = (&bytes[..], Vec::new(), 0);
    while !rest.is_empty() {
        let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
        let word = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
        assert_eq!(word(8), masked(&rest[..8]), "{path:?}: event {events}");
        let message = &rest[12..12 + length];
        assert_eq!(word(12 + length), masked(message), "{path:?}: event {events}");
        let (mut time, mut step) = (f64::NAN, u64::MAX);
        for (number, field) in fields(message) {
            match (number, field) {
                (1, Field::Fixed(x)) => time = f64::from_le_bytes(x.try_into().unwrap()),
                (2, Field::Varint(x)) => step = x,
                (3, Field::Bytes(version)) => assert_eq!((events, version), (0, &b"brain.Event:2"[..])),
                (7, Field::Bytes(log)) => assert_eq!((events, log), (1, &[8, 1][..])),
                (5, Field::Bytes(summary)) => {
                    for (number, value) in fields(summary) {
                        let Field::Bytes(value) = value else { panic!() };
                        let parts = fields(value);
                        let [(1, Field::Bytes(tag)), (2, Field::Fixed(x))] = &parts[..] else { panic!() };
                        assert_eq!(number, 1);
                        let tag = String::from_utf8(tag.to_vec()).unwrap();
                        found.push((tag, step, time, f32::from_le_bytes((*x).try_into().unwrap())));
                    }
                }
                (number, _) => panic!("field {number}"),
            }
        }
        (rest, events) = (&rest[12 + length + 4..], events + 1);
    }
    found
}

/// The only event file of a run.
#[track_caller]
fn event_file(folder: &Path) -> PathBuf {
    let files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    assert!(file.file_name().unwrap().to_str().unwrap().starts_with("events.out.tfevents."), "{file:?}");
    file.clone()
}

/// The points that do not depend on the clock, by tag and step, each of which is there once.
#[track_caller]
fn by_step(points: &[Point]) -> BTreeMap<(String, u64), u32> {
    let mut found = BTreeMap::new();
    for (tag, step, time, value) in points {
        assert!((1.6e9..1e11).contains(time), "{tag} {step}: {time}");
        let before = found.insert((tag.clone(), *step), value.to_bits());
        assert!(before.is_none(), "{tag} has two points at step {step}");
    }
    found.retain(|(tag, _), _| !tag.starts_with("speed/"));
    found
}

/// What the records say, in the same form.
fn recorded(run: &Path) -> BTreeMap<(String, u64), u32> {
    let mut found = BTreeMap::new();
    let lines: Vec<Value> =
        read(run.join("steps.jsonl")).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let evolution = lines[0]["method"] == "evolution";
    for line in &lines {
        let step = line["step"].as_u64().unwrap_or(0);
        let mut point = |tag: String, value: &Value| {
            let value = if value.is_null() { 0.0 } else { value.as_f64().unwrap() };
            found.insert((tag, step), (value as f32).to_bits());
        };
        match line["record"].as_str().unwrap() {
            "step" => {
                match evolution {
                    true => {
                        point("generation/loss_mean".into(), &line["loss"]);
                        point("generation/loss_best".into(), &line["best"]);
                        point("generation/failed".into(), &line["failed"]);
                    }
                    false => point("batch/loss".into(), &line["loss"]),
                }
                for (name, value) in line["diagnostics"].as_object().into_iter().flatten() {
                    point(format!("diagnostics/{name}"), value);
                }
            }
            "evaluation" => {
                for split in ["train", "validation", "test"] {
                    point(format!("{split}/loss"), &line[split]["loss"]);
                    point(format!("{split}/accuracy"), &line[split]["accuracy"]);
                }
                point("cost/images".into(), &line["images"]);
                point("cost/macs".into(), &line["macs"]);
            }
            _ => {}
        }
    }
    found
}

#[test]
fn every_record_is_a_point_live_and_from_records() {
    let place = Place::new(TINY);
    let ended = place.run(&["--tensorboard"]);
    let whole = place.path("runs/tiny").canonicalize().unwrap();
    let line = format!("curves: tensorboard --logdir {}\n", whole.display());
    assert!(ended.err.contains(&line), "{}", ended.err);
    let exported = place.subevo(&["export", "runs/tiny", "--format", "tensorboard", "--out", "curves"]).expect(0);
    assert!(exported.err.contains(&format!("--logdir {}\n", place.path("curves").canonicalize().unwrap().display())));
    for run in place.runs("runs/tiny") {
        let live = points(&event_file(&run.join("tb")));
        let name = run.file_name().unwrap().to_str().unwrap().to_string();
        let copied = points(&event_file(&place.path("curves").join(&name)));
        assert!(exported.out.contains(&format!("curves/{name}/events.out.tfevents.")), "{}", exported.out);
        let expected = recorded(&run);
        assert!(expected.len() > 80, "{}", expected.len());
        assert_eq!((by_step(&live), by_step(&copied)), (expected.clone(), expected));
        for points in [&live, &copied] {
            assert!(points.windows(2).all(|pair| pair[0].2 <= pair[1].2 && pair[0].1 <= pair[1].1), "in order");
            assert!(points.iter().any(|(tag, .., value)| tag == "speed/images_per_second" && *value > 0.0));
        }
    }
    // Runs that were done without curves get them from their records.
    place.run(&["--out", "later"]);
    place.run(&["--out", "later", "--tensorboard"]);
    for run in place.runs("later/tiny") {
        assert_eq!(by_step(&points(&event_file(&run.join("tb")))), recorded(&run));
    }
}

#[test]
fn a_run_that_was_killed_and_continued_has_each_point_once() {
    let place = Place::new(TINY);
    let words = ["--tensorboard", "--set", "budget.steps=3000", "--checkpoint-every", "0.05s"];
    let mut kills = 0;
    for wait in [150, 250, 350, 450] {
        let mut child = start(&mut place.command(&[&["run", "campaign.toml", "--no-plots"], &words[..]].concat()));
        wait_for("the run", || place.path("runs/tiny").is_dir() && !place.runs("runs/tiny").is_empty());
        std::thread::sleep(Duration::from_millis(wait));
        kills += usize::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        child.wait().unwrap();
    }
    assert!(kills > 1, "it was done before it was killed");
    place.run(&words);
    for run in place.runs("runs/tiny") {
        assert_eq!(by_step(&points(&event_file(&run.join("tb")))), recorded(&run));
    }
}

#[test]
fn curves_of_a_run_at_work_are_not_taken_from_under_it() {
    let place = Place::new(TINY);
    place.run(&["--tensorboard"]);
    let runs = place.runs("runs/tiny");
    let before = event_file(&runs[0].join("tb"));
    let _held = subevo::campaign::store::hold(&runs[0]).unwrap();
    let ended = place.subevo(&["export", "runs/tiny", "--format", "tensorboard"]).expect(1);
    assert!(ended.err.contains("is being written by another process, whose curves may be there"), "{}", ended.err);
    assert_eq!(event_file(&runs[0].join("tb")), before);
    assert_eq!(ended.out.lines().count(), 1, "{}", ended.out);
    place.subevo(&["export", "runs/tiny", "--format", "tensorboard", "--out", "elsewhere"]).expect(0);
}

/// Tags, and for some of them all points, as TensorBoard's own reader sees them.
const PYTHON: &str = r#"
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
found = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0})
found.Reload()
tags = found.Tags()["scalars"]
print(json.dumps({tag: [[x.step, x.value] for x in found.Scalars(tag)] for tag in tags}))
"#;

#[test]
fn tensorboard_reads_every_point() {
    let place = Place::new(TINY);
    place.run(&["--tensorboard"]);
    for run in place.runs("runs/tiny") {
        let folder = run.join("tb");
        let Some(said) = crate::python::run("tensorboard", PYTHON, &[folder.to_str().unwrap()]) else { return };
        let read: BTreeMap<String, Vec<(u64, f64)>> = serde_json::from_str(&said).unwrap();
        let mut found: BTreeMap<(String, u64), u32> = BTreeMap::new();
        for (tag, points) in read {
            found.extend(points.into_iter().map(|(step, value)| ((tag.clone(), step), (value as f32).to_bits())));
        }
        found.retain(|(tag, _), _| !tag.starts_with("speed/"));
        assert_eq!(found, recorded(&run));
    }
}
