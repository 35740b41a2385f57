//! `[metrics]`: what is measured of the networks of a cell's runs, and when runs are looked at.

use super::Registry;
use crate::entry::Entry;
use crate::learner::Moments;
use crate::metric::{Metric, Needs, FAMILIES};
use crate::params::{did_you_mean, list_names, read_named, Node, Origin, Params, Problem, Problems, Value};

/// A metric as a campaign asks for it.
pub struct NamedMetric {
    /// Its name.
    pub name: String,
    /// Its parameters with all defaults, as a TOML value.
    pub parameters: String,
    /// The metric.
    pub metric: Box<dyn Metric>,
}

/// What runs must keep for some metrics.
pub fn needs(metrics: &[NamedMetric]) -> Needs {
    metrics
        .iter()
        .map(|metric| metric.metric.needs())
        .fold(Needs::default(), |all, needs| Needs { states: all.states || needs.states, walk: all.walk || needs.walk })
}

/// Reads the section. A family's name stands for its metrics, with their defaults; a metric that is named by itself takes the
/// place of the family's.
pub(super) fn read(params: &Params<'_>, registry: &Registry) -> (Vec<NamedMetric>, Moments) {
    let named = params.list("names", |node, path| {
        let metrics = read_metric(node, path, params.problems(), registry)?;
        // A family stays a word: what its metrics were asked is written beside what they say.
        let resolved = match &metrics {
            Named::Family(name, _) => Value::Text((*name).to_string()),
            Named::Metric(_, resolved) => resolved.clone(),
        };
        Some((metrics, resolved))
    });
    let moments = match params.raw("every").map(|node| &node.value) {
        Some(Value::Integer(_)) => Moments::Every(params.integer("every", None, 1..=u64::MAX)),
        _ => {
            params.choice("every", Some("log"), &["log"]);
            Moments::Log
        }
    };
    (in_order(named), moments)
}

/// The metrics of these names, as on a command line: `name`, or `{ name = "name", parameter = value }`.
pub(super) fn of_names(nodes: &[Node], problems: &Problems, registry: &Registry) -> Vec<NamedMetric> {
    let of = |(i, node)| read_metric(node, &format!("metric {}", i + 1), problems, registry);
    in_order(nodes.iter().enumerate().filter_map(of).collect())
}

/// One entry of the list.
enum Named {
    Family(&'static str, Vec<NamedMetric>),
    Metric(NamedMetric, Value),
}

fn read_metric(node: &Node, path: &str, problems: &Problems, registry: &Registry) -> Option<Named> {
    let build = |entry: &Entry<dyn Metric>, node: &Node| {
        let read =
            |_: &str, origin: &Origin, params: &Params<'_>| registry.metrics.build(entry.name, origin, params, &());
        let (metric, resolved) = read_named(node, path, problems, read)?;
        let parameters = resolved.to_string();
        Some((NamedMetric { name: entry.name.to_string(), parameters, metric: metric? }, resolved))
    };
    let mut asked = None;
    read_named(node, path, &Problems::default(), |name, _, params| {
        params.ignore_rest();
        asked = Some(name.to_string());
    });
    let family = FAMILIES.iter().find(|family| asked.as_deref() == Some(family.name));
    if let Some(family) = family {
        let known = |entry: &&Entry<dyn Metric>| registry.metrics.get(entry.name).is_some();
        let plain = |entry: &Entry<dyn Metric>| Node::new(Value::Text(entry.name.to_string()));
        if !matches!(node.value, Value::Text(_)) {
            let message = format!(
                "`{path}`: `{}` is a family and has no parameters: give them to one of {}",
                family.name,
                list_names(family.entries.iter().map(|entry| entry.name))
            );
            problems.push(Problem { origin: node.origin.clone(), path: path.to_string(), message, help: None });
            return None;
        }
        let metrics = family.entries.iter().filter(known).filter_map(|entry| Some(build(entry, &plain(entry))?.0));
        return Some(Named::Family(family.name, metrics.collect()));
    }
    match asked.as_deref().map(|name| (name, registry.metrics.get(name).copied())) {
        Some((_, Some(entry))) => build(&entry, node).map(|(metric, resolved)| Named::Metric(metric, resolved)),
        Some((name, None)) => {
            let names = || FAMILIES.iter().map(|f| f.name).chain(registry.metrics.entries().iter().map(|e| e.name));
            let message = format!("unknown metric `{name}`: expected {}", list_names(names()));
            let help = did_you_mean(name, names());
            problems.push(Problem { origin: node.origin.clone(), path: path.to_string(), message, help });
            None
        }
        // Neither a name nor a table with one: this says so.
        None => read_named(node, path, problems, |_, _, params| params.ignore_rest()).and(None),
    }
}

/// All metrics, each once.
fn in_order(named: Vec<Named>) -> Vec<NamedMetric> {
    let mut metrics: Vec<NamedMetric> = Vec::new();
    let (mut alone, mut families) = (Vec::new(), Vec::new());
    for one in named {
        match one {
            Named::Metric(metric, _) => alone.push(metric),
            Named::Family(_, of_family) => families.extend(of_family),
        }
    }
    for metric in alone.into_iter().chain(families) {
        if !metrics.iter().any(|known| known.name == metric.name) {
            metrics.push(metric);
        }
    }
    metrics.sort_by(|a, b| a.name.cmp(&b.name));
    metrics
}
