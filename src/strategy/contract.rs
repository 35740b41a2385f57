//! What a strategy promises, as data: the tests and `subevo bench functions` hold each to its own row.

/// The promises of one strategy, beside its `ENTRY`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contract {
    /// The row of `ENTRIES`.
    pub name: &'static str,
    /// With its defaults only the order of the losses matters: any rising map of them gives the same bits.
    pub rank_based: bool,
    /// The least that `population` may be. None: it has no such option.
    pub least_population: Option<u64>,
    /// What it must solve, in the median of 15 seeds.
    pub solves: &'static [Solve],
}

/// A function that must be solved: from 3 in every coordinate, with `sigma` 1 where the strategy has one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Solve {
    /// Name of the function, as in `sphere`.
    pub function: &'static str,
    /// Number of coordinates, which is k.
    pub dim: usize,
    /// Whether the coordinates are turned by an orthogonal matrix, another for each seed.
    pub rotate: bool,
    /// When it counts as solved.
    pub target: Target,
    /// Evaluations within which the median run must be there.
    pub evaluations: u64,
    /// Options of the strategy other than its defaults, lines of TOML.
    pub params: &'static str,
}

impl Solve {
    /// A value to reach on a function as it stands, with the strategy's defaults.
    pub const fn new(function: &'static str, dim: usize, target: f64, evaluations: u64) -> Self {
        Solve { function, dim, rotate: false, target: Target::Value(target), evaluations, params: "" }
    }

    /// The same, turned by another orthogonal matrix for each seed.
    #[must_use]
    pub const fn rotated(self) -> Self {
        Solve { rotate: true, ..self }
    }

    /// The same, with these options, lines of TOML.
    #[must_use]
    pub const fn with(self, params: &'static str) -> Self {
        Solve { params, ..self }
    }
}

/// When a run counts as solved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// A member's value is at most this.
    Value(f64),
    /// A member's value is below that of the run's first.
    FirstSample,
}
