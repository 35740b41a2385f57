//! Races (Maron & Moore 1994; of an evolution strategy's members: Heidrich-Meisner & Igel 2009).
//!
//! Members are evaluated on batch after batch. After each, those that are surely not among the best drop out, and those that
//! surely are need no more; the race ends when all are decided, or after `most` batches. Sure is who lies so by intervals
//! around the mean losses (`bounds.rs`) that all hold together with probability `confidence`, whichever of the n members
//! and `most` moments is looked at: n_b = n * most.
//!
//! With `bound = "hoeffding"` or `"bernstein"`, as in the second paper, this is a guarantee where batches are drawn
//! independently and losses lie within `range`: no member that is truly among the best drops out, with that probability. The
//! loss `error` has the range 1; that of others must be given. These intervals are wide: with 64 members and a range of 1,
//! Hoeffding's is as wide as the range until more than 20 batches were seen, and Bernstein's until more than 64: `most` must be
//! well above that for either to save anything. `"student"`, the default, blocks races as Moore
//! & Lee (1994) do: from each loss the mean of its batch over those still racing is taken, so that what a batch does to all
//! drops out; and it takes what is left for normal. It drops members after a few batches, and its confidence is approximate.
//!
//! A member is told its mean over the batches that it saw, plus what the batches that it did not see added to the mean of
//! those that saw all: losses of different batches are not compared as they are.

use super::bounds::Bound;
use super::{Evaluated, Evaluation, Members, Work};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::num::mean;
use crate::params::{Params, Range};

struct Racing {
    best: f64,
    most: usize,
    least: usize,
    delta: f64,
    bound: Bound,
}

pub(super) const ENTRY: Entry<dyn Evaluation, Option<f64>> = Entry {
    name: "racing",
    summary: "batch after batch, until it is sure who is among the best",
    reference: "Maron & Moore 1994; Heidrich-Meisner & Igel 2009",
    build: |params, range| Ok(Box::new(Racing::read(params, *range)?)),
};

impl Racing {
    /// Defaults: `best` 0.5, the share of the members that are sought; `most` 16 batches; `least` 5, the batches before the
    /// first decision (irace, Lopez-Ibanez et al. 2016); `confidence` 0.95; `bound` student; `range` 1 for the loss `error`.
    fn read(params: &Params<'_>, range: Option<f64>) -> Result<Self> {
        let best = params.float("best", Some(0.5), Range::AboveUpTo(0.0, 1.0));
        let most = params.integer("most", Some(16), 1..=1_000_000);
        let least = params.integer("least", Some(5.min(most)), 1..=most);
        let confidence = params.float("confidence", Some(0.95), Range::Within(0.5, 0.999_999));
        let bound = match params.choice("bound", Some("student"), &["bernstein", "hoeffding", "student"]) {
            "student" => Bound::Student,
            name => {
                if range.is_none() && !params.has("range") {
                    return Err(Error::Learner(format!(
                        "bound `{name}` needs to know how far apart two losses can be, and only `error` lies between 0 \
                         and 1: give `range`, take `loss = \"error\"`, or bound `student`"
                    )));
                }
                let range = params.float("range", range, Range::Above(0.0));
                if name == "hoeffding" {
                    Bound::Hoeffding { range }
                } else {
                    Bound::Bernstein { range }
                }
            }
        };
        Ok(Racing { best, most: most as usize, least: least as usize, delta: 1.0 - confidence, bound })
    }
}

impl Evaluation for Racing {
    fn evaluate(&mut self, members: &Members<'_>) -> Result<Evaluated> {
        let n = members.n();
        let sought = ((self.best * n as f64).round() as usize).clamp(1, n);
        let mut race = Race::new(n, sought);
        for batch in 0..self.most {
            race.take(batch, &members.losses(&race.racing, batch)?);
            if batch + 1 >= self.least {
                race.decide(self.bound, (n * self.most) as f64, self.delta);
            }
            if race.is_over() {
                break;
            }
        }
        let batches = members.spent().batches as f64;
        let diagnostics = vec![
            ("batches", batches),
            ("batches_mean", members.spent().members as f64 / n as f64),
            ("racing_chosen", race.chosen as f64),
            ("racing_dropped", race.dropped as f64),
        ];
        Ok(Evaluated { losses: race.told(), diagnostics })
    }

    fn next(&self, members: usize) -> Work {
        Work { members: members * self.most, batches: self.most }
    }
}

/// One generation's race.
struct Race {
    /// Losses of each member on the batches that it saw.
    seen: Vec<Vec<f64>>,
    failed: Vec<bool>,
    /// Those that are not decided, by index.
    racing: Vec<usize>,
    /// Those that were evaluated on the last batch.
    last: Vec<usize>,
    sought: usize,
    chosen: usize,
    dropped: usize,
}

impl Race {
    fn new(n: usize, sought: usize) -> Self {
        let (seen, failed, racing) = (vec![Vec::new(); n], vec![false; n], (0..n).collect());
        Race { seen, failed, racing, last: Vec::new(), sought, chosen: 0, dropped: 0 }
    }

    /// Takes in the losses of those still racing.
    fn take(&mut self, batch: usize, losses: &[f32]) {
        for (member, loss) in self.racing.iter().zip(losses) {
            debug_assert_eq!(self.seen[*member].len(), batch);
            self.seen[*member].push(f64::from(*loss));
            self.failed[*member] = loss.is_nan();
        }
        // An infinite loss is surely not among the best, and would leave no interval finite.
        self.racing.retain(|member| self.seen[*member].last().is_some_and(|loss| loss.is_finite()));
        self.last.clone_from(&self.racing);
    }

    /// Whether everyone is decided: no place is open, or as many as still race.
    fn is_over(&self) -> bool {
        self.racing.len() <= self.sought - self.chosen || self.chosen == self.sought
    }

    /// Lets those go that are surely among the best or surely not.
    fn decide(&mut self, bound: Bound, intervals: f64, delta: f64) {
        if self.is_over() {
            return;
        }
        let rows = self.rows(bound == Bound::Student);
        let ends: Vec<(f64, f64)> = rows
            .iter()
            .map(|row| {
                let (mean, radius) = (mean(row), bound.radius(row, intervals, delta));
                (mean - radius, mean + radius)
            })
            .collect();
        let mut low: Vec<f64> = ends.iter().map(|(low, _)| *low).collect();
        let mut high: Vec<f64> = ends.iter().map(|(_, high)| *high).collect();
        low.sort_by(f64::total_cmp);
        high.sort_by(f64::total_cmp);
        let open = self.sought - self.chosen;
        let racing = std::mem::take(&mut self.racing);
        for (member, (own_low, own_high)) in racing.iter().zip(&ends) {
            let better = high.partition_point(|high| high < own_low);
            let worse = racing.len() - low.partition_point(|low| low <= own_high);
            if better >= open {
                self.dropped += 1;
            } else if worse >= racing.len() - open {
                self.chosen += 1;
            } else {
                self.racing.push(*member);
            }
        }
    }

    /// The losses of those still racing, less the mean of each batch over them where races are blocked.
    fn rows(&self, blocked: bool) -> Vec<Vec<f64>> {
        let mut rows: Vec<Vec<f64>> = self.racing.iter().map(|member| self.seen[*member].clone()).collect();
        if blocked {
            for batch in 0..rows[0].len() {
                let common = rows.iter().map(|row| row[batch]).sum::<f64>() / rows.len() as f64;
                rows.iter_mut().for_each(|row| row[batch] -= common);
            }
        }
        rows
    }

    /// What each member is told.
    fn told(&self) -> Vec<f32> {
        let batches = self.seen.iter().map(Vec::len).max().unwrap_or(0);
        let common = |seen: usize| {
            let means: Vec<f64> = self.last.iter().map(|member| mean(&self.seen[*member][..seen])).collect();
            if means.is_empty() {
                0.0
            } else {
                mean(&means)
            }
        };
        let whole = common(batches);
        let missed: Vec<f64> = (0..=batches).map(|seen| if seen == 0 { 0.0 } else { whole - common(seen) }).collect();
        let told = |(seen, failed): (&Vec<f64>, &bool)| {
            if *failed {
                f32::NAN
            } else {
                (mean(seen) + missed[seen.len()]) as f32
            }
        };
        self.seen.iter().zip(&self.failed).map(told).collect()
    }
}
