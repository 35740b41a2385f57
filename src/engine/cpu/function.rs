//! The activations on vectors of values, and their slopes.
//!
//! All use one exponential: `exp(x) = 2^n exp(r)`, `|r| <= ln 2 / 2`, with the Taylor series of `exp(r) - 1`.
//! `tanh |x| = -m / (m + 2)` with `m = exp(-2 |x|) - 1`, which loses no digit near 0.
//! `gelu x = max(x, 0) - |x| Q(|x|)` with the upper tail of the normal distribution `Q(a) = exp(-a^2 / 2) t P(t)`,
//! `t = 1 / (1 + 3/8 a)`, which loses none in the tail.

use pulp::{Simd, WithSimd};

use super::arch::dispatch;
use crate::graph::{Activation, LEAK};

/// A function of single values.
pub(super) trait Function {
    /// Of each value; NaN is kept.
    fn value<S: Simd>(simd: S, x: S::f32s) -> S::f32s;

    /// `dy` times the slope at `x`, or, where `applied`, at that whose value is `x`.
    fn passed<S: Simd>(simd: S, x: S::f32s, applied: bool, dy: S::f32s) -> S::f32s;
}

/// x itself.
pub(super) struct Identity;

/// [`Activation::Relu`].
pub(super) struct Relu;

/// [`Activation::Leaky`].
pub(super) struct Leaky;

/// [`Activation::Tanh`].
pub(super) struct Tanh;

/// [`Activation::Gelu`]; its value does not tell its slope.
pub(super) struct Gelu;

impl Function for Identity {
    #[inline(always)]
    fn value<S: Simd>(_: S, x: S::f32s) -> S::f32s {
        x
    }

    #[inline(always)]
    fn passed<S: Simd>(_: S, _: S::f32s, _: bool, dy: S::f32s) -> S::f32s {
        dy
    }
}

impl Function for Relu {
    #[inline(always)]
    fn value<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
        let zero = simd.splat_f32s(0.0);
        simd.select_f32s(simd.less_than_f32s(x, zero), zero, x)
    }

    #[inline(always)]
    fn passed<S: Simd>(simd: S, x: S::f32s, _: bool, dy: S::f32s) -> S::f32s {
        let zero = simd.splat_f32s(0.0);
        simd.select_f32s(simd.greater_than_f32s(x, zero), dy, zero)
    }
}

impl Function for Leaky {
    #[inline(always)]
    fn value<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
        Self::passed(simd, x, false, x)
    }

    #[inline(always)]
    fn passed<S: Simd>(simd: S, x: S::f32s, _: bool, dy: S::f32s) -> S::f32s {
        let above = simd.greater_than_f32s(x, simd.splat_f32s(0.0));
        simd.select_f32s(above, dy, simd.mul_f32s(dy, simd.splat_f32s(LEAK)))
    }
}

impl Function for Tanh {
    #[inline(always)]
    fn value<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
        // tanh 10 is 1 but for 4e-9.
        let a = at_most(simd, simd.abs_f32s(x), 10.0);
        let zero = simd.splat_f32s(0.0);
        let (power, rest) = exponential(simd, simd.mul_f32s(a, simd.splat_f32s(-2.0)), zero);
        let m = simd.mul_add_e_f32s(power, rest, simd.sub_f32s(power, simd.splat_f32s(1.0)));
        let tanh = simd.div_f32s(m, simd.add_f32s(m, simd.splat_f32s(2.0)));
        let sign = simd.and_f32s(x, simd.splat_f32s(-0.0));
        simd.or_f32s(simd.abs_f32s(tanh), sign)
    }

    #[inline(always)]
    fn passed<S: Simd>(simd: S, x: S::f32s, applied: bool, dy: S::f32s) -> S::f32s {
        let y = if applied { x } else { Self::value(simd, x) };
        let slope = simd.mul_add_e_f32s(simd.neg_f32s(y), y, simd.splat_f32s(1.0));
        simd.mul_f32s(dy, slope)
    }
}

impl Function for Gelu {
    #[inline(always)]
    fn value<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
        let Tail { a, tail, .. } = Tail::new(simd, x);
        simd.sub_f32s(Relu::value(simd, x), simd.mul_f32s(a, tail))
    }

    #[inline(always)]
    fn passed<S: Simd>(simd: S, x: S::f32s, applied: bool, dy: S::f32s) -> S::f32s {
        debug_assert!(!applied, "what it is applied to is kept");
        let Tail { a, density, tail } = Tail::new(simd, x);
        let below = simd.sub_f32s(tail, simd.mul_f32s(a, density));
        let above = simd.sub_f32s(simd.splat_f32s(1.0), below);
        let negative = simd.less_than_f32s(x, simd.splat_f32s(0.0));
        simd.mul_f32s(dy, simd.select_f32s(negative, below, above))
    }
}

/// The normal distribution's density and upper tail at |x|.
struct Tail<S: Simd> {
    /// |x|, at most [`LAST`].
    a: S::f32s,
    density: S::f32s,
    tail: S::f32s,
}

/// Where f32 has no smaller tail than 0.
const LAST: f32 = 14.0;

/// P, the highest power first, by `tests/reference/normal_tail.py`; good to 3e-8.
const TAIL: [f32; 10] = [
    0.023720328,
    -0.14854664,
    0.37707105,
    -0.4641737,
    0.24645929,
    -0.07131671,
    0.11283539,
    0.124383464,
    0.14997865,
    0.14958888,
];

impl<S: Simd> Tail<S> {
    #[inline(always)]
    fn new(simd: S, x: S::f32s) -> Self {
        let a = at_most(simd, simd.abs_f32s(x), LAST);
        // a^2 / 2 in two parts: the rounding of the first would cost digits of the exponential.
        let half = simd.mul_f32s(a, simd.splat_f32s(-0.5));
        let square = simd.mul_f32s(half, a);
        let lost = simd.mul_add_e_f32s(half, a, simd.neg_f32s(square));
        let (power, rest) = exponential(simd, square, lost);
        let exponential = simd.mul_add_e_f32s(power, rest, power);
        let one = simd.splat_f32s(1.0);
        let t = simd.div_f32s(one, simd.mul_add_e_f32s(a, simd.splat_f32s(0.375), one));
        let mut sum = simd.splat_f32s(TAIL[0]);
        for coefficient in &TAIL[1..] {
            sum = simd.mul_add_e_f32s(sum, t, simd.splat_f32s(*coefficient));
        }
        let density = simd.mul_f32s(exponential, simd.splat_f32s(0.398_942_3));
        Tail { a, density, tail: simd.mul_f32s(exponential, simd.mul_f32s(t, sum)) }
    }
}

/// The lesser of both; NaN is kept.
#[inline(always)]
fn at_most<S: Simd>(simd: S, x: S::f32s, limit: f32) -> S::f32s {
    let limit = simd.splat_f32s(limit);
    simd.select_f32s(simd.greater_than_f32s(x, limit), limit, x)
}

/// Coefficients of `(exp(r) - 1 - r) / r^2`, the highest first.
const TAYLOR: [f32; 6] = [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5];

/// `p` and `q` with `exp(x + y) = p (1 + q)`, for x <= 0 and a much lesser y; 0 where that is below 1e-37.
#[inline(always)]
fn exponential<S: Simd>(simd: S, x: S::f32s, y: S::f32s) -> (S::f32s, S::f32s) {
    // Added to a number of less than 22 bits it leaves the nearest integer in the last bits.
    const ROUND: f32 = 12_582_912.0;
    let round = simd.splat_f32s(ROUND);
    let rounded = simd.mul_add_e_f32s(x, simd.splat_f32s(std::f32::consts::LOG2_E), round);
    let n = simd.sub_f32s(rounded, round);
    // ln 2 in two parts: the first has few bits, so that its product with n is exact.
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-0.693_359_4), x);
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(2.121_944_4e-4), r);
    let r = simd.add_f32s(r, y);
    let mut sum = simd.splat_f32s(TAYLOR[0]);
    for coefficient in &TAYLOR[1..] {
        sum = simd.mul_add_e_f32s(sum, r, simd.splat_f32s(*coefficient));
    }
    let rest = simd.mul_add_e_f32s(simd.mul_f32s(r, r), sum, r);
    let exponent = simd.add_u32s(simd.transmute_u32s_f32s(rounded), simd.splat_u32s(127));
    let power = simd.transmute_f32s_u32s(simd.wrapping_dyn_shl_u32s(exponent, simd.splat_u32s(23)));
    let none = simd.less_than_f32s(x, simd.splat_f32s(-86.0));
    (simd.select_f32s(none, simd.splat_f32s(0.0), power), rest)
}

/// A function of all values; NaN is kept.
pub fn activate(values: &mut [f32], activation: Activation) {
    match activation {
        Activation::Relu => apply::<Relu>(values),
        Activation::Leaky => apply::<Leaky>(values),
        Activation::Tanh => apply::<Tanh>(values),
        Activation::Gelu => apply::<Gelu>(values),
    }
}

fn apply<F: Function>(values: &mut [f32]) {
    struct Apply<'a, F>(&'a mut [f32], std::marker::PhantomData<F>);
    impl<F: Function> WithSimd for Apply<'_, F> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let (vectors, rest) = S::as_mut_simd_f32s(self.0);
            for x in vectors {
                *x = F::value(simd, *x);
            }
            // In a vector too: what follows a multiply-add of a single value may round otherwise.
            let y = F::value(simd, simd.partial_load_f32s(rest));
            simd.partial_store_f32s(rest, y);
        }
    }
    dispatch(Apply::<F>(values, std::marker::PhantomData));
}

/// The slope at each value of `x`, written to `out`.
///
/// # Panics
/// If there are not as many slopes as values.
pub fn slopes(x: &[f32], activation: Activation, out: &mut [f32]) {
    assert_eq!(x.len(), out.len(), "one slope for each value");
    match activation {
        Activation::Relu => differentiate::<Relu>(x, out),
        Activation::Leaky => differentiate::<Leaky>(x, out),
        Activation::Tanh => differentiate::<Tanh>(x, out),
        Activation::Gelu => differentiate::<Gelu>(x, out),
    }
}

fn differentiate<F: Function>(x: &[f32], out: &mut [f32]) {
    struct Differentiate<'a, F>(&'a [f32], &'a mut [f32], std::marker::PhantomData<F>);
    impl<F: Function> WithSimd for Differentiate<'_, F> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let one = simd.splat_f32s(1.0);
            let (vectors, rest) = S::as_simd_f32s(self.0);
            let (outs, last) = S::as_mut_simd_f32s(self.1);
            for (x, out) in vectors.iter().zip(outs) {
                *out = F::passed(simd, *x, false, one);
            }
            // In a vector too, as above.
            let slope = F::passed(simd, simd.partial_load_f32s(rest), false, one);
            simd.partial_store_f32s(last, slope);
        }
    }
    dispatch(Differentiate::<F>(x, out, std::marker::PhantomData));
}

#[cfg(test)]
pub(super) mod testing {
    //! The functions in f64.

    use super::{Activation, LEAK};

    /// The normal distribution's density and upper tail at `a` >= 0, by the series of the middle or the continued fraction of
    /// the tail (Abramowitz & Stegun 26.2.11 and 26.2.14).
    fn tail(a: f64) -> (f64, f64) {
        let density = (-a * a / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
        if a > 3.0 {
            return (density, density / (1..200).rev().fold(a, |fraction, n| a + f64::from(n) / fraction));
        }
        let (mut term, mut sum) = (a, a);
        for n in 1..100 {
            term *= a * a / f64::from(2 * n + 1);
            sum += term;
        }
        (density, 0.5 - density * sum)
    }

    /// Value and slope.
    pub fn exact(activation: Activation, x: f64) -> [f64; 2] {
        match activation {
            Activation::Relu if x > 0.0 => [x, 1.0],
            Activation::Relu => [0.0, 0.0],
            Activation::Leaky if x > 0.0 => [x, 1.0],
            Activation::Leaky => [x * f64::from(LEAK), f64::from(LEAK)],
            Activation::Tanh => [x.tanh(), 1.0 - x.tanh().powi(2)],
            Activation::Gelu => {
                let (density, tail) = tail(x.abs());
                let below = if x < 0.0 { tail } else { 1.0 - tail };
                [x * below, below + x * density]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::arch::testing::{numbers, on_each_kind};
    use super::testing::exact;
    use super::*;

    /// The slopes at `x`.
    fn slopes_at(activation: Activation, x: &[f32]) -> Vec<f32> {
        let mut out = vec![f32::NAN; x.len()];
        slopes(x, activation, &mut out);
        out
    }

    /// The slopes where the function has the values `y`.
    fn slopes_by_value(activation: Activation, y: &[f32]) -> Vec<f32> {
        struct Slopes<'a>(Activation, &'a [f32], &'a mut [f32]);
        impl WithSimd for Slopes<'_> {
            type Output = ();
            fn with_simd<S: Simd>(self, simd: S) {
                let one = simd.splat_f32s(1.0);
                for (y, out) in self.1.chunks(S::F32_LANES).zip(self.2.chunks_mut(S::F32_LANES)) {
                    let y = simd.partial_load_f32s(y);
                    let slope = match self.0 {
                        Activation::Relu => Relu::passed(simd, y, true, one),
                        Activation::Leaky => Leaky::passed(simd, y, true, one),
                        Activation::Tanh => Tanh::passed(simd, y, true, one),
                        Activation::Gelu => unreachable!("its value does not tell its slope"),
                    };
                    simd.partial_store_f32s(out, slope);
                }
            }
        }
        let mut out = vec![f32::NAN; y.len()];
        dispatch(Slopes(activation, y, &mut out));
        out
    }

    /// From 1e-6 to 20 and beyond, both signs, and normal numbers.
    fn places() -> Vec<f32> {
        let sizes = (0..4000).map(|i| 1e-6 * (i as f32 * 0.0043).exp());
        let both = sizes.flat_map(|x| [x, -x]);
        both.chain(numbers(2000, 3)).chain([0.0, -0.0, 1e30, -1e30, 1e-40]).collect()
    }

    #[test]
    fn values_and_slopes_are_exact_but_for_rounding_far_into_the_tails() {
        on_each_kind(|| {
            let mut all = Vec::new();
            let x = places();
            for activation in Activation::ALL {
                let mut y = x.clone();
                activate(&mut y, activation);
                let by_input = slopes_at(activation, &x);
                let by_value = match activation {
                    Activation::Gelu => by_input.clone(),
                    _ => slopes_by_value(activation, &y),
                };
                for (i, x) in x.iter().enumerate() {
                    let [value, slope] = exact(activation, f64::from(*x));
                    let what = (activation, x, y[i]);
                    // Where two roundings replace a multiply-add, exponents of the far tail lose digits.
                    let far = if *x < -4.0 && activation == Activation::Gelu { 1e-5 } else { 5e-7 };
                    let error = (f64::from(y[i]) - value).abs();
                    assert!(error <= far * value.abs() + 1e-37, "{what:?}: {value}");
                    for got in [by_input[i], by_value[i]] {
                        assert!((f64::from(got) - slope).abs() <= 1e-6, "{what:?}: slope {got}, {slope}");
                    }
                }
                all.extend(y.into_iter().chain(by_input).chain(by_value));
            }
            all
        });
    }

    #[test]
    fn the_tail_of_gelu_keeps_its_digits() {
        // By multiply-adds in one rounding, which the machine's own registers have.
        let x: Vec<f32> = (0..1200).map(|i| -0.01 * i as f32).collect();
        let mut y = x.clone();
        activate(&mut y, Activation::Gelu);
        let slopes = slopes_at(Activation::Gelu, &x);
        for ((x, y), slope) in x.iter().zip(&y).zip(&slopes) {
            let [value, exact] = exact(Activation::Gelu, f64::from(*x));
            assert!((f64::from(*y) / value - 1.0).abs() < 1e-6 || value == 0.0, "{x}: {y}, {value}");
            // Near its zero the slope is a difference.
            let near = (x + 0.75).abs() < 0.5;
            assert!(near || (f64::from(*slope) / exact - 1.0).abs() < 3e-6, "{x}: slope {slope}, {exact}");
        }
    }

    #[test]
    fn what_is_no_number_stays_and_infinity_has_the_limit() {
        on_each_kind(|| {
            for activation in Activation::ALL {
                let [below, slope] = match activation {
                    Activation::Leaky => [f32::NEG_INFINITY, LEAK],
                    Activation::Tanh => [-1.0, 0.0],
                    _ => [0.0, 0.0],
                };
                let [above, rise] = if activation == Activation::Tanh { [1.0, 0.0] } else { [f32::INFINITY, 1.0] };
                let x = [f32::NAN, f32::NEG_INFINITY, f32::INFINITY];
                let mut y = x;
                activate(&mut y, activation);
                assert!(y[0].is_nan() && y[1] == below && y[2] == above, "{activation:?}: {y:?}");
                assert_eq!(slopes_at(activation, &x)[1..], [slope, rise], "{activation:?}");
            }
            Vec::new()
        });
    }

    #[test]
    fn a_value_has_the_same_bits_wherever_it_stands() {
        on_each_kind(|| {
            for activation in Activation::ALL {
                let x = numbers(70, 8);
                let alone = |x: &f32| {
                    let mut one = [*x];
                    activate(&mut one, activation);
                    one[0].to_bits()
                };
                for from in 0..3 {
                    // One further, where no register is aligned.
                    let mut y = x.clone();
                    activate(&mut y[from..], activation);
                    assert!(y[from..].iter().map(|y| y.to_bits()).eq(x[from..].iter().map(alone)), "{activation:?}");
                }
            }
            Vec::new()
        });
    }
}
