//! The one matrix kernel: products of gathered rows, summed in registers.
//!
//! `out[p][f] = first[p][f] + sum over sources, and rows r of each, of values[start(p) + rows[r]] * bank[r][f]` for output
//! positions `p = (y, x)` with `start(p) = base + y * line + x * step`. A convolution over channel-last images is this sum
//! with the offsets of a window's taps as rows, so no patch matrix is built; a linear layer has images as positions; a
//! gradient of weights has positions as rows. Each output is summed over the rows in order by multiply-adds, so its bits
//! depend neither on how positions and columns are cut into tiles nor on threads; only on whether the CPU fuses the two.

use pulp::{MemMask, Simd, WithSimd};

use super::arch::dispatch;
use super::bank::{Bank, PANEL};

/// Offsets of the taps of one output position, in the order of summation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    offsets: Vec<u32>,
    greatest: usize,
}

impl Rows {
    /// From the offsets.
    pub fn new(offsets: Vec<u32>) -> Self {
        let greatest = offsets.iter().copied().max().unwrap_or(0) as usize;
        Rows { offsets, greatest }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether there is nothing to sum.
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }
}

/// One factor pair of a product.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// Where the left factors are.
    pub values: &'a [f32],
    /// Index of the first position's origin.
    pub base: usize,
    /// From one line of positions to the next.
    pub line: usize,
    /// From one position of a line to the next.
    pub step: usize,
    /// Offsets of the left factors; without any, the source adds nothing.
    pub rows: &'a Rows,
    /// The right factors (rows, columns).
    pub bank: &'a Bank,
}

/// What the sums begin with.
#[derive(Clone, Copy)]
pub enum First<'a> {
    /// Zero.
    Zero,
    /// The same row (columns) at each position.
    Row(&'a [f32]),
    /// What the output holds.
    Output,
}

/// The output (positions, pitch), of which the first columns are written.
pub struct Output<'a> {
    /// Where it is written.
    pub values: &'a mut [f32],
    /// From one position to the next.
    pub pitch: usize,
    /// Columns of the product.
    pub columns: usize,
    /// Lines of positions.
    pub lines: usize,
    /// Positions of a line.
    pub length: usize,
}

impl Source<'_> {
    /// Index of the last left factor; `None` where that is no number. There is a position at least.
    fn furthest(&self, lines: usize, length: usize) -> Option<usize> {
        let line = (lines - 1).checked_mul(self.line)?;
        let step = (length - 1).checked_mul(self.step)?;
        self.base.checked_add(line)?.checked_add(step)?.checked_add(self.rows.greatest)
    }
}

impl Output<'_> {
    /// Index behind the last sum; `None` where that is no number. There is a position at least.
    fn end(&self) -> Option<usize> {
        (self.lines.checked_mul(self.length)? - 1).checked_mul(self.pitch)?.checked_add(self.columns)
    }
}

/// Computes the product.
///
/// # Panics
/// If a factor or a sum would lie outside its slice, or a source's first position outside its values.
pub fn product(sources: &[Source<'_>], first: First<'_>, out: Output<'_>) {
    if out.lines == 0 || out.length == 0 || out.columns == 0 {
        return;
    }
    let end = out.end().expect("sizes are small");
    assert!(end <= out.values.len(), "the output holds all positions");
    if let First::Row(row) = first {
        assert!(out.columns <= row.len(), "one first value a column");
    }
    for source in sources {
        let furthest = source.furthest(out.lines, out.length).expect("sizes are small");
        assert!(furthest < source.values.len(), "all left factors exist");
        assert_eq!(source.rows.len(), source.bank.rows(), "one row of the bank for each offset");
        assert!(out.columns <= source.bank.columns(), "right factors for all columns");
    }
    dispatch(Product { sources, first, out });
}

struct Product<'a> {
    sources: &'a [Source<'a>],
    first: First<'a>,
    out: Output<'a>,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Product { sources, first, out } = self;
        let to = out.values.as_mut_ptr();
        let lanes = S::F32_LANES.min(PANEL);
        for panel in 0..out.columns.div_ceil(PANEL) {
            let columns = (out.columns - panel * PANEL).min(PANEL);
            let vectors = columns.div_ceil(lanes);
            let mut vector = 0;
            while vector < vectors {
                let at = vector * lanes;
                let pair = vector + 2 <= vectors;
                let last = (columns - at).min(if pair { 2 * lanes } else { lanes }) - if pair { lanes } else { 0 };
                let tail = simd.mask_between_m32s(0, last as u32);
                match (pair, last == lanes) {
                    (true, true) => strip::<S, 2, true>(simd, sources, first, &out, to, panel, at, tail),
                    (true, false) => strip::<S, 2, false>(simd, sources, first, &out, to, panel, at, tail),
                    (false, true) => strip::<S, 1, true>(simd, sources, first, &out, to, panel, at, tail),
                    (false, false) => strip::<S, 1, false>(simd, sources, first, &out, to, panel, at, tail),
                }
                vector += if pair { 2 } else { 1 };
            }
        }
    }
}

/// Most positions of a tile of `nv` vectors, for lines of `length`: the sums and both factors stay in registers.
const fn most(registers: usize, nv: usize, length: usize) -> usize {
    match (registers >= 32, nv) {
        // Ten classes at once read the other factor once.
        (true, 2) if length == 10 => 10,
        (true, 2) => 8,
        (true, _) => 14,
        (false, 2) => 5,
        (false, _) => 12,
    }
}

/// `NV` vectors of columns from `at` of a panel on, at all positions; the last vector is cut by `tail`.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "one call site; a struct would only rename them")]
fn strip<S: Simd, const NV: usize, const FULL: bool>(
    simd: S,
    sources: &[Source<'_>],
    first: First<'_>,
    out: &Output<'_>,
    to: *mut f32,
    panel: usize,
    at: usize,
    tail: MemMask<S::m32s>,
) {
    let most = most(S::REGISTER_COUNT, NV, out.length);
    let cuts = out.length.div_ceil(most);
    let column = panel * PANEL + at;
    let zero = [0.0f32; PANEL];
    let (begin, begin_pitch) = match first {
        First::Zero => (zero.as_ptr(), 0),
        // SAFETY: `column` is less than `out.columns`, which the slices hold at each position (asserted in `product`).
        First::Row(row) => (unsafe { row.as_ptr().add(column) }, 0),
        // SAFETY: as above, of the output itself; `to` is its first value.
        First::Output => (unsafe { to.add(column).cast_const() }, out.pitch),
    };
    for y in 0..out.lines {
        let mut x = 0;
        for cut in 0..cuts {
            // Cuts of nearly one length.
            let mi = (out.length + cut) / cuts;
            let place = y * out.length + x;
            let tile = Tile { sources, panel, at, y, x };
            // SAFETY: positions `place..place + mi` are positions of the output, so by the assertions in `product` the first
            // values, the output and all left factors of these positions exist; the last vector is masked to the columns.
            unsafe {
                let begin = begin.add(place * begin_pitch);
                let to = to.add(place * out.pitch + column);
                match mi {
                    1 => tile.sum::<S, 1, NV, FULL>(simd, begin, begin_pitch, to, out.pitch, tail),
                    2 => tile.sum::<S, 2, NV, FULL>(simd, begin, begin_pitch, to, out.pitch, tail),
                    3 => tile.sum::<S, 3, NV, FULL>(simd, begin, begin_pitch, to, out.pitch, tail),
                    4 => tile.sum::<S, 4, NV, FULL>(simd, begin, begin_pitch, to, out.pitch, tail),
                    5 => tile.sum::<S, 5, NV, FULL>(simd, begin, begin_pitch, to, out.pitch, tail),
                    6 => tile.sum::<S, 6, NV, FULL>(simd, begin, begin_pitch, to, out.pitch, tail),
                    7 => tile.sum::<S, 7, NV, FULL>(simd, begin, begin_pitch, to, out.pitch, tail),
                    8 => tile.sum::<S, 8, NV, FULL>(simd, begin, begin_pitch, to, out.pitch, tail),
                    9 if NV == 1 => tile.sum::<S, 9, NV, FULL>(simd, begin, begin_pitch, to, out.pitch, tail),
                    10 => tile.sum::<S, 10, NV, FULL>(simd, begin, begin_pitch, to, out.pitch, tail),
                    11 if NV == 1 => tile.sum::<S, 11, NV, FULL>(simd, begin, begin_pitch, to, out.pitch, tail),
                    12 if NV == 1 => tile.sum::<S, 12, NV, FULL>(simd, begin, begin_pitch, to, out.pitch, tail),
                    13 if NV == 1 => tile.sum::<S, 13, NV, FULL>(simd, begin, begin_pitch, to, out.pitch, tail),
                    14 if NV == 1 => tile.sum::<S, 14, NV, FULL>(simd, begin, begin_pitch, to, out.pitch, tail),
                    _ => unreachable!("cuts are at most `most` long"),
                }
            }
            x += mi;
        }
    }
}

/// Some positions of one line, some columns of one panel.
struct Tile<'a> {
    sources: &'a [Source<'a>],
    panel: usize,
    at: usize,
    y: usize,
    x: usize,
}

impl Tile<'_> {
    /// # Safety
    /// For `MI` positions from (y, x) on, `begin` (pitch `begin_pitch`) and `to` (pitch `pitch`) hold `NV` vectors, the last
    /// cut by `tail`, and the left factors of all sources exist.
    #[inline(always)]
    unsafe fn sum<S: Simd, const MI: usize, const NV: usize, const FULL: bool>(
        &self,
        simd: S,
        begin: *const f32,
        begin_pitch: usize,
        to: *mut f32,
        pitch: usize,
        tail: MemMask<S::m32s>,
    ) {
        let lanes = S::F32_LANES;
        let mut sums = [[simd.splat_f32s(0.0); NV]; MI];
        for (i, sums) in sums.iter_mut().enumerate() {
            for (v, sum) in sums.iter_mut().enumerate() {
                let from = begin.add(i * begin_pitch + v * lanes);
                let full = FULL || v + 1 < NV;
                *sum = if full { from.cast::<S::f32s>().read_unaligned() } else { simd.mask_load_ptr_f32s(tail, from) };
            }
        }
        for source in self.sources {
            let bank_pitch = source.bank.pitch(self.panel);
            // A panel is `rows` rows of `bank_pitch` values, a multiple of 16 that holds these vectors whole.
            let mut right = source.bank.panel(self.panel).as_ptr().add(self.at);
            let origin = source.values.as_ptr().add(source.base + self.y * source.line + self.x * source.step);
            let step = source.step;
            for offset in &source.rows.offsets {
                let left = origin.add(*offset as usize);
                let mut factors = [simd.splat_f32s(0.0); NV];
                for (v, factor) in factors.iter_mut().enumerate() {
                    *factor = right.add(v * lanes).cast::<S::f32s>().read_unaligned();
                }
                right = right.add(bank_pitch);
                for (i, sums) in sums.iter_mut().enumerate() {
                    let x = simd.splat_f32s(*left.add(i * step));
                    for (sum, factor) in sums.iter_mut().zip(&factors) {
                        *sum = simd.mul_add_e_f32s(x, *factor, *sum);
                    }
                }
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            for (v, sum) in sums.iter().enumerate() {
                let to = to.add(i * pitch + v * lanes);
                if FULL || v + 1 < NV {
                    to.cast::<S::f32s>().write_unaligned(*sum);
                } else {
                    simd.mask_store_ptr_f32s(tail, to, *sum);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::arch::testing::{near, numbers, on_each_kind};
    use super::*;

    /// The factors of one source.
    struct Owned {
        values: Vec<f32>,
        steps: [usize; 3],
        rows: Rows,
        bank: Bank,
    }

    impl Owned {
        /// The `i`-th source of a product of this size; its values end with its last left factor.
        fn new(i: usize, columns: usize, lines: usize, length: usize) -> Self {
            let offsets: Vec<u32> = (0..4 * i + 3).map(|row| ((row * 7 + i) % 11) as u32).collect();
            let rows = Rows::new(offsets);
            let step = [1, 3, 2][i];
            let steps = [i, length * step + 2 * i, step];
            let end = steps[0] + (lines - 1) * steps[1] + (length - 1) * step + rows.greatest + 1;
            let mut bank = Bank::zeros(rows.len(), columns);
            let right = numbers(rows.len() * columns, 100 + i as u64);
            (0..right.len()).for_each(|at| bank.set(at / columns, at % columns, right[at]));
            Owned { values: numbers(end, i as u64), steps, rows, bank }
        }

        /// The source from position (y, x) on.
        fn from(&self, y: usize, x: usize) -> Source<'_> {
            let [base, line, step] = self.steps;
            let base = base + y * line + x * step;
            Source { values: &self.values, base, line, step, rows: &self.rows, bank: &self.bank }
        }
    }

    const PITCH: usize = 75;

    /// A product's output (positions, pitch) that was 0.5 everywhere.
    fn computed(sources: &[Source<'_>], first: First<'_>, columns: usize, [lines, length]: [usize; 2]) -> Vec<f32> {
        let mut values = vec![0.5; (lines * length - 1) * PITCH + columns];
        product(sources, first, Output { values: &mut values, pitch: PITCH, columns, lines, length });
        values
    }

    fn check(columns: usize, lines: usize, length: usize) -> Vec<f32> {
        let owned: Vec<Owned> = (0..=columns % 3).map(|i| Owned::new(i, columns, lines, length)).collect();
        let row = numbers(columns, 7);
        let (first, begin): (First<'_>, &dyn Fn(usize) -> f32) = match (columns + length) % 3 {
            0 => (First::Zero, &|_| 0.0),
            1 => (First::Row(&row), &|column| row[column]),
            _ => (First::Output, &|_| 0.5),
        };
        let at = |y: usize, x: usize| owned.iter().map(|owned| owned.from(y, x)).collect::<Vec<_>>();
        let out = computed(&at(0, 0), first, columns, [lines, length]);
        for (place, value) in out.iter().enumerate() {
            let (position, column) = (place / PITCH, place % PITCH);
            if column >= columns {
                assert_eq!(*value, 0.5, "what lies between positions is left alone");
                continue;
            }
            let (mut sum, mut size) = (f64::from(begin(column)), 0.0);
            for source in at(position / length, position % length) {
                for (row, offset) in source.rows.offsets.iter().enumerate() {
                    let left = source.values[source.base + *offset as usize];
                    let term = f64::from(left) * f64::from(source.bank.get(row, column));
                    sum += term;
                    size += term.abs();
                }
            }
            near(*value, sum, size, (columns, lines, length, position, column));
        }
        for position in 0..lines * length {
            let alone = computed(&at(position / length, position % length), first, columns, [1, 1]);
            assert_eq!(alone, out[position * PITCH..][..columns], "one position alone, {columns}, {lines}, {length}");
        }
        out
    }

    #[test]
    fn products_of_all_sizes_are_those_of_the_definition_and_no_cut_changes_a_bit() {
        on_each_kind(|| {
            let sizes = (1..=70).flat_map(|columns| (1..=20).map(move |length| (columns, length)));
            sizes.flat_map(|(columns, length)| check(columns, 1 + (columns + length / 3) % 3, length)).collect()
        });
    }

    #[test]
    fn a_column_alone_has_the_bits_that_it_has_among_others() {
        on_each_kind(|| {
            let owned = Owned::new(2, 70, 2, 9);
            let all = computed(&[owned.from(0, 0)], First::Zero, 70, [2, 9]);
            for column in [0, 15, 16, 31, 32, 47, 63, 64, 69] {
                let mut bank = Bank::zeros(owned.rows.len(), 1);
                (0..owned.rows.len()).for_each(|row| bank.set(row, 0, owned.bank.get(row, column)));
                let alone = computed(&[Source { bank: &bank, ..owned.from(0, 0) }], First::Zero, 1, [2, 9]);
                (0..18).for_each(|position| assert_eq!(alone[position * PITCH], all[position * PITCH + column]));
            }
            all
        });
    }

    #[test]
    fn what_does_not_exist_is_refused() {
        let owned = Owned::new(0, 5, 2, 3);
        let refused = |change: &dyn Fn(&mut Source<'_>, &mut usize)| {
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let (mut source, mut end) = (owned.from(0, 0), 5 * PITCH + 5);
                change(&mut source, &mut end);
                let out = Output { values: &mut vec![0.0; end], pitch: PITCH, columns: 5, lines: 2, length: 3 };
                product(&[source], First::Row(&[0.0; 5]), out);
            }))
            .is_err()
        };
        let short = Bank::zeros(owned.rows.len(), 4);
        assert!(!refused(&|_, _| ()));
        assert!(refused(&|_, end| *end -= 1), "the last sum");
        assert!(refused(&|source, _| source.base += 1), "the last left factor");
        assert!(refused(&|source, _| source.values = &source.values[1..]), "the last left factor");
        assert!(refused(&|source, _| source.line = usize::MAX), "a line beyond all numbers");
        assert!(refused(&|source, _| source.step = usize::MAX / 2 + 1), "a step beyond all numbers");
        assert!(std::panic::catch_unwind(|| {
            let out = Output { values: &mut [0.0; 5], pitch: 5, columns: 5, lines: 1, length: 1 };
            product(&[Source { bank: &short, ..owned.from(0, 0) }], First::Zero, out);
        })
        .is_err());
    }
}
