//! A linear layer with the members' weights as left factors.

use super::bank::Bank;
use super::tile::{product, First, Output, Rows, Source};
use super::weights::Banks;

/// A linear layer whose weights all are the members' own: `inputs` (inputs, images) to `out` (images, members x outputs),
/// with the weights as left factors, so that they need not be moved.
pub fn turned_linear(banks: &Banks, index: usize, first: usize, inputs: &Bank, sums: &mut [f32], out: &mut [f32]) {
    let (members, batch) = (banks.members, inputs.columns());
    let outputs = out.len() / (members * batch);
    let rows = Rows::new((0..inputs.rows() as u32).collect());
    let bias = &banks.steps[index].varied_first;
    for (member, sums) in sums.chunks_exact_mut(outputs * batch).enumerate() {
        for (sums, bias) in sums.chunks_exact_mut(batch).zip(&bias[member * outputs..]) {
            sums.fill(*bias);
        }
        let values = &banks.trained[member];
        let source = Source { values, base: first, line: 0, step: inputs.rows(), rows: &rows, bank: inputs };
        product(
            &[source],
            First::Output,
            Output { values: sums, pitch: batch, columns: batch, lines: 1, length: outputs },
        );
        for (image, out) in out.chunks_exact_mut(members * outputs).enumerate() {
            let out = &mut out[member * outputs..(member + 1) * outputs];
            out.iter_mut().enumerate().for_each(|(output, out)| *out = sums[output * batch + image]);
        }
    }
}
