//! Sorts runs into cells, and those of a cell by learner: what can be paired.

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::num::grouped;
use crate::record::{Background, Evaluation, Method, RunRecords};

/// What runs must share to be paired, besides the seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Name of the data set.
    pub data: String,
    /// Name of the model.
    pub model: String,
    /// Label of the subset.
    pub subset: String,
    /// What stands outside the subset.
    pub background: Background,
    /// Weights that the subspace spans, where one is trained.
    pub subset_weights: Option<u64>,
    /// What else the grid varies, as in `lr=0.1`.
    pub axes: Vec<String>,
}

/// The runs of one learner in a cell.
pub(super) struct Arm<'a> {
    /// Its label, with its campaign's name before it where several campaigns have such a learner.
    pub label: String,
    pub method: Method,
    /// By seed, each once.
    pub runs: Vec<&'a RunRecords>,
}

/// A cell and its learners, evolution first.
pub(super) struct Group<'a> {
    pub cell: Cell,
    pub arms: Vec<Arm<'a>>,
}

impl Cell {
    /// The cell of a run.
    pub fn of(run: &RunRecords) -> Self {
        let header = &run.header;
        // Data, model, subset and background are known by their names, so that a cell of a grid meets one without a grid.
        let known = |word: &&str| {
            let value = word.split_once('=').map_or("", |(_, value)| value);
            [&*header.data, &*header.model, &*header.subset, header.background.name()].contains(&value)
        };
        Cell {
            data: header.data.clone(),
            model: header.model.clone(),
            subset: header.subset.clone(),
            background: header.background,
            subset_weights: header.subset_weights,
            axes: header.cell.split_whitespace().filter(|word| !known(word)).map(str::to_string).collect(),
        }
    }

    /// What tells it from another cell, as in `data digits against fashion`.
    pub(super) fn differences(&self, other: &Cell) -> Vec<String> {
        let size = |cell: &Cell| cell.subset_weights.map_or("none".to_string(), |size| format!("of {}", grouped(size)));
        let axes = |cell: &Cell| if cell.axes.is_empty() { "nothing".to_string() } else { cell.axes.join(" ") };
        let background = |cell: &Cell| cell.background.name().to_string();
        let parts = [
            ("data", self.data.clone(), other.data.clone()),
            ("model", self.model.clone(), other.model.clone()),
            ("subset", self.subset.clone(), other.subset.clone()),
            ("background", background(self), background(other)),
            ("subspace", size(self), size(other)),
            ("grid", axes(self), axes(other)),
        ];
        parts.into_iter().filter(|(_, a, b)| a != b).map(|(what, a, b)| format!("{what} {a} against {b}")).collect()
    }
}

/// As in `subset bn, background random, conv2 on digits, lr=0.1`.
impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "subset {}, background {}, {} on {}", self.subset, self.background.name(), self.model, self.data)?;
        self.axes.iter().try_for_each(|axis| write!(f, ", {axis}"))
    }
}

/// The runs by cell and learner, in the order of the runs.
///
/// # Errors
/// [`Error::Config`] if a learner has a seed twice in a cell, if two campaigns hold the same run, or if cells of one name hold
/// different networks.
pub(super) fn groups(runs: &[RunRecords]) -> Result<Vec<Group<'_>>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for run in runs {
        let (cell, label) = (Cell::of(run), label(runs, run));
        let at = groups.iter().position(|group| group.cell == cell).unwrap_or_else(|| {
            groups.push(Group { cell, arms: Vec::new() });
            groups.len() - 1
        });
        let arms = &mut groups[at].arms;
        let method = run.header.method;
        let at = arms.iter().position(|arm| arm.label == label && arm.method == method).unwrap_or_else(|| {
            arms.push(Arm { label, method, runs: Vec::new() });
            arms.len() - 1
        });
        arms[at].runs.push(run);
    }
    for group in &mut groups {
        group.arms.sort_by_key(|arm| arm.method);
        group.arms.iter_mut().for_each(|arm| arm.runs.sort_by_key(|run| run.header.seed));
        group.check()?;
    }
    Ok(groups)
}

/// The learner's label, with its campaign's name before it where several campaigns have such a learner.
fn label(runs: &[RunRecords], of: &RunRecords) -> String {
    let same = runs.iter().filter(|run| run.header.learner == of.header.learner);
    let campaigns: BTreeSet<&str> = same.map(|run| run.header.campaign.as_str()).collect();
    match campaigns.len() {
        1 => of.header.learner.clone(),
        _ => format!("{}/{}", of.header.campaign, of.header.learner),
    }
}

impl<'a> Group<'a> {
    /// All runs of the cell.
    pub fn runs(&self) -> Vec<&'a RunRecords> {
        self.arms.iter().flat_map(|arm| arm.runs.iter().copied()).collect()
    }

    /// The learners with what they are, as in `a (evolution), b (backprop)`.
    pub fn learners(&self) -> String {
        let words: Vec<String> = self.arms.iter().map(|arm| format!("{} ({})", arm.label, arm.method.name())).collect();
        words.join(", ")
    }

    fn check(&self) -> Result<()> {
        let told = |message: String| Err(Error::Config(format!("{}: {message}", self.cell)));
        for arm in &self.arms {
            if let Some(twice) = arm.runs.windows(2).find(|pair| pair[0].header.seed == pair[1].header.seed) {
                let seed = twice[0].header.seed;
                return told(format!(
                    "learner `{}` has seed {seed} twice: name the runs that belong together",
                    arm.label
                ));
            }
        }
        let runs = self.runs();
        for (i, run) in runs.iter().enumerate() {
            for other in &runs[..i] {
                if same_run(run, other) {
                    let (a, b) = (&run.header, &other.header);
                    return told(format!(
                        "seed {} of learner `{}` is the same run in campaigns `{}` and `{}`, which would count it twice: \
                         name one of them, or the folders of single runs",
                        a.seed, a.learner, b.campaign, a.campaign
                    ));
                }
                if let Some(difference) = different_networks(run, other) {
                    let (a, b) = (&run.header, &other.header);
                    return told(format!(
                        "the runs cannot be paired, for they do not begin with the same network: seed {} of `{}` (campaign \
                         `{}`) and seed {} of `{}` (campaign `{}`) have {difference}; compare them one campaign at a time",
                        b.seed, b.learner, b.campaign, a.seed, a.learner, a.campaign
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Whether two campaigns hold one run: all that was recorded but the name is equal.
fn same_run(a: &RunRecords, b: &RunRecords) -> bool {
    let (x, y) = (&a.header, &b.header);
    x.campaign != y.campaign
        && (x.seed, x.method, &x.algorithm) == (y.seed, y.method, &y.algorithm)
        && a.steps == b.steps
        && a.evaluations == b.evaluations
        && a.end == b.end
}

/// What shows that two runs of a cell do not begin with the same network, if anything does. Of one seed they must have the
/// same score before training, but for what another kind of processor rounds differently.
fn different_networks(a: &RunRecords, b: &RunRecords) -> Option<String> {
    let (x, y) = (&a.header, &b.header);
    if x.parameters_total != y.parameters_total {
        let [y, x] = [y, x].map(|header| grouped(header.parameters_total));
        return Some(format!("{y} and {x} weights"));
    }
    if x.classes != y.classes {
        return Some(format!("{} and {} classes", y.classes, x.classes));
    }
    if x.seed != y.seed {
        return None;
    }
    if x.subset_size != y.subset_size {
        let [y, x] = [y, x].map(|header| grouped(header.subset_size));
        return Some(format!("{y} and {x} trained numbers"));
    }
    let start = |run: &'_ RunRecords| run.evaluations.first().filter(|first| first.cost.step == 0).cloned();
    let (first, other) = (start(b)?, start(a)?);
    let images = |at: &Evaluation| [at.scores.train, at.scores.validation, at.scores.test].map(|score| score.images);
    if images(&first) != images(&other) {
        return Some(format!("{:?} and {:?} training, validation and test images", images(&first), images(&other)));
    }
    let (one, two) = (first.scores.train.loss, other.scores.train.loss);
    let near = (one - two).abs() <= 1e-3 * one.abs() || one.is_nan() && two.is_nan();
    (!near).then(|| format!("training losses of {one:.4} and {two:.4} nats before training"))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{campaign, short};
    use super::*;

    #[test]
    fn a_cell_of_a_grid_meets_one_without_a_grid() {
        let mut runs = campaign(&[(0.5, 0.6)]);
        runs[0].header.cell = "background=random subset=bn".to_string();
        assert_eq!(groups(&runs).unwrap().len(), 1);
        runs[0].header.cell = "background=random lr=0.1".to_string();
        let found = groups(&runs).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].cell.to_string(), "subset bn, background random, conv2 on digits, lr=0.1");
        assert_eq!(found[0].cell.differences(&found[1].cell), ["grid lr=0.1 against nothing"]);
    }

    #[test]
    fn learners_of_one_name_are_told_apart_by_their_campaign() {
        let mut runs = campaign(&[(0.5, 0.6)]);
        let mut other = short("evolution", Method::Evolution, 1, 0.9, 0.55);
        other.header.campaign = "second".to_string();
        runs.push(other);
        let found = groups(&runs).unwrap();
        let labels: Vec<&str> = found[0].arms.iter().map(|arm| arm.label.as_str()).collect();
        assert_eq!(labels, ["first/evolution", "second/evolution", "backprop"]);
    }

    #[test]
    fn the_same_run_in_two_campaigns_is_refused() {
        let mut runs = campaign(&[(0.5, 0.6)]);
        let mut again = runs[0].clone();
        again.header.campaign = "second".to_string();
        runs.push(again.clone());
        let told = groups(&runs).err().unwrap().to_string();
        assert!(
            told.contains("seed 1 of learner `evolution` is the same run in campaigns `first` and `second`"),
            "{told}"
        );
        runs[2].header.campaign = "first".to_string();
        let told = groups(&runs).err().unwrap().to_string();
        assert!(told.contains("learner `evolution` has seed 1 twice"), "{told}");
    }

    #[test]
    fn runs_that_begin_with_other_networks_are_refused() {
        type Change = fn(&mut RunRecords);
        let changes: [(Change, &str); 5] = [
            (|run| run.header.parameters_total = 1_234, "99 and 1,234 weights"),
            (|run| run.header.classes = 2, "10 and 2 classes"),
            (|run| run.header.subset_size = 8, "9 and 8 trained numbers"),
            (
                |run| run.evaluations[0].scores.train.loss = 2.1,
                "training losses of 2.0000 and 2.1000 nats before training",
            ),
            (|run| run.evaluations[0].scores.test.images = 7, "[100, 100, 100] and [100, 100, 7] training, validation"),
        ];
        for (change, expected) in changes {
            let mut runs = campaign(&[(0.5, 0.6)]);
            change(&mut runs[1]);
            let told = groups(&runs).err().unwrap().to_string();
            assert!(told.contains(expected) && told.contains("do not begin with the same network"), "{told}");
        }
        // Another processor rounds differently, and another seed draws another start and perhaps another subset.
        let mut runs = campaign(&[(0.5, 0.6), (0.5, 0.6)]);
        runs[1].evaluations[0].scores.train.loss *= 1.000_1;
        runs[2].header.subset_size = 8;
        runs[3].header.subset_size = 8;
        runs[2].evaluations[0].scores.train.loss = 3.0;
        runs[3].evaluations[0].scores.train.loss = 3.0;
        assert_eq!(groups(&runs).unwrap()[0].arms.len(), 2);
    }
}
