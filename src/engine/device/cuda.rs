//! An NVIDIA GPU: opened, its kernels compiled for it and run, products by cuBLAS.
//!
//! One stream of its own does everything in order, so nothing is tracked by events and the host waits for results alone.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::{Mutex, PoisonError};

use candle_core::cuda_backend::cudarc::cublas::{result::gemm_strided_batched_ex, sys as blas};
use candle_core::cuda_backend::cudarc::driver::{
    result, sys, CudaContext, CudaFunction, DevicePtr, DeviceRepr, LaunchConfig, PushKernelArg,
};
use candle_core::cuda_backend::cudarc::nvrtc::{compile_ptx_with_opts, CompileOptions};
use candle_core::cuda_backend::WrapErr;
use candle_core::op::BackpropOp;
use candle_core::{CudaDevice, CudaStorage, DType, Device, Result, Storage, Tensor};

use super::launch::{Argument, Kernel, Launch, Launcher, Raw, ARGUMENTS};
use super::matrix::MatrixPrecision;
use crate::error::Error;

// SAFETY: plain numbers, laid out as the kernels' own struct.
unsafe impl DeviceRepr for Raw {}

/// Runs kernels on a GPU.
pub struct Cuda {
    device: Device,
    cuda: CudaDevice,
    /// As in `--gpu-architecture=compute_90`.
    architecture: String,
    /// Compiled kernels, by the values of their constants.
    functions: Mutex<HashMap<(Kernel, Vec<usize>), CudaFunction>>,
}

/// Whether there is a GPU with a driver.
pub fn any() -> bool {
    CudaContext::device_count().is_ok_and(|count| count > 0)
}

/// Opens a GPU; its name comes with it.
///
/// # Errors
/// If it is not there, or its driver does not fit.
pub fn open(number: usize) -> crate::error::Result<(Cuda, String)> {
    let failed = |what: String| {
        Error::Config(format!(
            "cuda:{number}: {what}; `nvidia-smi` lists the GPUs and the driver, docs/gpu.md tells which versions fit; or take \
             --device cpu"
        ))
    };
    let count = CudaContext::device_count().map_err(|error| failed(format!("the driver does not start: {error:?}")))?;
    if number >= usize::try_from(count).unwrap_or(0) {
        return Err(failed(format!("this machine has {count} GPUs, numbered from 0")));
    }
    let opened = || -> Result<(Cuda, String)> {
        let device = Device::new_cuda_with_stream(number)?;
        let cuda = device.as_cuda_device()?.clone();
        // SAFETY: all work goes to the one stream of this device.
        unsafe { cuda.disable_event_tracking() };
        // Where a driver has no pools it goes without.
        let _ = keep_memory(&cuda);
        let stream = cuda.cuda_stream();
        let (major, minor) = stream.context().compute_capability().w()?;
        let name = stream.context().name().w()?;
        let architecture = format!("--gpu-architecture=compute_{major}{minor}");
        Ok((Cuda { device, cuda, architecture, functions: Mutex::default() }, name))
    };
    opened().map_err(|error| failed(error.to_string()))
}

/// Lets the pool keep what was given back: else each wait would return it to the system and each generation ask again.
fn keep_memory(cuda: &CudaDevice) -> Result<()> {
    let most = u64::MAX;
    let attribute = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
    // SAFETY: the attribute is a number of 64 bits, which lives during the call.
    unsafe {
        let pool = result::device::get_default_mem_pool(cuda.cuda_stream().context().cu_device()).w()?;
        result::mem_pool::set_attribute(pool, attribute, (&raw const most).cast_mut().cast::<c_void>()).w()
    }
}

/// Bytes that can be had: free ones, and those that the pool holds without use.
pub fn free_bytes(cuda: &CudaDevice) -> Option<u64> {
    let (free, _) = cuda.cuda_stream().context().mem_get_info().ok()?;
    let held = of_pool(cuda, sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT).unwrap_or(0);
    let used = of_pool(cuda, sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_CURRENT).unwrap_or(held);
    Some(free as u64 + held.saturating_sub(used))
}

/// Most bytes that were in use.
pub fn peak_bytes(cuda: &CudaDevice) -> Option<u64> {
    of_pool(cuda, sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_HIGH)
}

/// A number that the pool knows.
fn of_pool(cuda: &CudaDevice, attribute: sys::CUmemPool_attribute) -> Option<u64> {
    let mut bytes = 0u64;
    // SAFETY: the attribute is a number of 64 bits, which lives during the call.
    unsafe {
        let pool = result::device::get_default_mem_pool(cuda.cuda_stream().context().cu_device()).ok()?;
        result::mem_pool::get_attribute(pool, attribute, (&raw mut bytes).cast::<c_void>()).ok()?;
    }
    Some(bytes)
}

impl Cuda {
    /// The address of a tensor's first value.
    fn address(&self, x: &Tensor) -> Result<u64> {
        let (storage, layout) = x.storage_and_layout();
        let Storage::Cuda(storage) = &*storage else { candle_core::bail!("a tensor that is not on the GPU") };
        let stream = self.cuda.cuda_stream();
        let first = match x.dtype() {
            DType::F32 => storage.as_cuda_slice::<f32>()?.device_ptr(&stream).0,
            DType::F64 => storage.as_cuda_slice::<f64>()?.device_ptr(&stream).0,
            DType::U32 => storage.as_cuda_slice::<u32>()?.device_ptr(&stream).0,
            DType::BF16 => storage.as_cuda_slice::<half::bf16>()?.device_ptr(&stream).0,
            other => candle_core::bail!("kernels take no {other:?}"),
        };
        Ok(first + (layout.start_offset() * x.dtype().size_in_bytes()) as u64)
    }

    /// A new tensor whose values are not set yet.
    fn unset(&self, shape: &[usize], dtype: DType) -> Result<Tensor> {
        // An allocation of nothing is an error of the driver's.
        let length = shape.iter().product::<usize>().max(1);
        let cuda = self.cuda.clone();
        // SAFETY: the kernel that it is made for writes all of it.
        let storage = unsafe {
            match dtype {
                DType::F32 => CudaStorage::wrap_cuda_slice(cuda.alloc::<f32>(length)?, cuda),
                DType::F64 => CudaStorage::wrap_cuda_slice(cuda.alloc::<f64>(length)?, cuda),
                other => candle_core::bail!("kernels give no {other:?}"),
            }
        };
        Ok(Tensor::from_storage(Storage::Cuda(storage), shape, BackpropOp::none(), false))
    }

    /// The kernel of a launch, compiled when it is first asked for.
    fn compiled(&self, launch: &Launch<'_>) -> Result<CudaFunction> {
        let known = (launch.kernel, launch.constants.iter().map(|(_, value)| *value).collect::<Vec<usize>>());
        let mut functions = self.functions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(function) = functions.get(&known) {
            return Ok(function.clone());
        }
        let name = launch.kernel.name();
        let options = CompileOptions { options: vec![self.architecture.clone()], ..CompileOptions::default() };
        let ptx = compile_ptx_with_opts(launch.kernel.program(launch.constants), options)
            .map_err(|error| candle_core::Error::Msg(format!("the kernel `{name}` does not compile: {error:?}")))?;
        let module = self.cuda.cuda_stream().context().load_module(ptx).w()?;
        let function = module.load_function(name).w()?;
        functions.insert(known, function.clone());
        Ok(function)
    }
}

impl Launcher for Cuda {
    fn device(&self) -> &Device {
        &self.device
    }

    fn launch(
        &self,
        launch: &Launch<'_>,
        arguments: &[Argument<'_>],
        outputs: &[(&[usize], DType)],
    ) -> Result<Vec<Tensor>> {
        let function = self.compiled(launch)?;
        let found = outputs.iter().map(|(shape, dtype)| self.unset(shape, *dtype)).collect::<Result<Vec<_>>>()?;
        let mut raw = Raw([0; ARGUMENTS]);
        let given = arguments.iter().copied().chain(found.iter().map(Argument::Values));
        for (raw, argument) in raw.0.iter_mut().zip(given) {
            *raw = match argument {
                Argument::Values(x) => self.address(x)?,
                Argument::Nothing => 0,
                Argument::Number(number) => number as u64,
            };
        }
        let [x, y, z] = launch.grid.map(|blocks| blocks as u32);
        let config = LaunchConfig {
            grid_dim: (x, y, z),
            block_dim: (launch.threads as u32, 1, 1),
            shared_mem_bytes: launch.shared_bytes as u32,
        };
        let stream = self.cuda.cuda_stream();
        let mut builder = stream.launch_builder(&function);
        builder.arg(&raw);
        // SAFETY: addresses are those of tensors on this device, which the stream frees behind the kernel; sizes and strides are
        // theirs, and the tests run the same kernels under the same launches on the CPU.
        unsafe { builder.launch(config) }.w()?;
        Ok(found)
    }

    fn product(&self, a: &Tensor, b: &Tensor, precision: MatrixPrecision) -> Result<Tensor> {
        let ((of_a, m, k), (of_b, _, n)) = (a.dims3()?, b.dims3()?);
        let members = of_a.max(of_b);
        let half = precision == MatrixPrecision::Bf16;
        let factor = |x: &Tensor| if half { x.contiguous()?.to_dtype(DType::BF16) } else { x.contiguous() };
        let (a, b) = (factor(a)?, factor(b)?);
        let out = self.unset(&[members, m, n], DType::F32)?;
        let kind = if half { blas::cudaDataType_t::CUDA_R_16BF } else { blas::cudaDataType_t::CUDA_R_32F };
        let compute = match precision {
            MatrixPrecision::Tf32 => blas::cublasComputeType_t::CUBLAS_COMPUTE_32F_FAST_TF32,
            _ => blas::cublasComputeType_t::CUBLAS_COMPUTE_32F,
        };
        let step = |of: usize, length: usize| if of == 1 { 0 } else { length as i64 };
        let size = |of: usize| i32::try_from(of).map_err(|_| candle_core::Error::Msg(format!("a matrix of {of} rows")));
        let (one, zero) = (1f32, 0f32);
        let (as_is, pointer) = (blas::cublasOperation_t::CUBLAS_OP_N, |x: &Tensor| self.address(x));
        // cuBLAS goes by columns: of transposed matrices the product is b by a.
        // SAFETY: sizes are those of the tensors, which are contiguous and live on this device; the stream is the handle's.
        unsafe {
            gemm_strided_batched_ex(
                *self.cuda.cublas_handle().handle(),
                as_is,
                as_is,
                size(n)?,
                size(m)?,
                size(k)?,
                (&raw const one).cast(),
                pointer(&b)? as *const c_void,
                kind,
                size(n)?,
                step(of_b, k * n),
                pointer(&a)? as *const c_void,
                kind,
                size(k)?,
                step(of_a, m * k),
                (&raw const zero).cast(),
                pointer(&out)? as *mut c_void,
                blas::cudaDataType_t::CUDA_R_32F,
                size(n)?,
                (m * n) as i64,
                size(members)?,
                compute,
                blas::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT,
            )
        }
        .w()?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::super::operations::Geometry;
    use super::super::tiling::{Around, Tiling};
    use super::*;
    use crate::plan::Window;

    fn compile(kernel: Kernel, constants: &[(&'static str, usize)], architecture: &str) -> String {
        let options = vec![format!("--gpu-architecture={architecture}")];
        let options = CompileOptions { options, ..CompileOptions::default() };
        let made = compile_ptx_with_opts(kernel.program(constants), options);
        made.unwrap_or_else(|error| panic!("{kernel:?} for {architecture}: {error:?}")).to_src()
    }

    // Needs the library that compiles, and no GPU.
    #[test]
    fn every_kernel_compiles_for_every_architecture_since_turing() {
        let folder = std::env::var_os("SUBEVO_PTX").map(std::path::PathBuf::from);
        let keep = |name: String, ptx: &str| {
            if let Some(folder) = &folder {
                std::fs::write(folder.join(format!("{name}.ptx")), ptx).unwrap();
            }
        };
        let halve = Some(Window { size: 2, stride: 2 });
        let window = |side: usize, stride: usize, padding: usize| Geometry { window: [side; 2], stride, padding };
        // The convolutions of the bench's cases, and odd ones.
        let shapes = [
            (1, [28, 28], 16, window(3, 1, 1), halve, true),
            (16, [14, 14], 32, window(3, 1, 1), halve, true),
            (4, [14, 14], 32, window(3, 1, 1), halve, true),
            (1, [28, 28], 8, window(5, 1, 2), halve, false),
            (8, [14, 14], 16, window(5, 1, 2), halve, false),
            (16, [32, 32], 16, window(3, 1, 1), None, true),
            (16, [32, 32], 32, window(3, 2, 1), None, true),
            (64, [8, 8], 64, window(3, 1, 1), None, true),
            (16, [32, 32], 32, window(1, 2, 0), None, true),
            (3, [32, 32], 1, window(11, 4, 5), halve, false),
            (3, [33, 31], 3, window(3, 1, 0), Some(Window { size: 3, stride: 3 }), true),
            (5, [1, 1], 2, window(1, 1, 0), None, true),
        ];
        for architecture in ["compute_75", "compute_80", "compute_90"] {
            for kernel in Kernel::ALL.into_iter().filter(|kernel| *kernel != Kernel::Convolve) {
                let ptx = compile(kernel, &[], architecture);
                assert!(ptx.contains(&format!(".entry {}", kernel.name())), "{ptx}");
                keep(format!("{}-{architecture}", kernel.name()), &ptx);
            }
            for (i, (channels, size, filters, geometry, pool, statistics)) in shapes.into_iter().enumerate() {
                let tiling = Tiling::new(channels, size, filters, geometry, pool).unwrap();
                let around = Around { pooled: pool.is_some(), statistics, activation: 1 };
                let constants = tiling.constants(channels, size, filters, geometry, around);
                keep(format!("convolve-{i}-{architecture}"), &compile(Kernel::Convolve, &constants, architecture));
            }
        }
    }
}
