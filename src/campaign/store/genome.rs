//! The compact genome file: seed, configuration, subset and the trained values, from which the whole network is made again.

use std::path::Path;

use super::sealed::{self, Contents};
use crate::error::{Error, Result};
use crate::learner::Chain;
use crate::state::{Array, State};
use crate::subset::Subset;

/// What the metadata call the format: of trained weights, and of coordinates in a subspace of them.
const FORMAT: &str = "subevo-genome-1";
const CHAIN: &str = "chain";
const STAGE_BEST: &str = "stage_best_by_validation";
const FORMAT_SUBSPACE: &str = "subevo-genome-2";

/// Names of the arrays: of weights, and of coordinates; at the end, and at the least validation loss.
const WEIGHTS: [&str; 2] = ["weights", "weights_best_by_validation"];
const COORDINATES: [&str; 2] = ["coordinates", "coordinates_best_by_validation"];

/// A trained network, without the weights that can be drawn again.
///
/// As a file: safetensors with the F32 tensors `weights` and `weights_best_by_validation`, each (k), and the metadata `format`
/// (`subevo-genome-1`), `seed`, `configuration` (TOML), `subset` (JSON), `data`, `model` and `digest`. Of a subspace the
/// format is `subevo-genome-2`, the tensors are `coordinates` and `coordinates_best_by_validation`, each (d), and there is
/// `projection`, its name: seed and configuration draw the basis again ([`crate::campaign::Setup::start`]), and the weights are
/// [`crate::subset::Start::weights_of`] the coordinates, bit for bit.
///
/// Where subset or basis were drawn again there is the chain of offsets too: `chain.values` (F32), the trained values of all stages but the
/// last one after another, `chain.sizes` (U64), how many each stage has, and the metadata `stage_best_by_validation`.
///
/// [`Setup::network`](crate::campaign::Setup::network) makes all weights of it again.
#[derive(Clone, Debug, PartialEq)]
pub struct Genome {
    /// The run's seed.
    pub seed: u64,
    /// The resolved configuration, TOML.
    pub configuration: String,
    /// The subset: the trained weights, or those that the subspace spans; those of the last stage.
    pub subset: Subset,
    /// The projection of the subspace, where one was trained.
    pub projection: Option<String>,
    /// Name of the data set.
    pub data: String,
    /// Name of the model.
    pub model: String,
    /// What the stages before the last one learned; empty where the subset is fixed.
    pub chain: Chain,
    /// The incumbent at the end: weights (k), not genes, so that both learners' networks are kept bit for bit; or, in a subspace,
    /// coordinates (d).
    pub weights: Vec<f32>,
    /// Stage of the evaluation with the least validation loss: so many links of the chain come before its weights.
    pub stage_best_by_validation: u64,
    /// The incumbent of that evaluation, of its stage.
    pub weights_best_by_validation: Vec<f32>,
}

impl Genome {
    /// Writes the file, in the place of one that stands there.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Record`] if the weights do not fit the subset.
    pub fn write(&self, path: &Path) -> Result<()> {
        self.check(path)?;
        let subset = serde_json::to_string(&self.subset)
            .map_err(|error| Error::record(path, format!("the subset cannot be JSON: {error}")))?;
        let mut contents = Contents::default();
        let format = if self.projection.is_some() { FORMAT_SUBSPACE } else { FORMAT };
        for (name, text) in [
            ("format", format.to_string()),
            ("seed", self.seed.to_string()),
            ("configuration", self.configuration.clone()),
            ("subset", subset),
            ("data", self.data.clone()),
            ("model", self.model.clone()),
        ] {
            contents.metadata.insert(name.to_string(), text);
        }
        if let Some(projection) = &self.projection {
            contents.metadata.insert("projection".to_string(), projection.clone());
        }
        for (name, trained) in self.arrays() {
            contents.arrays.insert(name.to_string(), Array::F32(trained.clone()));
        }
        if !self.chain.is_empty() {
            let mut chain = State::default();
            chain.nest(CHAIN, self.chain.save());
            contents.arrays.append(&mut chain.arrays);
            contents.metadata.insert(STAGE_BEST.to_string(), self.stage_best_by_validation.to_string());
        }
        sealed::write(path, &contents)
    }

    /// Reads a file and checks all of it.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Record`] if the file is damaged, of another format, or does not fit together.
    pub fn read(path: &Path) -> Result<Self> {
        let mut contents = sealed::read(path)?;
        let format = contents.text(path, "format")?;
        let (projection, [end, best]) = match format {
            FORMAT => (None, WEIGHTS),
            FORMAT_SUBSPACE => (Some(contents.text(path, "projection")?.to_string()), COORDINATES),
            _ => {
                let message = format!("its format is `{format}`, expected `{FORMAT}` or `{FORMAT_SUBSPACE}`");
                return Err(Error::record(path, message));
            }
        };
        let number = |name: &str, text: &str| {
            text.parse().map_err(|_| Error::record(path, format!("{name} `{text}` is no whole number")))
        };
        let arrays = State { arrays: std::mem::take(&mut contents.arrays) };
        let chain = Chain::load(&arrays.inner(CHAIN)).map_err(|error| Error::record(path, error.to_string()))?;
        contents.arrays = arrays.arrays;
        let genome = Genome {
            seed: number("seed", contents.text(path, "seed")?)?,
            configuration: contents.text(path, "configuration")?.to_string(),
            subset: serde_json::from_str(contents.text(path, "subset")?)
                .map_err(|error| Error::record(path, format!("subset: {error}")))?,
            projection,
            data: contents.text(path, "data")?.to_string(),
            model: contents.text(path, "model")?.to_string(),
            stage_best_by_validation: match chain.len() {
                0 => 0,
                _ => number(STAGE_BEST, contents.text(path, STAGE_BEST)?)?,
            },
            chain,
            weights: contents.take_f32s(path, end)?,
            weights_best_by_validation: contents.take_f32s(path, best)?,
        };
        genome.check(path)?;
        Ok(genome)
    }

    /// The arrays and their names.
    fn arrays(&self) -> [(&'static str, &Vec<f32>); 2] {
        let [end, best] = if self.projection.is_some() { COORDINATES } else { WEIGHTS };
        [(end, &self.weights), (best, &self.weights_best_by_validation)]
    }

    fn check(&self, path: &Path) -> Result<()> {
        let k = self.subset.size;
        let [(end, trained), (best, of_best)] = self.arrays();
        let d = trained.len();
        if self.projection.is_some() && !(1..=k).contains(&d) {
            let message = format!("`{end}` has {d} values: a subspace of the subset's {k} weights has 1 to {k}");
            return Err(Error::record(path, message));
        }
        let (expected, what) = if self.projection.is_some() { (d, "subspace has") } else { (k, "subset trains") };
        let at_best = match self.stage_best_by_validation {
            stage if stage == self.chain.len() => Some(expected),
            stage => self.chain.links().nth(stage as usize).map(<[f32]>::len),
        };
        let Some(at_best) = at_best else {
            let (stage, last) = (self.stage_best_by_validation, self.chain.len());
            return Err(Error::record(path, format!("{STAGE_BEST} is {stage}, but the last stage is {last}")));
        };
        for (name, values, expected) in [(end, trained, expected), (best, of_best, at_best)] {
            if values.len() != expected {
                let message = format!("`{name}` has {} values, but the {what} {expected}", values.len());
                return Err(Error::record(path, message));
            }
        }
        let (mut gene, mut position) = (Some(0), 0);
        for span in &self.subset.spans {
            if span.length == 0 || gene != Some(span.gene) || span.position < position {
                let (name, at) = (&span.parameter, span.offset);
                let message =
                    format!("subset: the span of `{name}` at {at} is empty, out of order or overlaps another");
                return Err(Error::record(path, message));
            }
            gene = span.gene.checked_add(span.length);
            position = span.position.saturating_add(span.length);
        }
        if gene != Some(k) {
            return Err(Error::record(path, format!("subset: its size is {k}, but its spans hold another number")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::ParameterKind;
    use crate::subset::Span;

    fn span(gene: usize, position: usize, length: usize) -> Span {
        let (parameter, layer) = ("conv1.weight".to_string(), "conv1".to_string());
        let kind = ParameterKind::ConvWeight;
        Span { parameter, layer, kind, filter: 0, offset: position, length, gene, position, fan_in: 9 }
    }

    fn example(spans: Vec<Span>, size: usize) -> Genome {
        Genome {
            seed: u64::MAX,
            configuration: "[campaign]\nname = \"q\"\n".to_string(),
            subset: Subset { name: "some".to_string(), size, spans },
            projection: None,
            data: "fashion".to_string(),
            model: "conv2".to_string(),
            chain: Chain::default(),
            stage_best_by_validation: 0,
            weights: vec![0.1; size],
            weights_best_by_validation: vec![-0.0; size],
        }
    }

    #[test]
    fn spans_that_do_not_fit_together_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("g");
        example(vec![span(0, 4, 2), span(2, 6, 3)], 5).write(&path).unwrap();
        for (spans, size) in [
            (vec![span(0, 4, 2), span(2, 5, 3)], 5),
            (vec![span(0, 4, 2), span(3, 6, 2)], 5),
            (vec![span(1, 4, 4)], 5),
            (vec![span(0, 4, 0), span(0, 4, 5)], 5),
            (vec![span(0, 4, 2), span(2, usize::MAX, usize::MAX)], 5),
            (vec![span(0, 4, 4)], 5),
            (vec![], 5),
        ] {
            let message = example(spans, size).write(&path).unwrap_err().to_string();
            assert!(message.contains("subset: "), "{message}");
        }
        let mut short = example(vec![span(0, 4, 5)], 5);
        short.weights_best_by_validation.pop();
        let message = short.write(&path).unwrap_err().to_string();
        assert!(message.contains("`weights_best_by_validation` has 4 values, but the subset trains 5"), "{message}");
    }

    #[test]
    fn coordinates_of_a_subspace_are_kept_under_their_own_names_and_number_at_most_the_weights() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("g");
        let mut genome = example(vec![span(0, 4, 5)], 5);
        genome.projection = Some("dense".to_string());
        (genome.weights, genome.weights_best_by_validation) = (vec![1.5, -0.0], vec![2.5, f32::MIN_POSITIVE]);
        genome.write(&path).unwrap();
        let contents = sealed::read(&path).unwrap();
        assert_eq!(contents.text(&path, "format").unwrap(), "subevo-genome-2");
        assert_eq!(contents.arrays["coordinates"], Array::F32(vec![1.5, -0.0]));
        assert_eq!(Genome::read(&path).unwrap(), genome);
        genome.weights_best_by_validation.pop();
        let message = genome.write(&path).unwrap_err().to_string();
        assert!(message.contains("`coordinates_best_by_validation` has 1 values, but the subspace has 2"), "{message}");
        for trained in [vec![], vec![0.0; 6]] {
            (genome.weights, genome.weights_best_by_validation) = (trained.clone(), trained);
            let message = genome.write(&path).unwrap_err().to_string();
            assert!(message.contains("a subspace of the subset's 5 weights has 1 to 5"), "{message}");
        }
    }

    #[test]
    fn an_unharmed_file_with_wrong_contents_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("g");
        example(vec![span(0, 4, 5)], 5).write(&path).unwrap();
        let good = sealed::read(&path).unwrap();
        let refusal = |change: &dyn Fn(&mut Contents)| {
            let mut contents = good.clone();
            change(&mut contents);
            sealed::write(&path, &contents).unwrap();
            Genome::read(&path).unwrap_err().to_string()
        };
        let set = |name: &'static str, text: &'static str| {
            move |contents: &mut Contents| drop(contents.metadata.insert(name.to_string(), text.to_string()))
        };
        let put = |array: Array| {
            move |contents: &mut Contents| drop(contents.arrays.insert("weights".to_string(), array.clone()))
        };
        assert!(refusal(&set("format", "subevo-genome-3")).contains("`subevo-genome-3`, expected `subevo-genome-1`"));
        assert!(refusal(&set("format", "subevo-genome-2")).contains("no `projection`"));
        assert!(refusal(&set("seed", "-1")).contains("seed `-1`"));
        assert!(refusal(&set("subset", "{}")).contains("subset: missing field"));
        assert!(refusal(&put(Array::F32(vec![0.0; 6]))).contains("`weights` has 6 values, but the subset trains 5"));
        assert!(refusal(&put(Array::F64(vec![0.0; 5]))).contains("`weights` is not F32"));
        assert!(refusal(&|contents| drop(contents.arrays.remove("weights"))).contains("no tensor `weights`"));
        assert!(refusal(&|contents| drop(contents.metadata.remove("model"))).contains("no `model`"));
    }
}
