//! Losses by class of members that are evaluated on one batch or on several: the mean over the batches that all of them saw.

/// Sums over batches.
pub(super) struct ClassMeans {
    n: usize,
    /// Sum and number of the means of each member and class, (n, classes); nothing before the first batch.
    sums: Vec<(f64, u32)>,
}

impl ClassMeans {
    /// Of `n` members.
    pub fn new(n: usize) -> Self {
        ClassMeans { n, sums: Vec::new() }
    }

    /// Adds the class losses, (members, classes), of these members on one batch; a class without images there counts for nothing.
    pub fn add(&mut self, members: &[usize], by_class: &[f32]) {
        let classes = by_class.len().checked_div(members.len()).unwrap_or(0);
        if self.sums.is_empty() {
            self.sums = vec![(0.0, 0); self.n * classes];
        }
        for (member, losses) in members.iter().zip(by_class.chunks_exact(classes.max(1))) {
            for ((sum, count), loss) in
                self.sums[member * classes..].iter_mut().zip(losses).filter(|(_, loss)| !loss.is_nan())
            {
                *sum += f64::from(*loss);
                *count += 1;
            }
        }
    }

    /// The means, (n, classes); NaN where there is none.
    pub fn means(&self) -> Vec<f32> {
        self.sums.iter().map(|(sum, count)| (sum / f64::from(*count)) as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_over_the_batches_that_a_member_saw_and_a_class_was_in() {
        let nan = f32::NAN;
        let mut means = ClassMeans::new(3);
        means.add(&[0, 1, 2], &[1.0, 2.0, 3.0, 4.0, nan, 6.0]);
        means.add(&[2, 0], &[8.0, nan, 5.0, 4.0]);
        assert_eq!(means.means(), [3.0, 3.0, 3.0, 4.0, 8.0, 6.0]);
        let mut failed = ClassMeans::new(1);
        failed.add(&[0], &[nan, nan]);
        assert!(failed.means().iter().all(|mean| mean.is_nan()) && failed.means().len() == 2);
    }
}
