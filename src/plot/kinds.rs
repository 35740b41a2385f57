//! Kinds of subsets: what a subset's label says without its numbers, as in `filters` of `filters=0.25`.

/// The kind of a subset's label: `batchnorm+weights` of `batchnorm+weights=200`, `filters` of `filters-0.25`.
pub(super) fn kind(subset: &str) -> String {
    let word = |part: &str| part.trim_end_matches(|c: char| c.is_ascii_digit() || ".=-_".contains(c)).to_string();
    let words: Vec<String> = subset.split('+').map(word).filter(|word| !word.is_empty()).collect();
    match words.is_empty() {
        true => subset.to_string(),
        false => words.join("+"),
    }
}

#[cfg(test)]
mod tests {
    use super::kind;

    #[test]
    fn kinds_are_labels_without_numbers() {
        for (label, expected) in [
            ("filters-0.25", "filters"),
            ("batchnorm+weights=200", "batchnorm+weights"),
            ("random-1000", "random"),
            ("bn", "bn"),
            ("0.5", "0.5"),
        ] {
            assert_eq!(kind(label), expected);
        }
    }
}
