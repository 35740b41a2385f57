//! Overrides from the command line: `--set learner.0.strategy.population=32`.

use ::toml::de::DeValue;

use super::toml::Reading;
use super::{Node, Origin, Path, Problem, Problems, Table, Value};

/// Applies one override, `path=value`, in the words typed after `--set`.
///
/// The path is dotted; a number is an index of a list (`learner.0` is the first `[[learner]]`), names with other
/// characters than `A-Za-z0-9_-` are quoted (`grid."subset.background"`). Tables missing on the way are made, and a name on
/// the way becomes a table: `"snes"` is `{ name = "snes" }`. The value is TOML, or a bare word, which is a string. It takes
/// the place of what stood there, also of a whole table or list.
///
/// What is wrong becomes a problem, and the table stays as it was.
pub fn apply(table: &mut Table, text: &str, problems: &Problems) {
    let origin = Origin::Override(text.into());
    let wrong = |path: &str, message: String, help: Option<&str>| {
        let (origin, help) = (origin.clone(), help.map(str::to_string));
        problems.push(Problem { origin, path: path.to_string(), message, help });
    };
    let (path, rest) = match Path::parse_prefix(text) {
        Ok(found) => found,
        Err(message) => return wrong("", message, Some("quote names, as in `grid.\"subset.background\"=[...]`")),
    };
    let name = path.to_string();
    let Some(written) = rest.strip_prefix('=') else {
        let example = Some("write `path=value`, as in `budget.images=1000`");
        return match rest {
            "" => wrong(&name, format!("`{name}` has no `=` and no value"), example),
            _ => wrong(&name, format!("`{text}` has no `=` after `{name}`, but `{rest}`"), example),
        };
    };
    let written = written.trim();
    if written.is_empty() {
        return wrong(&name, format!("`{name}=` has no value"), Some("an empty string is `\"\"`"));
    }
    let known = problems.len();
    let value = match DeValue::parse(written) {
        // A date has no place here, so it can only be meant as a word.
        Ok(found) if found.get_ref().is_datetime() => {
            Node { value: Value::Text(written.to_string()), origin: origin.clone() }
        }
        Ok(found) => Reading { origin: &|_| origin.clone(), problems }.node(&found, &name, path.depth()),
        Err(error) if written.starts_with(['[', '{', '"', '\'']) => {
            let message = format!("`{name}` = {written} is no TOML value: {}", error.message());
            // `{name="snes"}` typed without quotes around it reaches the program as `{name=snes}`.
            let unquoted = error.message().starts_with("string values must be quoted");
            let help = unquoted.then_some("the shell takes quotes away: put the whole override in '...'");
            return wrong(&name, message, help);
        }
        Err(_) => Node { value: Value::Text(written.to_string()), origin: origin.clone() },
    };
    if problems.len() > known {
        return;
    }
    if let Err(message) = path.set(table, value) {
        wrong(&name, message, None);
    }
}

/// Puts `node` at a dotted path, by the same rules as an override.
///
/// # Errors
/// Where the path cannot be read or its way is barred, in words; the table stays as it was.
pub fn set_path(table: &mut Table, path: &str, node: Node) -> Result<(), String> {
    Path::parse(path)?.set(table, node)
}

#[cfg(test)]
mod tests {
    use super::super::{resolved::to_toml, toml};
    use super::*;

    const BASE: &str = "[budget]\nimages = 500\n[[learner]]\nname = \"evolution\"\nstrategy = \"snes\"\n[[learner]]\n\
                        name = \"backprop\"\n[grid]\n\"subset.background\" = [\"random\", \"zero\"]\n";

    fn base() -> Table {
        toml::parse(BASE, &Problems::default())
    }

    /// The value at `path` after an override, on one line.
    fn after(text: &str, path: &str) -> String {
        let (mut table, problems) = (base(), Problems::default());
        apply(&mut table, text, &problems);
        assert_eq!(problems.into_vec().len(), 0, "{text}");
        let node = Path::parse(path).unwrap().get(&table).unwrap();
        assert_eq!(node.origin, Origin::Override(text.into()), "{text}");
        node.value.to_string()
    }

    #[test]
    fn values_are_toml_or_bare_words() {
        for (written, expected) in [
            ("1_000", "1000"),
            ("0x10", "16"),
            ("1e3", "1000.0"),
            ("true", "true"),
            ("\"a b\"", "\"a b\""),
            ("[1, 2.5]", "[1, 2.5]"),
            ("{ name = 'x', n = [{}] }", "{ name = \"x\", n = [{}] }"),
            ("random", "\"random\""),
            ("fashion-mnist-12k", "\"fashion-mnist-12k\""),
            ("True", "\"True\""),
            ("2020-01-01", "\"2020-01-01\""),
            ("x=y", "\"x=y\""),
            (" two words ", "\"two words\""),
        ] {
            assert_eq!(after(&format!("budget.images={written}"), "budget.images"), expected, "{written}");
        }
    }

    #[test]
    fn paths_go_through_lists_quotes_missing_tables_and_names() {
        assert_eq!(after("learner.1.name=sgd", "learner.1.name"), "\"sgd\"");
        assert_eq!(after(" learner . 1 . name = sgd", "learner.1.name"), "\"sgd\"");
        assert_eq!(after("a.b.c=1", "a"), "{ b = { c = 1 } }");
        assert_eq!(after("a.\"0\".'x.y'=1", "a"), "{ 0 = { \"x.y\" = 1 } }");
        assert_eq!(after("grid.\"subset.background\"=[1]", "grid.\"subset.background\""), "[1]");
        assert_eq!(after("grid.\"subset.background\".1=one", "grid.\"subset.background\".1"), "\"one\"");
        assert_eq!(after("learner.0.strategy.population=32", "learner.0.strategy.population"), "32");

        let mut table = base();
        apply(&mut table, "learner.0.strategy.population=32", &Problems::default());
        let strategy = Path::parse("learner.0.strategy").unwrap().get(&table).unwrap();
        assert_eq!(strategy.value.to_string(), "{ name = \"snes\", population = 32 }");
        let name = strategy.as_table().unwrap().get("name").unwrap();
        assert!(matches!(name.origin, Origin::File { .. }), "the name keeps its place in the file");
    }

    #[test]
    fn what_is_wrong_is_said_and_changes_nothing() {
        let integers = format!("integers are {} to {}", i64::MIN, i64::MAX);
        for (text, expected) in [
            ("learner.2.name=a", "`learner` has no item 2: there are 2, 0 to 1".to_string()),
            ("learner.name=a", "`learner` is a list of 2: say which, as in `learner.0.name`".to_string()),
            ("lerner.0.name=a", "there is no `lerner`, so it has no item 0".to_string()),
            (
                "budget.0=a",
                "`budget` is a table, not a list: it has no item 0 (quote a key: `budget.\"0\"`)".to_string(),
            ),
            ("budget.images.x=1", "`budget.images` = 500 is an integer: nothing can be set below it".to_string()),
            (
                "learner.0.strategy.0=1",
                "`learner.0.strategy` = \"snes\" is a string: nothing can be set below it".to_string(),
            ),
            ("budget.images", "`budget.images` has no `=` and no value".to_string()),
            ("budget.images 3", "`budget.images 3` has no `=` after `budget.images`, but `3`".to_string()),
            ("budget.images=", "`budget.images=` has no value".to_string()),
            ("", "`` is no path: a name is missing".to_string()),
            ("=3", "`=3` is no path: a name is missing".to_string()),
            ("a..b=3", "`a..b=3` is no path: a name is missing".to_string()),
            (
                "learner.*.name=a",
                "`learner.*.name=a` is no path: `*` cannot stand in a name without quotes".to_string(),
            ),
            ("\"a=3", "`\"a=3` is no path: the quote \" is not closed".to_string()),
            ("\"\\d\"=3", "`\"\\d\"=3` is no path: \"\\d\" is no string".to_string()),
            ("a=[1", "`a` = [1 is no TOML value: unclosed array, expected `]`".to_string()),
            ("a=99999999999999999999", format!("`a` = 99999999999999999999 is too large: {integers}")),
            ("a=[2020-01-01]", "`a.0` = 2020-01-01: dates are not used here".to_string()),
        ] {
            let (mut table, problems) = (base(), Problems::default());
            apply(&mut table, text, &problems);
            let found: Vec<_> =
                problems.into_vec().into_iter().map(|problem| (problem.message, problem.origin)).collect();
            assert_eq!(found, [(expected, Origin::Override(text.into()))]);
            assert_eq!(to_toml(&table), to_toml(&base()), "{text}");
        }
        let deep = format!("a{}=1", ".a".repeat(32));
        let problems = Problems::default();
        apply(&mut base(), &deep, &problems);
        assert_eq!(problems.into_vec()[0].message, "the path has 33 segments: at most 32");
    }

    #[test]
    fn set_path_wants_the_whole_text_to_be_a_path() {
        let mut table = base();
        assert_eq!(set_path(&mut table, "budget.images", Node::new(Value::Integer(3))), Ok(()));
        assert_eq!(table.get("budget").unwrap().value.to_string(), "{ images = 3 }");
        let error = set_path(&mut table, "budget.images=3", Node::new(Value::Integer(3)));
        assert_eq!(error, Err("`budget.images=3` is no path: it should end before `=3`".to_string()));
    }

    proptest::proptest! {
        #[test]
        fn no_override_panics(text in "[a-z0-9.=\"'\\\\\\[{ é*-]{0,24}") {
            apply(&mut base(), &text, &Problems::default());
            apply(&mut base(), &format!("learner.{text}"), &Problems::default());
        }
    }
}
