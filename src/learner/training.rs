//! The one training loop, for both learners: steps, evaluations, checkpoints, the end.

use std::time::Instant;

use super::{Best, Budget, Chain, Moment, Moments, Position, Snapshot, Stages};
use crate::error::Result;
use crate::progress::Progress;
use crate::record::{Cost, End, Evaluation, Lap, Scores, Step};

/// How long is trained, and when it is looked at.
pub struct Training {
    /// When it ends.
    pub budget: Budget,
    /// Steps of a stage, at least 1: after so many the subset is drawn again. `None`: it is fixed.
    pub redraw: Option<u64>,
    /// When the incumbent is evaluated.
    pub moments: Moments,
    /// Whether the learner's state is kept at these moments.
    pub states: bool,
    /// Whether the way of the incumbent is followed, step by step.
    pub walk: bool,
}

/// Takes what the loop produces, and tells it when to stop.
pub trait Recorder {
    /// A step was done; `used` is the share of the budget, 0 to 1.
    ///
    /// # Errors
    /// If it cannot be written.
    fn step(&mut self, step: &Step, used: f64) -> Result<()>;

    /// The incumbent was evaluated; `moment` is what it was.
    ///
    /// # Errors
    /// If it cannot be written.
    fn evaluation(&mut self, evaluation: &Evaluation, moment: &Moment) -> Result<()>;

    /// The incumbent has these trained values after so many steps: weights (k), or in a subspace coordinates (d). Told where
    /// its way is followed, from the start on.
    ///
    /// # Errors
    /// If it cannot be written.
    fn walked(&mut self, step: u64, trained: &[f32]) -> Result<()>;

    /// Clock readings after an evaluation.
    ///
    /// # Errors
    /// If they cannot be written.
    fn lap(&mut self, lap: &Lap) -> Result<()>;

    /// Whether it is time for a checkpoint.
    fn checkpoint_due(&self) -> bool;

    /// A position to continue from.
    ///
    /// # Errors
    /// If it cannot be written.
    fn checkpoint(&mut self, position: Position) -> Result<()>;

    /// Whether to stop now, after a checkpoint.
    fn stop_asked(&self) -> bool;

    /// Largest resident memory so far, MiB; 0 where the system does not tell.
    fn peak_rss_mib(&self) -> f64;
}

/// How a session of the loop ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The budget is used up, or the learner cannot go on.
    Finished(Box<Finished>),
    /// It was asked to stop; the last checkpoint continues it.
    Stopped,
}

/// What a finished run leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// The last record.
    pub end: End,
    /// What the stages before the last one learned; empty where the subset is fixed.
    pub chain: Chain,
    /// Trained values at the end: weights (k) of the last stage, or in a subspace coordinates (d).
    pub weights: Vec<f32>,
    /// Stage of the best evaluation by validation loss: so many links of the chain come before its weights.
    pub stage_best_by_validation: u64,
    /// Trained values of that evaluation.
    pub weights_best_by_validation: Vec<f32>,
}

/// The loop's own state.
struct Loop<'a> {
    training: &'a Training,
    stages: &'a mut dyn Stages,
    recorder: &'a mut dyn Recorder,
    position: Position,
    /// Images and seconds when this session began, for its rate.
    session: (u64, f64),
    /// Scores of the incumbent after the last step, where known.
    scores: Option<Scores>,
}

impl Training {
    /// Trains from the start, or from `position`; `stages` stands at its first stage.
    ///
    /// # Errors
    /// If the learner or the engine fails, a subset cannot be drawn again, or the recorder cannot write.
    pub fn run(
        &self,
        stages: &mut dyn Stages,
        position: Option<Position>,
        recorder: &mut dyn Recorder,
    ) -> Result<Outcome> {
        let fresh = position.is_none();
        let position = position.unwrap_or_else(|| Position {
            cost: Cost::default(),
            last_step: None,
            last_batches: 1,
            chain: Chain::default(),
            state: stages.stage().1.save(),
            seconds: 0.0,
            evaluation_seconds: 0.0,
            best: None,
            best_on_test_accuracy: 0.0,
        });
        if !position.chain.is_empty() {
            stages.fold(&mut position.chain.links())?;
        }
        stages.stage().1.load(&position.state)?;
        let session = (position.cost.images, position.seconds);
        let mut run = Loop { training: self, stages, recorder, position, session, scores: None };
        if fresh {
            run.evaluate(true)?;
            run.follow()?;
        }
        let reason = loop {
            if run.recorder.stop_asked() {
                run.checkpoint()?;
                return Ok(Outcome::Stopped);
            }
            if let Some(reason) = run.budget_ends() {
                break reason.to_string();
            }
            if run.stage_is_over() {
                run.begin_stage()?;
                continue;
            }
            if let Some(reason) = run.stages.stage().1.stop() {
                break reason;
            }
            run.step()?;
            run.follow()?;
            if self.moments.due(run.position.cost.step) {
                run.evaluate(true)?;
            }
            if run.recorder.checkpoint_due() {
                run.checkpoint()?;
            }
        };
        run.finish(reason)
    }
}

impl Loop<'_> {
    fn budget_ends(&self) -> Option<&'static str> {
        let Position { cost, last_step, seconds, .. } = &self.position;
        self.training.budget.ends(*cost, *last_step, *seconds)
    }

    /// Whether the next step belongs to another stage.
    fn stage_is_over(&self) -> bool {
        let Position { cost, chain, .. } = &self.position;
        self.training.redraw.is_some_and(|steps| cost.step / steps > chain.len())
    }

    /// Folds what the incumbent learned into the network and goes on with a subset drawn again, under a fresh learner:
    /// its coordinates have changed their meaning. Batches, schedules and budget go on.
    fn begin_stage(&mut self) -> Result<()> {
        let clock = Instant::now();
        let (task, learner) = self.stages.stage();
        let learned = learner.incumbent(task);
        self.stages.fold(&mut std::iter::once(&learned[..]))?;
        self.position.chain.push(&learned);
        // Another subset may cost more: the budget is asked again before the next step.
        let (task, _) = self.stages.stage();
        let batches = self.position.last_batches as usize;
        self.position.last_step = self.position.last_step.map(|last| task.forecast(last, batches));
        self.position.seconds += clock.elapsed().as_secs_f64();
        self.scores = None;
        Ok(())
    }

    fn step(&mut self) -> Result<()> {
        let clock = Instant::now();
        let before = self.position.cost;
        let used = self.training.budget.used(before, self.position.seconds);
        let (task, learner) = self.stages.stage();
        let batch = task.batch(before.step);
        let report = learner.step(task, &batch, Progress { step: before.step, used })?;
        let cost = task.charge(before, &report);
        self.position.last_step = Some(task.expected(&report));
        self.position.last_batches = report.next.batches as u64;
        self.position.cost = cost;
        self.position.seconds += clock.elapsed().as_secs_f64();
        self.scores = None;
        let super::StepReport { loss, best, failed, diagnostics, .. } = report;
        let used = self.training.budget.used(cost, self.position.seconds);
        let stage = self.position.chain.len();
        self.recorder.step(&Step { cost, stage, loss, best, failed, diagnostics }, used)
    }

    /// Tells where the incumbent is, where its way is followed.
    fn follow(&mut self) -> Result<()> {
        if !self.training.walk {
            return Ok(());
        }
        let (task, learner) = self.stages.stage();
        self.recorder.walked(self.position.cost.step, &learner.incumbent(task))
    }

    /// Evaluates the incumbent, once for each step; writes it down if `record`.
    fn evaluate(&mut self, record: bool) -> Result<Scores> {
        if let Some(scores) = self.scores {
            return Ok(scores);
        }
        let clock = Instant::now();
        let cost = self.position.cost;
        let (task, learner) = self.stages.stage();
        let snapshot = Snapshot::take(task, learner.incumbent(task), cost)?;
        let scores = snapshot.scores;
        self.scores = Some(scores);
        if record {
            let trained = snapshot.trained;
            let state = self.training.states.then(|| learner.save());
            self.position.evaluation_seconds += clock.elapsed().as_secs_f64();
            let moment = Moment { cost, stage: self.position.chain.len(), trained, state };
            self.recorder.evaluation(&Evaluation { cost, scores }, &moment)?;
            self.position.best_on_test_accuracy = self.position.best_on_test_accuracy.max(scores.test.accuracy);
            let least = self.position.best.as_ref().map_or(f64::INFINITY, |best| best.scores.validation.loss);
            if scores.validation.loss < least {
                let stage = self.position.chain.len();
                self.position.best = Some(Best { step: cost.step, stage, scores, weights: moment.trained });
            }
            let lap = self.lap();
            self.recorder.lap(&lap)?;
        }
        Ok(scores)
    }

    fn lap(&self) -> Lap {
        let Position { cost, seconds, evaluation_seconds, .. } = self.position;
        let (images, before) = self.session;
        let rate = (cost.images - images) as f64 / (seconds - before);
        Lap {
            step: cost.step,
            seconds,
            evaluation_seconds,
            images_per_second: if rate.is_finite() { rate } else { 0.0 },
            peak_rss_mib: self.recorder.peak_rss_mib(),
        }
    }

    fn checkpoint(&mut self) -> Result<()> {
        self.position.state = self.stages.stage().1.save();
        self.recorder.checkpoint(self.position.clone())
    }

    fn finish(mut self, reason: String) -> Result<Outcome> {
        // After a resume the last evaluation may be on record but no longer known.
        let recorded = self.training.moments.due(self.position.cost.step);
        let last = self.evaluate(!recorded)?;
        let (task, learner) = self.stages.stage();
        let weights = learner.incumbent(task);
        let Position { cost, chain, best, best_on_test_accuracy, .. } = self.position;
        let own = || Best { step: cost.step, stage: chain.len(), scores: last, weights: weights.clone() };
        let best = best.unwrap_or_else(own);
        let end = End {
            reason,
            cost,
            last,
            best_by_validation: best.scores,
            best_by_validation_step: best.step,
            best_on_test_accuracy,
        };
        Ok(Outcome::Finished(Box::new(Finished {
            end,
            chain,
            weights,
            stage_best_by_validation: best.stage,
            weights_best_by_validation: best.weights,
        })))
    }
}
