//! Ranks of differences by their size, apart for those above and those below zero: what Wilcoxon's test and its effect size
//! are made of.

/// The differences that are not zero, ranked by their size from 1 on; equal sizes share the mean of their ranks.
///
/// Zeros are left out before the ranks are given (Wilcoxon 1945, the default of R and scipy; Pratt 1959 would rank them and
/// leave their ranks out).
#[derive(Clone, Debug, PartialEq)]
pub struct SignedRanks {
    /// The ranks in rising order.
    pub ranks: Vec<f64>,
    /// Sum of the ranks of differences above zero, W+.
    pub positive: f64,
    /// Sum of the ranks of differences below zero, W-.
    pub negative: f64,
    /// Differences that are zero.
    pub zeros: usize,
    /// Sizes of the groups of equal differences, in rising order; 1 for one that stands alone.
    pub groups: Vec<usize>,
}

impl SignedRanks {
    /// Ranks `differences`. A size of at most `tolerance` is zero, and sizes are equal that are at most `tolerance` above the
    /// least of their group: 0.9 - 0.8 and 0.3 - 0.2 are the same difference of two shares, but not the same f64. `None`
    /// where a difference or the tolerance is not finite.
    pub fn of(differences: &[f64], tolerance: f64) -> Option<Self> {
        if !tolerance.is_finite() || differences.iter().any(|x| !x.is_finite()) {
            return None;
        }
        let mut sorted: Vec<f64> = differences.iter().copied().filter(|x| x.abs() > tolerance).collect();
        sorted.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
        let zeros = differences.len() - sorted.len();
        let mut found = SignedRanks { ranks: Vec::new(), positive: 0.0, negative: 0.0, zeros, groups: Vec::new() };
        let mut rest = sorted.as_slice();
        while let Some(first) = rest.first() {
            let size = rest.iter().take_while(|x| x.abs() <= first.abs() + tolerance).count();
            let (group, behind) = rest.split_at(size);
            let before = found.ranks.len();
            // The mean of before + 1 to before + size.
            let rank = before as f64 + 0.5 * (size + 1) as f64;
            found.ranks.extend(std::iter::repeat_n(rank, size));
            let above = group.iter().filter(|x| **x > 0.0).count();
            found.positive += rank * above as f64;
            found.negative += rank * (size - above) as f64;
            found.groups.push(size);
            rest = behind;
        }
        Some(found)
    }

    /// Differences that are not zero.
    pub fn n(&self) -> usize {
        self.ranks.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sizes_share_their_ranks_and_zeros_have_none() {
        let found = SignedRanks::of(&[3.0, -1.0, 0.0, 1.0, -5.0, 3.0, 3.0], 0.0).unwrap();
        assert_eq!(found.ranks, [1.5, 1.5, 4.0, 4.0, 4.0, 6.0]);
        assert_eq!((found.positive, found.negative), (1.5 + 12.0, 1.5 + 6.0));
        assert_eq!((found.zeros, found.n(), found.groups), (1, 6, vec![2, 3, 1]));
    }

    #[test]
    fn differences_of_shares_that_are_equal_on_paper_are_tied() {
        let differences = [0.9 - 0.8, 0.3 - 0.2, 0.2 - 0.1, 0.5 - 0.5000000000000001];
        assert_eq!(SignedRanks::of(&differences, 0.0).unwrap().groups, [1, 2, 1]);
        let found = SignedRanks::of(&differences, 1e-12).unwrap();
        assert_eq!((found.groups, found.zeros), (vec![3], 1));
    }

    #[test]
    fn what_is_not_finite_has_no_rank() {
        assert_eq!(SignedRanks::of(&[1.0, f64::NAN], 0.0), None);
        assert_eq!(SignedRanks::of(&[1.0, f64::INFINITY], 0.0), None);
        assert_eq!(SignedRanks::of(&[1.0], f64::NAN), None);
    }
}
