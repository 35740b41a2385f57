//! Rules of the house that a compiler does not know: which module may import which, one row for each file of a registry,
//! heads of files, a catalogue that says what the code says. Where a rule bars something good, change the rule here.

mod catalogue;
mod imports;
mod pages;
mod registries;

use std::path::{Path, PathBuf};

/// Most lines of a file in `src`; beyond it a file holds two things.
const LONGEST: usize = 500;

/// A file under `src`.
struct Source {
    /// Path below `src`, with `/`.
    path: String,
    text: String,
}

impl Source {
    /// The text without comments and without what stands in quotes.
    fn code(&self) -> String {
        code(&self.text)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files with this ending in a folder of the repository and below it, sorted.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// All Rust files of `src`.
fn sources() -> Vec<Source> {
    let src = root().join("src");
    let read = |path: PathBuf| {
        let below: Vec<&str> =
            path.strip_prefix(&src).unwrap().iter().map(|part| part.to_str().expect("names are UTF-8")).collect();
        Source { path: below.join("/"), text: std::fs::read_to_string(&path).unwrap() }
    };
    let sources: Vec<Source> = files("src", "rs").into_iter().map(read).collect();
    assert!(sources.len() > 100, "only {} files found", sources.len());
    sources
}

fn code(text: &str) -> String {
    let bytes: Vec<char> = text.chars().collect();
    let (mut out, mut i) = (String::new(), 0);
    let at = |i: usize| bytes.get(i).copied().unwrap_or('\0');
    while i < bytes.len() {
        match at(i) {
            '/' if at(i + 1) == '/' => {
                while i < bytes.len() && at(i) != '\n' {
                    i += 1;
                }
            }
            'r' if (at(i + 1) == '"' || at(i + 1) == '#' && "\"#".contains(at(i + 2)))
                && !word(at(i.wrapping_sub(1))) =>
            {
                let hashes = (i + 1..).take_while(|j| at(*j) == '#').count();
                let end: String = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
                i += 2 + hashes;
                while i < bytes.len() && !(0..=hashes).all(|j| Some(at(i + j)) == end.chars().nth(j)) {
                    i += 1;
                }
                i += 1 + hashes;
            }
            '"' => {
                i += 1;
                while i < bytes.len() && at(i) != '"' {
                    i += if at(i) == '\\' { 2 } else { 1 };
                }
                i += 1;
                out.push_str("\"\"");
            }
            // A character in quotes, not a lifetime.
            '\'' if at(i + 1) == '\\' => {
                i += 3 + (i + 3..).take_while(|j| at(*j) != '\'' && at(*j) != '\0').count() + 1
            }
            '\'' if at(i + 2) == '\'' => i += 3,
            c => {
                out.push(c);
                i += 1;
            }
        }
    }
    out
}

fn word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether `text` has `wanted`, not as a part of a longer word.
fn has_word(text: &str, wanted: &str) -> bool {
    // What ends in `!` is whole, whatever follows.
    let whole = |after: Option<char>| wanted.ends_with('!') || !after.is_some_and(word);
    text.match_indices(wanted)
        .any(|(at, _)| !text[..at].ends_with(word) && whole(text[at + wanted.len()..].chars().next()))
}

fn nothing_wrong(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn comments_and_quotes_are_no_code() {
    let text = "a(\"// x \\\" y\", '\"', '\\'', r#\"z\"w\"#); // unsafe\nb::<'a>(c);";
    assert_eq!(code(text), "a(\"\", , , ); \nb::<'a>(c);");
    assert!(has_word("x.unsafe {", "unsafe") && !has_word("unsafe_code", "unsafe"));
    assert!(has_word("println!(x)", "println!") && !has_word("eprintln!(x)", "println!"));
}

#[test]
fn every_source_file_says_what_it_is_and_is_short_and_clean() {
    let mut wrong = Vec::new();
    for Source { path, text } in sources() {
        if !text.starts_with("//! ") {
            wrong.push(format!("src/{path}: its first line must begin with `//! ` and say what the file is"));
        }
        let lines = text.lines().count();
        if lines > LONGEST {
            wrong.push(format!("src/{path}: {lines} lines, at most {LONGEST} are allowed: it holds two things"));
        }
    }
    nothing_wrong(wrong);
}

#[test]
fn no_line_ends_in_a_space() {
    let mut wrong = Vec::new();
    let folders = ["src", "tests", "benches", "docs", "experiments"]
        .map(|folder| ["rs", "md", "toml"].map(|end| files(folder, end)));
    let top = std::fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let top = top.filter(|path| path.extension().is_some_and(|end| end == "md" || end == "toml"));
    for path in folders.into_iter().flatten().flatten().chain(top) {
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = text.split('\n').enumerate().filter(|(_, line)| line.ends_with([' ', '\t', '\r']));
        wrong.extend(lines.map(|(i, _)| format!("{}:{}: white space at the end of the line", path.display(), i + 1)));
        if !text.ends_with('\n') {
            wrong.push(format!("{}: the last line has no end", path.display()));
        }
    }
    nothing_wrong(wrong);
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut documents: Vec<PathBuf> =
        ["docs", "experiments", "plots", "data"].iter().flat_map(|folder| files(folder, "md")).collect();
    documents.extend(["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name)));
    let (mut wrong, mut links) = (Vec::new(), 0);
    for document in documents {
        let text = std::fs::read_to_string(&document).unwrap();
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split([')', '#']).next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            links += 1;
            if !document.parent().unwrap().join(target).exists() {
                wrong.push(format!("{}: the link to `{target}` leads nowhere", document.display()));
            }
        }
    }
    assert!(links > 10, "only {links} links found");
    nothing_wrong(wrong);
}
