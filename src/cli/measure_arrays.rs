//! `subevo measure-arrays`: an estimator on arrays of a user's own, as a line.

use serde::Serialize;

use super::bench::pool;
use super::format::grouped;
use super::measure_arrays_args::MeasureArraysArguments;
use super::output::Output;
use super::{tensors, Exit};
use crate::campaign::Registry;
use crate::error::{Error, Result};
use crate::estimator::{Arrays, Estimate, Estimator};
use crate::params::{overrides, read_table, Origin, Problem, Problems, Table};

/// What the name of an array before training ends in.
const INIT: &str = "_init";

/// A line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    metric: &'a str,
    #[serde(flatten)]
    estimate: &'a Estimate,
}

/// Measures the arrays of a file.
pub fn measure_arrays(arguments: &MeasureArraysArguments, registry: &Registry, output: &mut Output) -> Result<Exit> {
    let metric = arguments.metric.as_str();
    let estimator = build(metric, &arguments.params, registry)?;
    let arrays = tensors::read(&arguments.file)?;
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let pool = pool(arguments.threads.map_or_else(cores, usize::from))?;
    let told = |error: Error| Error::Config(format!("{}: {metric}: {error}", arguments.file.display()));
    let estimate = pool.install(|| measure(estimator.as_ref(), &arrays)).map_err(told)?;
    let text = if arguments.json {
        let line = serde_json::to_string(&Line { metric, estimate: &estimate });
        line.map_err(|error| Error::Config(error.to_string()))?
    } else {
        words(metric, &estimate)
    };
    output.result(&format!("{text}\n"));
    Ok(Exit::Done)
}

/// The estimate, and the same with the arrays before training in the place of those after it, where it is made of them.
fn measure(estimator: &dyn Estimator, all: &Arrays) -> Result<Estimate> {
    let (mut now, mut before) = (Arrays::default(), Arrays::default());
    for (name, array) in &all.arrays {
        match name.strip_suffix(INIT) {
            None => {
                now.arrays.insert(name.clone(), array.clone());
            }
            Some(of) if all.has(of) => {
                before.arrays.insert(of.to_string(), array.clone());
            }
            Some(of) => {
                let message = format!("there is `{name}`, but no `{of}` that it could be held against");
                return Err(Error::Config(message));
            }
        }
    }
    let mut estimate = estimator.estimate(&now)?;
    if before.arrays.is_empty() {
        return Ok(estimate);
    }
    // An estimator that gives the same without the arrays that have another before training does not read them.
    let mut others = now.clone();
    others.arrays.retain(|name, _| !before.has(name));
    if estimator.estimate(&others).is_ok_and(|without| without == estimate) {
        return Ok(estimate);
    }
    before.arrays.append(&mut others.arrays);
    estimate.init = Some(estimator.estimate(&before)?.value);
    Ok(estimate)
}

/// The estimator of that name with these parameters; everything that is wrong is told at once.
fn build(metric: &str, params: &[String], registry: &Registry) -> Result<Box<dyn Estimator>> {
    if let Some(param) = params.iter().find(|param| !param.contains('=')) {
        return Err(Error::Config(format!("--param {param}: write KEY=VALUE, as in k=3")));
    }
    let (mut table, problems) = (Table::default(), Problems::default());
    params.iter().for_each(|param| overrides::apply(&mut table, param, &problems));
    let ((built, known), _) = read_table(&table, Origin::Default, metric, &problems, |params| {
        let known = registry.estimators.get(metric).is_some();
        (registry.estimators.build(metric, &Origin::Default, params, &()), known)
    });
    let told: Vec<String> = problems.into_vec().into_iter().map(words_of).collect();
    match built {
        Some(estimator) if told.is_empty() => Ok(estimator),
        _ if known => Err(Error::Config(format!("--param: {}", told.join("\n")))),
        _ => Err(Error::Config(format!("--metric: {}", told.join("\n")))),
    }
}

fn words_of(problem: Problem) -> String {
    problem.help.map_or(problem.message.clone(), |help| format!("{}; {help}", problem.message))
}

/// As in `probe: 1.42 bits (se 0.02, n 2,000, cap 3.32, init 1.1, shuffled 0.001)`.
fn words(metric: &str, estimate: &Estimate) -> String {
    let number = |x: f64| if x == 0.0 || (1e-3..1e6).contains(&x.abs()) { format!("{x:.6}") } else { format!("{x:e}") };
    let maybe = |x: Option<f64>| x.map_or("-".to_string(), number);
    let unit = if estimate.unit == "1" { String::new() } else { format!(" {}", estimate.unit) };
    format!(
        "{metric}: {}{unit} (se {}, n {}, cap {}, init {}, shuffled {})",
        number(estimate.value),
        maybe(estimate.se),
        grouped(estimate.n as u64),
        maybe(estimate.cap),
        maybe(estimate.init),
        maybe(estimate.shuffled),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Entry;
    use crate::estimator::Array;
    use crate::params::Range;

    /// The mean of `t` times a factor.
    struct Mean(f64);

    impl Estimator for Mean {
        fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
            let t = arrays.get("t")?;
            let y: f64 = if arrays.has("y") { arrays.get("y")?.values.iter().sum() } else { 0.0 };
            Ok(Estimate::new(y + self.0 * t.values.iter().sum::<f64>() / t.rows as f64, "bits", t.rows).with_cap(9.0))
        }
    }

    fn registry() -> Registry {
        Registry::builtin().with_estimator(Entry {
            name: "mean",
            summary: "the mean",
            reference: "nobody",
            build: |params, ()| Ok(Box::new(Mean(params.float("factor", Some(1.0), Range::Above(0.0))))),
        })
    }

    fn column(values: &[f64]) -> Array {
        Array::new(values.to_vec(), values.len())
    }

    #[test]
    fn init_is_the_number_with_the_arrays_before_training_in_the_place_of_their_own() {
        let estimator = build("mean", &["factor=2".to_string()], &registry()).unwrap();
        let mut arrays = Arrays::default();
        arrays.arrays.insert("t".to_string(), column(&[1.0, 2.0]));
        arrays.arrays.insert("y".to_string(), column(&[10.0, 20.0]));
        let estimate = measure(estimator.as_ref(), &arrays).unwrap();
        assert_eq!((estimate.value, estimate.init), (33.0, None));
        arrays.arrays.insert("t_init".to_string(), column(&[3.0, 4.0]));
        let estimate = measure(estimator.as_ref(), &arrays).unwrap();
        assert_eq!((estimate.value, estimate.init), (33.0, Some(37.0)));
        // Of labels that were others before, too; and none of an array that the estimator does not read.
        let mut other = arrays.clone();
        other.arrays.insert("y_init".to_string(), column(&[0.0, 0.0]));
        assert_eq!(measure(estimator.as_ref(), &other).unwrap().init, Some(7.0));
        let mut unread = arrays.clone();
        let before = unread.arrays.remove("t_init").unwrap();
        unread.arrays.extend([("walk".to_string(), before.clone()), ("walk_init".to_string(), before)]);
        assert_eq!(measure(estimator.as_ref(), &unread).unwrap().init, None);
        arrays.arrays.insert("x_init".to_string(), column(&[3.0, 4.0]));
        let error = measure(estimator.as_ref(), &arrays).unwrap_err().to_string();
        assert_eq!(error, "there is `x_init`, but no `x` that it could be held against");
    }

    #[test]
    fn a_line_of_json_has_null_where_there_is_no_number() {
        let estimate = Estimate::new(f64::INFINITY, "bits", 3).with_cap(1.5);
        let line = serde_json::to_string(&Line { metric: "mean", estimate: &estimate }).unwrap();
        let expected =
            r#"{"metric":"mean","value":null,"unit":"bits","se":null,"n":3,"cap":1.5,"init":null,"shuffled":null}"#;
        assert_eq!(line, expected);
        assert_eq!(words("mean", &estimate), "mean: inf bits (se -, n 3, cap 1.500000, init -, shuffled -)");
    }

    #[test]
    fn mistakes_say_what_is_allowed() {
        let told = |metric: &str, params: &[&str]| {
            let params: Vec<String> = params.iter().map(|param| (*param).to_string()).collect();
            let Err(error) = build(metric, &params, &registry()) else { panic!("{metric} {params:?} is built") };
            error.to_string()
        };
        let unknown = told("meen", &[]);
        assert!(unknown.starts_with("--metric: unknown estimator `meen`: expected "), "{unknown}");
        assert!(unknown.contains("`mean`") && unknown.ends_with("did you mean `mean`?"), "{unknown}");
        assert_eq!(told("mean", &["factor=0"]), "--param: `mean.factor` = 0: must be a number, greater than 0");
        let key = told("mean", &["facter=1"]);
        assert_eq!(key, "--param: unknown key `facter` in `mean`: expected `factor`; did you mean `factor`?");
        assert_eq!(told("mean", &["factor"]), "--param factor: write KEY=VALUE, as in k=3");
    }
}
