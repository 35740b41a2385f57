//! What one operation on float32 numbers loses, exactly: all 2^23 numbers of a binade `[2^e, 2^(e+1))` go through it, and their
//! distinct outputs are counted. With all inputs equally likely 23 bits go in and the entropy of the output comes out.
//!
//! Multiplication by `a` in (1, 2), rounded to nearest, keeps `a + 2/a - 2` of the numbers apart and loses `2 (3 - 2/a - a)`
//! bits: in the binade that stays `2/a - 1` of the inputs lie, one to an output; in the next, where floats are twice as far apart,
//! the others share outputs. A power of two loses nothing.

use rayon::prelude::*;

/// Bits of a float32's mantissa.
pub const MANTISSA_BITS: u32 = 23;

/// Inputs that go through the operation at a time; any number gives the same.
const BLOCK: usize = 1 << 16;

/// What was lost of a binade.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BinadeLoss {
    /// 23 less the entropy of the outputs.
    pub bits: f64,
    /// Distinct outputs for each input.
    pub distinct: f64,
}

/// Loss of `apply`, which replaces each number by its output, on the binade `[2^exponent, 2^(exponent + 1))`, or on its
/// negative. Both zeros are one output, and so are all NaN. `exponent` is -126 to 127.
///
/// # Panics
/// If the exponent is out of range.
pub fn binade_loss(apply: impl Fn(&mut [f32]) + Sync, exponent: i32, negative: bool) -> BinadeLoss {
    assert!((-126..=127).contains(&exponent), "normal float32 numbers have no exponent {exponent}");
    let first = ((exponent + 127) as u32) << MANTISSA_BITS | u32::from(negative) << 31;
    let inputs = 1usize << MANTISSA_BITS;
    let mut outputs = vec![0u32; inputs];
    outputs.par_chunks_mut(BLOCK).enumerate().for_each(|(block, outputs)| {
        let start = first + (block * BLOCK) as u32;
        let mut values: Vec<f32> = (start..).take(outputs.len()).map(f32::from_bits).collect();
        apply(&mut values);
        for (output, value) in outputs.iter_mut().zip(&values) {
            *output = if value.is_nan() { f32::NAN.to_bits() } else { (value + 0.0).to_bits() };
        }
    });
    outputs.par_sort_unstable();
    let (mut distinct, mut lost) = (0usize, 0.0);
    for run in outputs.chunk_by(|a, b| a == b) {
        distinct += 1;
        if run.len() > 1 {
            // log2 of a power of two is exact, so a constant loses 23 bits to the last digit.
            lost += run.len() as f64 * (run.len() as f64).log2();
        }
    }
    BinadeLoss { bits: lost / inputs as f64, distinct: distinct as f64 / inputs as f64 }
}

/// Bits that multiplication by a finite `factor` other than 0 loses of a binade, where nothing overflows or underflows.
/// NaN for other factors.
pub fn multiplication_loss_bits(factor: f64) -> f64 {
    match within_1_and_2(factor) {
        1.0 => 0.0,
        a => 2.0 * (3.0 - 2.0 / a - a),
    }
}

/// Share of distinct outputs of that multiplication.
pub fn multiplication_distinct_share(factor: f64) -> f64 {
    let a = within_1_and_2(factor);
    a + 2.0 / a - 2.0
}

/// The factor without its sign and its power of two.
fn within_1_and_2(factor: f64) -> f64 {
    if !factor.is_finite() || factor == 0.0 {
        return f64::NAN;
    }
    let a = factor.abs();
    let scaled = a / a.log2().floor().exp2();
    // The logarithm of what is just below a power of two is rounded up.
    if scaled < 1.0 {
        2.0 * scaled
    } else {
        scaled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each(f: impl Fn(f32) -> f32 + Sync) -> impl Fn(&mut [f32]) + Sync {
        move |values| values.iter_mut().for_each(|x| *x = f(*x))
    }

    #[test]
    fn multiplication_loses_what_its_closed_form_says() {
        for (a, bits) in [(1.25, 0.3), (2f64.sqrt(), 0.3431), (1.5, 0.3333), (1.75, 0.2143), (1.9, 0.0947)] {
            let factor = a as f32;
            let closed = multiplication_loss_bits(f64::from(factor));
            assert!((closed - bits).abs() < 0.6e-4, "{a}: {closed}");
            let found = binade_loss(each(|x| factor * x), 3, false);
            assert!((found.bits - closed).abs() < 1e-6, "{a}: {} against {closed}", found.bits);
            let share = multiplication_distinct_share(f64::from(factor));
            assert!((found.distinct - share).abs() < 1e-6, "{a}: {} against {share}", found.distinct);
        }
        // Sign and powers of two cost nothing.
        assert_eq!(multiplication_loss_bits(-0.375), multiplication_loss_bits(1.5));
        assert_eq!(binade_loss(each(|x| -0.25 * x), 0, true), BinadeLoss { bits: 0.0, distinct: 1.0 });
        assert_eq!([1.0, 8.0, 0.5].map(multiplication_loss_bits), [0.0; 3]);
        assert!([0.0, f64::NAN, f64::INFINITY].iter().all(|a| multiplication_loss_bits(*a).is_nan()));
    }

    #[test]
    fn a_relu_loses_nothing_above_0_and_everything_below() {
        let relu = each(|x: f32| x.max(0.0));
        assert_eq!(binade_loss(&relu, -3, false).bits, 0.0);
        assert_eq!(binade_loss(&relu, -3, true), BinadeLoss { bits: 23.0, distinct: 0.5f64.powi(23) });
    }

    #[test]
    fn tanh_loses_more_the_further_it_saturates() {
        // Rounded to nearest: NumPy's own float32 tanh gives the same to 0.01, but 21.84 at 2^3, and that of a C library loses
        // 0.95 bits at 2^-2 by its errors in the last digit.
        let nearest = each(|x| f64::from(x).tanh() as f32);
        for (exponent, bits) in
            [(-10, 0.0), (-2, 0.259_8), (-1, 0.771_0), (0, 1.518_5), (1, 4.670_3), (2, 12.302), (3, 22.252), (4, 23.0)]
        {
            let found = binade_loss(&nearest, exponent, false).bits;
            assert!((found - bits).abs() < 0.002, "2^{exponent}: {found} against {bits}");
        }
    }

    #[test]
    fn outputs_that_are_not_in_order_are_counted_too() {
        // Each output twice, from inputs far apart; then NaN and both zeros.
        let folded = binade_loss(each(|x| (x - 1.5).abs()), 0, false);
        assert!((folded.bits - 1.0).abs() < 1e-5 && (folded.distinct - 0.5).abs() < 1e-5, "{folded:?}");
        let signs = binade_loss(each(|x| if x > 1.5 { 0.0 } else { -0.0 }), 0, false);
        assert_eq!(signs.bits, 23.0);
        assert_eq!(binade_loss(each(|x| if x > 1.5 { f32::NAN } else { -f32::NAN }), 0, false).bits, 23.0);
    }
}
