//! Lange, Tang & Tian 2023, NeuroEvoBench: the tuned settings of OpenES and SNES for image classification, 128 members.
//!
//! From the tuned configurations of the public code; both begin at zero (`init = "zeros"`), so sigma is absolute. There
//! OpenES stops shrinking its sigma and rate at lower limits, which `openai-es` does not have. For CIFAR-10 the budget is the
//! 2,500 generations of the benchmark; a stored configuration of the search says 5,000.

use super::Recipe;
use crate::entry::Entry;
use crate::record::Method;

pub(super) const OPENAI_ES_CIFAR10: Entry<Recipe> = Entry {
    name: "neuroevobench-openai-es-cifar10",
    summary:
        "OpenAI-ES of 128 members, sigma 0.027, Adam 0.034, both x 0.999; batch 128, 2,500 steps; `init = \"zeros\"`",
    reference: "Lange et al. 2023, NeuroEvoBench",
    build: |_, ()| {
        Ok(Box::new(Recipe {
            method: Method::Evolution,
            keys: "batch = 128
strategy = { name = \"openai-es\", population = 128, sigma = 0.027, sigma_decay = 0.999, lr = 0.034, lr_decay = 0.999 }
budget = { steps = 2_500 }",
        }))
    },
};

pub(super) const OPENAI_ES_FASHION_MNIST: Entry<Recipe> = Entry {
    name: "neuroevobench-openai-es-fashion-mnist",
    summary:
        "OpenAI-ES of 128 members, sigma 0.098, Adam 0.008, both x 0.999; batch 1,024, 4,000 steps; `init = \"zeros\"`",
    reference: "Lange et al. 2023, NeuroEvoBench",
    build: |_, ()| {
        Ok(Box::new(Recipe {
            method: Method::Evolution,
            keys: "batch = 1024
strategy = { name = \"openai-es\", population = 128, sigma = 0.098, sigma_decay = 0.999, lr = 0.008, lr_decay = 0.999 }
budget = { steps = 4_000 }",
        }))
    },
};

pub(super) const SNES_CIFAR10: Entry<Recipe> = Entry {
    name: "neuroevobench-snes-cifar10",
    summary: "SNES of 128 members, sigma 0.127; batch 128, 2,500 steps; for `init = \"zeros\"`",
    reference: "Lange et al. 2023, NeuroEvoBench",
    build: |_, ()| {
        Ok(Box::new(Recipe {
            method: Method::Evolution,
            keys: "batch = 128
strategy = { name = \"snes\", population = 128, sigma = 0.127 }
budget = { steps = 2_500 }",
        }))
    },
};

pub(super) const SNES_FASHION_MNIST: Entry<Recipe> = Entry {
    name: "neuroevobench-snes-fashion-mnist",
    summary: "SNES of 128 members, sigma 0.03; batch 1,024, 4,000 steps; for `init = \"zeros\"`",
    reference: "Lange et al. 2023, NeuroEvoBench",
    build: |_, ()| {
        Ok(Box::new(Recipe {
            method: Method::Evolution,
            keys: "batch = 1024
strategy = { name = \"snes\", population = 128, sigma = 0.03 }
budget = { steps = 4_000 }",
        }))
    },
};
