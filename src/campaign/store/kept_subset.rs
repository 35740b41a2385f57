//! The subset that a run began with, kept where another machine might choose another one.

use std::path::Path;

use super::sealed::{self, Contents};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::subset::Subset;

/// What the metadata call the format.
const FORMAT: &str = "subevo-subset-1";
const FILE: &str = "subset.safetensors";

/// Writes the file into a run's folder: safetensors without a tensor, with the metadata `format`, `subset` (JSON) and `digest`.
///
/// # Errors
/// [`Error::Io`].
pub(super) fn write(folder: &Path, subset: &Subset) -> Result<()> {
    let path = &folder.join(FILE);
    let json = serde_json::to_string(subset).map_err(|error| Error::record(path, error.to_string()))?;
    let mut contents = Contents::default();
    contents.metadata.insert("format".to_string(), FORMAT.to_string());
    contents.metadata.insert("subset".to_string(), json);
    sealed::write(path, &contents)
}

/// The subset that the run in a folder keeps, if it does.
///
/// # Errors
/// [`Error::Io`]; [`Error::Record`] if it is damaged, of another format, or of another network.
pub fn read(folder: &Path, graph: &Graph) -> Result<Option<Subset>> {
    let path = &folder.join(FILE);
    if !path.exists() {
        return Ok(None);
    }
    let contents = sealed::read(path)?;
    let format = contents.text(path, "format")?;
    if format != FORMAT {
        return Err(Error::record(path, format!("its format is `{format}`, expected `{FORMAT}`")));
    }
    let subset: Subset = serde_json::from_str(contents.text(path, "subset")?)
        .map_err(|error| Error::record(path, format!("subset: {error}")))?;
    let total = graph.parameter_count();
    let inside = subset.spans.iter().all(|span| span.position.checked_add(span.length).is_some_and(|end| end <= total));
    if !inside || Subset::from_marks(&*subset.name, graph, &subset.marks(total))? != subset {
        return Err(Error::record(path, "it is a subset of another network"));
    }
    Ok(Some(subset))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::GraphBuilder;

    fn graph(inputs: usize) -> Graph {
        let (mut g, x) = GraphBuilder::new([1, 1, inputs]);
        let x = g.flatten(x, "flatten").unwrap();
        let y = g.linear(x, "fc", 2, true).unwrap();
        g.finish(y).unwrap()
    }

    #[test]
    fn a_kept_subset_comes_back_and_fits_no_other_network() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert_eq!(read(path, &graph(5)).unwrap(), None);
        let marks: Vec<bool> = (0..12).map(|i| i % 5 > 1).collect();
        let subset = Subset::from_marks("some", &graph(5), &marks).unwrap();
        write(path, &subset).unwrap();
        assert_eq!(read(path, &graph(5)).unwrap(), Some(subset));
        for other in [4, 6] {
            let message = read(path, &graph(other)).unwrap_err().to_string();
            assert!(message.ends_with("it is a subset of another network"), "{message}");
        }
    }
}
