//! Sorts runs into cases: the runs of one learner on one subset before one background, which differ in the seed alone.

use std::collections::{BTreeMap, BTreeSet};

use super::figure::{Axis, Category, Role, Scale};
use crate::num::{grouped, mean};
use crate::record::{Background, Method, RunRecords};

/// The runs of one learner on one subset before one background.
pub(super) struct Case<'a> {
    /// Index of its subset.
    pub subset: usize,
    /// Its background.
    pub background: Background,
    /// Index of its learner.
    pub learner: usize,
    /// Its runs, by seed.
    pub runs: Vec<&'a RunRecords>,
}

/// A learner, told apart by its label and by what the grid varies besides subset and background.
pub(super) struct Learner {
    /// What the legend says.
    pub label: String,
    /// Its colour.
    pub role: Role,
    /// Whether it has the hue for itself.
    pub alone: bool,
}

/// All cases of some runs.
pub(super) struct Cases<'a> {
    /// The subsets, the smallest first.
    pub subsets: Vec<Category>,
    /// The backgrounds that occur.
    pub backgrounds: Vec<Background>,
    /// The learners, evolution first.
    pub learners: Vec<Learner>,
    /// The cases, by subset, background and learner.
    pub cases: Vec<Case<'a>>,
}

impl<'a> Cases<'a> {
    /// Sorts `runs`.
    pub(super) fn of(runs: &'a [RunRecords]) -> Self {
        let mut sizes: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for header in runs.iter().map(|run| &run.header) {
            let k = header.subset_size;
            let (least, most) = sizes.entry(&header.subset).or_insert((k, k));
            (*least, *most) = (k.min(*least), k.max(*most));
        }
        let mut sizes: Vec<(&str, (u64, u64))> = sizes.into_iter().collect();
        sizes.sort_by_key(|&(name, (least, most))| (least, most, name));

        let labels = labels(runs);
        let keys: BTreeSet<(Method, &str)> =
            runs.iter().zip(&labels).map(|(run, label)| (run.header.method, label.as_str())).collect();
        let keys: Vec<(Method, &str)> = keys.into_iter().collect();
        let learners = keys.iter().enumerate().map(|(i, &(method, label))| {
            let shade = keys[..i].iter().filter(|key| key.0 == method).count();
            let alone = keys.iter().filter(|key| key.0 == method).count() == 1;
            Learner { label: label.to_string(), role: Role::Learner(method, shade), alone }
        });

        let mut cases: BTreeMap<(usize, Background, usize), Vec<&RunRecords>> = BTreeMap::new();
        for (run, label) in runs.iter().zip(&labels) {
            let subset = sizes.iter().position(|size| size.0 == run.header.subset).expect("every subset is listed");
            let key = (run.header.method, label.as_str());
            let learner = keys.binary_search(&key).expect("every learner is listed");
            cases.entry((subset, run.header.background, learner)).or_default().push(run);
        }
        let backgrounds: BTreeSet<Background> = cases.keys().map(|key| key.1).collect();
        let case = |((subset, background, learner), mut runs): (_, Vec<&'a RunRecords>)| {
            runs.sort_by_key(|run| run.header.seed);
            Case { subset, background, learner, runs }
        };
        Cases {
            subsets: sizes.into_iter().map(category).collect(),
            backgrounds: backgrounds.into_iter().collect(),
            learners: learners.collect(),
            cases: cases.into_iter().map(case).collect(),
        }
    }
}

/// One label for each run: the learner's, and in brackets model and data where there are several, and those axes of the
/// grid that vary where subset, background, learner, model and data are the same.
fn labels(runs: &[RunRecords]) -> Vec<String> {
    let several = |of: fn(&RunRecords) -> &str| runs.iter().map(of).collect::<BTreeSet<_>>().len() > 1;
    let (models, data) = (several(|run| &run.header.model), several(|run| &run.header.data));
    let mut words: BTreeMap<_, BTreeSet<&str>> = BTreeMap::new();
    for header in runs.iter().map(|run| &run.header) {
        for word in header.cell.split_whitespace() {
            let shown = (&header.subset, header.background, &header.learner, &header.model, &header.data);
            words.entry((shown, axis_of(word))).or_default().insert(word);
        }
    }
    let varied: BTreeSet<&str> =
        words.into_iter().filter(|(_, words)| words.len() > 1).map(|((_, axis), _)| axis).collect();
    let label = |run: &RunRecords| {
        let header = &run.header;
        let mut more: Vec<&str> = Vec::new();
        more.extend(models.then_some(header.model.as_str()));
        more.extend(data.then_some(header.data.as_str()));
        more.extend(header.cell.split_whitespace().filter(|word| varied.contains(axis_of(word))));
        match more.is_empty() {
            true => header.learner.clone(),
            false => format!("{} ({})", header.learner, more.join(", ")),
        }
    };
    runs.iter().map(label).collect()
}

/// The `lr` of `lr=0.1`.
fn axis_of(word: &str) -> &str {
    word.split('=').next().unwrap_or(word)
}

fn category((name, (least, most)): (&str, (u64, u64))) -> Category {
    let note = match least == most {
        true => format!("k = {}", grouped(least)),
        false => format!("k = {} to {}", grouped(least), grouped(most)),
    };
    Category { name: name.to_string(), note }
}

/// Model and data of the runs, for a title: `conv2-bn on fashion-mnist`.
pub(super) fn setting(runs: &[RunRecords]) -> String {
    let all = |of: fn(&RunRecords) -> &str| {
        let names: BTreeSet<&str> = runs.iter().map(of).collect();
        names.into_iter().collect::<Vec<_>>().join(", ")
    };
    format!("{} on {}", all(|run| &run.header.model), all(|run| &run.header.data))
}

/// Test accuracies of the finished runs of a case.
pub(super) fn finals(case: &Case<'_>) -> Vec<f64> {
    let values = case.runs.iter().filter_map(|run| Some(run.end.as_ref()?.last.test.accuracy));
    values.filter(|accuracy| accuracy.is_finite()).collect()
}

/// What a caption says of runs that have not ended; empty where all have.
pub(super) fn unfinished(runs: &[RunRecords]) -> String {
    match runs.iter().filter(|run| run.end.is_none()).count() {
        0 => String::new(),
        1 => " 1 unfinished run is left out.".to_string(),
        n => format!(" {n} unfinished runs are left out."),
    }
}

/// Number of seeds for a caption: `n = 3 seeds`, or `n = 1 to 3 seeds` where cases differ.
pub(super) fn seeds(counts: impl Iterator<Item = usize> + Clone) -> String {
    let (least, most) = (counts.clone().min().unwrap_or(0), counts.max().unwrap_or(0));
    match (least, most) {
        (1, 1) => "n = 1 seed".to_string(),
        _ if least == most => format!("n = {most} seeds"),
        _ => format!("n = {least} to {most} seeds"),
    }
}

/// The level of chance, where all runs have the same number of classes and tell it.
pub(super) fn chance(runs: &[RunRecords]) -> Option<f64> {
    let classes = runs.first()?.header.classes;
    (classes > 0 && runs.iter().all(|run| run.header.classes == classes)).then(|| 1.0 / classes as f64)
}

/// Mean accuracy on test images at step 0 over the runs of some cases.
pub(super) fn untrained<'a>(cases: impl Iterator<Item = &'a Case<'a>>) -> Option<f64> {
    let runs = cases.flat_map(|case| &case.runs);
    let start = runs.filter_map(|run| run.evaluations.iter().find(|evaluation| evaluation.cost.step == 0));
    let values: Vec<f64> = start.map(|evaluation| evaluation.scores.test.accuracy).collect();
    Some(mean(&values)).filter(|mean| mean.is_finite())
}

/// An axis of accuracy that holds all `values`, with its ends at whole tenths. Values that are not finite are passed over.
pub(super) fn accuracy_axis(label: &str, values: impl Iterator<Item = f64>) -> Axis {
    let (mut low, mut high) = (1.0f64, 0.0f64);
    for value in values.filter(|value| value.is_finite()) {
        (low, high) = (low.min(value), high.max(value));
    }
    if low > high {
        (low, high) = (0.0, 1.0);
    }
    // A little room, so that no line runs along the frame.
    let low = ((low - 0.01) * 10.0).floor().clamp(0.0, 9.0);
    let high = ((high + 0.01) * 10.0).ceil().clamp(low + 1.0, 10.0);
    Axis { label: label.to_string(), scale: Scale::Percent, range: [low / 10.0, high / 10.0] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accuracy_axis_ends_at_tenths_around_its_values() {
        let range = |values: &[f64]| accuracy_axis("", values.iter().copied()).range;
        assert_eq!(range(&[0.15, f64::NAN, 0.62]), [0.1, 0.7]);
        assert_eq!(range(&[0.1, 0.1]), [0.0, 0.2]);
        assert_eq!(range(&[1.0]), [0.9, 1.0]);
        assert_eq!(range(&[f64::NAN]), [0.0, 1.0]);
    }

    #[test]
    fn seeds_are_counted_in_words() {
        assert_eq!(seeds([1, 1].into_iter()), "n = 1 seed");
        assert_eq!(seeds([3, 3].into_iter()), "n = 3 seeds");
        assert_eq!(seeds([3, 2].into_iter()), "n = 2 to 3 seeds");
    }
}
