//! Kernels of our own: their sources, what they are given, and who runs them.

use candle_core::{DType, Device, Result, Tensor};

use super::matrix::MatrixPrecision;

/// What all sources begin with.
pub const PRELUDE: &str = include_str!("kernels/prelude.cuh");

/// A kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// Convolution with statistics and pooling.
    Convolve,
    /// Statistics of each image.
    Moments,
    /// Statistics of the batch.
    Join,
    /// Pooling, batch-norm, activation.
    Finish,
    /// Patches.
    Patches,
    /// Members' weights.
    Bank,
    /// Losses of images.
    ImageLosses,
    /// Their means.
    MeanLosses,
}

impl Kernel {
    /// All of them.
    pub const ALL: [Kernel; 8] = [
        Kernel::Convolve,
        Kernel::Moments,
        Kernel::Join,
        Kernel::Finish,
        Kernel::Patches,
        Kernel::Bank,
        Kernel::ImageLosses,
        Kernel::MeanLosses,
    ];

    /// Its function.
    pub fn name(self) -> &'static str {
        match self {
            Kernel::Convolve => "convolve",
            Kernel::Moments => "moments",
            Kernel::Join => "join",
            Kernel::Finish => "finish",
            Kernel::Patches => "patches",
            Kernel::Bank => "bank",
            Kernel::ImageLosses => "image_losses",
            Kernel::MeanLosses => "mean_losses",
        }
    }

    /// The text behind the prelude.
    pub fn source(self) -> &'static str {
        match self {
            Kernel::Convolve => include_str!("kernels/convolve.cu"),
            Kernel::Moments | Kernel::Join => include_str!("kernels/statistics.cu"),
            Kernel::Finish => include_str!("kernels/finish.cu"),
            Kernel::Patches => include_str!("kernels/patches.cu"),
            Kernel::Bank => include_str!("kernels/bank.cu"),
            Kernel::ImageLosses | Kernel::MeanLosses => include_str!("kernels/losses.cu"),
        }
    }

    /// The whole program with its constants.
    pub fn program(self, constants: &[(&str, usize)]) -> String {
        let mut text = String::new();
        constants.iter().for_each(|(name, value)| text.push_str(&format!("#define {name} {value}\n")));
        text + PRELUDE + self.source()
    }
}

/// What a kernel is given.
#[derive(Clone, Copy, Debug)]
pub enum Argument<'a> {
    /// A tensor's values from its first on.
    Values(&'a Tensor),
    /// No tensor.
    Nothing,
    /// A count, a stride, a size.
    Number(usize),
}

/// Most arguments.
pub const ARGUMENTS: usize = 32;

/// Arguments as kernels take them: addresses and numbers.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Raw(pub [u64; ARGUMENTS]);

/// How a kernel is started.
#[derive(Clone, Copy, Debug)]
pub struct Launch<'a> {
    /// Which.
    pub kernel: Kernel,
    /// Constants that it is compiled with.
    pub constants: &'a [(&'static str, usize)],
    /// Blocks in each direction.
    pub grid: [usize; 3],
    /// Threads of a block.
    pub threads: usize,
    /// Shared memory whose size is not in the source.
    pub shared_bytes: usize,
}

impl<'a> Launch<'a> {
    /// Without constants and shared memory of any size.
    pub fn plain(kernel: Kernel, grid: [usize; 3], threads: usize) -> Launch<'a> {
        Launch { kernel, constants: &[], grid, threads, shared_bytes: 0 }
    }
}

/// Runs kernels and matrix products.
pub trait Launcher: Send + Sync {
    /// Where.
    fn device(&self) -> &Device;

    /// Runs a kernel on `arguments`, behind which stand its outputs, new tensors of these shapes; an empty one is none.
    ///
    /// # Errors
    /// If it cannot be compiled or started, or there is no memory.
    fn launch(
        &self,
        launch: &Launch<'_>,
        arguments: &[Argument<'_>],
        outputs: &[(&[usize], DType)],
    ) -> Result<Vec<Tensor>>;

    /// `a` (members or 1, m, k) times `b` (members or 1, k, n), all contiguous: (members, m, n).
    ///
    /// # Errors
    /// Of the library of products.
    fn product(&self, a: &Tensor, b: &Tensor, precision: MatrixPrecision) -> Result<Tensor>;
}
