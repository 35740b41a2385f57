//! Each file of a registry's folder has its row, named like the file; rows are in order and say what they are.

use std::collections::BTreeSet;

use subevo::campaign::Registry;
use subevo::entry::{Entries, Entry};
use subevo::metric::{Metric, FAMILIES};

use super::{nothing_wrong, root, word};

/// A registry and the folder that its files lie in.
pub struct Kind {
    /// The word of `subevo list`.
    pub title: &'static str,
    /// Folder or file below `src`.
    folder: &'static str,
    /// Files and folders beside `mod.rs` that hold no row.
    helpers: &'static [&'static str],
    /// Files whose rows are named otherwise: several of one format, or a name with more than letters.
    families: &'static [(&'static str, &'static [&'static str])],
    /// Name, summary and reference of each row, in the order of the slice.
    pub rows: Vec<[&'static str; 3]>,
}

impl Kind {
    /// The file below `src` that holds a row.
    pub fn file_of(&self, name: &str) -> String {
        if self.folder.ends_with(".rs") {
            return self.folder.to_string();
        }
        let family = self.families.iter().find(|(_, names)| names.contains(&name)).map(|(file, _)| (*file).to_string());
        format!("{}/{}", self.folder, family.unwrap_or_else(|| format!("{}.rs", name.replace('-', "_"))))
    }

    fn expected(&self, file: &str) -> Vec<String> {
        match self.families.iter().find(|(family, _)| *family == file) {
            Some((_, names)) => names.iter().map(|name| (*name).to_string()).collect(),
            None => vec![file.trim_end_matches(".rs").replace('_', "-")],
        }
    }
}

/// What strategies share.
const STRATEGY_PARTS: [&str; 16] = [
    "breeding.rs",
    "carried.rs",
    "contract.rs",
    "cumulation.rs",
    "diagonal_and_axis.rs",
    "duels.rs",
    "fitness.rs",
    "generation.rs",
    "guarded.rs",
    "inheritance.rs",
    "matrices.rs",
    "options.rs",
    "restarts.rs",
    "samples.rs",
    "success_history.rs",
    "testing.rs",
];

/// All registries, in the order of `subevo list`.
pub fn kinds() -> Vec<Kind> {
    fn rows<T: ?Sized, C: ?Sized>(entries: &Entries<T, C>) -> Vec<[&'static str; 3]> {
        entries.entries().iter().map(|entry| [entry.name, entry.summary, entry.reference]).collect()
    }
    let kind = |title, folder, helpers, rows| Kind { title, folder, helpers, families: &[], rows };
    let Registry {
        data,
        augmentations,
        corruptions,
        models,
        inits,
        selectors,
        projections,
        strategies,
        evaluations,
        operators,
        optimizers,
        schedules,
        recipes,
        metrics,
        estimators,
        figures,
    } = Registry::builtin();
    // Each family of metrics has a folder and a slice of its own; the registry holds all of them.
    let metrics_of = |title, folder, helpers, family: usize| {
        let entries: &[Entry<dyn Metric>] = FAMILIES[family].entries;
        assert!(entries.iter().all(|entry| metrics.get(entry.name).is_some()));
        let rows = entries.iter().map(|entry| [entry.name, entry.summary, entry.reference]).collect();
        kind(title, folder, helpers, rows)
    };
    vec![
        Kind {
            families: &[
                ("cifar.rs", &["cifar10", "cifar100"]),
                ("embedded.rs", &["fashion-mnist-12k"]),
                ("idx.rs", &["fashion-mnist", "kmnist", "mnist"]),
            ],
            ..kind(
                "data",
                "data",
                &["augmentation", "batch_order.rs", "corruption", "folder.rs", "images.rs", "prepared.rs", "read.rs"],
                rows(&data),
            )
        },
        kind("augmentations", "data/augmentation", &[], rows(&augmentations)),
        kind("corruptions", "data/corruption", &[], rows(&corruptions)),
        Kind {
            families: &[
                ("lenet.rs", &["lenet", "lenet5"]),
                ("vgg_bn.rs", &["vgg11-bn", "vgg13-bn", "vgg16-bn", "vgg19-bn"]),
            ],
            ..kind("models", "model", &["features.rs", "layers.rs", "style.rs"], rows(&models))
        },
        kind("inits", "graph/init.rs", &[], rows(&inits)),
        kind(
            "subsets",
            "subset",
            &[
                "exported.rs",
                "folding.rs",
                "pattern.rs",
                "scored.rs",
                "slice.rs",
                "span.rs",
                "start.rs",
                "subspace.rs",
                "untrained.rs",
            ],
            rows(&selectors.entries),
        ),
        kind("projections", "projection", &["columns.rs"], rows(&projections)),
        kind("strategies", "strategy", &STRATEGY_PARTS, rows(&strategies)),
        kind("evaluations", "evaluation", &["bounds.rs"], rows(&evaluations)),
        kind(
            "mutations",
            "operator/mutation",
            &["chosen.rs", "normal_steps.rs", "places.rs"],
            rows(&operators.mutations),
        ),
        kind("crossovers", "operator/crossover", &[], rows(&operators.crossovers)),
        kind("selections", "operator/selection", &["shares.rs"], rows(&operators.selections)),
        kind("optimizers", "optimizer", &["schedule"], rows(&optimizers)),
        kind("schedules", "optimizer/schedule", &[], rows(&schedules)),
        Kind {
            families: &[
                (
                    "gressmann.rs",
                    &[
                        "gressmann-cnn-cifar10",
                        "gressmann-cnn-fashion-mnist",
                        "gressmann-cnn-mnist",
                        "gressmann-fc-cifar10",
                        "gressmann-fc-fashion-mnist",
                        "gressmann-fc-mnist",
                    ],
                ),
                (
                    "neuroevobench.rs",
                    &[
                        "neuroevobench-openai-es-cifar10",
                        "neuroevobench-openai-es-fashion-mnist",
                        "neuroevobench-snes-cifar10",
                        "neuroevobench-snes-fashion-mnist",
                    ],
                ),
                (
                    "rosenfeld.rs",
                    &[
                        "rosenfeld-alexnet",
                        "rosenfeld-densenet",
                        "rosenfeld-vgg",
                        "rosenfeld-wrn",
                        "rosenfeld-wrn-small-imagenet",
                    ],
                ),
            ],
            ..kind("recipes", "campaign/recipe", &[], rows(&recipes))
        },
        metrics_of("metrics of diffusion", "metric/diffusion", &["window.rs"], 0),
        metrics_of("metrics of generalisation", "metric/generalisation", &["curvature.rs", "judged.rs"], 1),
        metrics_of("metrics of information", "metric/information", &["pairs.rs", "places.rs", "testing.rs"], 2),
        metrics_of("metrics of decision regions", "metric/regions", &["images.rs", "network.rs"], 3),
        kind(
            "estimators",
            "estimator",
            &[
                "arrays.rs",
                "bootstrap.rs",
                "classified.rs",
                "codes.rs",
                "covariance.rs",
                "discrete.rs",
                "distances.rs",
                "entropies.rs",
                "es_theory.rs",
                "estimate.rs",
                "float32_loss.rs",
                "golden.rs",
                "hessian.rs",
                "lags.rs",
                "lanczos.rs",
                "line.rs",
                "logistic.rs",
                "mean_field.rs",
                "neighbours.rs",
                "permuted.rs",
                "random_signs.rs",
                "regions",
                "ridge.rs",
                "sharpness.rs",
                "steps.rs",
                "testing.rs",
                "trace.rs",
            ],
            rows(&estimators),
        ),
        kind(
            "figures",
            "plot",
            &[
                "arms.rs",
                "cases.rs",
                "cells.rs",
                "config.rs",
                "curves.rs",
                "draw",
                "figure.rs",
                "fixture.rs",
                "fixture_measured.rs",
                "font",
                "kinds.rs",
                "names.rs",
                "plane.rs",
                "theme.rs",
                "traces.rs",
            ],
            rows(&figures),
        ),
    ]
}

/// Constants of the type `Entry` that a file defines, the slice of all apart.
fn entries_defined(text: &str) -> usize {
    let code = super::code(text);
    code.match_indices(": Entry<").filter(|(at, _)| code[..*at].ends_with(word) && is_const(&code[..*at])).count()
}

fn is_const(before: &str) -> bool {
    before.rsplit_once("const ").is_some_and(|(_, name)| name.chars().all(word))
}

#[test]
fn every_file_of_a_registry_has_its_row_or_is_listed_as_a_helper() {
    let mut wrong = Vec::new();
    for kind in kinds().iter().filter(|kind| !kind.folder.ends_with(".rs")) {
        let folder = root().join("src").join(kind.folder);
        let mut expected = BTreeSet::new();
        let mut names = BTreeSet::new();
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_string();
            let place = format!("src/{}/{name}", kind.folder);
            names.insert(name.clone());
            if name == "mod.rs" {
                continue;
            }
            let helper = kind.helpers.contains(&name.as_str());
            let defined = if path.is_file() { entries_defined(&std::fs::read_to_string(&path).unwrap()) } else { 0 };
            match (helper, defined) {
                (true, 0) => {}
                (true, _) => wrong.push(format!("{place}: is listed as a helper, but defines an Entry")),
                (false, 0) => wrong.push(format!(
                    "{place}: defines no Entry: give it `pub const ENTRY`, or list it as a helper in \
                     tests/it/tidy/registries.rs"
                )),
                (false, defined) => {
                    let own = kind.expected(&name);
                    if defined != own.len() {
                        wrong.push(format!("{place}: defines {defined} entries, expected {own:?}"));
                    }
                    expected.extend(own);
                }
            }
        }
        let found: BTreeSet<String> = kind.rows.iter().map(|[name, ..]| (*name).to_string()).collect();
        for name in expected.difference(&found) {
            wrong.push(format!("src/{}/mod.rs: ENTRIES has no row `{name}`, although its file is there", kind.folder));
        }
        for name in found.difference(&expected) {
            wrong.push(format!("src/{}: the row `{name}` has no file of its name", kind.folder));
        }
        let listed = kind.helpers.iter().copied().chain(kind.families.iter().map(|(file, _)| *file));
        wrong.extend(
            listed.filter(|name| !names.contains(*name)).map(|name| format!("src/{}/{name}: is gone", kind.folder)),
        );
    }
    nothing_wrong(wrong);
}

#[test]
fn rows_are_in_alphabetical_order_and_well_described() {
    let mut wrong = Vec::new();
    for kind in kinds() {
        for pair in kind.rows.windows(2) {
            let ([first, ..], [second, ..]) = (pair[0], pair[1]);
            if first >= second {
                wrong.push(format!("{}: `{first}` stands before `{second}` in ENTRIES", kind.title));
            }
        }
        for [name, summary, reference] in kind.rows {
            let place = format!("{}: `{name}`", kind.title);
            let kebab = name
                .split('-')
                .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()));
            if !kebab {
                wrong.push(format!("{place}: the name must be words of a-z and 0-9 with `-` between them"));
            }
            for (what, text) in [("summary", summary), ("reference", reference)] {
                if text.trim() != text || text.is_empty() || text.contains('\n') || text.len() > 120 {
                    wrong.push(format!("{place}: the {what} must be one line of 1 to 120 bytes, without a full stop"));
                }
                if text.ends_with('.') && !text.ends_with("al.") {
                    wrong.push(format!("{place}: the {what} must end without a full stop"));
                }
            }
        }
    }
    nothing_wrong(wrong);
}
