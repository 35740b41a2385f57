//! Ha 2017, `mnist_es`: OpenAI-ES on all 11,274 weights of `conv2`, on MNIST.
//!
//! The notebook has 101 members without pairs, a fixed sigma of 0.01 on weights that begin at zero (`init = "zeros"`), and
//! 300 epochs in batches of 1,000. Its update is a plain gradient step of 0.001 on standardised rewards, less 0.1 times the mean
//! square of a member's weights; here it is Adam on ranks. So the population is 100, and `lr` is left to the user: a rate
//! of the one means nothing to the other.

use super::Recipe;
use crate::entry::Entry;
use crate::record::Method;

pub(super) const ENTRY: Entry<Recipe> = Entry {
    name: "ha-openai-es",
    summary:
        "OpenAI-ES of 100 members, sigma 0.01, batch 1,000, 300 epochs; for `init = \"zeros\"`; `lr` is left to you",
    reference: "Ha 2017, mnist_es",
    build: |_, ()| {
        Ok(Box::new(Recipe {
            method: Method::Evolution,
            keys: "batch = 1000
strategy = { name = \"openai-es\", population = 100, sigma = 0.01 }
budget = { epochs = 300 }",
        }))
    },
};
