//! `docs/catalogue.md` is what the registries say. `UPDATE_DOCS=1 cargo test --release catalogue` writes it anew.

use super::registries::kinds;
use super::root;

const HEAD: &str = "\
# Catalogue

Everything that a campaign file can name, as `subevo list` shows it. Each name leads to the file that holds it; options and
their defaults stand there. Written by `UPDATE_DOCS=1 cargo test --release catalogue`; do not edit.
";

fn catalogue() -> String {
    let mut text = HEAD.to_string();
    for kind in kinds() {
        text += &format!("\n## {}\n\n| name | what it is | source |\n|---|---|---|\n", kind.title);
        for [name, summary, reference] in &kind.rows {
            let [summary, reference] = [summary, reference].map(|text| text.replace('|', "\\|"));
            text += &format!("| [`{name}`](../src/{}) | {summary} | {reference} |\n", kind.file_of(name));
        }
    }
    text
}

#[test]
fn the_catalogue_says_what_the_registries_say() {
    let path = root().join("docs/catalogue.md");
    let expected = catalogue();
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
    assert!(
        found == expected,
        "docs/catalogue.md is not what the registries say (first difference: {differs:?}): \
         run `UPDATE_DOCS=1 cargo test --release catalogue`"
    );
}
