//! IPOP and BIPOP around a strategy that stops after three generations: members, champions, records across a restart.

use std::sync::Arc;

use serde_json::json;
use subevo::entry::{Entries, Entry};
use subevo::error::Result;
use subevo::operator::{Operators, Population, Progress};
use subevo::rng::Seed;
use subevo::state::State;
use subevo::strategy::{Generation, Strategy, StrategyContext, ENTRIES};
use subevo::subset::Subset;

use crate::tables::{build, try_build};

const ASKED: Entries<dyn Strategy, StrategyContext> = Entries::new("strategy", ENTRIES);

/// Members are `sigma` times normals, whatever was told; it deploys the best of the last generation.
struct Brief {
    n: usize,
    sigma: f32,
    told: u64,
    incumbent: Vec<f32>,
}

impl Strategy for Brief {
    fn population(&self) -> usize {
        self.n
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let mut genes = vec![0.0; self.n * self.incumbent.len()];
        now.seed.rng().fill_normal(&mut genes);
        genes.iter_mut().for_each(|gene| *gene *= self.sigma);
        Ok(Population::from_genes(genes, self.incumbent.len()))
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        assert_eq!((asked.len(), losses.len()), (self.n, self.n), "it is told of its own members alone");
        let best = (0..self.n).min_by(|a, b| losses[*a].total_cmp(&losses[*b])).unwrap();
        (self.told, self.incumbent) = (self.told + 1, asked.member(best).to_vec());
        Ok(())
    }

    fn incumbent(&self) -> &[f32] {
        &self.incumbent
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        vec![("sigma", f64::from(self.sigma))]
    }

    fn stop(&self) -> Option<String> {
        (self.told == 3).then(|| "three generations".to_string())
    }

    fn save(&self) -> State {
        let mut state = State::default();
        state.put_u64("brief.told", &[self.told]);
        state.put_f32("brief.incumbent", &self.incumbent);
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        self.incumbent = state.f32s("brief.incumbent", self.incumbent.len())?.to_vec();
        self.told = state.u64s("brief.told", 1)?[0];
        Ok(())
    }
}

fn context(k: usize) -> StrategyContext {
    let mut strategies = ASKED.clone();
    strategies.add(Entry {
        name: "brief",
        summary: "stops after three generations",
        reference: "this test",
        build: |params, context| {
            let n = params.integer("population", Some(6), 2..=1000) as usize;
            let sigma = params.float("sigma", Some(0.5), subevo::params::Range::Above(0.0)) as f32;
            Ok(Box::new(Brief { n, sigma, told: 0, incumbent: vec![0.0; context.subset.size] }))
        },
    });
    let subset = Subset { name: "test".to_string(), size: k, spans: Vec::new() };
    StrategyContext {
        subset: Arc::new(subset),
        classes: 1,
        operators: Arc::new(Operators::builtin()),
        strategies,
        memory: 1 << 30,
    }
}

fn make(name: &str, params: serde_json::Value) -> Box<dyn Strategy> {
    build(&ASKED, name, params, &context(3))
}

fn loss(genes: &[f32]) -> f32 {
    genes.iter().map(|gene| (gene - 1.0).powi(2)).sum()
}

/// One generation: its members, and the incumbent after it.
fn generation(strategy: &mut dyn Strategy, step: u64) -> (Population, Vec<f32>) {
    let asked = strategy.ask(&Generation::blind(Progress { step, used: 0.0 }, Seed::new(4).index(step))).unwrap();
    strategy.tell(asked.clone(), &asked.members().map(loss).collect::<Vec<f32>>()).unwrap();
    (asked, strategy.incumbent().to_vec())
}

#[test]
fn members_double_with_each_restart_and_the_champion_and_the_incumbent_come_with_them() {
    let mut ipop = make("ipop", json!({ "inner": { "name": "brief" }, "most": 20 }));
    assert_eq!(ipop.population(), 22);
    let found: Vec<(Population, Vec<f32>)> = (0..12).map(|step| generation(&mut *ipop, step)).collect();
    let sizes: Vec<usize> = found.iter().map(|(asked, _)| asked.len()).collect();
    assert_eq!(sizes, [6, 6, 6, 14, 14, 14, 22, 22, 22, 22, 22, 22], "6, then 12 and 20 and two more");
    for step in 3..12 {
        let ((asked, after), before) = (&found[step], &found[step - 1].1);
        let n = asked.len();
        assert_eq!(asked.member(n - 2), before, "generation {step}: the champion");
        let current = asked.member(n - 1);
        let expected = if loss(current) < loss(before) { current } else { before };
        assert_eq!(after, expected, "generation {step}");
    }
    // What the first restart would deploy at its end meets the champion when the second begins.
    let best = |members: &[&[f32]]| members.iter().min_by(|a, b| loss(a).total_cmp(&loss(b))).unwrap().to_vec();
    let own: Vec<&[f32]> = found[5].0.members().take(12).collect();
    assert_eq!(found[6].0.member(21), best(&own));
    // A restart begins around the untouched network again.
    assert!(found[3].0.member(13).iter().all(|gene| *gene == 0.0));
    let losses: Vec<f32> = found.iter().map(|(_, after)| loss(after)).collect();
    assert!(losses[3..].windows(2).all(|pair| pair[1] <= pair[0]), "{losses:?}");
}

#[test]
fn equal_losses_restart_and_a_failed_champion_gives_way() {
    let mut ipop = make("ipop", json!({ "inner": { "name": "brief", "population": 4 } }));
    let asked = ipop.ask(&Generation::blind(Progress { step: 0, used: 0.0 }, Seed::new(1))).unwrap();
    ipop.tell(asked, &[1.0; 4]).unwrap();
    let asked = ipop.ask(&Generation::blind(Progress { step: 1, used: 0.0 }, Seed::new(2))).unwrap();
    assert_eq!(asked.len(), 8 + 2);
    let current = asked.member(9).to_vec();
    let mut losses: Vec<f32> = (0..10).map(|i| i as f32).collect();
    losses[8] = f32::NAN;
    ipop.tell(asked, &losses).unwrap();
    assert_eq!(ipop.incumbent(), current, "worse than any, but it has a loss");
}

#[test]
fn both_regimes_come_in_turn_and_small_ones_have_smaller_steps() {
    let mut bipop = make("bipop", json!({ "inner": { "name": "brief" } }));
    let mut sigmas = Vec::new();
    for step in 0..40 {
        generation(&mut *bipop, step);
        let told = bipop.diagnostics();
        let of = |name: &str| told.iter().find(|(found, _)| *found == name).unwrap().1;
        sigmas.push((of("restarts") as u64, of("members") as u64, of("sigma")));
    }
    sigmas.dedup();
    assert_eq!(sigmas[..2], [(0, 6, 0.5), (1, 12, 0.5)]);
    let large: Vec<u64> = sigmas.iter().filter(|(_, _, sigma)| *sigma == 0.5).map(|(_, n, _)| *n).collect();
    assert!(large.starts_with(&[6, 12, 24]), "{sigmas:?}");
    let small: Vec<f64> = sigmas.iter().filter(|(_, _, sigma)| *sigma < 0.5).map(|(_, _, sigma)| *sigma).collect();
    assert!(small.len() > 2 && small.iter().all(|sigma| *sigma >= 0.005), "{sigmas:?}");
}

#[test]
fn a_saved_run_continues_bit_for_bit_before_at_and_after_a_restart() {
    for name in ["ipop", "bipop"] {
        for pause in [0, 2, 3, 4, 7, 11] {
            let mut whole = make(name, json!({ "inner": { "name": "brief" } }));
            (0..pause).for_each(|step| drop(generation(&mut *whole, step)));
            let mut copy = make(name, json!({ "inner": { "name": "brief" } }));
            copy.load(&whole.save()).unwrap();
            for step in pause..pause + 8 {
                assert_eq!(generation(&mut *whole, step), generation(&mut *copy, step), "{name}: {pause}, {step}");
            }
            assert_eq!(whole.save(), copy.save());
        }
    }
}

#[test]
fn mistakes_name_the_inner_strategy_and_its_options() {
    let problems = |params| try_build(&ASKED, "ipop", params, &context(3)).err().unwrap();
    assert_eq!(problems(json!({ "inner": "brif" })).len(), 1);
    assert!(problems(json!({ "inner": "brif" }))[0].contains("unknown strategy `brif`"));
    assert!(problems(json!({ "inner": { "name": "brief", "size": 3 } }))[0].contains("unknown key `size`"));
    assert!(problems(json!({ "most": 5, "inner": "brief" }))[0].contains("`it.most` = 5: must be an integer, 6 to"));
    assert!(problems(json!({ "inner": "ipop" }))[0].contains("needs a strategy with a `population`"));
}

#[test]
fn what_needs_matrices_is_refused_with_their_size_where_they_do_not_fit() {
    for (name, size) in [("cma-es", "373 GiB"), ("xnes", "224 GiB")] {
        let problems = try_build(&ASKED, name, json!({}), &context(100_000)).err().unwrap();
        assert!(problems.len() == 1 && problems[0].contains(size), "{problems:?}");
        assert!(problems[0].contains("100,000 x 100,000 numbers") && problems[0].contains("1.00 GiB"), "{problems:?}");
    }
}
