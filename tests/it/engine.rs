//! The engines: against float64 numpy, against each other, against finite differences, and against themselves when
//! only threads, units or memory change. Below this file: the same of random networks, against plain loops over f64.

mod agreement;
mod case;
mod coverage;
pub mod device;
mod emulated;
mod graphs;
mod invariance;
mod marks;
mod oracle;
mod plain;
mod probe;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{DType, Tensor};
use subevo::data::Batch;
use subevo::engine::{CpuEngine, Engine, Loss, ReferenceEngine};
use subevo::graph::init::ENTRIES as INITS;
use subevo::graph::{Conv, Graph, GraphBuilder, Pool};
use subevo::operator::Population;
use subevo::params::{Params, Problems, Table};
use subevo::plan::{Limits, Plan};
use subevo::record::Background;
use subevo::rng::Seed;
use subevo::subset::{Encoding, GeneScale, Start, Subset};

const LIMITS: Limits = Limits { memory: 1 << 30, threads: 2 };

/// A reference file of `check_equivalence.py`: the network, one batch, genomes and their losses in float64.
struct Reference {
    start: Arc<Start>,
    batch: Batch,
    population: Population,
    losses: Vec<f64>,
}

fn read_reference(path: &Path) -> Reference {
    let arrays: HashMap<String, Tensor> = Tensor::read_npz(path).unwrap().into_iter().collect();
    let floats = |name: &str| -> Vec<f32> {
        let tensor = arrays[name].to_dtype(DType::F32).unwrap();
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    };
    let integers = |name: &str| -> Vec<i64> { arrays[name].flatten_all().unwrap().to_vec1().unwrap() };
    let (w1, w2, x) = (arrays["base_W1"].dims(), arrays["base_W2"].dims(), arrays["x"].dims());
    let classes = arrays["base_bh"].dims()[0];
    let (mut g, images) = GraphBuilder::new([x[1], x[2], x[3]]);
    let mut node = images;
    for (i, filters) in [(1, w1[0]), (2, w2[0])] {
        node = g.conv2d(node, &format!("conv{i}"), Conv::same(filters, w1[2])).unwrap();
        node = g.batch_norm(node, &format!("bn{i}")).unwrap();
        node = g.relu(node, &format!("relu{i}")).unwrap();
        node = g.max_pool(node, &format!("pool{i}"), Pool::HALVE).unwrap();
    }
    node = g.flatten(node, "flatten").unwrap();
    node = g.linear(node, "fc", classes, true).unwrap();
    let graph = Arc::new(g.finish(node).unwrap());

    let mut weights = Vec::new();
    for name in ["W1", "g1", "b1", "W2", "g2", "b2", "Wh", "bh"] {
        weights.extend(floats(&format!("base_{name}")));
    }
    let mut marks = vec![false; weights.len()];
    let name = path.file_name().unwrap().to_str().unwrap();
    let wanted = |layer: &str| match name {
        name if name.contains("reference_bn") => layer.starts_with("bn"),
        name if name.contains("reference_head") => layer == "fc",
        name if name.contains("reference_filters") => layer.starts_with("conv"),
        _ => panic!("the name {name} tells no subset: reference_bn, reference_head or reference_filters"),
    };
    for parameter in graph.parameters.iter().filter(|parameter| wanted(&parameter.layer)) {
        if parameter.layer.starts_with("conv") {
            for filter in integers(if parameter.layer == "conv1" { "idx1" } else { "idx2" }) {
                let first = parameter.offset + filter as usize * parameter.filter_len();
                marks[first..first + parameter.filter_len()].fill(true);
            }
        } else {
            marks[parameter.range()].fill(true);
        }
    }
    let subset = Arc::new(Subset::from_marks("reference", &graph, &marks).unwrap());
    let (base, scale) = (subset.gather(&weights), vec![1.0; subset.size]);
    let population = Population::from_genes(floats("theta"), subset.size);
    let batch = Batch {
        images: floats("x"),
        labels: integers("y").into_iter().map(|label| label as u32).collect(),
        shape: [x[0], x[1], x[2], x[3]],
        places: None,
        noise: None,
    };
    let losses = arrays["loss"].flatten_all().unwrap().to_vec1().unwrap();
    Reference {
        start: Arc::new(Start { graph, subset, weights, base, draws: Vec::new(), encoding: Encoding::Weights(scale) }),
        batch,
        population,
        losses,
    }
}

fn check_reference(path: &Path) {
    let Reference { start, batch, population, losses } = read_reference(path);
    let plan = Plan::new(&start.graph, &start.subset, batch.labels.len(), LIMITS);
    let own = CpuEngine::new(start.clone(), plan.clone()).unwrap();
    let reference = ReferenceEngine::on_cpu(start.clone(), &plan);
    let devices = device::engines_of(&start, &plan);
    for engine in [&own as &dyn Engine, &reference].into_iter().chain(devices.iter().map(|engine| &**engine)) {
        for (got, expected) in engine.losses(&population, &batch, Loss::Nll).unwrap().iter().zip(&losses) {
            let error = (f64::from(*got) - expected).abs();
            assert!(error < 1e-5 * expected.abs().max(1.0), "{}: {got} against {expected}", path.display());
        }
    }
}

#[test]
fn population_losses_agree_with_the_float64_reference() {
    if let Some(file) = std::env::var_os("SUBEVO_REFERENCE") {
        return check_reference(&PathBuf::from(file));
    }
    for subset in ["bn", "head", "filters"] {
        let name = format!("tests/reference/evaluate/reference_{subset}.npz");
        check_reference(&Path::new(env!("CARGO_MANIFEST_DIR")).join(name));
    }
}

/// A graph with every operation, on images of two odd sides: strides, biases, both branches of an addition, a concatenation,
/// all poolings.
fn graph_with_everything() -> Graph {
    let (mut g, x) = GraphBuilder::new([2, 11, 13]);
    let conv = |filters, kernel, stride, padding| Conv { filters, kernel, stride, padding, bias: true };
    let a = g.conv2d(x, "conv1", conv(4, 3, 1, 1)).unwrap();
    let a = g.batch_norm(a, "bn1").unwrap();
    let a = g.relu(a, "relu1").unwrap();
    let b = g.conv2d(x, "conv2", conv(4, 5, 1, 2)).unwrap();
    let sum = g.add(a, b, "sum").unwrap();
    let left = g.max_pool(sum, "max", Pool::HALVE).unwrap();
    let right = g.conv2d(sum, "strided", conv(3, 2, 2, 0)).unwrap();
    let joined = g.concat(&[left, right], "joined").unwrap();
    let joined = g.batch_norm(joined, "bn2").unwrap();
    let y = g.avg_pool(joined, "mean", Pool { size: 2, stride: 1 }).unwrap();
    let y = g.conv2d(y, "pointwise", conv(6, 1, 1, 0)).unwrap();
    let global = g.global_avg_pool(y, "global").unwrap();
    let hidden = g.linear(global, "hidden", 7, true).unwrap();
    let hidden = g.relu(hidden, "relu2").unwrap();
    let logits = g.linear(hidden, "fc", 3, true).unwrap();
    g.finish(logits).unwrap()
}

fn start_of(graph: Graph, marks: impl Fn(usize) -> bool) -> Arc<Start> {
    let graph = Arc::new(graph);
    let marks: Vec<bool> = (0..graph.parameter_count()).map(marks).collect();
    let subset = Arc::new(Subset::from_marks("test", &graph, &marks).unwrap());
    let (problems, table) = (Problems::default(), Table::default());
    let params = Params::new(&table, subevo::params::Origin::Default, "", &problems);
    let init = (INITS.iter().find(|entry| entry.name == "pytorch").unwrap().build)(&params, &()).unwrap();
    Arc::new(Start::new(graph, subset, &*init, GeneScale::Init, Background::Random, Seed::new(11)))
}

fn batch_of(graph: &Graph, n: usize) -> Batch {
    let [c, h, w] = graph.input_shape().try_into().unwrap();
    let mut images = vec![0.0; n * c * h * w];
    let mut rng = Seed::new(5).child("images").rng();
    rng.fill_normal(&mut images);
    let labels = (0..n).map(|_| rng.below(graph.classes()) as u32).collect();
    Batch { images, labels, shape: [n, c, h, w], places: None, noise: None }
}

fn population_of(size: usize, n: usize) -> Population {
    let mut genes = vec![0.0; n * size];
    Seed::new(9).rng().fill_normal(&mut genes);
    genes.iter_mut().for_each(|gene| *gene *= 0.3);
    Population::from_genes(genes, size)
}

/// Trained scalars by a few rules: everything, one late layer, scattered weights, batch-norm only.
fn subsets(graph: &Graph) -> Vec<Arc<Start>> {
    let of_layer = |graph: &Graph, names: &[&str]| -> Vec<bool> {
        let marks = graph.parameters.iter().flat_map(|p| vec![names.contains(&p.layer.as_str()); p.len()]);
        marks.collect()
    };
    let (late, norms) = (of_layer(graph, &["pointwise", "fc"]), of_layer(graph, &["bn1", "bn2"]));
    vec![
        start_of(graph.clone(), |_| true),
        start_of(graph.clone(), |i| late[i]),
        start_of(graph.clone(), |i| i % 7 == 3),
        start_of(graph.clone(), |i| norms[i]),
    ]
}

#[test]
fn the_engine_gives_the_losses_and_gradients_of_the_reference() {
    let graph = graph_with_everything();
    let batch = batch_of(&graph, 6);
    for start in subsets(&graph) {
        let plan = Plan::new(&start.graph, &start.subset, 6, LIMITS);
        let own = CpuEngine::new(start.clone(), plan.clone()).unwrap();
        let reference = ReferenceEngine::on_cpu(start.clone(), &plan);
        let population = population_of(start.subset.size, 5);
        let losses =
            [&own as &dyn Engine, &reference].map(|engine| engine.losses(&population, &batch, Loss::Nll).unwrap());
        for (a, b) in losses[0].iter().zip(&losses[1]) {
            assert!((a - b).abs() < 2e-6 * b.abs(), "{a} against {b}");
        }
        let trained = start.express(population.member(0));
        let [(loss, gradient), (other_loss, other)] =
            [&own as &dyn Engine, &reference].map(|engine| engine.gradient(&trained, &batch, Loss::Nll).unwrap());
        assert!((loss - other_loss).abs() < 1e-6 && (loss - f64::from(losses[0][0])).abs() < 1e-6);
        for (a, b) in gradient.iter().zip(&other) {
            assert!((a - b).abs() < 1e-6 + 1e-5 * b.abs(), "{a} against {b}");
        }
    }
}

#[test]
fn losses_by_class_are_means_over_the_images_of_each_class() {
    let graph = graph_with_everything();
    let mut batch = batch_of(&graph, 8);
    // Three classes: three images, five, none.
    batch.labels = vec![1, 0, 1, 1, 0, 1, 0, 1];
    for start in subsets(&graph) {
        let plan = Plan::new(&start.graph, &start.subset, 8, LIMITS);
        let own = CpuEngine::new(start.clone(), plan.clone()).unwrap();
        let reference = ReferenceEngine::on_cpu(start.clone(), &plan);
        // The third member fails.
        let mut population = population_of(start.subset.size, 5);
        population.member_mut(2).fill(f32::INFINITY);
        for engine in [&own as &dyn Engine, &reference] {
            for loss in [Loss::Nll, Loss::Error, Loss::Margin] {
                let found = engine.class_losses(&population, &batch, loss).unwrap();
                let whole = engine.losses(&population, &batch, loss).unwrap();
                let bits = |losses: &[f32]| losses.iter().map(|loss| loss.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&found.losses), bits(&whole), "one evaluation, the same losses");
                assert_eq!(found.by_class.len(), 5 * 3);
                for (member, classes) in found.by_class.chunks_exact(3).enumerate() {
                    if whole[member].is_nan() {
                        assert!(classes.iter().all(|mean| mean.is_nan()), "{classes:?} of a failed member");
                        continue;
                    }
                    let trained = start.express(population.member(member));
                    let (_, logits) = engine.recalibrate(&trained, &batch).unwrap();
                    let expected = plain_means(&logits, &batch.labels, loss);
                    for (mean, expected) in classes.iter().zip(&expected[..2]) {
                        let error = (f64::from(*mean) - expected).abs();
                        assert!(error < 1e-5 * expected.abs().max(1.0), "{loss:?}: {mean} against {expected}");
                    }
                    assert!(classes[2].is_nan(), "no image of this class");
                }
                assert_eq!(
                    whole.iter().map(|loss| loss.is_nan()).collect::<Vec<_>>(),
                    [false, false, true, false, false]
                );
            }
        }
    }
}

/// Mean losses by class of logits (batch, 3), by the formulas.
fn plain_means(logits: &[f32], labels: &[u32], loss: Loss) -> Vec<f64> {
    let of_image = |row: &[f32], label: usize| {
        let z: Vec<f64> = row.iter().map(|z| f64::from(*z)).collect();
        let rival = (0..3).filter(|class| *class != label).map(|class| z[class]).fold(f64::MIN, f64::max);
        match loss {
            Loss::Nll => z.iter().map(|other| (other - z[label]).exp()).sum::<f64>().ln(),
            Loss::Error => f64::from(u8::from(rival >= z[label])),
            Loss::Margin => (1.0 + rival - z[label]).max(0.0),
        }
    };
    let of_class = |class: usize| {
        let rows = logits.chunks_exact(3).zip(labels).filter(|(_, label)| **label as usize == class);
        let losses: Vec<f64> = rows.map(|(row, label)| of_image(row, *label as usize)).collect();
        losses.iter().sum::<f64>() / losses.len() as f64
    };
    (0..3).map(of_class).collect()
}

#[test]
fn gradients_on_the_subset_agree_with_finite_differences() {
    let graph = graph_with_everything();
    let batch = batch_of(&graph, 6);
    for start in subsets(&graph) {
        let plan = Plan::new(&start.graph, &start.subset, 6, LIMITS);
        let engine = CpuEngine::new(start.clone(), plan).unwrap();
        let (_, gradient) = engine.gradient(&start.base, &batch, Loss::Nll).unwrap();
        // Along random directions: one difference checks all genes at once and is large beside f32 rounding.
        for d in 0..8 {
            let mut direction = vec![0.0; start.subset.size];
            Seed::new(d).rng().fill_normal(&mut direction);
            let norm = direction.iter().map(|x| x * x).sum::<f32>().sqrt();
            let at = |step: f32| {
                let moved: Vec<f32> = start.base.iter().zip(&direction).map(|(w, d)| w + step * d / norm).collect();
                engine.gradient(&moved, &batch, Loss::Nll).unwrap().0
            };
            let step = 2e-3;
            let difference = (at(step) - at(-step)) / (2.0 * f64::from(step));
            let along = gradient.iter().zip(&direction).map(|(g, d)| f64::from(g * d / norm)).sum::<f64>();
            let size = gradient.iter().map(|g| f64::from(g * g)).sum::<f64>().sqrt();
            assert!((difference - along).abs() < 0.02 * size, "{difference} against {along}, gradient {size}");
        }
    }
}

#[test]
fn units_memory_and_threads_never_change_a_bit() {
    let graph = graph_with_everything();
    let batch = batch_of(&graph, 6);
    for start in subsets(&graph) {
        let population = population_of(start.subset.size, 9);
        let losses = |unit: usize, memory: u64, threads: usize| {
            let mut plan = Plan::new(&start.graph, &start.subset, 6, Limits { memory, threads });
            plan.unit = unit;
            let engine = CpuEngine::new(start.clone(), plan).unwrap();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (losses, gradient) = pool.install(|| {
                let (_, gradient) = engine.gradient(&start.base, &batch, Loss::Nll).unwrap();
                (engine.losses(&population, &batch, Loss::Nll).unwrap(), gradient)
            });
            (losses, gradient)
        };
        let expected = losses(1, 1 << 30, 1);
        assert_eq!(expected.0.len(), 9);
        for (unit, memory, threads) in [(2, 1 << 30, 1), (16, 1 << 30, 3), (4, 1, 2), (1, 1, 16)] {
            assert_eq!(losses(unit, memory, threads), expected, "unit {unit}, memory {memory}, threads {threads}");
        }
    }
}

#[test]
fn recalibrated_statistics_reproduce_the_batch_they_came_from() {
    let graph = graph_with_everything();
    let batch = batch_of(&graph, 6);
    let start = start_of(graph, |_| true);
    let plan = Plan::new(&start.graph, &start.subset, 6, LIMITS);
    let engine = CpuEngine::new(start.clone(), plan).unwrap();
    let (statistics, recalibrated) = engine.recalibrate(&start.base, &batch).unwrap();
    assert_eq!(recalibrated, engine.logits(&start.base, &statistics, &batch).unwrap());
    assert_eq!(statistics.iter().map(|layer| layer.mean.len()).collect::<Vec<_>>(), [4, 7]);
    let evaluated = Loss::Nll.mean(&engine.logits(&start.base, &statistics, &batch).unwrap(), &batch.labels);
    let trained = engine.losses(&Population::zeros(1, start.subset.size), &batch, Loss::Nll).unwrap()[0];
    assert!((evaluated - f64::from(trained)).abs() < 1e-6);
    let first = Batch {
        images: batch.images[..286].to_vec(),
        labels: vec![batch.labels[0]],
        shape: [1, 2, 11, 13],
        places: None,
        noise: None,
    };
    let one = engine.logits(&start.base, &statistics, &first).unwrap();
    let all = engine.logits(&start.base, &statistics, &batch).unwrap();
    assert_eq!(one, all[..3], "in evaluation mode an image does not depend on its neighbours");
}
