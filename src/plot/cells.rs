//! Cuts the runs of campaigns into cells, for figures that show one cell each.

use super::arms::is_full;
use crate::record::{Method, RunRecords};

/// The cells of some runs, each with a name for a file: empty where there is only one cell. To each are added the runs of
/// other cells in which backprop trained all weights of the same model on the same data, to compare with; such runs of one
/// learner have no cell of their own then.
pub(super) fn cells(runs: &[RunRecords]) -> Vec<(String, Vec<RunRecords>)> {
    let key = |run: &RunRecords| (run.header.campaign.clone(), run.header.cell.clone());
    let mut keys: Vec<(String, String)> = runs.iter().map(key).collect();
    keys.sort_unstable();
    keys.dedup();
    let of = |wanted: &(String, String)| runs.iter().filter(|run| key(run) == *wanted).collect::<Vec<&RunRecords>>();
    let several = |wanted: &(String, String)| {
        let learners: Vec<&str> = of(wanted).iter().map(|run| run.header.learner.as_str()).collect();
        learners.iter().any(|learner| *learner != learners[0])
    };
    let reference = |wanted: &(String, String)| {
        of(wanted).iter().all(|run| is_full(run) && run.header.method == Method::Backprop) && !several(wanted)
    };
    let (references, shown): (Vec<_>, Vec<_>) = keys.iter().cloned().partition(reference);
    let shown = if shown.is_empty() { references } else { shown };
    let campaigns = shown.iter().any(|(campaign, _)| *campaign != shown[0].0);
    let cell = |wanted: &(String, String)| {
        let mut own: Vec<RunRecords> = of(wanted).into_iter().cloned().collect();
        let like = |run: &&RunRecords| {
            let (a, b) = (&run.header, &own[0].header);
            is_full(run)
                && a.method == Method::Backprop
                && (&a.model, &a.data, a.background) == (&b.model, &b.data, b.background)
        };
        let more: Vec<RunRecords> = match own.iter().all(is_full) {
            true => Vec::new(),
            false => runs.iter().filter(|run| key(run) != *wanted).filter(like).cloned().collect(),
        };
        own.extend(more);
        let words = match (shown.len() > 1, campaigns) {
            (false, _) => String::new(),
            (true, true) => format!("{} {}", wanted.0, wanted.1),
            (true, false) => wanted.1.clone(),
        };
        (slug(&words), own)
    };
    shown.iter().map(cell).collect()
}

/// A text as part of a file name: letters, digits and dots stay, all else becomes single hyphens.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for letter in text.chars() {
        match letter.is_alphanumeric() || letter == '.' {
            true => slug.push(letter),
            false if slug.is_empty() || slug.ends_with('-') => {}
            false => slug.push('-'),
        }
    }
    slug.trim_end_matches('-').to_string()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::run;
    use super::*;
    use crate::record::Background;

    #[test]
    fn full_training_goes_to_each_cell_and_has_none_of_its_own() {
        let mut runs = Vec::new();
        for (subset, k) in [("bn", 48), ("classifier", 5_130), ("all", 20_490)] {
            for method in [Method::Evolution, Method::Backprop] {
                if k < 20_490 || method == Method::Backprop {
                    runs.push(run(method, Background::Random, (subset, k), 1));
                }
            }
        }
        let found = cells(&runs);
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["background-random-subset-bn", "background-random-subset-classifier"]);
        let sizes = |i: usize| found[i].1.iter().map(|run| run.header.subset_size).collect::<Vec<_>>();
        assert_eq!((sizes(0), sizes(1)), (vec![48, 48, 20_490], vec![5_130, 5_130, 20_490]));
        let alone = cells(&runs[4..]);
        assert_eq!((alone.len(), alone[0].0.as_str(), alone[0].1.len()), (1, "", 1));
    }

    #[test]
    fn names_of_files_have_no_odd_letters() {
        assert_eq!(slug("a/../b = c\"d' 0.25+σ "), "a-..-b-c-d-0.25-σ");
        assert_eq!(slug("///"), "");
    }
}
