//! The import rule: modules know what stands below them, and outside crates are known in one place each.

use super::{has_word, nothing_wrong, sources, word};

/// From the ground up. A module may import itself, what stands in a line above its own, and what stands before it in its
/// own line.
const LAYERS: [&[&str]; 11] = [
    &["error", "guard", "num", "stats", "progress", "population", "state", "record", "rng", "params", "entry"],
    &["data", "graph", "projection", "estimator"],
    &["model", "subset"],
    &["plan"],
    &["engine"],
    &["operator", "optimizer", "strategy", "evaluation"],
    &["learner"],
    &["metric", "compare", "plot", "table", "tensorboard"],
    &["campaign"],
    &["bench", "report"],
    &["cli"],
];

/// What modules may not import although it stands below them: evolution knows no tensors and no images, figures know
/// records and nothing else.
const NEVER: [(&str, &[&str]); 5] = [
    ("evaluation", &["data", "graph", "model", "subset", "plan", "engine", "operator", "optimizer", "strategy"]),
    ("operator", &["data", "model", "plan", "engine"]),
    ("optimizer", &["data", "graph", "model", "subset", "plan", "engine", "operator"]),
    ("strategy", &["data", "model", "plan", "engine"]),
    (
        "plot",
        &[
            "data",
            "graph",
            "model",
            "subset",
            "plan",
            "engine",
            "operator",
            "optimizer",
            "strategy",
            "learner",
            "metric",
        ],
    ),
];

/// Words and the only places in `src` where they may stand.
const ONLY_IN: [(&str, &[&str]); 26] = [
    // Besides the reference, the one error type carries what candle says.
    ("candle_core", &["engine/device/", "engine/reference/", "error.rs"]),
    ("candle_nn", &[]),
    ("gemm", &["num/product.rs"]),
    ("pulp", &["engine/cpu/", "num/wide.rs", "rng/"]),
    ("unsafe", &["engine/cpu/", "engine/device/cuda.rs", "num/product.rs"]),
    ("plotters", &["plot/draw/"]),
    ("minijinja", &["report/page.rs"]),
    ("clap", &["cli/"]),
    ("comfy_table", &["cli/"]),
    ("indicatif", &["cli/"]),
    ("parquet", &["table/", "campaign/tables.rs"]),
    ("crc32c", &["tensorboard/event.rs"]),
    ("console", &["cli/"]),
    ("rustix", &["cli/"]),
    ("signal_hook", &["cli/"]),
    ("stdout", &["cli/"]),
    ("stderr", &["cli/"]),
    ("print!", &["cli/"]),
    ("println!", &["cli/"]),
    ("eprint!", &["cli/"]),
    ("eprintln!", &["cli/"]),
    ("dbg!", &[]),
    ("todo!", &[]),
    ("unimplemented!", &[]),
    // The pool is built once, where the number of threads is known; results never depend on it.
    ("ThreadPoolBuilder", &["cli/", "strategy/", "num/"]),
    ("thread_rng", &[]),
];

/// Layer and place in it.
fn place(module: &str) -> Option<(usize, usize)> {
    LAYERS.iter().enumerate().find_map(|(i, layer)| Some((i, layer.iter().position(|name| *name == module)?)))
}

/// Why `importer` may not import `imported`, if so.
fn objection(importer: &str, imported: &str) -> Option<String> {
    if importer == imported {
        return None;
    }
    let (Some(from), Some(to)) = (place(importer), place(imported)) else {
        return Some(format!("`{importer}` or `{imported}` has no place in LAYERS of tests/it/tidy/imports.rs"));
    };
    if to > from {
        return Some(format!("`{imported}` stands above `{importer}`"));
    }
    let never = NEVER.iter().any(|(module, not)| *module == importer && not.contains(&imported));
    never.then(|| format!("`{importer}` must not know `{imported}`"))
}

/// The top-level modules that code names by `crate::`.
fn imported(code: &str) -> Vec<String> {
    let mut modules = Vec::new();
    for (at, _) in code.match_indices("crate::").filter(|(at, _)| !code[..*at].ends_with(word)) {
        let rest = &code[at + "crate::".len()..];
        let first = |text: &str| text.trim().chars().take_while(|c| word(*c)).collect::<String>();
        match rest.strip_prefix('{') {
            None => modules.push(first(rest)),
            Some(group) => {
                let (mut depth, mut item) = (1, String::new());
                for c in group.chars() {
                    depth += i32::from(c == '{') - i32::from(c == '}');
                    if depth == 0 || depth == 1 && c == ',' {
                        modules.push(first(&std::mem::take(&mut item)));
                    } else {
                        item.push(c);
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
        }
    }
    modules.retain(|module| !module.is_empty());
    modules
}

#[test]
fn the_rule_tells_up_from_down() {
    assert_eq!(objection("cli", "campaign"), None);
    assert_eq!(objection("strategy", "operator"), None);
    assert!(objection("operator", "strategy").is_some(), "within a layer only to the left");
    assert!(objection("subset", "engine").is_some());
    assert!(objection("strategy", "engine").is_some() && objection("plot", "learner").is_some());
    assert!(objection("strategy", "brandnew").is_some());
    let code = "use crate::a::B; use crate::{b, c::{d, e}, f}; x(crate::g::h()); $crate::i; mycrate::j;";
    assert_eq!(imported(code), ["a", "b", "c", "f", "g", "i"]);
}

#[test]
fn modules_import_only_what_stands_below_them() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for source in sources() {
        let module = source.path.split(['/', '.']).next().unwrap();
        if ["lib", "main"].contains(&module) {
            continue;
        }
        let code = source.code();
        for imported in imported(&code) {
            seen += 1;
            if let Some(objection) = objection(module, &imported) {
                wrong.push(format!("src/{}: imports `crate::{imported}`, but {objection}", source.path));
            }
        }
        // `super` must not lead out of a top-level module: the rule reads `crate::` alone.
        let depth = source.path.trim_end_matches("/mod.rs").trim_end_matches(".rs").split('/').count();
        let out = "super::".repeat(depth);
        if code.contains(&format!("\nuse {out}")) || code.contains(&format!("{out}super::")) {
            wrong.push(format!("src/{}: `super::` leaves the module: write `crate::`", source.path));
        }
    }
    assert!(seen > 300, "only {seen} imports found");
    wrong.sort();
    wrong.dedup();
    nothing_wrong(wrong);
}

#[test]
fn outside_crates_and_printing_stay_in_their_places() {
    let mut wrong = Vec::new();
    for source in sources() {
        let code = source.code();
        for (name, places) in ONLY_IN {
            if has_word(&code, name) && !places.iter().any(|place| source.path.starts_with(place)) {
                let places = if places.is_empty() { "nowhere".to_string() } else { places.join(", ") };
                wrong.push(format!("src/{}: `{name}` is for {places} only", source.path));
            }
        }
    }
    nothing_wrong(wrong);
}
