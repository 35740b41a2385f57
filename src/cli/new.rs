//! `subevo new`: writes a small crate with an operator of one's own, which compiles, runs and says what to change.

use std::path::{Path, PathBuf};

use super::new_args::{NewCommand, OperatorKind};
use super::output::Output;
use super::Exit;
use crate::campaign::store::disk;
use crate::campaign::Registry;
use crate::error::{Error, Result};

/// Words that cannot name a module of Rust or a program of Cargo, and types and crates that the new one would hide.
const TAKEN: [&str; 70] = [
    "abstract",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "candidates",
    "const",
    "continue",
    "crate",
    "crossover-operator",
    "deps",
    "do",
    "dyn",
    "else",
    "entry",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "lib",
    "loop",
    "macro",
    "main",
    "match",
    "mod",
    "move",
    "mut",
    "mutation-operator",
    "operator",
    "operator-context",
    "override",
    "priv",
    "pub",
    "range",
    "ref",
    "return",
    "rng",
    "selection-operator",
    "self",
    "static",
    "std",
    "struct",
    "subevo",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "vec",
    "virtual",
    "where",
    "while",
    "yield",
];

/// Writes what was asked for.
pub fn new(command: &NewCommand, registry: &Registry, output: &mut Output) -> Result<Exit> {
    let NewCommand::Operator { name, kind, folder, subevo } = command;
    check_name(name, *kind, registry)?;
    let subevo = find_subevo(subevo.as_deref())?;
    let folder = folder.clone().unwrap_or_else(|| PathBuf::from(name));
    if folder.exists() {
        let message =
            format!("{}: there is something already; nothing was written: give another `--folder`", folder.display());
        return Err(Error::Config(message));
    }
    let fill = |template: &str| fill(template, name, *kind, &subevo);
    let module = name.replace('-', "_");
    disk::create_dir_synced(&folder)?;
    disk::create_dir_synced(&folder.join("src"))?;
    for (file, text) in [
        ("Cargo.toml".to_string(), fill(include_str!("template/Cargo.toml.in"))),
        ("campaign.toml".to_string(), fill(include_str!("template/campaign.toml.in"))),
        (".gitignore".to_string(), "/target\n/runs\n".to_string()),
        ("src/main.rs".to_string(), fill(include_str!("template/main.rs.in"))),
        (format!("src/{module}.rs"), fill(template(*kind))),
    ] {
        disk::write_atomically(&folder.join(file), text.as_bytes())?;
    }
    // The versions that subevo itself was tested with.
    if let Some(lock) = disk::read_if_there(&subevo.join("Cargo.lock"))? {
        disk::write_atomically(&folder.join("Cargo.lock"), &lock)?;
    }
    output.talk(&format!(
        "{}: a {} operator, to be changed in src/{module}.rs. Try it:\n  cd {}\n  cargo run --release -- list {}\n  \
         cargo run --release -- run campaign.toml\n",
        folder.display(),
        kind.word(),
        folder.display(),
        kind.list(),
    ));
    Ok(Exit::Done)
}

/// Whether it can name a crate, a module and a new row.
fn check_name(name: &str, kind: OperatorKind, registry: &Registry) -> Result<()> {
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    let rest = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let ends = !name.ends_with('-') && !name.contains("--") && name.len() <= 64;
    if !(first && rest && ends) {
        let rule = "must be lower-case words of letters and digits joined by single `-`, as in `my-mutation`";
        return Err(Error::Config(format!("`{name}`: the name of an operator {rule}")));
    }
    if TAKEN.contains(&name) {
        return Err(Error::Config(format!(
            "`{name}`: this word cannot name a crate, module or type of Rust here: take another"
        )));
    }
    let operators = &registry.operators;
    let known = match kind {
        OperatorKind::Mutation => operators.mutations.get(name).is_some(),
        OperatorKind::Crossover => operators.crossovers.get(name).is_some(),
        OperatorKind::Selection => operators.selections.get(name).is_some(),
    };
    if known {
        let (word, list) = (kind.word(), kind.list());
        return Err(Error::Config(format!(
            "`{name}`: there is a {word} of this name (`subevo list {list}`): take another"
        )));
    }
    Ok(())
}

/// Where the sources of subevo are: what was told, or where this program was built.
fn find_subevo(told: Option<&Path>) -> Result<PathBuf> {
    let path = told.unwrap_or(Path::new(env!("CARGO_MANIFEST_DIR")));
    let there = std::fs::read_to_string(path.join("Cargo.toml")).is_ok_and(|text| text.contains("name = \"subevo\""));
    let missing = || {
        let place = path.display();
        Error::Config(format!(
            "{place}: no sources of subevo are there: give the folder of its clone by `--subevo DIR`"
        ))
    };
    let path = path.canonicalize().map_err(|_| missing())?;
    if there {
        Ok(path)
    } else {
        Err(missing())
    }
}

fn template(kind: OperatorKind) -> &'static str {
    match kind {
        OperatorKind::Mutation => include_str!("template/mutation.rs.in"),
        OperatorKind::Crossover => include_str!("template/crossover.rs.in"),
        OperatorKind::Selection => include_str!("template/selection.rs.in"),
    }
}

/// Puts the names into a template.
fn fill(template: &str, name: &str, kind: OperatorKind, subevo: &Path) -> String {
    let upper = |word: &str| word[..1].to_uppercase() + &word[1..];
    let camel: String = name.split('-').map(upper).collect();
    // A TOML basic string is a JSON string.
    let path = serde_json::Value::from(subevo.to_string_lossy()).to_string();
    template
        .replace("{name}", name)
        .replace("{module}", &name.replace('-', "_"))
        .replace("{type}", &camel)
        .replace("{kind}", kind.word())
        .replace("{subevo}", &path)
}
