//! Name patterns: `*` stands for any characters, `?` for one.

/// A pattern for names of layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(pub String);

impl Pattern {
    /// Whether the whole name fits.
    pub fn matches(&self, name: &str) -> bool {
        fn fits(pattern: &[char], name: &[char]) -> bool {
            match (pattern.split_first(), name.split_first()) {
                (None, None) => true,
                (Some(('*', rest)), _) => (0..=name.len()).any(|skip| fits(rest, &name[skip..])),
                (Some(('?', pattern)), Some((_, name))) => fits(pattern, name),
                (Some((a, pattern)), Some((b, name))) => a == b && fits(pattern, name),
                _ => false,
            }
        }
        // Runs of `*` mean one: without them the search takes no more than length^stars steps, names are short.
        let mut pattern: Vec<char> = self.0.chars().collect();
        pattern.dedup_by(|a, b| *a == '*' && *b == '*');
        fits(&pattern, &name.chars().collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_stand_for_characters() {
        let fits = |pattern: &str, name: &str| Pattern(pattern.to_string()).matches(name);
        assert!(fits("conv*", "conv12") && fits("conv*", "conv") && fits("*", "") && fits("b*.c?nv*", "block3.conv1"));
        assert!(!fits("conv?", "conv12") && !fits("conv", "conv1") && !fits("conv1", "conv") && !fits("?", ""));
    }
}
