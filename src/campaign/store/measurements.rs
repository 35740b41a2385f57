//! What was measured of a run's networks: `measurements/`, one file of lines for each moment, replaced as a whole; beside
//! them the arrays that pictures are made of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::disk;
use super::sealed::{self, Contents};
use crate::error::{Error, Result};
use crate::metric::Measured;
use crate::record::{Cost, Measurement, MeasurementLine, Scores, FORMAT};
use crate::state::Array;

/// Folder of a run that holds them.
const FOLDER: &str = "measurements";
const ENDING: &str = ".jsonl";

/// A metric and what it said of one network.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// Its name.
    pub metric: String,
    /// Its parameters with all defaults, TOML.
    pub parameters: String,
    /// The numbers, or why there are none.
    pub measured: Measured,
}

/// What was measured of one network, as its file has it.
#[derive(Clone, Debug, PartialEq)]
pub struct MomentFile {
    path: PathBuf,
    cost: Cost,
    scores: Option<Scores>,
    /// By metric, alphabetical; without arrays, which have files of their own.
    said: Vec<Said>,
}

impl MomentFile {
    /// The file of the moment of a run, read if it is there. One that was written by another version, or damaged, counts as
    /// not there: everything in it can be computed again.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(run: &Path, cost: Cost) -> Result<Self> {
        let path = run.join(FOLDER).join(format!("{:012}{ENDING}", cost.step));
        let empty = MomentFile { path: path.clone(), cost, scores: None, said: Vec::new() };
        if !path.try_exists().map_err(Error::io("look for", &path))? {
            return Ok(empty);
        }
        match read(&path) {
            Ok(file) if file.cost == cost => Ok(file),
            Err(error @ Error::Io { .. }) => Err(error),
            _ => Ok(empty),
        }
    }

    /// Loss and accuracy of the network, where the file is there.
    pub fn scores(&self) -> Option<Scores> {
        self.scores
    }

    /// What a metric with these parameters has said, if it was asked.
    pub fn said(&self, metric: &str, parameters: &str) -> Option<&Said> {
        self.said.iter().find(|said| said.metric == metric && said.parameters == parameters)
    }

    /// Puts what a metric said in the place of what it said before, and writes the file.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn put(&mut self, scores: Scores, mut said: Said) -> Result<()> {
        let folder = self.path.parent().expect("the file lies in a folder").to_path_buf();
        disk::create_dir_synced(&folder)?;
        let arrays = std::mem::take(&mut said.measured.arrays);
        if !arrays.is_empty() {
            let path = arrays_path(&folder, self.cost.step, &said.metric);
            let metadata = [("parameters".to_string(), said.parameters.clone())].into_iter().collect();
            sealed::write(&path, &Contents { metadata, arrays: arrays.into_iter().collect() })?;
        }
        self.scores = Some(scores);
        self.said.retain(|old| old.metric != said.metric);
        self.said.push(said);
        self.said.sort_by(|a, b| a.metric.cmp(&b.metric));
        let mut lines = vec![MeasurementLine::Moment { format: FORMAT, cost: self.cost, scores }];
        for Said { metric, parameters, measured } in &self.said {
            let (metric, parameters, missing) = (metric.clone(), parameters.clone(), measured.missing.clone());
            lines.push(MeasurementLine::Metric { metric, parameters, missing });
            lines.extend(measured.readings.iter().cloned().map(MeasurementLine::Reading));
        }
        let mut text = String::new();
        for line in &lines {
            text.push_str(&self.json(line)?);
        }
        let crc = format!("{:08x}", crc32fast::hash(text.as_bytes()));
        text.push_str(&self.json(&MeasurementLine::End { crc })?);
        disk::write_atomically(&self.path, text.as_bytes())
    }
}

impl MomentFile {
    fn json(&self, line: &MeasurementLine) -> Result<String> {
        let json = serde_json::to_string(line).map_err(|error| Error::record(&self.path, error.to_string()))?;
        Ok(json + "\n")
    }
}

/// All that was measured of a run, from the first moment to the last.
///
/// # Errors
/// [`Error::Io`]; [`Error::Record`] if a file is damaged or of another version.
pub fn read_measurements(run: &Path) -> Result<Vec<Measurement>> {
    let folder = run.join(FOLDER);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
        let path = entry.map_err(Error::io("read", &folder))?.path();
        if path.to_string_lossy().ends_with(ENDING) {
            paths.push(path);
        }
    }
    paths.sort();
    let measurement = |path: &PathBuf| {
        let MomentFile { cost, scores, said, .. } = read(path)?;
        let scores = scores.ok_or_else(|| Error::record(path, "it tells of no moment"))?;
        let mut arrays = BTreeMap::new();
        for said in &said {
            if let Some(of_metric) = read_measured_arrays(run, cost.step, &said.metric)? {
                arrays.insert(said.metric.clone(), of_metric.into_iter().collect());
            }
        }
        let readings = said.into_iter().flat_map(|said| said.measured.readings).collect();
        Ok(Measurement { cost, scores, readings, arrays })
    };
    paths.iter().map(measurement).collect()
}

/// The file of the arrays that a metric left of the moment after so many steps.
fn arrays_path(folder: &Path, step: u64, metric: &str) -> PathBuf {
    folder.join(format!("{step:012}-{metric}.safetensors"))
}

/// The arrays that a metric left of the moment after so many steps, if it left any.
///
/// # Errors
/// [`Error::Io`]; [`Error::Record`] if the file is damaged.
pub fn read_measured_arrays(run: &Path, step: u64, metric: &str) -> Result<Option<Vec<(String, Array)>>> {
    let path = arrays_path(&run.join(FOLDER), step, metric);
    if !path.try_exists().map_err(Error::io("look for", &path))? {
        return Ok(None);
    }
    Ok(Some(sealed::read(&path)?.arrays.into_iter().collect()))
}

fn read(path: &Path) -> Result<MomentFile> {
    let wrong = |message: &str| Error::record(path, message.to_string());
    let damaged = || wrong("it is damaged: remove it, and `subevo measure` computes it again");
    let text = String::from_utf8(disk::read(path)?).map_err(|_| damaged())?;
    let lines = text.lines().map(serde_json::from_str::<MeasurementLine>).collect::<std::result::Result<Vec<_>, _>>();
    let mut lines = lines.map_err(|_| damaged())?;
    let before = text.trim_end_matches('\n').rfind('\n').map_or(0, |at| at + 1);
    let crc = format!("{:08x}", crc32fast::hash(&text.as_bytes()[..before]));
    if lines.pop() != Some(MeasurementLine::End { crc }) {
        return Err(damaged());
    }
    let mut records = lines.into_iter();
    let Some(MeasurementLine::Moment { format: FORMAT, cost, scores }) = records.next() else {
        return Err(wrong("line 1: it is no moment of this version of subevo"));
    };
    let mut said: Vec<Said> = Vec::new();
    for record in records {
        match (record, said.last_mut()) {
            (MeasurementLine::Metric { metric, parameters, missing }, _) => {
                said.push(Said { metric, parameters, measured: Measured { missing, ..Measured::default() } });
            }
            (MeasurementLine::Reading(reading), Some(said)) if said.metric == reading.metric => {
                said.measured.push(reading);
            }
            _ => return Err(wrong("its lines are out of order")),
        }
    }
    Ok(MomentFile { path: path.to_path_buf(), cost, scores: Some(scores), said })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Reading, Score};

    fn scores() -> Scores {
        let score = Score { loss: f64::NAN, accuracy: 0.25, images: 4 };
        Scores { train: score, validation: score, test: Score { loss: 0.5, ..score } }
    }

    fn said(metric: &str, value: f64) -> Said {
        let reading = Reading { metric: metric.to_string(), ..Reading::new("error", value, "1", 9) };
        let arrays = vec![("labels".to_string(), Array::U64(vec![1, 2, 3]))];
        let measured = Measured { readings: vec![reading], arrays, missing: None };
        Said { metric: metric.to_string(), parameters: "{ points = 3 }".to_string(), measured }
    }

    #[test]
    fn what_metrics_say_comes_back_and_the_later_word_counts() {
        let run = tempfile::tempdir().unwrap();
        let cost = Cost { step: 12, images: 3, images_backward: 0, macs: 7 };
        let mut file = MomentFile::open(run.path(), cost).unwrap();
        for (metric, value) in [("radii", 0.1), ("gap", f64::INFINITY), ("radii", 0.3)] {
            file.put(scores(), said(metric, value)).unwrap();
        }
        let none = Said { measured: Measured::missing("no noise in the labels"), ..said("memorisation", 0.0) };
        file.put(scores(), none).unwrap();
        assert_eq!(MomentFile::open(run.path(), cost).unwrap().said, file.said);
        assert!(file.said("radii", "{ points = 3 }").is_some() && file.said("radii", "{ points = 4 }").is_none());
        let found = read_measurements(run.path()).unwrap();
        let values: Vec<(&str, f64)> = found[0].readings.iter().map(|r| (r.metric.as_str(), r.value)).collect();
        assert_eq!((found.len(), values), (1, vec![("gap", f64::INFINITY), ("radii", 0.3)]));
        let arrays = read_measured_arrays(run.path(), 12, "radii").unwrap().unwrap();
        assert_eq!(arrays, [("labels".to_string(), Array::U64(vec![1, 2, 3]))]);
        assert_eq!(read_measured_arrays(run.path(), 12, "memorisation").unwrap(), None);
    }

    #[test]
    fn a_damaged_file_is_measured_again_and_told_to_readers() {
        let run = tempfile::tempdir().unwrap();
        let cost = Cost { step: 1, ..Cost::default() };
        MomentFile::open(run.path(), cost).unwrap().put(scores(), said("gap", 1.0)).unwrap();
        let path = run.path().join("measurements/000000000001.jsonl");
        let mut text = std::fs::read(&path).unwrap();
        let end = text.len() - 20;
        text[end] ^= 1;
        std::fs::write(&path, text).unwrap();
        assert!(read_measurements(run.path()).unwrap_err().to_string().contains("`subevo measure` computes it again"));
        let mut file = MomentFile::open(run.path(), cost).unwrap();
        assert!(file.said.is_empty());
        file.put(scores(), said("gap", 2.0)).unwrap();
        assert_eq!(read_measurements(run.path()).unwrap()[0].readings[0].value, 2.0);
    }
}
