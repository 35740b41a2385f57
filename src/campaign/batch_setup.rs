//! `batch` and `sampling` of a learner, as they are written: how many images make a batch, and how they are drawn.

use crate::data::{BatchOrder, Sampling};
use crate::error::Result;
use crate::params::{Node, Params, Value};
use crate::rng::Seed;

/// Images of a batch by default.
const BATCH: u64 = 128;

/// The word for a batch of all training images.
const ALL: &str = "all";

/// Batches of a learner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct BatchSetup {
    /// Images of a batch.
    pub size: usize,
    /// How they are drawn.
    pub sampling: Sampling,
}

impl BatchSetup {
    /// Reads `batch`, a number of images or "all", and `sampling`, which may be left out; nothing is resolved then, so that the
    /// configurations of runs from before there was a choice are the same. `images` is how many there are to train on.
    pub(super) fn read(params: &Params<'_>, images: Option<u64>) -> Self {
        // Where no image is left for training, that is the problem, and not the batch.
        let images = images.filter(|images| *images > 0);
        let most = images.unwrap_or(i64::MAX as u64);
        let written = params.raw("batch").map(|node| &node.value);
        let all = matches!(written, Some(Value::Text(word)) if word == ALL);
        let size = match written {
            Some(Value::Text(_)) if all => {
                params.resolve("batch", Value::Text(ALL.to_string()));
                images.unwrap_or(BATCH)
            }
            Some(Value::Text(word)) => {
                let message =
                    format!("`{}.batch` = \"{word}\": must be an integer, 1 to {most}, or \"{ALL}\"", params.path());
                params.problem("batch", message, None);
                BATCH.min(most)
            }
            _ => params.integer("batch", Some(BATCH.min(most)), 1..=most),
        };
        let chosen = params.has("sampling").then(|| params.choice("sampling", None, &Sampling::NAMES));
        if chosen.is_none() {
            let _: Option<&Node> = params.raw("sampling");
        }
        let replaced = chosen == Some("replacement");
        if all && replaced {
            let message = "a batch of all images cannot be drawn with replacement: it would miss a third of them";
            params.problem("sampling", message, Some("leave `sampling` out, or give `batch` a number".to_string()));
        }
        let sampling = match (all, replaced) {
            (true, _) => Sampling::All,
            (false, true) => Sampling::Replacement,
            (false, false) => Sampling::Epochs,
        };
        BatchSetup { size: size as usize, sampling }
    }

    /// The order of the batches of a run on `images` training images.
    ///
    /// # Errors
    /// If a batch is larger than that.
    pub(super) fn order(self, images: usize, seed: u64) -> Result<BatchOrder> {
        Ok(BatchOrder::new(images, self.size, Seed::new(seed).child("batch"))?.sampled(self.sampling))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{read_table, resolved::to_toml, toml, Origin, Problems};

    fn read(text: &str) -> (BatchSetup, String, Vec<String>) {
        let problems = Problems::default();
        let table = toml::parse(text, &problems);
        let (setup, resolved) =
            read_table(&table, Origin::Default, "learner", &problems, |params| BatchSetup::read(params, Some(900)));
        (setup, to_toml(&resolved), problems.into_vec().into_iter().map(|problem| problem.message).collect())
    }

    #[test]
    fn what_is_left_out_is_resolved_as_before_there_was_a_choice() {
        let by_epochs = |size| BatchSetup { size, sampling: Sampling::Epochs };
        assert_eq!(read(""), (by_epochs(128), "batch = 128\n".to_string(), vec![]));
        assert_eq!(read("batch = 32"), (by_epochs(32), "batch = 32\n".to_string(), vec![]));
        let written = "batch = 32\nsampling = \"epochs\"\n";
        assert_eq!(read(written), (by_epochs(32), written.to_string(), vec![]));
    }

    #[test]
    fn all_images_and_draws_with_replacement_are_understood() {
        let all = BatchSetup { size: 900, sampling: Sampling::All };
        assert_eq!(read("batch = \"all\""), (all, "batch = \"all\"\n".to_string(), vec![]));
        assert_eq!(all.order(900, 1).unwrap().indices(3).len(), 900);
        let (setup, _, told) = read("sampling = \"replacement\"");
        assert_eq!((setup.sampling, told.len()), (Sampling::Replacement, 0));
        assert_ne!(setup.order(900, 1).unwrap().indices(0), setup.order(900, 2).unwrap().indices(0));
    }

    #[test]
    fn other_words_and_contradictions_are_told() {
        let told = |text| read(text).2;
        assert_eq!(told("batch = \"al\""), ["`learner.batch` = \"al\": must be an integer, 1 to 900, or \"all\""]);
        assert_eq!(told("batch = 901").len(), 1);
        assert!(told("batch = \"all\"\nsampling = \"replacement\"")[0].contains("cannot be drawn with replacement"));
        assert!(told("sampling = \"all\"")[0].contains("must be"));
    }
}
