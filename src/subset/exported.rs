//! A subset as a JSON file that people read, edit and give back.
//!
//! ```json
//! {
//!   "schema": "subevo.subset/1",
//!   "name": "filters=1",
//!   "model": "conv2-bn",
//!   "size": 9,
//!   "spans": [
//!     {"parameter":"conv1.weight","layer":"conv1","kind":"conv-weight","filter":1,"fan_in":9,"offset":9,"length":9}
//!   ]
//! }
//! ```
//!
//! A span is `length` scalars of a parameter from `offset` on. Read back, `parameter`, `offset` and `length` say what is
//! trained; `layer`, `kind`, `filter` and `fan_in` may be left out, and must be right where they stand. `name`, `model` and
//! `size` are for readers: the spans are held against the graph, whatever it is called.

use serde::{Deserialize, Serialize};

use super::{Span, Subset};
use crate::graph::{Graph, Parameter, ParameterKind};
use crate::params::did_you_mean;

/// What the file calls its format.
const SCHEMA: &str = "subevo.subset/1";

/// The file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exported {
    schema: String,
    #[serde(default, rename = "name")]
    _name: String,
    #[serde(default, rename = "model")]
    _model: String,
    #[serde(default, rename = "size")]
    _size: u64,
    spans: Vec<ExportedSpan>,
}

/// A span; what may be left out is `None`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExportedSpan {
    parameter: String,
    #[serde(default)]
    layer: Option<String>,
    #[serde(default)]
    kind: Option<ParameterKind>,
    #[serde(default)]
    filter: Option<usize>,
    #[serde(default)]
    fan_in: Option<usize>,
    offset: usize,
    length: usize,
}

impl Subset {
    /// The subset as a JSON file, a line for each span.
    pub fn to_json(&self, model: &str) -> String {
        let mut out = format!("{{\n  \"schema\": {},\n  \"name\": {},\n", json(SCHEMA), json(&self.name));
        out += &format!("  \"model\": {},\n  \"size\": {},\n  \"spans\": [", json(model), self.size);
        for (i, span) in self.spans.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            out += &format!("{comma}\n    {}", json(&ExportedSpan::of(span)));
        }
        out + "\n  ]\n}\n"
    }
}

/// What serde knows as JSON, on one line.
fn json(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).expect("texts and numbers are JSON")
}

impl ExportedSpan {
    fn of(span: &Span) -> Self {
        ExportedSpan {
            parameter: span.parameter.clone(),
            layer: Some(span.layer.clone()),
            kind: Some(span.kind),
            filter: Some(span.filter),
            fan_in: Some(span.fan_in),
            offset: span.offset,
            length: span.length,
        }
    }

    /// The places of its scalars within its parameter.
    fn places(&self, parameter: &Parameter) -> Result<std::ops::Range<usize>, String> {
        let n = parameter.len();
        let end = self.offset.checked_add(self.length).filter(|end| *end <= n);
        let (Some(end), true) = (end, self.length > 0) else {
            return Err(format!(
                "{} scalars from {} on: the parameter has {n}, numbered from 0",
                self.length, self.offset
            ));
        };
        let told = |what: &str, found: String, right: String| {
            Err(format!("its {what} is {found}, in this network {right}: correct it or leave it out"))
        };
        let filter = self.offset / parameter.filter_len();
        match (&self.layer, self.kind, self.filter, self.fan_in) {
            (Some(found), ..) if *found != parameter.layer => told("layer", found.clone(), parameter.layer.clone()),
            (_, Some(found), ..) if found != parameter.kind => told("kind", kind(found), kind(parameter.kind)),
            (_, _, Some(found), _) if found != filter => told("filter", found.to_string(), filter.to_string()),
            (.., Some(found)) if found != parameter.fan_in => {
                told("fan-in", found.to_string(), parameter.fan_in.to_string())
            }
            _ => Ok(self.offset..end),
        }
    }
}

/// A kind as the file writes it.
fn kind(kind: ParameterKind) -> String {
    serde_json::to_value(kind).ok().and_then(|value| value.as_str().map(str::to_string)).unwrap_or_default()
}

impl Exported {
    /// Reads a file.
    ///
    /// # Errors
    /// Where it is no such file, with line and column.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let exported: Exported =
            serde_json::from_slice(bytes).map_err(|error| format!("it is no exported subset: {error}"))?;
        if exported.schema != SCHEMA {
            return Err(format!("its schema is `{}`, expected `{SCHEMA}`", exported.schema));
        }
        Ok(exported)
    }

    /// One mark for each scalar of the graph.
    ///
    /// # Errors
    /// Where a span does not fit the graph, or two hold the same scalar.
    pub fn marks(&self, graph: &Graph) -> Result<Vec<bool>, String> {
        let mut holders: Vec<u32> = vec![0; graph.parameter_count()];
        for (number, span) in (1..).zip(&self.spans) {
            let wrong = |message: String| format!("span {number}, `{}`: {message}", span.parameter);
            let parameter = trainable(graph, &span.parameter).map_err(wrong)?;
            for place in span.places(parameter).map_err(wrong)? {
                let holder = &mut holders[parameter.offset + place];
                if *holder > 0 {
                    return Err(wrong(format!("scalar {place} is in span {holder} too: take it out of one of them")));
                }
                *holder = number;
            }
        }
        Ok(holders.into_iter().map(|holder| holder > 0).collect())
    }
}

/// The parameter of that name, which a subset may hold.
///
/// # Errors
/// What to say where there is none.
pub(super) fn trainable<'g>(graph: &'g Graph, name: &str) -> Result<&'g Parameter, String> {
    const SHOWN: usize = 12;
    match graph.parameters.iter().find(|parameter| parameter.name == name) {
        Some(parameter) if parameter.trainable() => return Ok(parameter),
        Some(_) => return Err("it is a random projection of the images, which is never trained".to_string()),
        None => {}
    }
    let known = graph.parameters.iter().filter(|parameter| parameter.trainable());
    let names = || known.clone().map(|parameter| parameter.name.as_str());
    let hint = did_you_mean(name, names()).unwrap_or_else(|| {
        let more = names().count().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("its parameters are {}{more}", names().take(SHOWN).collect::<Vec<_>>().join(", "))
    });
    Err(format!("the network has no parameter of that name; {hint}"))
}
