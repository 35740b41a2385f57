#!/usr/bin/env bash
# The CUDA 13.0 toolkit from PyPI's wheels, enough to compile and link `--features cuda` on a machine without a GPU and without
# a toolkit. Prints what to set.
#
# usage: eval "$(tests/cuda-toolkit.sh FOLDER)"
#        cargo build --release --features cuda --target-dir target-cuda
set -euo pipefail
folder=$(mkdir -p "${1:?a folder for the toolkit}" && cd "$1" && pwd)
root=$folder/site/nvidia/cu13

if [ ! -e "$folder/done" ]; then
    python3 -m venv "$folder/v" >&2
    "$folder/v/bin/pip" install --quiet --no-deps --target "$folder/site" \
        nvidia-cuda-nvcc==13.0.88 nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85 nvidia-cuda-crt==13.0.88 \
        nvidia-nvvm==13.0.88 nvidia-curand==10.4.0.35 nvidia-cublas==13.1.0.3 nvidia-cuda-nvrtc==13.0.88 >&2
    for library in cublas cublasLt curand nvrtc cudart; do
        versions=("$root/lib/lib$library.so".*)
        ln -sf "$(basename "${versions[0]}")" "$root/lib/lib$library.so"
    done
    # The driver comes with a GPU. To link, its name is enough.
    mkdir -p "$folder/stub"
    gcc -shared -fPIC -Wl,-soname,libcuda.so.1 -o "$folder/stub/libcuda.so" -x c /dev/null
    touch "$folder/done"
fi

cat <<WORDS
export CUDA_HOME=$root CUDA_ROOT=$root CUDA_PATH=$root CUDA_TOOLKIT_ROOT_DIR=$root PATH=$root/bin:\$PATH
export CUDA_COMPUTE_CAP=\${CUDA_COMPUTE_CAP:-80}
export RUSTFLAGS="-L $folder/stub -C link-arg=-Wl,--unresolved-symbols=ignore-all -C link-arg=-Wl,--no-as-needed"
WORDS
