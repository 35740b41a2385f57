//! Pages in `docs/metrics`: each metric has its section, which says what such a section has to say.

use subevo::metric::entries;

use super::{files, nothing_wrong};

/// Sections of a page by what stands in their heads, without the quotes of code.
fn sections(text: &str) -> impl Iterator<Item = (String, &str)> {
    text.split("\n## ").skip(1).map(|section| {
        let head = section.lines().next().unwrap_or_default();
        (head.trim_matches('`').to_string(), section)
    })
}

/// Numbers of four digits, as years have.
fn years(reference: &str) -> impl Iterator<Item = &str> {
    reference.split(|c: char| !c.is_ascii_digit()).filter(|digits| digits.len() == 4)
}

#[test]
fn every_metric_has_a_section_with_a_reading_traps_its_source_and_its_cost() {
    let pages: Vec<String> =
        files("docs/metrics", "md").iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let mut wrong = Vec::new();
    for entry in entries() {
        let name = entry.name;
        let mut found = pages.iter().flat_map(|page| sections(page).map(move |section| (page, section)));
        let Some((page, (_, section))) = found.find(|(_, (head, _))| head == name) else {
            wrong.push(format!("`{name}` has no section `## {name}` in docs/metrics"));
            continue;
        };
        let low = section.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
        for (what, words) in [("how it is read", "read it"), ("what its traps are", "trap")] {
            if !low.contains(words) {
                wrong.push(format!("the section of `{name}` does not say {what}: \"{words}\""));
            }
        }
        if !low.contains("cost") && !page.contains(&format!("\n| `{name}` |")) {
            wrong.push(format!("the page of `{name}` does not say what it costs"));
        }
        let missing = years(entry.reference).filter(|year| !section.contains(year));
        wrong.extend(missing.map(|year| format!("the section of `{name}` does not name its source of {year}")));
        if entry.reference == "textbook" && !low.contains("textbook") {
            wrong.push(format!("the section of `{name}` does not name its source"));
        }
    }
    nothing_wrong(wrong);
}
