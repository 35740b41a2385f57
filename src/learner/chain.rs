//! What the stages of a run have learned, one after another: with seed and configuration all that is needed to make the
//! network again, for these tell which weights each stage trained.

use crate::error::{Error, Result};
use crate::state::{Array, State};

/// Trained weights of the stages that have ended: a link each. Empty where the subset is fixed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chain {
    values: Vec<f32>,
    /// Values of each link.
    sizes: Vec<u64>,
}

impl Chain {
    /// Appends the trained weights (k) of a stage that has ended.
    pub fn push(&mut self, trained: &[f32]) {
        self.values.extend_from_slice(trained);
        self.sizes.push(trained.len() as u64);
    }

    /// Number of links: of the stages that have ended, and so the number of the stage that has not.
    pub fn len(&self) -> u64 {
        self.sizes.len() as u64
    }

    /// Whether the first stage has not ended.
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// The links in order.
    pub fn links(&self) -> impl Iterator<Item = &[f32]> {
        let mut rest = &self.values[..];
        self.sizes.iter().map(move |size| {
            let (link, after) = rest.split_at(*size as usize);
            rest = after;
            link
        })
    }

    /// As named arrays.
    pub fn save(&self) -> State {
        let mut state = State::default();
        state.put_f32("values", &self.values);
        state.put_u64("sizes", &self.sizes);
        state
    }

    /// Of named arrays; none is the empty chain.
    ///
    /// # Errors
    /// If the arrays are not those of a chain, or do not fit together.
    pub fn load(state: &State) -> Result<Self> {
        if state.arrays.is_empty() {
            return Ok(Chain::default());
        }
        let (Some(Array::F32(values)), Some(Array::U64(sizes))) =
            (state.arrays.get("values"), state.arrays.get("sizes"))
        else {
            return Err(Error::Learner("chain: it needs `values` (F32) and `sizes` (U64)".to_string()));
        };
        let sum = sizes.iter().try_fold(0u64, |sum, size| sum.checked_add(*size));
        if sum != Some(values.len() as u64) {
            let found = values.len();
            return Err(Error::Learner(format!("chain: it has {found} values, but its links ask for another number")));
        }
        Ok(Chain { values: values.clone(), sizes: sizes.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_different_sizes_come_back_in_order() {
        let mut chain = Chain::default();
        assert!(chain.is_empty() && chain.links().next().is_none());
        let links = [vec![1.0, -0.0], vec![3.0], vec![f32::MAX, 5.0, 6.0]];
        links.iter().for_each(|link| chain.push(link));
        assert_eq!((chain.len(), chain.links().collect::<Vec<_>>()), (3, links.iter().map(|link| &link[..]).collect()));
        assert_eq!(Chain::load(&chain.save()).unwrap(), chain);
        assert_eq!(Chain::load(&State::default()).unwrap(), Chain::default());
    }

    #[test]
    fn arrays_that_do_not_fit_together_are_refused() {
        let refusal = |values: &[f32], sizes: &[u64]| {
            let mut state = State::default();
            state.put_f32("values", values);
            state.put_u64("sizes", sizes);
            Chain::load(&state).unwrap_err().to_string()
        };
        for (values, sizes) in [(&[1.0, 2.0][..], &[1][..]), (&[1.0], &[1, 1]), (&[1.0], &[2, u64::MAX])] {
            assert!(refusal(values, sizes).contains("chain: it has"), "{values:?} {sizes:?}");
        }
        let mut one = State::default();
        one.put_f32("values", &[1.0]);
        assert!(Chain::load(&one).unwrap_err().to_string().contains("`sizes` (U64)"));
    }
}
