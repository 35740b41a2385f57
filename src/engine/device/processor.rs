//! Where networks are evaluated: on the CPU, or on a device that candle drives.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use candle_core::Device;

use super::{DeviceEngine, MatrixPrecision, Operations, Plain};
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
}

#[derive(Clone)]
enum Kind {
    Cpu,
    Device(Device, Arc<dyn Operations>),
}

impl Processor {
    /// The CPU.
    pub fn cpu() -> Self {
        Processor { name: "cpu".to_string(), kind: Kind::Cpu }
    }

    /// Opens what was asked for. On a device products multiply in `precision`.
    ///
    /// # Errors
    /// If this build cannot drive it, or it is not there; or another precision is asked of the CPU.
    pub fn open(choice: DeviceChoice, precision: MatrixPrecision) -> Result<Self> {
        let processor = match choice {
            DeviceChoice::Cpu => Ok(Processor::cpu()),
            DeviceChoice::Cuda(number) => cuda(number, precision),
            DeviceChoice::Metal => metal(precision),
            // Where a GPU is there but does not start, that is told, not hidden behind hours on the CPU.
            DeviceChoice::Auto if cfg!(feature = "cuda") && any_cuda() => cuda(0, precision),
            DeviceChoice::Auto if cfg!(feature = "metal") => metal(precision),
            DeviceChoice::Auto => Ok(Processor::cpu()),
        }?;
        if matches!(processor.kind, Kind::Cpu) && precision != MatrixPrecision::F32 {
            return Err(Error::Config(format!(
                "precision {}: the CPU multiplies in f32 alone; take a GPU, as in --device cuda:0, or leave it out",
                precision.name()
            )));
        }
        Ok(processor)
    }

    /// Any device with any operations on it, under a name.
    pub fn new(name: String, device: Device, operations: Arc<dyn Operations>) -> Self {
        Processor { name, kind: Kind::Device(device, operations) }
    }

    /// Candle's CPU device with candle's own operations: what a GPU without our kernels computes, for comparisons.
    pub fn plain_cpu(precision: MatrixPrecision) -> Self {
        Processor::new("candle-cpu".to_string(), Device::Cpu, Arc::new(Plain::new(precision)))
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

    /// The engine of a plan.
    ///
    /// # Errors
    /// If the device cannot hold the network.
    pub fn engine(&self, start: Arc<Start>, plan: &Plan) -> Result<Box<dyn Engine>> {
        let Kind::Device(device, operations) = &self.kind else { return Ok(on_cpu(start, plan)) };
        let made = DeviceEngine::new(start.clone(), plan.clone(), device.clone(), operations.clone())?;
        Ok(match made {
            Some(engine) => Box::new(engine),
            None => Box::new(ReferenceEngine::single(start, plan, device.clone())),
        })
    }
}

#[cfg(feature = "cuda")]
fn cuda(number: usize, precision: MatrixPrecision) -> Result<Processor> {
    let (device, operations, name) = super::cuda::open(number, precision)?;
    Ok(Processor::new(format!("cuda:{number} {name}"), device, operations))
}

#[cfg(not(feature = "cuda"))]
fn cuda(number: usize, _: MatrixPrecision) -> Result<Processor> {
    Err(Error::Config(format!(
        "cuda:{number}: this build drives no NVIDIA GPU; with the CUDA toolkit 12.8 or newer installed build one that does: \
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
fn metal(precision: MatrixPrecision) -> Result<Processor> {
    let device = Device::new_metal(0)
        .map_err(|error| Error::Config(format!("metal: {error}; take --device cpu, or see docs/gpu.md")))?;
    Ok(Processor::new("metal".to_string(), device, Arc::new(Plain::new(precision))))
}

#[cfg(not(feature = "metal"))]
fn metal(_: MatrixPrecision) -> Result<Processor> {
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
        let Err(error) = Processor::open(DeviceChoice::Cpu, MatrixPrecision::Tf32) else { panic!("tf32 on the CPU") };
        assert!(error.to_string().starts_with("precision tf32: the CPU multiplies in f32 alone"), "{error}");
        assert_eq!(Processor::open(DeviceChoice::Cpu, MatrixPrecision::F32).unwrap().name(), "cpu");
    }

    #[cfg(not(any(feature = "cuda", feature = "metal")))]
    #[test]
    fn a_build_without_gpus_says_what_to_install() {
        for (choice, feature) in [(DeviceChoice::Cuda(1), "cuda"), (DeviceChoice::Metal, "metal")] {
            let Err(error) = Processor::open(choice, MatrixPrecision::F32) else { panic!("{choice}") };
            let told = error.to_string();
            assert!(told.contains(&format!("--features {feature}")) && told.contains("--device cpu"), "{told}");
        }
        assert_eq!(Processor::open(DeviceChoice::Auto, MatrixPrecision::F32).unwrap().name(), "cpu");
    }
}
