//! The kernels run on the CPU: compiled as C++ with a stand-in for the GPU (`emulator/emulator.cpp`). What they compute is
//! proved here; how fast is not.

use std::ffi::{c_int, c_longlong, c_uint, CString};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use candle_core::{CpuStorage, DType, Device, Result, Storage, Tensor};
use libloading::Library;

use subevo::engine::device::launch::{Argument, Kernel, Launch, Launcher, Raw, ARGUMENTS, PRELUDE};
use subevo::engine::MatrixPrecision;

type Function = unsafe extern "C" fn(Raw);
type Run = unsafe extern "C" fn(Function, *const c_uint, c_uint, c_uint, Raw) -> c_int;
type Define = unsafe extern "C" fn(*const std::ffi::c_char, c_longlong) -> c_int;

/// The compiled kernels. They have state: one launch at a time.
fn library() -> &'static Mutex<Library> {
    static LIBRARY: OnceLock<Mutex<Library>> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let mut all = PRELUDE.to_string();
        let mut sources: Vec<&str> = Kernel::ALL.iter().map(|kernel| kernel.source()).collect();
        sources.dedup();
        sources.iter().for_each(|source| all.push_str(source));
        std::fs::write(folder.path().join("all.cu"), all).unwrap();
        std::fs::write(folder.path().join("emulator.cpp"), include_str!("emulator/emulator.cpp")).unwrap();
        let out = folder.path().join("kernels.so");
        // Contractions into fused products would be other sums than those that are written.
        let flags = ["-O2", "-ffp-contract=off", "-Wno-unknown-pragmas", "-shared", "-fPIC", "-o"];
        let compiler = Command::new("g++").args(flags).arg(&out).arg(folder.path().join("emulator.cpp")).output();
        let found = compiler.expect("the kernels' tests need g++");
        assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
        // SAFETY: the library is ours and does nothing when it is loaded.
        Mutex::new(unsafe { Library::new(&out) }.unwrap())
    })
}

/// Runs kernels on candle's CPU device.
pub struct Emulated;

fn address(x: &Tensor) -> u64 {
    let (storage, layout) = x.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else { panic!("a tensor that is not on the CPU") };
    let of = layout.start_offset();
    match storage {
        CpuStorage::F32(values) => values[of..].as_ptr() as u64,
        CpuStorage::F64(values) => values[of..].as_ptr() as u64,
        CpuStorage::U32(values) => values[of..].as_ptr() as u64,
        _ => panic!("a tensor of another type"),
    }
}

impl Launcher for Emulated {
    fn device(&self) -> &Device {
        &Device::Cpu
    }

    fn launch(
        &self,
        launch: &Launch<'_>,
        arguments: &[Argument<'_>],
        outputs: &[(&[usize], DType)],
    ) -> Result<Vec<Tensor>> {
        let library = library().lock().unwrap_or_else(PoisonError::into_inner);
        let mut raw = Raw([0; ARGUMENTS]);
        for (raw, argument) in raw.0.iter_mut().zip(arguments) {
            *raw = match argument {
                Argument::Values(x) => address(x),
                Argument::Nothing => 0,
                Argument::Number(number) => *number as u64,
            };
        }
        // What a kernel leaves out is NaN, and so is seen.
        let mut floats: Vec<Vec<f32>> = Vec::new();
        let mut doubles: Vec<Vec<f64>> = Vec::new();
        for (i, (shape, dtype)) in outputs.iter().enumerate() {
            let length = shape.iter().product();
            floats.push(vec![f32::NAN; if *dtype == DType::F32 { length } else { 0 }]);
            doubles.push(vec![f64::NAN; if *dtype == DType::F64 { length } else { 0 }]);
            raw.0[arguments.len() + i] = match *dtype {
                DType::F32 => floats[i].as_mut_ptr() as u64,
                _ => doubles[i].as_mut_ptr() as u64,
            };
        }
        let grid = launch.grid.map(|blocks| blocks as c_uint);
        // SAFETY: names and types are those of `emulator/emulator.cpp`; addresses are those of tensors that live until the end, with
        // the lengths that kernels are told.
        let ended = unsafe {
            let define = library.get::<Define>(b"define").unwrap();
            for (name, value) in launch.constants {
                let name = CString::new(*name).unwrap();
                assert_eq!(define(name.as_ptr(), *value as c_longlong), 1, "{name:?} is a constant");
            }
            let function = library.get::<Function>(launch.kernel.name().as_bytes()).unwrap();
            let run = library.get::<Run>(b"run").unwrap();
            run(*function, grid.as_ptr(), launch.threads as c_uint, launch.shared_bytes as c_uint, raw)
        };
        assert_eq!(ended, 0, "{:?} wrote behind its shared memory", launch.kernel);
        let tensor = |(i, (shape, dtype)): (usize, &(&[usize], DType))| match dtype {
            DType::F32 => Tensor::from_slice(&floats[i], *shape, &Device::Cpu),
            _ => Tensor::from_slice(&doubles[i], *shape, &Device::Cpu),
        };
        outputs.iter().enumerate().map(tensor).collect()
    }

    fn product(&self, a: &Tensor, b: &Tensor, precision: MatrixPrecision) -> Result<Tensor> {
        let members = a.dim(0)?.max(b.dim(0)?);
        let of = |x: &Tensor, member: usize| precision.round(&x.get(if x.dim(0)? == 1 { 0 } else { member })?);
        let each = (0..members).map(|member| of(a, member)?.matmul(&of(b, member)?));
        Tensor::stack(&each.collect::<Result<Vec<_>>>()?, 0)
    }
}
