//! Where networks are evaluated: on the CPU, or on a device that candle drives.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use candle_core::Device;

use super::chunk::free_bytes;
use super::launch::Launcher;
use super::rate::product_gflops;
use super::{DeviceEngine, MatrixPrecision, Operations, Own, Plain};
use crate::engine::{on_cpu, Engine, ReferenceEngine};
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::subset::Start;

/// What was asked for, as in `--device cuda:0`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A GPU that this build can drive and that is there, else the CPU.
    #[default]
    Auto,
    /// The engine on the CPU.
    Cpu,
    /// The NVIDIA GPU of this number.
    Cuda(usize),
    /// Apple's GPU.
    Metal,
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wrong =
            || format!("{text:?} is no device: write auto, cpu, cuda, cuda:N with the number of a GPU, or metal");
        match text {
            "auto" => Ok(DeviceChoice::Auto),
            "cpu" => Ok(DeviceChoice::Cpu),
            "cuda" => Ok(DeviceChoice::Cuda(0)),
            "metal" => Ok(DeviceChoice::Metal),
            _ => {
                let number = text.strip_prefix("cuda:").filter(|number| number.bytes().all(|c| c.is_ascii_digit()));
                number.and_then(|number| number.parse().ok()).map(DeviceChoice::Cuda).ok_or_else(wrong)
            }
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceChoice::Auto => f.write_str("auto"),
            DeviceChoice::Cpu => f.write_str("cpu"),
            DeviceChoice::Cuda(number) => write!(f, "cuda:{number}"),
            DeviceChoice::Metal => f.write_str("metal"),
        }
    }
}

/// What evaluates networks.
#[derive(Clone)]
pub struct Processor {
    name: String,
    kind: Kind,
    voice: Arc<Voice>,
}

#[derive(Clone)]
enum Kind {
    Cpu,
    Device(Device, Make),
}

/// Makes the operations of a precision.
pub type Make = Arc<dyn Fn(MatrixPrecision) -> Arc<dyn Operations> + Send + Sync>;

/// Says something to the user, once.
pub struct Voice {
    say: Box<dyn Fn(&str) + Send + Sync>,
    said: AtomicBool,
}

impl Voice {
    fn new(say: Box<dyn Fn(&str) + Send + Sync>) -> Arc<Self> {
        Arc::new(Voice { say, said: AtomicBool::new(false) })
    }

    /// Says it, where nothing was said before.
    pub(super) fn once(&self, text: &str) {
        if !self.said.swap(true, Ordering::Relaxed) {
            (self.say)(text);
        }
    }
}

impl Processor {
    /// The CPU.
    pub fn cpu() -> Self {
        Processor { name: "cpu".to_string(), kind: Kind::Cpu, voice: Voice::new(Box::new(|_| {})) }
    }

    /// Opens what was asked for.
    ///
    /// # Errors
    /// If this build cannot drive it, or it is not there.
    pub fn open(choice: DeviceChoice) -> Result<Self> {
        match choice {
            DeviceChoice::Cpu => Ok(Processor::cpu()),
            DeviceChoice::Cuda(number) => cuda(number),
            DeviceChoice::Metal => metal(),
            // Where a GPU is there but does not start, that is told, not hidden behind hours on the CPU.
            DeviceChoice::Auto if any_cuda() => cuda(0),
            DeviceChoice::Auto if cfg!(feature = "metal") => metal(),
            DeviceChoice::Auto => Ok(Processor::cpu()),
        }
    }

    /// Any device with any operations on it, under a name.
    pub fn new(name: impl Into<String>, device: Device, make: Make) -> Self {
        Processor { name: name.into(), kind: Kind::Device(device, make), ..Processor::cpu() }
    }

    /// Candle's operations on a device: what our kernels are compared with, and what runs where there are none.
    pub fn plain(name: impl Into<String>, device: Device) -> Self {
        Processor::new(name, device, Arc::new(|precision| Arc::new(Plain::new(precision))))
    }

    /// Candle's operations on its CPU device: slow, but of any precision.
    pub fn candle_cpu() -> Self {
        Processor::plain("candle-cpu", Device::Cpu)
    }

    /// Our kernels, run by a launcher.
    pub fn own<L: Launcher + 'static>(name: impl Into<String>, launcher: Arc<L>) -> Self {
        let device = launcher.device().clone();
        Processor::new(name, device, Arc::new(move |precision| Arc::new(Own::new(launcher.clone(), precision))))
    }

    /// The same, which tells what the user should know by `say`.
    #[must_use]
    pub fn telling(self, say: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Processor { voice: Voice::new(Box::new(say)), ..self }
    }

    /// As in `cpu`, or `cuda:0 NVIDIA H100 80GB HBM3`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The device, where it is not the CPU's own engine.
    pub fn device(&self) -> Option<&Device> {
        match &self.kind {
            Kind::Cpu => None,
            Kind::Device(device, _) => Some(device),
        }
    }

    /// Bytes of the device that can be had, where it tells.
    pub fn free_bytes(&self) -> Option<u64> {
        self.device().and_then(free_bytes)
    }

    /// Most bytes of the device that were in use since the process began, where it tells.
    pub fn peak_bytes(&self) -> Option<u64> {
        match self.device()? {
            #[cfg(feature = "cuda")]
            Device::Cuda(device) => super::cuda::peak_bytes(device),
            _ => None,
        }
    }

    /// What a product of 4,096 x 4,096 matrices reaches on the device, in 10^9 floating-point operations a second; `None` of
    /// the CPU.
    ///
    /// # Errors
    /// If the device fails.
    pub fn product_gflops(&self, precision: MatrixPrecision) -> Result<Option<f64>> {
        let Kind::Device(device, make) = &self.kind else { return Ok(None) };
        // Where candle multiplies on the CPU, that would take seconds.
        let size = if device.is_cpu() { 512 } else { 4_096 };
        product_gflops(device, &*make(precision), size).map(Some).map_err(Error::engine("matrix product"))
    }

    /// Whether products can be computed in a precision.
    ///
    /// # Errors
    /// Where they cannot, with what to do.
    pub fn check(&self, precision: MatrixPrecision) -> Result<()> {
        match (&self.kind, precision) {
            (Kind::Device(..), _) | (Kind::Cpu, MatrixPrecision::F32) => Ok(()),
            (Kind::Cpu, precision) => Err(Error::Config(format!(
                "precision {}: the CPU multiplies in f32 alone; take a GPU, as with --device cuda:0, or leave the precision out",
                precision.name()
            ))),
        }
    }

    /// The engine of a plan; on a device products multiply in `precision`.
    ///
    /// # Errors
    /// If the device cannot hold the network, or has no such precision.
    pub fn engine(&self, start: Arc<Start>, plan: &Plan, precision: MatrixPrecision) -> Result<Box<dyn Engine>> {
        self.check(precision)?;
        let Kind::Device(device, make) = &self.kind else { return Ok(on_cpu(start, plan)) };
        let made = DeviceEngine::new(start.clone(), plan.clone(), device.clone(), make(precision), self.voice.clone())?;
        Ok(match made {
            Some(engine) => Box::new(engine),
            None => Box::new(ReferenceEngine::single(start, plan, device.clone())),
        })
    }
}

#[cfg(feature = "cuda")]
fn cuda(number: usize) -> Result<Processor> {
    let (launcher, name) = super::cuda::open(number)?;
    Ok(Processor::own(format!("cuda:{number} {name}"), Arc::new(launcher)))
}

#[cfg(not(feature = "cuda"))]
fn cuda(number: usize) -> Result<Processor> {
    Err(Error::Config(format!(
        "cuda:{number}: this build drives no NVIDIA GPU; with the CUDA toolkit installed build one that does: \
         `cargo install --path . --features cuda` (docs/gpu.md), or take --device cpu"
    )))
}

#[cfg(feature = "cuda")]
fn any_cuda() -> bool {
    super::cuda::any()
}

#[cfg(not(feature = "cuda"))]
fn any_cuda() -> bool {
    false
}

#[cfg(feature = "metal")]
fn metal() -> Result<Processor> {
    let device = Device::new_metal(0)
        .map_err(|error| Error::Config(format!("metal: {error}; take --device cpu, or see docs/gpu.md")))?;
    Ok(Processor::plain("metal", device))
}

#[cfg(not(feature = "metal"))]
fn metal() -> Result<Processor> {
    Err(Error::Config(
        "metal: this build does not drive Apple's GPU; on a Mac build one that does: \
         `cargo install --path . --features metal` (docs/gpu.md), or take --device cpu"
            .to_string(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_read_and_written_by_their_words() {
        for (text, choice) in [
            ("auto", DeviceChoice::Auto),
            ("cpu", DeviceChoice::Cpu),
            ("cuda:0", DeviceChoice::Cuda(0)),
            ("cuda:12", DeviceChoice::Cuda(12)),
            ("metal", DeviceChoice::Metal),
        ] {
            assert_eq!(text.parse(), Ok(choice));
            assert_eq!(choice.to_string(), text);
        }
        assert_eq!("cuda".parse(), Ok(DeviceChoice::Cuda(0)));
        for wrong in ["", "gpu", "cuda:", "cuda:-1", "cuda:+1", "cuda:1.5", "CPU", "cuda:99999999999999999999"] {
            let told = DeviceChoice::from_str(wrong).unwrap_err();
            assert!(told.starts_with(&format!("{wrong:?} is no device: write auto, cpu, cuda,")), "{told}");
        }
    }

    #[test]
    fn another_precision_than_the_cpu_has_is_an_error() {
        let cpu = Processor::open(DeviceChoice::Cpu).unwrap();
        let told = cpu.check(MatrixPrecision::Tf32).unwrap_err().to_string();
        assert!(told.starts_with("precision tf32: the CPU multiplies in f32 alone"), "{told}");
        assert_eq!((cpu.name(), cpu.check(MatrixPrecision::F32).is_ok()), ("cpu", true));
        assert!(Processor::plain("candle", Device::Cpu).check(MatrixPrecision::Bf16).is_ok());
    }

    #[cfg(not(any(feature = "cuda", feature = "metal")))]
    #[test]
    fn a_build_without_gpus_says_what_to_install() {
        for (choice, feature) in [(DeviceChoice::Cuda(1), "cuda"), (DeviceChoice::Metal, "metal")] {
            let Err(error) = Processor::open(choice) else { panic!("{choice}") };
            let told = error.to_string();
            assert!(told.contains(&format!("--features {feature}")) && told.contains("--device cpu"), "{told}");
        }
        assert_eq!(Processor::open(DeviceChoice::Auto).unwrap().name(), "cpu");
    }
}
