//! The engine on a device: the same properties of random networks as the other engines, and agreement with the one on the CPU.
//!
//! `SUBEVO_TEST_DEVICE=cuda:0` runs them there, and they fail where that device is not; else they run on candle's CPU device.

use std::sync::{Arc, LazyLock, Mutex};

use candle_core::{DType, Device, Result, Tensor};
use subevo::bench::{Case as BenchCase, On, Trained};
use subevo::data::{Batch, Split};
use subevo::engine::device::launch::{Argument, Kernel, Launch, Launcher};
use subevo::engine::device::{Make, Own};
use subevo::engine::{CpuEngine, Engine, Loss, MatrixPrecision, Processor};
use subevo::operator::Population;
use subevo::plan::{Keep, Limits, Plan, Precision};
use subevo::record::Method;
use subevo::rng::Seed;
use subevo::subset::Start;

use super::agreement::{
    candle_has_gradients, evaluation_agrees, gradient_agrees, losses_agree, output_gradients_agree, outputs_agree,
};
use super::case::{Case, LIMITS};
use super::emulated::Emulated;
use super::oracle::for_random_cases;
use super::{batch_of, graph_with_everything, population_of, subsets};

/// The devices under test: the one that was asked for, by candle's operations and by our kernels; else the CPU, with the kernels
/// as C++.
fn processors() -> [Processor; 2] {
    // Opened once: a GPU compiles its kernels anew each time that it is opened.
    static OPEN: LazyLock<[Processor; 2]> = LazyLock::new(open);
    OPEN.clone()
}

fn open() -> [Processor; 2] {
    let Ok(device) = std::env::var("SUBEVO_TEST_DEVICE") else {
        return [Processor::plain("candle", Device::Cpu), Processor::own("emulated", Arc::new(Emulated))];
    };
    let own = Processor::open(device.parse().unwrap()).unwrap();
    let device = own.device().expect("SUBEVO_TEST_DEVICE is a GPU").clone();
    [Processor::plain("plain", device), own]
}

/// For each device the engine of a plan.
pub fn engines_of(start: &Arc<Start>, plan: &Plan) -> Vec<Box<dyn Engine>> {
    processors().iter().map(|processor| processor.engine(start.clone(), plan, MatrixPrecision::F32).unwrap()).collect()
}

/// The same for networks of any size: candle's operations, and our kernels where they run on a GPU.
pub fn engines_for_large(start: &Arc<Start>, plan: &Plan) -> Vec<Box<dyn Engine>> {
    let mut engines = engines_of(start, plan);
    if std::env::var_os("SUBEVO_TEST_DEVICE").is_none() {
        engines.truncate(1);
    }
    engines
}

fn engines(case: &Case) -> Vec<Box<dyn Engine>> {
    engines_of(&case.start, &case.plan(LIMITS))
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn losses_and_outputs_on_the_device_are_those_of_plain_loops() {
    for_random_cases(150, |case, seen| {
        for engine in engines(case) {
            losses_agree(&*engine, case, 1e-4, seen)?;
            outputs_agree(&*engine, case, 1e-4, seen)?;
        }
        Ok(())
    });
}

#[test]
fn statistics_and_logits_on_the_device_are_those_of_plain_loops() {
    for_random_cases(100, |case, seen| {
        engines(case).iter().try_for_each(|engine| evaluation_agrees(&**engine, case, seen))
    });
}

#[test]
fn gradients_on_the_device_are_those_of_plain_loops() {
    for_random_cases(100, |case, seen| match candle_has_gradients(&case.start.graph) {
        true => {
            let engine = &engines(case)[0];
            gradient_agrees(&**engine, case, 1e-4, seen)?;
            output_gradients_agree(&**engine, case, 1e-4, seen)
        }
        false => Ok(()),
    });
}

#[test]
fn the_device_gives_the_losses_of_the_cpu_for_every_way_of_sharing_and_the_same_bits_again() {
    let graph = graph_with_everything();
    let batch = batch_of(&graph, 6);
    for start in subsets(&graph) {
        let plan = Plan::new(&start.graph, &start.subset, 6, LIMITS);
        let cpu = CpuEngine::new(start.clone(), plan.clone()).unwrap();
        for device in engines_of(&start, &plan) {
            agrees_with_the_cpu(&cpu, &*device, &batch, start.subset.size);
        }
    }
}

fn agrees_with_the_cpu(cpu: &dyn Engine, device: &dyn Engine, batch: &Batch, k: usize) {
    let mut population = population_of(k, 9);
    // A member that fails, alone.
    population.member_mut(4).fill(f32::INFINITY);
    for loss in [Loss::Nll, Loss::Error, Loss::Margin] {
        let [expected, found] = [cpu, device].map(|engine| engine.losses(&population, batch, loss).unwrap());
        for (a, b) in found.iter().zip(&expected) {
            assert!((a - b).abs() < 2e-5 * b.abs().max(1.0) || a.is_nan() && b.is_nan(), "{loss:?}: {a}, {b}");
        }
        assert!(found[4].is_nan() && found.iter().filter(|loss| loss.is_nan()).count() == 1, "{found:?}");
        let again = device.losses(&population, batch, loss).unwrap();
        assert_eq!(bits(&again), bits(&found));
        let [expected, by_class] = [cpu, device].map(|engine| engine.class_losses(&population, batch, loss).unwrap());
        assert_eq!(bits(&by_class.losses), bits(&found));
        for (a, b) in by_class.by_class.iter().zip(&expected.by_class) {
            assert!((a - b).abs() < 2e-5 * b.abs().max(1.0) || a.is_nan() && b.is_nan(), "{loss:?}: {a}, {b}");
        }
    }
}

#[test]
fn memory_for_one_member_at_a_time_is_enough_and_gives_the_same_losses() {
    let graph = graph_with_everything();
    let batch = batch_of(&graph, 6);
    for start in subsets(&graph) {
        let population = population_of(start.subset.size, 7);
        let losses = |memory: u64| -> Vec<f32> {
            let plan = Plan::new(&start.graph, &start.subset, 6, Limits { memory, threads: 2 });
            let engines = engines_of(&start, &plan).into_iter();
            engines.flat_map(|engine| engine.losses(&population, &batch, Loss::Nll).unwrap()).collect()
        };
        for (a, b) in losses(1).iter().zip(losses(1 << 30)) {
            assert!((a - b).abs() < 1e-5 * b.abs(), "{a} against {b}");
        }
    }
}

#[test]
fn the_networks_of_the_bench_have_the_losses_of_the_cpu_on_the_device() {
    // Bands of large images, several images of a block, channels and filters by parts, and both ways of a convolution.
    for trained in Trained::ALL {
        let case = BenchCase { population: 3, batch: 4, ..BenchCase::new(trained, Method::Evolution) };
        let on = |processor: &Processor| {
            let task = case.task(&On { processor, precision: MatrixPrecision::F32, limits: LIMITS }).unwrap();
            let batch = task.batch(0);
            task.engine.losses(&population_of(task.start.subset.size, 3), &batch, Loss::Nll).unwrap()
        };
        let expected = on(&Processor::cpu());
        let library: Make = Arc::new(|precision| Arc::new(Own::new(Arc::new(Emulated), precision).by_library(true)));
        let library = Processor::new("emulated, with candle's convolutions", Device::Cpu, library);
        for processor in processors().into_iter().chain([library]) {
            let found = on(&processor);
            for (a, b) in found.iter().zip(&expected) {
                assert!((a - b).abs() < 1e-4 * b.abs().max(1.0), "{}, {}: {a}, {b}", trained.name(), processor.name());
            }
        }
    }
}

#[test]
fn a_pixel_or_a_logit_that_is_no_number_fails_whom_it_fails_on_the_cpu() {
    // No batch-norm, which would spread it; strided, and so large that an image is cut into bands; windows that are left over.
    let (mut g, x) = subevo::graph::GraphBuilder::new([1, 75, 67]);
    let conv = subevo::graph::Conv { filters: 9, kernel: 3, stride: 2, padding: 1, bias: true };
    let y = g.conv2d(x, "conv", conv).unwrap();
    let y = g.relu(y, "relu").unwrap();
    let y = g.max_pool(y, "pool", subevo::graph::Pool { size: 3, stride: 3 }).unwrap();
    let y = g.flatten(y, "flatten").unwrap();
    let y = g.linear(y, "fc", 3, true).unwrap();
    let start = super::start_of(g.finish(y).unwrap(), |_| true);
    let plan = Plan::new(&start.graph, &start.subset, 6, LIMITS);
    let cpu = CpuEngine::new(start.clone(), plan.clone()).unwrap();
    let mut population = population_of(start.subset.size, 3);
    let mut batch = batch_of(&start.graph, 6);
    batch.labels = vec![0, 1, 0, 1, 2, 2];
    let agree = |population: &Population, batch: &Batch, failed: [bool; 3]| {
        for device in engines_of(&start, &plan) {
            let [expected, found] = [&cpu as &dyn Engine, &*device]
                .map(|engine| engine.class_losses(population, batch, Loss::Nll).unwrap());
            for (a, b) in
                found.losses.iter().chain(&found.by_class).zip(expected.losses.iter().chain(&expected.by_class))
            {
                assert!((a - b).abs() < 2e-5 * b.abs().max(1.0) || a.is_nan() && b.is_nan(), "{found:?}, {expected:?}");
            }
            assert_eq!(found.losses.iter().map(|loss| loss.is_nan()).collect::<Vec<_>>(), failed);
        }
    };
    agree(&population, &batch, [false; 3]);
    // The last gene is the bias of the last class.
    *population.member_mut(1).last_mut().unwrap() = f32::INFINITY;
    agree(&population, &batch, [false, true, false]);
    // Of a window of the pooling the four last values, behind five numbers.
    batch.images[3 * 75 * 67 + 39 * 67 + 33] = f32::NAN;
    agree(&population, &batch, [true; 3]);
}

/// A device on which kernels of more than three members find no memory.
struct Scarce {
    /// The members of each convolution that was computed.
    computed: Mutex<Vec<usize>>,
}

impl Launcher for Scarce {
    fn device(&self) -> &Device {
        Emulated.device()
    }

    fn launch(
        &self,
        launch: &Launch<'_>,
        given: &[Argument<'_>],
        outputs: &[(&[usize], DType)],
    ) -> Result<Vec<Tensor>> {
        if outputs[0].0[0] > 3 {
            candle_core::bail!("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")");
        }
        if launch.kernel == Kernel::MeanLosses {
            self.computed.lock().unwrap().push(outputs[0].0[0]);
        }
        Emulated.launch(launch, given, outputs)
    }

    fn product(&self, a: &Tensor, b: &Tensor, precision: MatrixPrecision) -> Result<Tensor> {
        Emulated.product(a, b, precision)
    }
}

#[test]
fn where_memory_runs_out_chunks_are_halved_until_they_fit_and_that_is_said_once() {
    let graph = graph_with_everything();
    let batch = batch_of(&graph, 6);
    let start = super::start_of(graph, |_| true);
    let population = population_of(start.subset.size, 13);
    let plan = Plan::new(&start.graph, &start.subset, 6, LIMITS);
    let scarce = Arc::new(Scarce { computed: Mutex::default() });
    let (sender, told) = std::sync::mpsc::channel();
    let processor =
        Processor::own("scarce", scarce.clone()).telling(move |text| sender.send(text.to_string()).unwrap());
    let device = processor.engine(start.clone(), &plan, MatrixPrecision::F32).unwrap();
    let cpu = CpuEngine::new(start, plan).unwrap();
    for _ in 0..2 {
        let found = device.losses(&population, &batch, Loss::Nll).unwrap();
        let expected = cpu.losses(&population, &batch, Loss::Nll).unwrap();
        assert_eq!(found.len(), 13);
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 2e-5 * b.abs()), "{found:?}, {expected:?}");
    }
    // 13 at once, then chunks of at most 6, which are nearly alike: 5, 5 and 3. Half of 5 fits.
    assert_eq!(*scarce.computed.lock().unwrap(), [2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1]);
    let told: Vec<String> = told.try_iter().collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("13 members at once do not fit into the memory of the device: going on with 6"),
        "{told:?}"
    );
}

/// Images of a data set at some indices.
fn images_at(all: &Batch, split: Split, indices: &[usize]) -> Batch {
    let length = all.shape[1] * all.shape[2] * all.shape[3];
    let image = |i: &usize| all.images[i * length..(i + 1) * length].to_vec();
    Batch {
        images: indices.iter().flat_map(image).collect(),
        labels: indices.iter().map(|i| all.labels[*i]).collect(),
        shape: [indices.len(), all.shape[1], all.shape[2], all.shape[3]],
        places: Some((split, indices.iter().map(|i| *i as u32).collect())),
        noise: None,
    }
}

#[test]
fn images_and_what_is_kept_of_them_give_the_same_losses_whenever_they_were_first_seen() {
    // The classifier alone is trained: all below it, which has no batch-norm, is kept for each image.
    let (mut g, x) = subevo::graph::GraphBuilder::new([2, 9, 9]);
    let y = g.conv2d(x, "conv", subevo::graph::Conv::same(40, 3)).unwrap();
    let y = g.relu(y, "relu").unwrap();
    let y = g.max_pool(y, "pool", subevo::graph::Pool { size: 4, stride: 4 }).unwrap();
    let y = g.flatten(y, "flatten").unwrap();
    let y = g.linear(y, "fc", 3, true).unwrap();
    let graph = g.finish(y).unwrap();
    let first = graph.parameters.iter().find(|p| p.layer == "fc").unwrap().offset;
    let start = super::start_of(graph, |i| i >= first);
    let all = batch_of(&start.graph, 40);
    let population = population_of(start.subset.size, 3);
    for precision in [Precision::F32, Precision::F16] {
        let plan = Plan::new(&start.graph, &start.subset, 8, LIMITS);
        let plan = plan.keeping(&start.graph, &start.subset, Keep { images: 40, precision });
        assert!(plan.kept_bytes > 0, "something is kept");
        let (engines, cpu) = (engines_of(&start, &plan), CpuEngine::new(start.clone(), plan).unwrap());
        let mut rng = Seed::new(4).rng();
        for step in 0..24 {
            let (device, step) = (&engines[step % 2], step / 2);
            let indices: Vec<usize> = (0..8).map(|_| rng.below(40)).collect();
            let split = if step % 4 == 3 { Split::Test } else { Split::Train };
            let batch = images_at(&all, split, &indices);
            let found = device.losses(&population, &batch, Loss::Nll).unwrap();
            let expected = cpu.losses(&population, &batch, Loss::Nll).unwrap();
            for (a, b) in found.iter().zip(&expected) {
                assert!((a - b).abs() < 2e-5 * b.abs().max(1.0), "{precision:?}, step {step}: {a} against {b}");
            }
            let fresh = Batch { places: None, ..batch };
            let again = device.losses(&population, &fresh, Loss::Nll).unwrap();
            for (a, b) in found.iter().zip(&again) {
                assert!((a - b).abs() < 1e-6 * b.abs().max(1.0), "{precision:?}, step {step}: {a} against {b}");
            }
        }
    }
}
