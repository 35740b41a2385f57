//! How far test images are from being assigned to another class: margins of the logits, and first-order margins of the image.
//!
//! An output margin is `z_y - max_{j != y} z_j`; over the mean length of what goes into the last layer it no longer follows
//! the scale of the network (Jiang et al. 2019). An input margin is `min_{j != y} (z_y - z_j) / |grad_x (z_y - z_j)|`, in
//! pixels of range 0 to 1, over images that are classified correctly: the distance to the boundary, were the network linear.

use super::judged::judge_batch;
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::classified::{predicted, Classified};
use crate::estimator::margin::{input_margin, mean_length, output_margin};
use crate::estimator::Array;
use crate::metric::{Measured, Metric, Size, Subject, When};
use crate::num::percentile;
use crate::record::Reading;

/// Quantiles that are told.
const QUANTILES: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// Images whose gradients are computed at a time.
const BLOCK: usize = 100;

struct Margins {
    points: usize,
}

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "margins",
    summary: "quantiles of output margins, and of first-order input margins of `points` = 500 correct images",
    reference: "Jiang et al. 2019",
    build: |params, ()| {
        let points = params.integer("points", Some(500), 1..=u64::MAX) as usize;
        Ok(Box::new(Margins { points }))
    },
};

impl Metric for Margins {
    fn when(&self) -> When {
        When::Landmarks
    }

    fn macs(&self, size: &Size) -> f64 {
        // Backward through the network once for each class.
        size.forward * (2 * size.images + self.points.min(size.images) * (1 + size.classes)) as f64
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let samples = judge_batch(subject.probe, subject.test)?;
        if samples.classes() < 2 {
            return Ok(Measured::missing("there is one class: a margin needs two"));
        }
        let mut measured = Measured::default();
        let mut push = |name: &str, unit: &str, margins: &[f64]| {
            for quantile in QUANTILES {
                let reading = Reading::new(name, percentile(margins, quantile), unit, margins.len());
                measured.push(reading.at(quantile));
            }
        };
        let margins = samples.each(output_margin);
        push("output_margin", "logits", &margins);
        // What the last layer is given; a network that is nothing else has the image there.
        let graph = subject.probe.graph();
        let last = graph.node(graph.output).inputs[0];
        let features = subject.probe.values(&subject.test.images, &[last]).swap_remove(0);
        let features = Array::new(features.into_iter().map(f64::from).collect(), samples.samples());
        let length = mean_length(&features);
        push("output_margin_by_length", "1", &margins.iter().map(|margin| margin / length).collect::<Vec<f64>>());
        push("input_margin", "pixels", &self.input_margins(subject, &samples));
        Ok(measured)
    }
}

impl Margins {
    /// Of the first images that are classified correctly.
    fn input_margins(&self, subject: &Subject<'_>, samples: &Classified) -> Vec<f64> {
        let correct = |(_, (row, label)): &(usize, (&[f64], usize))| predicted(row) == Some(*label);
        let points: Vec<(usize, (&[f64], usize))> =
            samples.rows().enumerate().filter(correct).take(self.points).collect();
        let (classes, inputs) = (samples.classes(), subject.probe.dimension());
        // A logit moves with a pixel by its slope along the normalised pixel over the standard deviation of the channel.
        let std = subject.pixel_std();
        let scale = |i: usize| 1.0 / std[i % inputs / (inputs / std.len())];
        let mut margins = Vec::with_capacity(points.len());
        for block in points.chunks(BLOCK) {
            let image = |i: usize| &subject.test.images[i * inputs..(i + 1) * inputs];
            let images: Vec<f32> = block.iter().flat_map(|(i, _)| image(*i)).copied().collect();
            let one_logit = |entry: usize| if entry / classes == entry % classes { 1.0 } else { 0.0 };
            let slopes: Vec<f32> = (0..classes * classes).map(one_logit).collect();
            let (_, gradients) = subject.probe.pullback(&images, &slopes.repeat(block.len()), classes);
            for ((_, (row, label)), gradients) in block.iter().zip(gradients.chunks_exact(classes * inputs)) {
                let by_pixel: Vec<f64> =
                    gradients.iter().enumerate().map(|(i, slope)| f64::from(*slope) * scale(i)).collect();
                margins.push(input_margin(row, &by_pixel, *label));
            }
        }
        margins
    }
}
