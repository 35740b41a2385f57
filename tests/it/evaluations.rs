//! Rules of evaluation on losses whose noise is known: growth, races, what is told, costs; and runs with them.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use serde_json::{json, Value as Json};
use subevo::campaign::{self, Campaign, Options, Registry};
use subevo::entry::Entries;
use subevo::error::Result;
use subevo::evaluation::{Evaluated, Evaluation, Members, Work, ENTRIES};
use subevo::record::{Record, Step};
use subevo::rng::Seed;

use crate::tables::{build, try_build};

const REGISTRY: Entries<dyn Evaluation, Option<f64>> = Entries::new("evaluation", ENTRIES);

fn rule(name: &str, params: Json) -> Box<dyn Evaluation> {
    build(&REGISTRY, name, params, &None)
}

/// What a generation came to, what it took, and who was evaluated on each batch.
struct Seen {
    evaluated: Evaluated,
    spent: Work,
    batches: Vec<Vec<usize>>,
}

impl Seen {
    fn number(&self, name: &str) -> f64 {
        self.evaluated.diagnostics.iter().find(|(other, _)| *other == name).unwrap().1
    }
}

fn evaluate(rule: &mut dyn Evaluation, n: usize, seed: Seed, loss: impl Fn(usize, usize) -> f32) -> Seen {
    let batches = RefCell::new(Vec::<Vec<usize>>::new());
    let losses = |which: &[usize], batch: usize| -> Result<Vec<f32>> {
        assert_eq!(batch, batches.borrow().len(), "one batch after another");
        batches.borrow_mut().push(which.to_vec());
        Ok(which.iter().map(|member| loss(*member, batch)).collect())
    };
    let members = Members::new(n, seed, &losses);
    let evaluated = rule.evaluate(&members).unwrap();
    assert_eq!(evaluated.losses.len(), n);
    let spent = members.spent();
    let batches = batches.into_inner();
    assert_eq!(spent, Work { members: batches.iter().map(Vec::len).sum(), batches: batches.len() });
    Seen { evaluated, spent, batches }
}

/// A standard normal number of a member on a batch of a generation.
fn normal(seed: Seed, member: usize, batch: usize) -> f32 {
    seed.index(member as u64).index(batch as u64).rng().normal()
}

#[test]
fn once_is_each_member_on_the_batch_of_the_step() {
    let seen = evaluate(&mut *rule("once", json!({})), 5, Seed::new(1), |member, _| member as f32);
    assert_eq!(seen.evaluated, Evaluated { losses: vec![0.0, 1.0, 2.0, 3.0, 4.0], diagnostics: Vec::new() });
    assert_eq!(seen.batches, [[0, 1, 2, 3, 4]]);
    assert_eq!(rule("once", json!({})).next(5), seen.spent);
}

#[test]
fn batches_grow_while_they_disagree_and_shrink_when_they_agree_again() {
    let mut rule = rule("rank-change", json!({ "most": 8 }));
    // Batches that differ by much, but alike for all members: no rank changes.
    let agree = |member: usize, batch: usize| member as f32 + [0.0, 50.0, -30.0][batch % 3];
    for generation in 0..5 {
        let seen = evaluate(&mut *rule, 20, Seed::new(generation), agree);
        assert_eq!(
            (seen.spent, seen.batches[0].len(), seen.batches[1].len()),
            (Work { members: 24, batches: 2 }, 20, 4)
        );
        assert!(seen.number("noise_level") < 0.0);
    }
    // Noise far above the differences of the members: 1.5^g batches, in whole.
    let mut used = Vec::new();
    for generation in 0..8 {
        let seed = Seed::new(100 + generation);
        let planned = rule.next(20);
        let seen = evaluate(&mut *rule, 20, seed, |member, batch| member as f32 + 1e4 * normal(seed, member, batch));
        assert!(seen.number("noise_level") > 0.0, "generation {generation}");
        let batches = seen.number("batches") as usize;
        assert_eq!((planned, seen.spent.members), (seen.spent, batches * (20 + 4)), "known before, {generation}");
        // What is told is the mean over the batches that all saw.
        let mean =
            (0..batches).map(|batch| f64::from(3.0 + 1e4 * normal(seed, 3, batch))).sum::<f64>() / batches as f64;
        assert_eq!(seen.evaluated.losses[3], mean as f32);
        used.push(batches);
    }
    assert_eq!(used, [1, 1, 2, 3, 5, 7, 8, 8]);
    assert_eq!(rule.most(20), Work { members: 8 * 24, batches: 16 });
    let agreeing: Vec<usize> = (0..9)
        .map(|generation| evaluate(&mut *rule, 20, Seed::new(generation), agree).number("batches") as usize)
        .collect();
    // 8 * 1.5^(-g/4).
    assert_eq!(agreeing, [8, 7, 6, 5, 5, 4, 4, 3, 3]);
}

#[test]
fn members_that_fail_are_not_evaluated_again_and_too_few_tell_nothing() {
    let mut rule = rule("rank-change", json!({ "again": 1.0 }));
    let failing = |member: usize, _: usize| if member < 3 { f32::NAN } else { member as f32 };
    let seen = evaluate(&mut *rule, 6, Seed::new(1), failing);
    assert_eq!(seen.batches, [vec![0, 1, 2, 3, 4, 5], vec![3, 4, 5]]);
    assert!(seen.evaluated.losses[..3].iter().all(|loss| loss.is_nan()));
    assert_eq!(seen.evaluated.losses[3..], [3.0, 4.0, 5.0]);
    for n in [1, 2] {
        let seen = evaluate(&mut *rule, n, Seed::new(1), |member, _| if member == 0 { 1.0 } else { f32::NAN });
        assert_eq!(seen.batches.len(), 1, "{n}");
    }
}

#[test]
fn one_member_that_is_far_off_twice_is_no_noise() {
    let mut rule = rule("rank-change", json!({ "again": 1.0 }));
    // Fifteen good ones in a fixed order, and one that is hopeless, each time in another way.
    let loss =
        |member: usize, batch: usize| if member == 15 { 20.0 + 6.0 * batch as f32 } else { 0.01 * member as f32 };
    for generation in 0..4 {
        let seen = evaluate(&mut *rule, 16, Seed::new(generation), loss);
        assert!(seen.number("batches") == 1.0 && seen.number("noise_level") < 0.0, "{:?}", seen.evaluated.diagnostics);
    }
}

#[test]
fn an_infinite_loss_drops_out_of_a_race_and_decides_nothing() {
    for bound in ["student", "hoeffding"] {
        let given = if bound == "student" { json!({}) } else { json!({ "bound": bound, "range": 1.0 }) };
        let loss = |member: usize, batch: usize| match (member, batch) {
            (3, 2) => f32::INFINITY,
            _ => member as f32 + 0.01 * batch as f32,
        };
        let seen = evaluate(&mut *rule("racing", given), 8, Seed::new(1), loss);
        assert!(seen.evaluated.losses[3] == f32::INFINITY, "{bound}: {:?}", seen.evaluated.losses);
        assert!(seen.batches[3..].iter().all(|batch| !batch.contains(&3)), "{bound}: it is evaluated no more");
        assert!(seen.evaluated.losses.iter().all(|loss| !loss.is_nan()), "{bound}");
    }
}

#[test]
fn a_rule_that_is_loaded_goes_on_where_the_other_stopped() {
    for name in ENTRIES.iter().map(|entry| entry.name) {
        let mut one = rule(name, json!({}));
        let noisy = |seed: Seed| move |member: usize, batch: usize| member as f32 + 30.0 * normal(seed, member, batch);
        for generation in 0..6 {
            let seed = Seed::new(generation);
            let mut other = rule(name, json!({}));
            other.load(&one.save()).unwrap();
            let seen = [&mut one, &mut other].map(|rule| evaluate(&mut **rule, 16, seed, noisy(seed)));
            assert_eq!(seen[0].evaluated, seen[1].evaluated, "{name}");
            assert_eq!((seen[0].spent, one.save()), (seen[1].spent, other.save()), "{name}");
        }
    }
}

#[test]
fn a_race_keeps_the_best_at_its_confidence_and_costs_less_than_all_batches() {
    let given = json!({ "best": 0.1, "most": 20, "confidence": 0.9 });
    let (races, n) = (300, 10);
    // Members so far apart in noise of 0.05, on batches that shift all by far more; the share of all evaluations allowed.
    for (apart, share) in [(0.02, 1.0), (0.1, 0.5)] {
        let (mut lost, mut evaluations) = (0, 0);
        for race in 0..races {
            let seed = Seed::new(race);
            let loss = |member: usize, batch: usize| {
                apart * member as f32 + 0.05 * normal(seed, member, batch) + 3.0 * normal(seed, 1000, batch)
            };
            let seen = evaluate(&mut *rule("racing", given.clone()), n, seed, loss);
            // One is sought: the best of all wins, or stays to the end.
            let least = (0..n).min_by(|a, b| seen.evaluated.losses[*a].total_cmp(&seen.evaluated.losses[*b])).unwrap();
            let stays = seen.batches.len() == 20 && seen.batches[19].contains(&0);
            lost += usize::from(least != 0 && !stays);
            assert!(seen.number("racing_dropped") < n as f64, "someone is the best");
            evaluations += seen.spent.members;
        }
        assert!(lost * 10 <= races as usize, "{apart}: {lost} of {races}");
        assert!(evaluations as f64 <= share * (races as usize * n * 20) as f64, "{apart}: {evaluations}");
    }
}

#[test]
fn bounded_losses_race_by_hoeffding_and_bernstein_as_far_as_their_intervals_reach() {
    // Losses of 0 or 1, with means 0.1 and 0.9.
    let coin = |seed: Seed| {
        move |member: usize, batch: usize| {
            let chance = if member == 0 { 0.1 } else { 0.9 };
            f32::from(u8::from(seed.index(member as u64).index(batch as u64).rng().uniform() < chance))
        }
    };
    for bound in ["hoeffding", "bernstein"] {
        let given = json!({ "best": 0.25, "most": 400, "bound": bound, "range": 1.0 });
        for race in 0..50 {
            let seed = Seed::new(race);
            let seen = evaluate(&mut *rule("racing", given.clone()), 4, seed, coin(seed));
            assert!(seen.batches.last().unwrap().contains(&0), "{bound} {race}");
            assert!(seen.batches.len() < 400, "{bound} {race}: decided before the end");
        }
    }
    // Without noise the moment is known: 2 members 0.5 apart are told apart once 2 R sqrt(ln(2 n_b / delta) / (2 t)) < 0.5,
    // with n_b = 2 * 400 and delta = 0.05: t > 8 ln(32000) = 82.99.
    let given = json!({ "best": 0.5, "most": 400, "bound": "hoeffding", "range": 1.0 });
    let seen = evaluate(&mut *rule("racing", given), 2, Seed::new(1), |member, _| 0.25 + 0.5 * member as f32);
    assert_eq!(seen.batches.len(), 83);
    assert_eq!((seen.number("racing_chosen"), seen.number("racing_dropped")), (1.0, 1.0));
}

#[test]
fn who_saw_fewer_batches_is_told_what_compares() {
    // Batches get harder for all alike: the one that drops out after five must not look better for it.
    let harder = |member: usize, batch: usize| {
        let own = [1.0, 1.0, 5.0, f32::NAN][member];
        let wobble = [0.01, -0.01, 0.0, 0.0][member] * if batch.is_multiple_of(2) { 1.0 } else { -1.0 };
        own + wobble + batch as f32
    };
    let seen = evaluate(&mut *rule("racing", json!({ "best": 0.25, "most": 8 })), 4, Seed::new(1), harder);
    assert_eq!(seen.batches[0], [0, 1, 2, 3]);
    assert_eq!(seen.batches[1], [0, 1, 2], "who failed races no more");
    assert_eq!(seen.batches[7], [0, 1], "these two are alike to the end");
    let [first, second, dropped, failed] = seen.evaluated.losses[..] else { panic!() };
    // The mean of 0, ..., 7 is 3.5.
    assert!((first - 4.5).abs() < 1e-6 && (second - 4.5).abs() < 1e-6, "{first} {second}");
    assert!((dropped - 8.5).abs() < 0.01 && failed.is_nan(), "{dropped} {failed}");
}

#[test]
fn bounds_that_need_a_range_say_so() {
    for bound in ["bernstein", "hoeffding"] {
        let problems = try_build(&REGISTRY, "racing", json!({ "bound": bound }), &None).err().unwrap();
        assert!(problems[0].contains(&format!("bound `{bound}` needs to know")), "{problems:?}");
        assert!(problems[0].contains("give `range`"), "{problems:?}");
        assert!(try_build(&REGISTRY, "racing", json!({ "bound": bound }), &Some(1.0)).is_ok());
    }
    assert!(try_build(&REGISTRY, "racing", json!({ "range": 1.0 }), &None).is_err(), "student has no range");
}

/// A campaign of one evolution under a rule; a tenth of a second.
fn campaign(evaluation: &str, budget: &str) -> Campaign {
    let text = format!(
        "campaign = {{ name = \"noise\" }}
        data = {{ name = \"synthetic\", image = 8, classes = 3, train = 200, test = 50 }}
        model = {{ name = \"conv2-bn\", channels = [2, 3] }}
        subset = {{ select = [{{ batchnorm = true }}, {{ classifier = true }}] }}
        budget = {{ {budget} }}
        [[learner]]
        name = \"evolution\"
        batch = 16
        strategy = {{ name = \"snes\", population = 8, sigma = 1.0 }}
        evaluation = {evaluation}"
    );
    Campaign::parse("noise.toml", &text, &[], &Registry::builtin(), false).unwrap()
}

/// Runs it into `folder`, stopped before each step whose number `stops` holds; the bytes of its records.
fn records(campaign: &Campaign, folder: &Path, stop_every: u64) -> String {
    let asked = Arc::new(AtomicU64::new(1));
    loop {
        let mut options = Options::new(folder);
        let asked = asked.clone();
        options.stop = Arc::new(move || asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(stop_every));
        let summary = campaign::run(campaign, &Registry::builtin(), &options, &mut ()).unwrap();
        assert_eq!(summary.failed, []);
        if !summary.stopped {
            return fs::read_to_string(summary.runs[0].join("steps.jsonl")).unwrap();
        }
    }
}

fn steps(records: &str) -> Vec<Step> {
    let of = |line: &str| match serde_json::from_str(line).unwrap() {
        Record::Step(step) => Some(step),
        _ => None,
    };
    records.lines().filter_map(of).collect()
}

#[test]
fn classes_are_told_of_the_batches_that_all_members_saw() {
    // Batches of two images: most hold one or two of three classes.
    let races = "{ name = \"racing\", most = 12, least = 3, confidence = 0.6, best = 0.25 }";
    let text = |evaluation: &str| {
        format!(
            "campaign = {{ name = \"noise\" }}
            data = {{ name = \"synthetic\", image = 8, classes = 3, train = 200, test = 50 }}
            model = {{ name = \"conv2-bn\", channels = [2, 3] }}
            subset = {{ select = [{{ batchnorm = true }}, {{ classifier = true }}] }}
            budget = {{ steps = 20 }}
            [[learner]]
            name = \"evolution\"
            batch = 2
            strategy = {{ name = \"genetic\", population = 12, selection = \"lexicase\" }}
            evaluation = {evaluation}"
        )
    };
    for evaluation in [races, GROWS] {
        let campaign = Campaign::parse("noise.toml", &text(evaluation), &[], &Registry::builtin(), false).unwrap();
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(steps(&records(&campaign, folder.path(), u64::MAX)).len(), 20);
    }
}

/// Grows as soon as one rank changes.
const GROWS: &str = "{ name = \"rank-change\", theta = 0.0, most = 4 }";

#[test]
fn a_run_that_was_stopped_often_has_the_records_of_one_that_was_not() {
    // What follows from the losses that were seen: it must differ from generation to generation.
    let races = "{ name = \"racing\", most = 12, least = 3, confidence = 0.6, best = 0.25 }";
    for (evaluation, number) in [(GROWS, "batches"), (races, "batches_mean")] {
        let campaign = campaign(evaluation, "steps = 12");
        let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let calm = records(&campaign, folders[0].path(), u64::MAX);
        assert_eq!(records(&campaign, folders[1].path(), 3), calm, "{evaluation}");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(pool.install(|| records(&campaign, folders[2].path(), u64::MAX)), calm, "{evaluation}");
        let steps = steps(&calm);
        let numbers: Vec<f64> = steps.iter().map(|step| step.diagnostics[number]).collect();
        assert!(numbers.iter().any(|other| *other != numbers[0]), "{evaluation}: {numbers:?}");
    }
}

#[test]
fn every_evaluation_is_charged_and_no_budget_is_passed() {
    let campaign_of = |budget: &str| campaign(GROWS, budget);
    let folder = tempfile::tempdir().unwrap();
    let campaign = campaign_of("steps = 12");
    let steps_of = steps(&records(&campaign, folder.path(), u64::MAX));
    let setup = &campaign.cells[0].setup;
    let learner = &setup.learners[0];
    let start = setup.start(1, None).unwrap();
    let plan = learner.plan(&start.graph, &start.subset, None, Options::new(folder.path()).limits, None);
    let (mut images, mut macs) = (0, 0);
    for step in &steps_of {
        // Eight members and four of them again, on as many other batches.
        let batches = step.diagnostics["batches"] as u64;
        images += batches * (8 + 4) * 16;
        macs += 16 * (2 * batches * plan.shared_macs + batches * (8 + 4) * plan.member_macs);
        assert_eq!((step.cost.images, step.cost.macs, step.failed), (images, macs, 0), "step {}", step.cost.step);
    }
    let grown: Vec<f64> = steps_of.iter().map(|step| step.diagnostics["batches"]).collect();
    assert!(grown.contains(&4.0), "{grown:?}");

    // A step that takes more than the one before is not begun either where it would pass the limit.
    let fourth =
        steps_of.windows(2).position(|two| two[0].diagnostics["batches"] < two[1].diagnostics["batches"]).unwrap();
    let limit = steps_of[fourth + 1].cost.images - 1;
    let found = steps(&records(&campaign_of(&format!("images = {limit}")), folder.path(), u64::MAX));
    assert_eq!(found.len(), fourth + 1, "up to the step before the growth");
    let limit = limit + 1;
    let found = steps(&records(&campaign_of(&format!("images = {limit}")), folder.path(), u64::MAX));
    assert!(found.len() >= fourth + 2, "and with one image more that one too");
}
