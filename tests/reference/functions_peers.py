"""Writes functions_peers.json: evaluations that pycma and evosax need on the functions of `subevo bench functions`.

Start 3 in every coordinate, sigma 1, d = 10, 10 members, seeds 1 to 31; a run is solved at the first evaluation whose
value is at most the target (the best sampled so far). pycma: CMA-ES with its defaults, and with CMA_diagonal = True for the
separable one. evosax: SNES with its defaults. Rotations are random orthogonal matrices, another for each seed.
evosax runs in float64: in float32 its samples near 0 are finer than ours, but its step sizes are not.

Needs numpy, cma 4.5.0, evosax 0.3.2, jax 0.10.2; run as `JAX_ENABLE_X64=1 python3 functions_peers.py > functions_peers.json`.
"""
import importlib.metadata
import json
import warnings

import cma
import jax
import jax.numpy as jnp
import numpy as np
from evosax.algorithms import SNES

DIM, POPULATION, SEEDS, MOST = 10, 10, 31, 100_000
assert jax.config.jax_enable_x64


def ellipsoid(x):
    return np.sum(10 ** (6 * np.arange(len(x)) / (len(x) - 1)) * x**2)


FUNCTIONS = {
    "sphere": (lambda x: np.sum(x**2), False, 1e-8),
    "ellipsoid": (ellipsoid, False, 1e-6),
    "rotated ellipsoid": (ellipsoid, True, 1e-6),
    "rosenbrock": (lambda x: np.sum(100 * (x[:-1] ** 2 - x[1:]) ** 2 + (x[:-1] - 1) ** 2), False, 1e-8),
}
SEPARABLE = ["sphere", "ellipsoid"]


def run(name, seed, ask, tell, stopped):
    function, rotated, target = FUNCTIONS[name]
    matrix = np.linalg.qr(np.random.default_rng(seed).standard_normal((DIM, DIM)))[0] if rotated else np.eye(DIM)
    evaluations = 0
    while evaluations < MOST and not stopped():
        members = ask()
        values = [function(matrix @ x) for x in members]
        for value in values:
            evaluations += 1
            if value <= target:
                return evaluations
        tell(members, values)
    return None


def pycma(name, seed, **options):
    settings = dict(seed=seed, verbose=-9, popsize=POPULATION, maxfevals=MOST, **options)
    es = cma.CMAEvolutionStrategy(DIM * [3.0], 1.0, settings)
    return run(name, seed, lambda: [np.asarray(x) for x in es.ask()], es.tell, lambda: bool(es.stop()))


es = SNES(population_size=POPULATION, solution=jnp.zeros(DIM))
ask_jit, tell_jit = jax.jit(es.ask), jax.jit(es.tell)


def snes(name, seed):
    params = es.default_params
    key = jax.random.key(seed)
    box = {"state": es.init(key, jnp.full(DIM, 3.0), params), "step": 0}

    def ask():
        members, box["state"] = ask_jit(jax.random.fold_in(key, 2 * box["step"]), box["state"], params)
        box["members"] = members
        return [np.asarray(x) for x in members]

    def tell(_, values):
        key_now = jax.random.fold_in(key, 2 * box["step"] + 1)
        box["state"], _ = tell_jit(key_now, box["members"], jnp.asarray(values), box["state"], params)
        box["step"] += 1

    return run(name, seed, ask, tell, lambda: False)


def row(strategy, peer, name, solve):
    needed = [solve(name, seed) for seed in range(1, SEEDS + 1)]
    solved = [n for n in needed if n is not None]
    function, rotated, target = FUNCTIONS[name]
    return dict(
        strategy=strategy, peer=peer, function=name.removeprefix("rotated "), rotate=rotated, dim=DIM,
        population=POPULATION, target=target, n=SEEDS, solved=len(solved), median=float(np.median(solved)),
        evaluations=needed,
    )


warnings.simplefilter("ignore")
rows = [row("cma-es", f"pycma {cma.__version__.split()[0]}", name, pycma) for name in FUNCTIONS]
diagonal = lambda name, seed: pycma(name, seed, CMA_diagonal=True)
rows += [row("sep-cma-es", f"pycma {cma.__version__.split()[0]}, CMA_diagonal", name, diagonal) for name in SEPARABLE]
rows += [row("snes", "evosax " + importlib.metadata.version("evosax"), name, snes) for name in SEPARABLE]
print("[\n" + ",\n".join(" " + json.dumps(row) for row in rows) + "\n]")
