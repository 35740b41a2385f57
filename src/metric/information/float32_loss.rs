//! What the network's own activation function loses of float32 numbers, exactly, binade by binade: the same at any moment, and
//! for all networks of that activation.
//!
//! `bits` at `e` is the loss on all numbers of `[2^e, 2^(e+1))`, or of its negative: 23 bits of mantissa less the entropy of the
//! outputs. `linear` stands beside it: the most that multiplication by one number can lose, 0.3431 bits at the factor sqrt 2.

use crate::engine::activate;
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::float32_loss::{binade_loss, multiplication_loss_bits, MANTISSA_BITS};
use crate::graph::{Activation, Op};
use crate::metric::{Measured, Metric, Size, Subject, When};
use crate::params::Range;
use crate::record::Reading;

struct Float32Loss {
    first: i32,
    last: i32,
}

/// Defaults: binades from `first` -8 to `last` 4. Exponents are whole numbers of -126 to 127.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "float32-loss",
    summary: "bits that the activation function loses of float32 numbers, by binade, counted on all of them",
    reference: "IEEE 754-2019",
    build: |params, ()| {
        let exponent = |key, default| params.float(key, Some(default), Range::Within(-126.0, 127.0)).round() as i32;
        Ok(Box::new(Float32Loss { first: exponent("first", -8.0), last: exponent("last", 4.0) }))
    },
};

impl Metric for Float32Loss {
    fn when(&self) -> When {
        When::End
    }

    fn macs(&self, _: &Size) -> f64 {
        // An activation is worth about ten multiply-accumulates, counting as many again.
        2.0 * f64::from(self.last - self.first + 1) * 20.0 * f64::from(1u32 << MANTISSA_BITS)
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let nodes = &subject.probe.graph().nodes;
        let used = |activation: &Activation| nodes.iter().any(|node| node.op == Op::Activation(*activation));
        let n = 1usize << MANTISSA_BITS;
        let mut measured = Measured::default();
        for activation in Activation::ALL.into_iter().filter(used) {
            for (name, negative) in [("bits", false), ("bits-below-0", true)] {
                for exponent in self.first..=self.last {
                    let loss = binade_loss(|values| activate(values, activation), exponent, negative).bits;
                    let reading = Reading::new(name, loss, "bits", n).of(activation.name());
                    measured.push(reading.at(f64::from(exponent)).cap(f64::from(MANTISSA_BITS)));
                }
            }
        }
        let worst = multiplication_loss_bits(std::f64::consts::SQRT_2);
        measured.push(Reading::new("bits", worst, "bits", n).of("linear"));
        Ok(measured)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{mlp, normals};
    use super::*;

    #[test]
    fn the_networks_own_activation_is_counted() {
        let images = normals(10 * 8, 2);
        let network = mlp(8, &[8], 4, Activation::Relu, 2.0);
        let readings = network.readings(&ENTRY, "first = 0\nlast = 1", &images);
        let told: Vec<_> =
            readings.iter().map(|r| (r.of.as_deref().unwrap(), r.name.as_str(), r.at, r.value)).collect();
        let linear = multiplication_loss_bits(std::f64::consts::SQRT_2);
        let expected = [
            ("relu", "bits", Some(0.0), 0.0),
            ("relu", "bits", Some(1.0), 0.0),
            ("relu", "bits-below-0", Some(0.0), 23.0),
            ("relu", "bits-below-0", Some(1.0), 23.0),
            ("linear", "bits", None, linear),
        ];
        assert_eq!(told, expected);
        assert!((linear - 0.3431).abs() < 1e-4);
        let network = mlp(8, &[8], 4, Activation::Tanh, 2.0);
        let readings = network.readings(&ENTRY, "first = 2\nlast = 2", &images);
        // Rounded to nearest it would be 12.3: this tanh has errors in the last digit.
        assert!((12.3..14.0).contains(&readings[0].value), "{readings:?}");
        assert_eq!(readings[0].value, readings[1].value, "it is odd");
    }
}
