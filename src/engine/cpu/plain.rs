//! Operations without weights: pooling by means, sums, concatenation, and nothing at all.

use super::forward::{Pass, Slots};
use super::lanes::{self, Pixels};
use super::moments;
use super::pooling::means;
use super::scratch::Scratch;
use super::value::{Held, Value};
use crate::plan::{From, Kind, Part, Step};

impl Pass<'_> {
    /// Operations without weights, of one image.
    #[expect(clippy::too_many_arguments, reason = "one image of one step, and where to work")]
    pub(super) fn plain_operation(
        &self,
        step: &Step,
        from: From,
        values: &[Option<Value>],
        image: usize,
        raw: &mut [f32],
        scratch: &mut Scratch,
        slots: Slots,
    ) {
        let members = self.members();
        let input = |input: usize| self.input(values, step, input);
        let load = |held: &Held, out: &mut [f32], scratch: &mut Scratch| {
            let to = Pixels::dense(step.input.width, members * held.channels);
            held.load(image, members, step.input, out, to, scratch, slots.pooled());
        };
        match (&step.kind, from) {
            (Kind::Input, _) => {
                let given = self.given.iter().find(|(node, _)| *node == step.node);
                let (_, values) = given.expect("what a program begins with is given");
                raw.copy_from_slice(&values[image * raw.len()..(image + 1) * raw.len()]);
            }
            (Kind::Identity, From::Part(part)) => {
                let value = input(0).expect("the input has own channels");
                load(&value.parts[part], raw, scratch);
            }
            (Kind::AvgPool(_) | Kind::GlobalAvgPool, From::Part(part)) => {
                let held = &input(0).expect("the input has own channels").parts[part];
                let lanes = members * held.channels;
                let mut x = scratch.take(slots.plain(0), step.input.pixels() * lanes);
                load(held, &mut x, scratch);
                match step.kind {
                    Kind::AvgPool(window) => means(&x, [step.input.height, step.input.width], lanes, window, raw),
                    _ => moments::mean(&x, lanes, raw),
                }
                scratch.put(slots.plain(0), x);
            }
            (Kind::Add | Kind::Concat, _) => {
                raw.fill(0.0);
                let channels = step.parts[0].channels.len();
                let mut first_channel = 0;
                for i in 0..step.inputs.len() {
                    let place = |channel: usize| {
                        let channel = if step.kind == Kind::Concat { first_channel + channel } else { channel };
                        step.parts[0].channels.binary_search(&channel).ok()
                    };
                    let sum = Sum { members, channels, place: &place };
                    let mut covered = vec![false; self.channels_of(step, i)];
                    for (p, held) in input(i).map_or(&[][..], |value| &value.parts).iter().enumerate() {
                        let listed = &self.parts_of(step, i)[p].channels;
                        listed.iter().for_each(|channel| covered[*channel] = true);
                        let mut x = scratch.take(slots.plain(p), step.input.pixels() * members * held.channels);
                        load(held, &mut x, scratch);
                        sum.own(&x, listed, raw);
                        scratch.put(slots.plain(p), x);
                    }
                    if covered.contains(&false) {
                        let shared = self.shared.expect("channels that no member computes are shared");
                        let x = shared.image(step.inputs[i], image);
                        sum.shared(x, &covered, raw);
                    }
                    first_channel += covered.len();
                }
            }
            _ => unreachable!("a step's parts come from its own kind"),
        }
    }

    /// All channels of an input, own or shared.
    fn channels_of(&self, step: &Step, input: usize) -> usize {
        step.input_channels[input]
    }

    /// The parts of an input's value.
    fn parts_of(&self, step: &Step, input: usize) -> &[Part] {
        self.program.value(step.inputs[input]).map_or(&[], |step| &step.parts)
    }
}

/// Adds channels of inputs to the own channels of an image (pixels, members x channels).
struct Sum<'a> {
    members: usize,
    channels: usize,
    /// Index among the own channels, if the channel is one.
    place: &'a dyn Fn(usize) -> Option<usize>,
}

impl Sum<'_> {
    /// Channels `listed` of `x` (pixels, members x listed).
    fn own(&self, x: &[f32], listed: &[usize], raw: &mut [f32]) {
        let places: Vec<Option<usize>> = listed.iter().map(|channel| (self.place)(*channel)).collect();
        if listed.len() == self.channels && places.iter().enumerate().all(|(i, place)| *place == Some(i)) {
            lanes::add(raw, x);
            return;
        }
        for (x, raw) in x.chunks_exact(listed.len()).zip(raw.chunks_exact_mut(self.channels)) {
            for (x, place) in x.iter().zip(&places) {
                if let Some(place) = place {
                    raw[*place] += x;
                }
            }
        }
    }

    /// Channels of the shared `x` (pixels, all channels) that are not `covered`.
    fn shared(&self, x: &[f32], covered: &[bool], raw: &mut [f32]) {
        let places: Vec<(usize, usize)> = (0..covered.len())
            .filter(|c| !covered[*c])
            .filter_map(|c| (self.place)(c).map(|place| (c, place)))
            .collect();
        let pixels = x.chunks_exact(covered.len()).zip(raw.chunks_exact_mut(self.members * self.channels));
        for (x, raw) in pixels {
            for raw in raw.chunks_exact_mut(self.channels) {
                places.iter().for_each(|(channel, place)| raw[*place] += x[*channel]);
            }
        }
    }
}
