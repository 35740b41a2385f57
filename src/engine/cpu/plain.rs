//! Operations without weights: pooling by means, dropout, sums, channels side by side, and nothing at all.

use super::forward::Pass;
use super::lanes::{self, Pixels};
use super::moments;
use super::pooling::means;
use super::scratch::Scratch;
use super::value::{Held, Value};
use crate::engine::dropout::mask;
use crate::plan::{From, Kind, Part, Step, Use};

impl Pass<'_> {
    /// Operations without weights, of one image.
    pub(super) fn plain_operation(
        &self,
        step: &Step,
        part: &Part,
        values: &[Option<Value>],
        image: usize,
        raw: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let members = self.members();
        let held = |p: usize| &self.input(values, step, 0).expect("the input has own channels").parts[p];
        match (&step.kind, part.from) {
            (Kind::Input, _) => {
                let given = self.given.iter().find(|(node, _)| *node == step.node);
                let (_, values) = given.expect("what a program begins with is given");
                raw.copy_from_slice(&values[image * raw.len()..(image + 1) * raw.len()]);
            }
            (Kind::Identity, From::Part(p)) => self.load(step, held(p), image, raw, scratch),
            (Kind::Dropout { .. }, From::Part(p)) => {
                self.load(step, held(p), image, raw, scratch);
                self.dropped(step, image, &part.channels, raw, scratch);
            }
            (Kind::AvgPool(_) | Kind::GlobalAvgPool, From::Part(p)) => {
                let lanes = members * held(p).channels;
                let mut x = scratch.take(Use::Plain, step.input.pixels() * lanes);
                self.load(step, held(p), image, &mut x, scratch);
                match step.kind {
                    Kind::AvgPool(window) => means(&x, [step.input.height, step.input.width], lanes, window, raw),
                    _ => moments::mean(&x, lanes, raw),
                }
                scratch.put(Use::Plain, x);
            }
            (Kind::Add, _) => self.sum(step, &part.channels, values, image, raw, scratch),
            (Kind::Concat, _) => self.join(step, &part.channels, 0, values, image, raw, scratch),
            (Kind::PadChannels { before }, _) => {
                raw.fill(0.0);
                self.join(step, &part.channels, *before, values, image, raw, scratch);
            }
            _ => unreachable!("a step's parts come from its own kind"),
        }
    }

    /// Drops values of an image (pixels, members x channels), or gradients of them, where the step is a dropout in training.
    pub(super) fn dropped(
        &self,
        step: &Step,
        image: usize,
        channels: &[usize],
        values: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let (Kind::Dropout { layer, rate }, Some(noise)) = (&step.kind, self.noise) else { return };
        let mut factors = scratch.take(Use::Mask, step.raw.values());
        mask(noise, layer, image, *rate, &mut factors);
        let pixels = step.raw.pixels();
        for (pixel, values) in values.chunks_exact_mut(values.len() / pixels).enumerate() {
            for values in values.chunks_exact_mut(channels.len()) {
                values.iter_mut().zip(channels).for_each(|(x, channel)| *x *= factors[channel * pixels + pixel]);
            }
        }
        scratch.put(Use::Mask, factors);
    }

    /// One image of a part of an input, (pixels, members x channels).
    fn load(&self, step: &Step, held: &Held, image: usize, out: &mut [f32], scratch: &mut Scratch) {
        let members = self.members();
        let to = Pixels::dense(step.input.width, members * held.channels);
        held.load(image, members, step.input, out, to, scratch);
    }

    /// Sums of the inputs' channels `own` into (pixels, members x own).
    fn sum(
        &self,
        step: &Step,
        own: &[usize],
        values: &[Option<Value>],
        image: usize,
        raw: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let members = self.members();
        let to = Runs { members, pitch: own.len() };
        let mut begun = false;
        for i in 0..step.inputs.len() {
            let mut covered = vec![false; step.input_channels[i]];
            for (held, part) in self.parts(step, i, values) {
                part.channels.iter().for_each(|channel| covered[*channel] = true);
                let whole = part.channels == own;
                if whole && !begun {
                    self.load(step, held, image, raw, scratch);
                    begun = true;
                    continue;
                }
                if !begun {
                    raw.fill(0.0);
                    begun = true;
                }
                let mut x = scratch.take(Use::Plain, step.input.pixels() * members * held.channels);
                self.load(step, held, image, &mut x, scratch);
                if whole {
                    lanes::add(raw, &x);
                } else {
                    to.each(&runs(part.channels.iter().copied().enumerate(), own), &x, held.channels, raw, add);
                }
                scratch.put(Use::Plain, x);
            }
            if own.iter().any(|channel| !covered[*channel]) {
                if !begun {
                    raw.fill(0.0);
                    begun = true;
                }
                let x = self.shared.expect("channels that no member computes are shared").image(step.inputs[i], image);
                let rest = (0..covered.len()).filter(|channel| !covered[*channel]);
                to.each_of_shared(&runs(rest.map(|channel| (channel, channel)), own), x, covered.len(), raw, add);
            }
        }
    }

    /// Channels of the inputs side by side, from channel `first` on, into the places of `own` in (pixels, members x own).
    #[expect(clippy::too_many_arguments, reason = "one image of one step, and where to work")]
    fn join(
        &self,
        step: &Step,
        own: &[usize],
        mut first: usize,
        values: &[Option<Value>],
        image: usize,
        raw: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let members = self.members();
        for i in 0..step.inputs.len() {
            for (held, part) in self.parts(step, i, values) {
                let runs = runs(part.channels.iter().map(|channel| first + channel).enumerate(), own);
                if let (1, [run]) = (members, &runs[..]) {
                    let to = Pixels { base: run.to, ..Pixels::dense(step.input.width, own.len()) };
                    held.load(image, members, step.input, raw, to, scratch);
                    continue;
                }
                let mut x = scratch.take(Use::Plain, step.input.pixels() * members * held.channels);
                self.load(step, held, image, &mut x, scratch);
                Runs { members, pitch: own.len() }.each(&runs, &x, held.channels, raw, <[f32]>::copy_from_slice);
                scratch.put(Use::Plain, x);
            }
            first += step.input_channels[i];
        }
    }

    /// The parts of an input's value, with what they list.
    fn parts<'v>(
        &'v self,
        step: &Step,
        input: usize,
        values: &'v [Option<Value>],
    ) -> impl Iterator<Item = (&'v Held, &'v Part)> {
        let held = self.input(values, step, input).map_or(&[][..], |value| &value.parts);
        held.iter().zip(self.program.value(step.inputs[input]).map_or(&[][..], |step| &step.parts))
    }
}

fn add(out: &mut [f32], x: &[f32]) {
    out.iter_mut().zip(x).for_each(|(out, x)| *out += x);
}

/// Channels that follow each other, here and there.
struct Run {
    from: usize,
    to: usize,
    length: usize,
}

/// Where channels, each with its place, stand in the ascending `own`; those that do not are left out.
fn runs(channels: impl Iterator<Item = (usize, usize)>, own: &[usize]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (from, channel) in channels {
        let Ok(to) = own.binary_search(&channel) else { continue };
        match runs.last_mut() {
            Some(run) if run.from + run.length == from && run.to + run.length == to => run.length += 1,
            _ => runs.push(Run { from, to, length: 1 }),
        }
    }
    runs
}

/// Images (pixels, members x pitch) into which channels go.
struct Runs {
    members: usize,
    pitch: usize,
}

impl Runs {
    /// Does `work` for all runs of `x` (pixels, members x channels).
    fn each(&self, runs: &[Run], x: &[f32], channels: usize, out: &mut [f32], work: impl Fn(&mut [f32], &[f32])) {
        for (x, out) in x.chunks_exact(channels).zip(out.chunks_exact_mut(self.pitch)) {
            for Run { from, to, length } in runs {
                work(&mut out[*to..to + length], &x[*from..from + length]);
            }
        }
    }

    /// Does `work` for all runs of `x` (pixels, channels), which is each member's.
    fn each_of_shared(
        &self,
        runs: &[Run],
        x: &[f32],
        channels: usize,
        out: &mut [f32],
        work: impl Fn(&mut [f32], &[f32]),
    ) {
        for (x, out) in x.chunks_exact(channels).zip(out.chunks_exact_mut(self.members * self.pitch)) {
            for out in out.chunks_exact_mut(self.pitch) {
                for Run { from, to, length } in runs {
                    work(&mut out[*to..to + length], &x[*from..from + length]);
                }
            }
        }
    }
}
