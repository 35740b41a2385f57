#!/usr/bin/env bash
# All that wants a GPU, with one command: the engine's tests there, what precisions do to ranks, the bench, and other
# libraries beside it; at the end the figures side by side. Results go into a folder, one file a step.
#
# usage: tests/gpu.sh [DEVICE [FOLDER]]        DEVICE: cuda:0 (default), cuda:N or metal; FOLDER: gpu-results
#   SUBEVO=PROGRAM SUBEVO_TESTS=PROGRAM        built elsewhere (docs/gpu.md), instead of building here
#   PEERS=PYTHON                               a Python that has what benches/peers/README.md asks for; without it no peers
#   (the tests of the kernels' sources want g++ as well)
#   POPULATIONS="64 1024 16384" BATCH=1024 CASES=bn,filters    sizes of the bench, and which of its networks
set -euo pipefail
cd "$(dirname "$0")/.."
device=${1:-cuda:0}
folder=${2:-gpu-results}
populations=${POPULATIONS:-64 1024 16384}
batch=${BATCH:-1024}
cases=${CASES:-bn,classifier,filters,conv2-all,resnet-14-bn,alexnet-filter}
feature=${device%%:*}
mkdir -p "$folder"
failed=
# Peers take the first GPU that they see: let it be ours.
if [ "$feature" = cuda ]; then
    export CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES=${device#cuda:}
    device=cuda:0
fi

stage() {
    printf '\n== %s (%d s)\n' "$*" "$SECONDS"
}

if [ "$feature" = cuda ]; then
    nvidia-smi --query-gpu=index,name,driver_version,memory.total --format=csv | tee "$folder/gpus.csv"
fi
if [ -z "${SUBEVO:-}" ]; then
    stage build
    cargo build --release --locked --features "$feature"
    SUBEVO=target/release/subevo
fi

stage "the engine's tests on $device"
tests='engine::device devices:: engine::population_losses subspaces::members torch::logits'
# shellcheck disable=SC2086 # words are words
if [ -n "${SUBEVO_TESTS:-}" ]; then
    SUBEVO_TEST_DEVICE=$device "$SUBEVO_TESTS" $tests 2>&1 | tee "$folder/tests.txt" || failed="$failed tests"
else
    SUBEVO_TEST_DEVICE=$device cargo test --release --locked --features "$feature" --test it -- $tests 2>&1 |
        tee "$folder/tests.txt" || failed="$failed tests"
fi

stage 'what precisions do to the ranking of members'
"$SUBEVO" bench precision --device "$device" --subset $cases --population 256 --batch "$batch" --json |
    tee "$folder/precision.jsonl" || failed="$failed precision"

stage 'bench'
: > "$folder/bench.jsonl"
for population in $populations; do
    for precision in f32 tf32; do
        for case in ${cases//,/ }; do
            timeout 900 "$SUBEVO" bench common --device "$device" --subset "$case" --population "$population" --batch "$batch" \
                --precision $precision --json | tee -a "$folder/bench.jsonl" || failed="$failed bench:$case:$population"
        done
    done
done

: > "$folder/peers.jsonl"
if [ -n "${PEERS:-}" ]; then
    stage 'peers compute the same losses'
    "$PEERS" benches/peers/check.py || failed="$failed peers' losses"
    stage 'peers'
    for population in $populations; do
        for case in ${cases//,/ }; do
            for words in '' '--split'; do
                # Only these have frozen filters that can be split off.
                if [ -n "$words" ] && [ "$case" != filters ] && [ "$case" != alexnet-filter ]; then continue; fi
                for peer in 'evosax_gpu.py' 'evosax_gpu.py --matmul-precision tensorfloat32' \
                    'torch_gpu.py' 'torch_gpu.py --compile' 'torch_gpu.py --tf32' 'torch_gpu.py --tf32 --compile'; do
                    # shellcheck disable=SC2086 # words are words
                    timeout 900 "$PEERS" benches/peers/$peer --case "$case" --population "$population" --batch "$batch" \
                        $words --json | tee -a "$folder/peers.jsonl" || echo "left out: $peer $case $population $words" >&2
                done
            done
        done
    done
fi

stage 'side by side'
if command -v python3 > /dev/null; then
    python3 benches/peers/beside.py "$folder" | tee "$folder/beside.txt"
fi
if [ -n "$failed" ]; then
    echo "failed:$failed" >&2
    exit 1
fi
