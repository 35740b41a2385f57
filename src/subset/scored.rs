//! Single weights of convolutions and linear layers as places in the flat vector, and the choice of those that score best.

use super::{layers_hint, Pattern, SubsetRequest};
use crate::error::{Error, Result};
use crate::graph::ParameterKind;
use crate::params::{Amount, Params};

/// Which end of the order is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The greatest scores.
    Largest,
    /// The least.
    Smallest,
}

impl End {
    /// Reads the key `which`.
    pub fn read(params: &Params<'_>) -> Self {
        match params.choice("which", Some("largest"), &["largest", "smallest"]) {
            "largest" => End::Largest,
            _ => End::Smallest,
        }
    }

    /// Start of labels: nothing for the largest.
    pub fn label(self) -> &'static str {
        match self {
            End::Largest => "",
            End::Smallest => "smallest-",
        }
    }
}

/// The places of all weights of the convolutions and linear layers in some layers, and how many `amount` takes of them.
///
/// # Errors
/// In the name of the selector `label`, if that is none, or a count more than there are.
pub(super) fn places(
    request: &SubsetRequest<'_>,
    layers: &Pattern,
    amount: Amount,
    label: &str,
) -> Result<(Vec<usize>, usize)> {
    let mut places = Vec::new();
    for parameter in &request.graph.parameters {
        let weight = matches!(parameter.kind, ParameterKind::ConvWeight | ParameterKind::LinearWeight);
        if weight && layers.matches(&parameter.layer) {
            places.extend(parameter.range());
        }
    }
    let there = format!("the {} weights in layers matching `{}`", places.len(), layers.0);
    if matches!(amount, Amount::Count(count) if count > places.len()) {
        return Err(Error::Subset(format!("`{label}` asks for more than {there}")));
    }
    let count = amount.of(places.len());
    if count == 0 {
        return Err(Error::Subset(format!("`{label}` takes none of {there}{}", layers_hint(request.graph))));
    }
    Ok((places, count))
}

/// Marks `count` of `places` of a graph with `total` scalars by their scores; of equal scores the first place wins.
pub(super) fn mark_best(
    mut places: Vec<usize>,
    count: usize,
    end: End,
    total: usize,
    score: impl Fn(usize) -> f32,
) -> Vec<bool> {
    let order = |a: &usize, b: &usize| {
        let by_score = match end {
            End::Largest => score(*b).total_cmp(&score(*a)),
            End::Smallest => score(*a).total_cmp(&score(*b)),
        };
        by_score.then(a.cmp(b))
    };
    if count < places.len() {
        places.select_nth_unstable_by(count, order);
    }
    let mut marks = vec![false; total];
    places[..count].iter().for_each(|place| marks[*place] = true);
    marks
}
