//! Restarts of any strategy: what IPOP and BIPOP share.
//!
//! Whenever the inner strategy cannot go on (`stop`), or all members of a generation have the same loss, it is built anew
//! at the next `ask`, with other `population` and, for BIPOP, other `sigma`, around the untouched network again. What it had
//! reached is kept as the champion. Losses of different batches are never compared, so from the first restart on every
//! generation has two members more: the champion and the genome that the inner strategy would deploy, on the same batch;
//! the better one is the champion from then on.

use super::{Generation, Strategy, StrategyContext};
use crate::error::{Error, Result};
use crate::operator::{Needs, Population};
use crate::params::{read_named, Node, Params, Problems, Table, Value};
use crate::rng::Seed;
use crate::state::State;

/// What a restart is made with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// Members of a generation.
    pub population: u64,
    /// Share of the first step size.
    pub sigma: f64,
    /// Whether it is one of the small ones, which BIPOP has beside the large ones.
    pub small: bool,
}

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct History {
    /// Restarts, large and small.
    pub restarts: u64,
    /// Large ones.
    pub large: u64,
    /// Evaluations of large and of small restarts; the first run counts for neither.
    pub spent: [u64; 2],
    /// Evaluations of the run at work.
    pub run: u64,
    /// Evaluations of the last run that was not small.
    pub last_large: u64,
}

/// The next setting from the first, the history, the most members, and two uniform numbers.
pub type Rule = fn(first: u64, history: &History, most: u64, uniforms: [f64; 2]) -> Setting;

/// A strategy that is started again and again.
pub struct Restarts {
    name: &'static str,
    rule: Rule,
    /// The inner strategy as it was asked for.
    asked: Table,
    context: StrategyContext,
    first: u64,
    first_sigma: Option<f64>,
    most: u64,
    inner: Box<dyn Strategy>,
    setting: Setting,
    history: History,
    /// Whether the next `ask` begins with a restart.
    pending: bool,
    /// The best of all runs, from the first restart on.
    champion: Option<Vec<f32>>,
    /// What the run before the one that has just begun would deploy, until it met the champion.
    challenger: Option<Vec<f32>>,
}

impl Restarts {
    /// Reads `inner` (by default `cma-es`) and `most`, the most members of a generation (by default 16 times the first).
    ///
    /// # Errors
    /// If the inner strategy cannot be built; why stands among the problems.
    pub fn read(name: &'static str, rule: Rule, params: &Params<'_>, context: &StrategyContext) -> Result<Self> {
        let failed = || Error::Learner("the inner strategy could not be built".to_string());
        let asked = params.raw("inner").cloned().unwrap_or_else(|| Node::new(Value::Text("cma-es".to_string())));
        let built = params.named("inner", Some("cma-es"), |inner, origin, options| {
            let strategy = context.strategies.build(inner, origin, options, context)?;
            Some((strategy, options.resolved("population"), options.resolved("sigma")))
        });
        let (inner, population, sigma) = built.flatten().ok_or_else(failed)?;
        let Some(Value::Integer(first)) = population else {
            params.problem(
                "inner",
                format!("`{name}` needs a strategy with a `population`, which restarts enlarge"),
                None,
            );
            return Err(failed());
        };
        let first = first as u64;
        let most =
            params.integer("most", Some((16 * first).min(*super::POPULATION.end())), first..=*super::POPULATION.end());
        let mut table = Table::default();
        table.set("name", asked.clone());
        let asked = if let Value::Table(written) = asked.value { written } else { table };
        Ok(Restarts {
            name,
            rule,
            asked,
            context: context.clone(),
            first,
            first_sigma: if let Some(Value::Float(sigma)) = sigma { Some(sigma) } else { None },
            most,
            inner,
            setting: Setting { population: first, sigma: 1.0, small: false },
            history: History::default(),
            pending: false,
            champion: None,
            challenger: None,
        })
    }

    /// The inner strategy with a setting.
    fn build(&self, setting: Setting) -> Result<Box<dyn Strategy>> {
        let mut table = self.asked.clone();
        table.set("population", Node::new(Value::Integer(setting.population as i64)));
        if let Some(first) = self.first_sigma {
            table.set("sigma", Node::new(Value::Float(first * setting.sigma)));
        }
        let (problems, node) = (Problems::default(), Node::new(Value::Table(table)));
        let built = read_named(&node, "inner", &problems, |name, origin, params| {
            self.context.strategies.build(name, origin, params, &self.context)
        });
        let told: Vec<String> = problems.into_vec().into_iter().map(|problem| problem.message).collect();
        built.and_then(|(strategy, _)| strategy).filter(|_| told.is_empty()).ok_or_else(|| {
            let n = setting.population;
            Error::Learner(format!("strategy `{}`: cannot restart with {n} members: {}", self.name, told.join("; ")))
        })
    }

    fn restart(&mut self, seed: Seed) -> Result<()> {
        let mut history = self.history;
        history.restarts += 1;
        if self.history.restarts > 0 {
            history.spent[usize::from(self.setting.small)] += history.run;
        }
        if !self.setting.small {
            history.last_large = history.run;
        }
        history.run = 0;
        let mut rng = seed.child("restart").rng();
        let uniforms = [rng.uniform(), rng.uniform()].map(f64::from);
        let mut setting = (self.rule)(self.first, &history, self.most, uniforms);
        // Even where the first was: members may come in pairs.
        if self.first.is_multiple_of(2) {
            setting.population = setting.population / 2 * 2;
        }
        history.large += u64::from(!setting.small);
        let inner = self.build(setting)?;
        self.challenger = self.champion.is_some().then(|| self.inner.incumbent().to_vec());
        self.champion = Some(self.incumbent().to_vec());
        (self.inner, self.setting, self.history, self.pending) = (inner, setting, history, false);
        Ok(())
    }

    /// What meets the champion on a batch: what the inner strategy would deploy; when it has just begun, what the one before would.
    fn rival(&self) -> &[f32] {
        self.challenger.as_deref().unwrap_or_else(|| self.inner.incumbent())
    }

    /// Members that are no proposals of the inner strategy.
    fn extra(&self) -> usize {
        if self.champion.is_some() {
            2
        } else {
            0
        }
    }

    /// Learns from what was told; `by_class` is empty where only losses were.
    fn learn(&mut self, asked: Population, losses: &[f32], by_class: &[f32]) -> Result<()> {
        let extra = self.extra();
        if asked.len() != losses.len() || asked.len() < extra {
            // The inner strategy says what is wrong.
            return self.pass_on(asked, losses, by_class).map_err(|error| self.said(&error));
        }
        let (k, own) = (asked.size(), asked.len() - extra);
        let last = (extra > 0 && k == self.inner.incumbent().len()).then(|| self.rival().to_vec());
        let mut genes = asked.into_genes();
        genes.truncate(own * k);
        let classes = by_class.len() / losses.len().max(1);
        let told = self.pass_on(Population::from_genes(genes, k), &losses[..own], &by_class[..own * classes]);
        told.map_err(|error| self.said(&error))?;
        if let (Some(last), [champion, current]) = (last, &losses[own..]) {
            if current < champion || champion.is_nan() && !current.is_nan() {
                self.champion = Some(last);
            }
        }
        self.challenger = None;
        self.history.run += own as u64;
        let flat = losses[..own].iter().all(|loss| *loss == losses[0]);
        let over = self.setting.small && 2 * self.history.run > self.history.last_large;
        self.pending = own > 1 && flat || over || self.inner.stop().is_some();
        Ok(())
    }

    /// Tells the inner strategy, by class where that is known.
    fn pass_on(&mut self, asked: Population, losses: &[f32], by_class: &[f32]) -> Result<()> {
        if by_class.is_empty() {
            self.inner.tell(asked, losses)
        } else {
            self.inner.tell_classes(asked, losses, by_class)
        }
    }

    /// What the inner strategy said.
    fn said(&self, error: &Error) -> Error {
        Error::Learner(format!("strategy `{}`: {error}", self.name))
    }

    fn key(&self, part: &str) -> String {
        format!("{}.{part}", self.name)
    }
}

impl Strategy for Restarts {
    fn population(&self) -> usize {
        self.most as usize + 2
    }

    fn upcoming(&self) -> usize {
        // How large a restart is, is known when it begins.
        if self.pending {
            return self.population();
        }
        self.inner.upcoming() + self.extra()
    }

    fn needs(&self) -> Needs {
        self.inner.needs()
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        if self.pending {
            self.restart(now.seed)?;
        }
        let asked = self.inner.ask(now)?;
        let Some(champion) = &self.champion else { return Ok(asked) };
        let k = asked.size();
        let mut genes = asked.into_genes();
        genes.extend_from_slice(champion);
        genes.extend_from_slice(self.rival());
        Ok(Population::from_genes(genes, k))
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        self.learn(asked, losses, &[])
    }

    fn tell_classes(&mut self, asked: Population, losses: &[f32], by_class: &[f32]) -> Result<()> {
        self.learn(asked, losses, by_class)
    }

    fn incumbent(&self) -> &[f32] {
        self.champion.as_deref().unwrap_or_else(|| self.inner.incumbent())
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        let mut found = self.inner.diagnostics();
        found.extend([("restarts", self.history.restarts as f64), ("members", self.setting.population as f64)]);
        found
    }

    fn save(&self) -> State {
        let mut state = State::default();
        let History { restarts, large, spent, run, last_large } = self.history;
        let Setting { population, sigma, small } = self.setting;
        let counts = [
            restarts,
            large,
            spent[0],
            spent[1],
            run,
            last_large,
            population,
            u64::from(small),
            u64::from(self.pending),
        ];
        state.put_u64(&self.key("counts"), &counts);
        state.put_f64(&self.key("sigma"), &[sigma]);
        state.put_f32(&self.key("champion"), self.champion.as_deref().unwrap_or_default());
        state.nest(&self.key("inner"), self.inner.save());
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        let [restarts, large, spent, small_spent, run, last_large, population, small, pending] =
            <[u64; 9]>::try_from(state.u64s(&self.key("counts"), 9)?).expect("nine were asked for");
        let setting = Setting { population, sigma: state.f64s(&self.key("sigma"), 1)?[0], small: small == 1 };
        let k = if restarts > 0 { self.inner.incumbent().len() } else { 0 };
        let champion = state.f32s(&self.key("champion"), k)?;
        let mut inner = self.build(setting)?;
        inner.load(&state.inner(&self.key("inner")))?;
        self.champion = (restarts > 0).then(|| champion.to_vec());
        self.history = History { restarts, large, spent: [spent, small_spent], run, last_large };
        (self.inner, self.setting, self.pending) = (inner, setting, pending == 1);
        Ok(())
    }
}
