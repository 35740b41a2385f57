"""Checks that numpy in float64, JAX and PyTorch give the same losses for every case, whole and in chunks."""

import argparse
import sys
import warnings
from functools import partial

import numpy as np

from task import CASES, SIGMA, Task

TOLERANCE = 1e-4
MEMBERS, BATCH = 5, 16
# Trained scalars and all scalars, as `subevo` counts them.
SIZES = {
    "bn": (96, 20_538),
    "classifier": (15_690, 20_538),
    "filters": (1_188, 20_538),
    "conv2-all": (11_274, 11_274),
    "resnet-14-bn": (1_120, 175_258),
    "alexnet-filter": (9_456, 2_472_266),
}


def with_jax(task, chunk, split, genomes, images, labels):
    import jax
    import jax.numpy as jnp

    from evosax_gpu import evaluator

    losses = jax.jit(evaluator(task, chunk, split))
    with jax.default_matmul_precision("highest"):
        return np.asarray(losses(*map(jnp.asarray, (genomes, images, labels))))


def with_torch(task, chunk, split, genomes, images, labels, compiled=False):
    import torch

    from torch_gpu import evaluator

    torch.backends.cudnn.allow_tf32 = False
    device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    losses = evaluator(task, device, chunk, split, compiled)
    with torch.no_grad():
        arrays = (torch.tensor(array, device=device) for array in (genomes, images, labels.astype(np.int64)))
        return losses(*arrays).cpu().numpy()


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--peers", default="jax,torch", help="with commas, of jax, torch and torch-compiled (jax,torch)")
    peers = {"jax": with_jax, "torch": with_torch, "torch-compiled": partial(with_torch, compiled=True)}
    peers = {name: peers[name] for name in options.parse_args().peers.split(",")}
    # What torch.func.vmap says where it takes members one after another.
    warnings.filterwarnings("error", ".*performance drop")
    wrong = 0
    for case in CASES:
        task = Task(case, BATCH, steps=1)
        sizes = task.k, task.parameters
        if sizes != SIZES[case]:
            print(f"{case}: {sizes} trained and all scalars, not {SIZES[case]}")
            wrong += 1
        genomes = SIGMA * np.random.default_rng(7).standard_normal((MEMBERS, task.k), np.float32)
        genomes[0] = 0
        expected = np.array([task.reference_loss(genome, 0) for genome in genomes])
        batch = task.images[task.order[0]], task.labels[task.order[0]]
        print(f"{case}: k {task.k}, losses {expected.min():.4f} to {expected.max():.4f}")
        for name, losses in peers.items():
            for split in (False, True) if task.case.filters else (False,):
                for chunk in (MEMBERS, 2, 1):
                    error = np.abs(losses(task, chunk, split, genomes, *batch) / expected - 1).max()
                    held = error <= TOLERANCE
                    wrong += not held
                    parts = f"chunk {chunk}{', split' if split else ''}"
                    print(f"  {name:14} {parts:14} relative error {error:.1e}{'' if held else ': WRONG'}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
