//! The whole comparison: every pair of learners in every cell, at every moment, in every number that is asked for.

use std::collections::BTreeSet;

use super::arms::{groups, Arm, Group};
use super::asked::{check, measured, Asked};
use super::block::Block;
use super::moment::{moments, At, Moment};
use super::question::Question;
use super::row::Row;
use crate::error::{Error, Result};
use crate::params::{did_you_mean, list_names};
use crate::record::{Method, RunRecords};
use crate::stats::holm;

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Two learners in one cell each.
    pub blocks: Vec<Block>,
    /// Tests in the family that p-values are corrected for: all rows that have a pair.
    pub family: usize,
    /// What was left out and why, a sentence each.
    pub notes: Vec<String>,
}

impl Comparison {
    /// The most pairs that a row has.
    pub fn most_pairs(&self) -> usize {
        self.rows().map(|row| row.paired.n).max().unwrap_or(0)
    }

    /// The fewest pairs that a row with a pair has.
    pub fn fewest_pairs(&self) -> usize {
        self.rows().map(|row| row.paired.n).filter(|n| *n > 0).min().unwrap_or(0)
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.blocks.iter().flat_map(|block| &block.rows)
    }
}

/// Compares learners, paired by seed, subset, background and whatever else cells differ in. Runs that are not finished are
/// left out and noted.
///
/// # Errors
/// [`Error::Config`] if the question has no meaning (a level without its moment, a baseline or a number that no run has), if
/// the runs of a campaign have no pair, if runs of one cell do not begin with the same network, if a run is there twice; and if
/// something is left out where [`Question::strict`] is set.
pub fn compare(runs: &[RunRecords], question: &Question) -> Result<Comparison> {
    question.check()?;
    let groups = groups(runs)?;
    check_baseline(&groups, question.baseline.as_deref())?;
    let measured = measured(runs.iter());
    check(&question.asked, &measured)?;
    let asked = if question.asked.is_empty() { Asked::defaults() } else { question.asked.clone() };

    let (mut blocks, mut notes, mut unpaired) = (Vec::new(), Vec::new(), Vec::new());
    let mut paired_campaigns: BTreeSet<&str> = BTreeSet::new();
    for group in &groups {
        let pairs = pairs_of_arms(group, question.baseline.as_deref());
        if pairs.is_empty() {
            unpaired.push((group, lonely(group, &groups, question.baseline.as_deref())));
        }
        let moments: Vec<Moment> = question.at.iter().flat_map(|at| moments_of(group, *at, &question.levels)).collect();
        let mut has_pair = false;
        for (first, second) in pairs {
            let block = Block::of(group, [first, second]);
            if block.seeds.is_empty() {
                unpaired.push((group, block.without_pairs()));
                continue;
            }
            has_pair = true;
            let of_pair = [first, second].into_iter().flat_map(|arm| &arm.runs);
            let in_pair = of_pair.filter(|run| block.seeds.contains(&run.header.seed));
            paired_campaigns.extend(in_pair.map(|run| run.header.campaign.as_str()));
            notes.extend(block.left_out());
            blocks.push(block.filled([first, second], &moments, &asked));
        }
        if has_pair && question.at.contains(&At::Loss) && !moments.iter().any(|moment| moment.at() == At::Loss) {
            notes.push(no_loss(group));
        }
    }
    let whys = |of: &dyn Fn(&Group<'_>) -> bool| {
        let mut whys: Vec<&str> = unpaired.iter().filter(|(group, _)| of(group)).map(|(_, why)| why.as_str()).collect();
        whys.dedup();
        whys.join("\n  ")
    };
    if blocks.is_empty() {
        return Err(Error::Config(format!("there is no pair to compare:\n  {}", whys(&|_| true))));
    }
    for campaign in runs.iter().map(|run| run.header.campaign.as_str()).collect::<BTreeSet<_>>() {
        if !paired_campaigns.contains(campaign) {
            let of = |group: &Group<'_>| group.runs().iter().any(|run| run.header.campaign == campaign);
            let message = format!("no run of campaign `{campaign}` can be paired:\n  {}", whys(&of));
            return Err(Error::Config(message));
        }
    }
    notes.extend(unpaired.into_iter().map(|(_, why)| why));
    let incomplete = blocks.iter().any(Block::leaves_out) || groups.iter().any(|group| lacks_pair(group, &blocks));
    if question.strict && incomplete {
        return Err(Error::Config(format!(
            "not all runs can be paired, and --strict asks for it:\n  {}",
            notes.join("\n  ")
        )));
    }
    blocks.retain(|block| !block.rows.is_empty());
    Ok(correct(Comparison { blocks, family: 0, notes }))
}

/// Whether a cell's learners are in no block.
fn lacks_pair(group: &Group<'_>, blocks: &[Block]) -> bool {
    let of_cell = || blocks.iter().filter(|block| block.cell == group.cell).flat_map(|block| &block.learners);
    group.arms.iter().any(|arm| !of_cell().any(|label| *label == arm.label))
}

/// Fills in the corrected p-values.
fn correct(mut comparison: Comparison) -> Comparison {
    let p: Vec<f64> = comparison.rows().map(|row| row.paired.wilcoxon.p).collect();
    comparison.family = p.iter().filter(|p| !p.is_nan()).count();
    let rows = comparison.blocks.iter_mut().flat_map(|block| &mut block.rows);
    rows.zip(holm(&p)).for_each(|(row, p_holm)| row.p_holm = p_holm);
    comparison
}

fn check_baseline(groups: &[Group<'_>], baseline: Option<&str>) -> Result<()> {
    let labels: BTreeSet<&str> = groups.iter().flat_map(|group| &group.arms).map(|arm| arm.label.as_str()).collect();
    match baseline.filter(|baseline| !labels.contains(baseline)) {
        None => Ok(()),
        Some(baseline) => {
            let meant = did_you_mean(baseline, labels.iter().copied()).map(|meant| format!("; {meant}"));
            let names = list_names(labels);
            Err(Error::Config(format!(
                "no learner is called `{baseline}`: expected {names}{}",
                meant.unwrap_or_default()
            )))
        }
    }
}

/// Which learners of a cell are compared: the second is taken from the first.
fn pairs_of_arms<'g, 'a>(group: &'g Group<'a>, baseline: Option<&str>) -> Vec<(&'g Arm<'a>, &'g Arm<'a>)> {
    let arms = || group.arms.iter();
    let pair = |first: &'g Arm<'a>, second: &'g Arm<'a>| match baseline {
        Some(baseline) => first.label != baseline && second.label == baseline,
        None => first.method == Method::Evolution && second.method == Method::Backprop,
    };
    arms().flat_map(|first| arms().map(move |second| (first, second))).filter(|(a, b)| pair(a, b)).collect()
}

/// Why a cell has no two learners to compare, and which cell comes closest.
fn lonely(group: &Group<'_>, groups: &[Group<'_>], baseline: Option<&str>) -> String {
    let wanted = match baseline {
        Some(baseline) => format!("`{baseline}` and another learner"),
        None => "an evolution and a backprop learner".to_string(),
    };
    let both = |other: &&Group<'_>| {
        let serves = |arm: &Arm<'_>| match baseline {
            Some(baseline) => group.arms.iter().any(|own| (own.label == baseline) != (arm.label == baseline)),
            None => group.arms.iter().any(|own| own.method != arm.method),
        };
        other.cell != group.cell && other.arms.iter().any(serves)
    };
    let nearest = groups.iter().filter(both).min_by_key(|other| group.cell.differences(&other.cell).len());
    let more = nearest.map_or(String::new(), |other| {
        format!(
            "; the closest cell has {} and differs in {}",
            other.learners(),
            group.cell.differences(&other.cell).join(", ")
        )
    });
    let hint = match (baseline, nearest) {
        (None, None) if group.arms.len() > 1 => "; --baseline LABEL compares all with one of them",
        _ => "",
    };
    format!("{}: {wanted} are needed, and there is only {}{more}{hint}", group.cell, group.learners())
}

fn moments_of(group: &Group<'_>, at: At, levels: &[f64]) -> Vec<Moment> {
    match levels {
        [] => moments(&group.runs(), at),
        levels => levels.iter().map(|level| Moment::of(at, *level)).collect(),
    }
}

/// Why a cell has no matched loss.
fn no_loss(group: &Group<'_>) -> String {
    let runs = group.runs();
    let initial = runs.iter().filter_map(|run| run.evaluations.first()).map(|first| first.scores.train.loss);
    let least = initial.fold(f64::INFINITY, f64::min);
    let last = |run: &&RunRecords| run.end.as_ref().map_or(f64::NEG_INFINITY, |end| end.last.train.loss);
    // NaN is the worst of all in this order.
    let worst = runs.iter().copied().max_by(|a, b| last(a).total_cmp(&last(b))).expect("a group has a run");
    format!(
        "{}: no training loss can be matched, for seed {} of {} ended with {:.3} nats, and the least loss before training is \
         {least:.3}",
        group.cell,
        worst.header.seed,
        worst.header.learner,
        last(&worst)
    )
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{campaign, measure, run, short};
    use super::super::quantity::Plain;
    use super::*;
    use crate::record::{Background, Reading};

    const SIX: [(f64, f64); 6] = [(0.5, 0.6), (0.52, 0.64), (0.55, 0.58), (0.49, 0.7), (0.6, 0.61), (0.4, 0.65)];

    fn at_end(text: &str) -> Question {
        Question { at: vec![At::End], asked: vec![Asked::parse(text).unwrap()], ..Question::default() }
    }

    fn told(runs: &[RunRecords], question: &Question) -> String {
        compare(runs, question).unwrap_err().to_string()
    }

    #[test]
    fn evolution_is_paired_with_backprop_by_seed() {
        let mut runs = campaign(&SIX);
        runs.reverse();
        let found = compare(&runs, &at_end("test-accuracy")).unwrap();
        let [block] = found.blocks.as_slice() else { panic!("{found:?}") };
        assert_eq!(
            (block.learners.clone(), &*block.seeds),
            (["evolution".into(), "backprop".into()], &[1, 2, 3, 4, 5, 6][..])
        );
        let row = &block.rows[0];
        let values: Vec<(f64, f64)> = row.pairs.iter().map(|(_, [a, b])| (*a, *b)).collect();
        assert_eq!(values, SIX);
        assert!((row.paired.difference + 0.72 / 6.0).abs() < 1e-12);
        assert_eq!((row.paired.wilcoxon.p, row.p_holm, found.family), (0.03125, 0.03125, 1));
        assert_eq!((found.notes.len(), found.most_pairs(), found.fewest_pairs()), (0, 6, 6));
    }

    #[test]
    fn all_tests_of_the_table_are_one_family() {
        let runs = campaign(&SIX);
        let question = Question {
            asked: vec![Asked::Plain(Plain::TestAccuracy), Asked::Plain(Plain::TestLoss)],
            ..at_end("steps")
        };
        let found = compare(&runs, &question).unwrap();
        assert_eq!((found.family, found.blocks[0].rows[0].p_holm), (2, 0.0625));
        let all = compare(&runs, &Question::default()).unwrap();
        // Five losses, five costs twice, and the end with one number more; nothing was measured.
        assert_eq!((all.family, all.blocks[0].rows.len()), (49, 49));
        assert_eq!(all.blocks[0].rows[0].p_holm, 1.0);
    }

    #[test]
    fn seeds_of_one_side_are_left_out_and_named_or_refused() {
        let mut runs = campaign(&SIX);
        runs.retain(|run| run.header.method == Method::Evolution || run.header.seed <= 3);
        runs[0].end = None;
        let found = compare(&runs, &at_end("test-accuracy")).unwrap();
        let block = &found.blocks[0];
        assert_eq!((&*block.seeds, &*block.alone[0], &*block.unfinished[0]), (&[2, 3][..], &[4, 5, 6][..], &[1][..]));
        assert_eq!(block.rows[0].paired.n, 2);
        let cell = "subset bn, background random, conv2 on digits";
        assert_eq!(
            found.notes,
            [
                format!("{cell}: seeds 4, 5, 6 of evolution left out, which backprop does not have"),
                format!("{cell}: seed 1 of evolution not finished, left out")
            ]
        );
        let strict = told(&runs, &Question { strict: true, ..at_end("test-accuracy") });
        assert!(strict.contains("--strict") && strict.contains("seeds 4, 5, 6 of evolution left out"), "{strict}");
        let even = campaign(&SIX);
        assert!(compare(&even, &Question { strict: true, ..at_end("test-accuracy") }).is_ok());
    }

    #[test]
    fn runs_that_never_reach_a_loss_are_counted() {
        let runs = campaign(&SIX);
        let question = Question { at: vec![At::Loss], levels: vec![0.8, 1.0], ..at_end("test-accuracy") };
        let found = compare(&runs, &question).unwrap();
        let rows = &found.blocks[0].rows;
        // Evolution ends with 1.0, backprop with 0.5.
        assert_eq!((rows[0].paired.n, rows[0].never_reached, rows[1].paired.n), (0, [6, 0], 6));
        assert!(rows[0].p_holm.is_nan() && found.family == 1);
        assert_eq!((rows[0].absent(), rows[1].absent()), ([6, 0], [0, 0]));
    }

    #[test]
    fn a_matched_loss_compares_other_steps_than_the_end() {
        let mut runs = Vec::new();
        for seed in 1..=2 {
            runs.push(run("evolution", Method::Evolution, seed, &[(0, 2.0, 0.1), (4, 1.0, 0.5), (9, 1.0, 0.6)]));
            runs.push(run("backprop", Method::Backprop, seed, &[(0, 2.0, 0.1), (2, 0.9, 0.45), (5, 0.1, 0.9)]));
        }
        let question = Question { at: vec![At::Loss, At::End], ..at_end("test-accuracy") };
        let found = compare(&runs, &question).unwrap();
        let differences: Vec<f64> = found.blocks[0].rows.iter().map(|row| row.paired.difference).collect();
        assert_eq!(differences.len(), 6);
        for (found, expected) in differences.iter().zip([0.05, 0.05, 0.05, 0.05, 0.05, -0.3]) {
            assert!((found - expected).abs() < 1e-12, "{differences:?}");
        }
        // The networks are not at the level itself, and the row says where they are.
        let reached: Vec<[f64; 2]> = found.blocks[0].rows.iter().map(|row| row.reached).collect();
        assert_eq!(reached[4], [1.0, 0.9]);
        assert!(reached[5].iter().all(|x| x.is_nan()));
    }

    #[test]
    fn where_nothing_was_learned_the_note_says_who_did_not() {
        let runs =
            [short("evolution", Method::Evolution, 1, 2.5, 0.1), short("backprop", Method::Backprop, 1, 0.5, 0.6)];
        let found = compare(&runs, &Question { at: vec![At::Loss, At::End], ..at_end("test-loss") }).unwrap();
        assert_eq!(found.blocks[0].rows.len(), 1);
        assert!(found.notes[0]
            .contains("seed 1 of evolution ended with 2.500 nats, and the least loss before training is 2.000"));
    }

    #[test]
    fn cells_are_compared_by_themselves_and_one_without_a_partner_is_noted() {
        let mut runs = campaign(&SIX[..2]);
        for run in campaign(&SIX[..1]) {
            let mut run = run;
            run.header.background = Background::Zero;
            runs.push(run);
        }
        assert_eq!(compare(&runs, &at_end("test-loss")).unwrap().blocks.len(), 2);
        runs.pop();
        let found = compare(&runs, &at_end("test-loss")).unwrap();
        assert_eq!(found.blocks.len(), 1);
        let note = "subset bn, background zero, conv2 on digits: an evolution and a backprop learner are needed, and there is \
                    only evolution (evolution); the closest cell has evolution (evolution), backprop (backprop) and differs in \
                    background zero against random";
        assert_eq!(found.notes, [note]);
        assert!(told(&runs, &Question { strict: true, ..at_end("test-loss") }).contains(note));
    }

    #[test]
    fn without_a_pair_the_error_says_why() {
        let mut evolution: Vec<RunRecords> =
            campaign(&SIX).into_iter().filter(|run| run.header.method == Method::Evolution).collect();
        let alone = told(&evolution, &at_end("test-loss"));
        assert!(alone.ends_with("there is only evolution (evolution)"), "{alone}");
        evolution.extend([1, 2].map(|seed| short("snes", Method::Evolution, seed, 0.8, 0.5)));
        let two = told(&evolution, &at_end("test-loss"));
        assert!(two.contains("only evolution (evolution), snes (evolution); --baseline LABEL"), "{two}");
        let mut runs = campaign(&SIX[..2]);
        runs.remove(0);
        runs.remove(2);
        let apart = told(&runs, &at_end("test-loss"));
        assert!(
            apart.contains("no finished seed in common: evolution alone has seed 2, backprop alone has seed 1"),
            "{apart}"
        );
        assert!(told(&[], &at_end("test-loss")).contains("no pair"));
    }

    #[test]
    fn a_campaign_that_meets_no_other_is_refused_with_what_differs() {
        let mut runs = campaign(&SIX);
        let mut other = short("more", Method::Evolution, 1, 1.0, 0.45);
        (other.header.campaign, other.header.data) = ("second".to_string(), "fashion".to_string());
        runs.push(other);
        let error = told(&runs, &at_end("test-loss"));
        assert!(error.starts_with("no run of campaign `second` can be paired:"), "{error}");
        assert!(error.contains("data fashion against digits"), "{error}");
        // Of the same cell it is another learner, with the one seed that it has.
        runs[12].header.data = "digits".to_string();
        let found = compare(&runs, &at_end("test-loss")).unwrap();
        assert_eq!((&found.blocks[1].learners[0], &*found.blocks[1].seeds), (&"more".to_string(), &[1][..]));
    }

    #[test]
    fn a_baseline_is_taken_from_all_others() {
        let mut runs = campaign(&SIX[..2]);
        runs.extend([1, 2].map(|seed| short("sgd", Method::Backprop, seed, 0.4, 0.9)));
        let found = compare(&runs, &Question { baseline: Some("sgd".to_string()), ..at_end("test-accuracy") }).unwrap();
        let learners: Vec<_> = found.blocks.iter().map(|block| block.learners.clone()).collect();
        assert_eq!(learners, [["evolution", "sgd"], ["backprop", "sgd"]].map(|pair| pair.map(str::to_string)));
        assert!((found.blocks[0].rows[0].paired.difference + 0.39).abs() < 1e-12);
        let error = told(&runs, &Question { baseline: Some("sdg".to_string()), ..at_end("test-accuracy") });
        assert_eq!(error, "no learner is called `sdg`: expected `backprop`, `evolution` or `sgd`; did you mean `sgd`?");
    }

    #[test]
    fn readings_are_compared_where_both_have_them_and_counted_where_one_lacks_them() {
        let mut runs = campaign(&SIX[..3]);
        for (i, run) in runs.iter_mut().enumerate() {
            if i != 1 {
                let value = if i == 3 { f64::INFINITY } else { i as f64 };
                measure(run, 8, "radii", Reading::new("median", value, "sd", 5).of("random"));
            }
            let of = if i % 2 == 0 { "here" } else { "there" };
            measure(run, 8, "radii", Reading::new("only", 1.0, "sd", 5).of(of));
        }
        let found = compare(&runs, &at_end("radii")).unwrap();
        let [row] = found.blocks[0].rows.as_slice() else { panic!("{found:?}") };
        assert_eq!((row.quantity.to_string(), row.unit.as_str()), ("radii.median:of=random".to_string(), "sd"));
        assert_eq!((row.paired.n, row.not_measured, row.not_finite), (1, [0, 1], [0, 1]));
        assert_eq!(row.pairs, [(3, [4.0, 5.0])]);
        // It is a headline, so that it is compared without being asked for.
        let all = compare(&runs, &Question { at: vec![At::End], ..Question::default() }).unwrap();
        assert!(all.blocks[0].rows.iter().any(|row| row.quantity.to_string() == "radii.median:of=random"));
        assert_eq!(all.blocks[0].rows.len(), 5);
    }

    #[test]
    fn questions_without_a_meaning_are_refused() {
        let runs = campaign(&SIX);
        let levels = |at: &[At], levels: &[f64]| {
            told(&runs, &Question { at: at.to_vec(), levels: levels.to_vec(), ..at_end("steps") })
        };
        assert!(levels(&[At::End], &[0.5]).contains("levels need one moment"));
        assert!(levels(&[At::Loss, At::Macs], &[0.5]).contains("levels need one moment"));
        assert_eq!(levels(&[At::Loss], &[-1.0]), "level -1: must be a number above 0");
        assert!(levels(&[At::Loss], &[f64::NAN]).contains("must be a number"));
        assert!(levels(&[], &[]).contains("no moment is asked for"));
    }
}
