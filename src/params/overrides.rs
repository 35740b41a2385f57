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
