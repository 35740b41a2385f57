"""Writes cma_steps.json: one generation of the CMA and NES families in float64, by evosax, purecma and EvoTorch.

CMA-ES, separable CMA-ES and SNES: evosax; CMA-ES without its step size, for which purecma has a rule of its own: purecma
(cma). xNES: EvoTorch, because evosax 0.3.2 takes the exponential of the matrix entry by entry. VD-CMA's diagonal and axis:
pycma's GaussVDSampler. CR-FM-NES: crfmnes, its authors' code. All are given the same state, samples, losses and learning
rates (for CMA-ES those of Hansen 2016, Table 1).

Needs numpy, jax 0.10.2, evosax 0.3.2, cma 4.5.0, evotorch 0.6.1, torch, crfmnes 1.0.0; run as
`JAX_ENABLE_X64=1 python3 cma_steps.py > cma_steps.json`.
"""
import json

import jax
import jax.numpy as jnp
import numpy as np
import torch
from cma.more_algorithms import purecma
from cma.restricted_gaussian_sampler import GaussVDSampler
from crfmnes.alg import CRFMNES
from evosax.algorithms import CMA_ES, SNES, Sep_CMA_ES
from evotorch.distributions import ExpGaussian

assert jax.config.jax_enable_x64
random = np.random.default_rng(20261123)
flat = lambda x: np.asarray(x, dtype=np.float64).ravel().tolist()
key = jax.random.key(0)
n, k, g = 9, 6, 4
losses = random.permutation(n) - 2.5


def rates(boost, active):
    raw = np.log((n + 1) / 2) - np.log(np.arange(1, n + 1))
    mu = n // 2
    effective = lambda w: w.sum() ** 2 / (w**2).sum()
    mu_eff, minus = effective(raw[:mu]), effective(raw[mu:])
    c_1 = boost * 2 / ((k + 1.3) ** 2 + mu_eff)
    c_mu = min(1 - c_1, boost * 2 * (0.25 + mu_eff + 1 / mu_eff - 2) / ((k + 2) ** 2 + mu_eff))
    alpha = min(1 + c_1 / c_mu, 1 + 2 * minus / (mu_eff + 2), (1 - c_1 - c_mu) / (k * c_mu))
    positive, negative = raw[raw > 0].sum(), -raw[raw < 0].sum()
    c_std = (mu_eff + 2) / (k + mu_eff + 5)
    return dict(
        weights=np.where(raw >= 0, raw / positive, active * alpha * raw / negative), mu_eff=mu_eff, c_std=c_std,
        d_std=1 + 2 * max(0, np.sqrt((mu_eff - 1) / (k + 1)) - 1) + c_std, c_c=(4 + mu_eff / k) / (k + 4 + 2 * mu_eff / k),
        c_1=c_1, c_mu=c_mu, chi_n=np.sqrt(k) * (1 - 1 / (4 * k) + 1 / (21 * k**2)),
    )


def state_of(es, rates, mean, sigma, p_std, p_c, **more):
    params = es.default_params.replace(**{name: jnp.asarray(value) for name, value in rates.items()})
    state = es.init(key, jnp.asarray(mean), params).replace(
        std=jnp.asarray(sigma), p_std=jnp.asarray(p_std), p_c=jnp.asarray(p_c), generation_counter=g - 1, **more
    )  # evosax counts one generation more where it asks whether the path is stalled
    return params, state


def given(mean, sigma, p_std, p_c, steps):
    return dict(
        n=n, k=k, generation=g, losses=flat(losses), mean=flat(mean), sigma=sigma, path_sigma=flat(p_std),
        path_covariance=flat(p_c), steps=flat(steps),
    )


def cma(length):
    """`length` of the step size's path: a long one stalls the other path."""
    mean, p_std, p_c, sigma = random.standard_normal(k), random.standard_normal(k), random.standard_normal(k), 0.7
    p_std *= length / np.linalg.norm(p_std)
    root = random.standard_normal((k, k))
    C = np.eye(k) + root @ root.T
    z = random.standard_normal((n, k))
    values, vectors = np.linalg.eigh(C)
    steps = (z * np.sqrt(values)) @ vectors.T
    found = rates(1.0, True)
    es = CMA_ES(population_size=n, solution=jnp.zeros(k))
    params, state = state_of(
        es, found, mean, sigma, p_std, p_c, C=jnp.asarray(C), B=jnp.asarray(vectors), D=jnp.sqrt(jnp.asarray(values))
    )
    after, _ = es.tell(key, jnp.asarray(mean + sigma * steps), jnp.asarray(losses), state, params)

    pure = purecma.CMAES(list(mean), sigma, popsize=n)
    par = pure.params
    par.weights, par.mu, par.mueff = list(found["weights"]), n // 2, found["mu_eff"]
    par.cs, par.damps, par.cc, par.c1, par.cmu = (found[name] for name in ["c_std", "d_std", "c_c", "c_1", "c_mu"])
    pure.ps, pure.pc, pure.counteval = list(p_std), list(p_c), g * n
    for i in range(k):
        for j in range(k):
            pure.C[i][j] = C[i, j]
    pure.C.update_eigensystem(1, 0)
    pure.tell([list(x) for x in mean + sigma * steps], list(losses))
    return dict(
        given(mean, sigma, p_std, p_c, steps), covariance=flat(C), z=flat(z),
        evosax=dict(
            mean=flat(after.mean), sigma=float(after.std), path_sigma=flat(after.p_std), path_covariance=flat(after.p_c),
            covariance=flat(after.C),
        ),
        purecma=dict(
            mean=flat(pure.xmean), path_sigma=flat(pure.ps), path_covariance=flat(pure.pc),
            covariance=flat([list(row) for row in pure.C]),
        ),
    )


def sep():
    mean, p_std, p_c, sigma = random.standard_normal(k), random.standard_normal(k), random.standard_normal(k), 0.7
    c, z = np.exp(random.standard_normal(k)), random.standard_normal((n, k)).astype(np.float32).astype(np.float64)
    es = Sep_CMA_ES(population_size=n, solution=jnp.zeros(k))
    params, state = state_of(
        es, rates((k + 2) / 3, False), mean, sigma, p_std, p_c, C=jnp.asarray(c), D=jnp.sqrt(jnp.asarray(c))
    )
    steps = z * np.sqrt(c)
    after, _ = es.tell(key, jnp.asarray(mean + sigma * steps), jnp.asarray(losses), state, params)
    return dict(
        given(mean, sigma, p_std, p_c, steps), variance=flat(c), z=flat(z),
        evosax=dict(
            mean=flat(after.mean), sigma=float(after.std), path_sigma=flat(after.p_std), path_covariance=flat(after.p_c),
            variance=flat(after.C),
        ),
    )


def snes():
    mean, sigma = random.standard_normal(k), np.exp(random.standard_normal(k))
    z = random.standard_normal((n, k)).astype(np.float32).astype(np.float64)
    es = SNES(population_size=n, solution=jnp.zeros(k))
    params = es.default_params
    state = es.init(key, jnp.asarray(mean), params).replace(std=jnp.asarray(sigma))
    after, _ = es.tell(key, jnp.asarray(mean + sigma * z), jnp.asarray(losses), state, params)
    return dict(
        n=n, k=k, losses=flat(losses), mean=flat(mean), sigma=flat(sigma), z=flat(z), lr_mean=1.0,
        lr_sigma=float(params.lr_std_init), evosax=dict(mean=flat(after.mean), sigma=flat(after.std)),
    )


def xnes():
    mean, z = random.standard_normal(k), random.standard_normal((n, k)).astype(np.float32).astype(np.float64)
    A = random.standard_normal((k, k)) + 2 * np.eye(k)
    A *= np.sign(np.linalg.det(A)) ** (np.arange(k) == 0)  # a positive determinant
    raw = np.maximum(0.0, np.log(n / 2 + 1) - np.log(np.arange(1, n + 1)))
    utilities = np.empty(n)
    utilities[np.argsort(losses)] = raw / raw.sum() - 1 / n
    rate = (9 + 3 * np.log(k)) / (5 * k * np.sqrt(k))
    tensor = lambda x: torch.as_tensor(x, dtype=torch.float64)
    distribution = ExpGaussian(
        {"mu": tensor(mean), "sigma": tensor(A)}, dtype=torch.float64, device=torch.device("cpu")
    )
    members = distribution.to_global_coordinates(tensor(z))
    gradients = distribution.compute_gradients(
        members, tensor(utilities), objective_sense="max", ranking_method="raw"
    )
    after = distribution.update_parameters(gradients, learning_rates={"d": 1.0, "M": rate})
    return dict(
        n=n, k=k, losses=flat(losses), mean=flat(mean), factor=flat(A), z=flat(z), lr_mean=1.0, lr=rate,
        evotorch=dict(mean=flat(after.mu.numpy()), factor=flat(after.sigma.numpy())),
    )


def vd(scale):
    """One step of D and v; `scale` is the length of v. pycma's sampler, whose rates are taken as they are."""
    sampler = GaussVDSampler(np.ones(k + 4))
    size = sampler.N
    sampler.dvec, sampler.vvec = np.exp(0.5 * random.standard_normal(size)), random.standard_normal(size)
    sampler.vvec *= scale / np.linalg.norm(sampler.vvec)
    sampler.norm_v2 = sampler.vvec @ sampler.vvec
    sampler.norm_v = np.sqrt(sampler.norm_v2)
    sampler.vn = sampler.vvec / sampler.norm_v
    sampler.vnn = sampler.vn**2
    sampler.pc = random.standard_normal(size)
    raw = np.log((n + 1) / 2) - np.log(np.arange(1, n // 2 + 1))
    weights = raw / raw.sum()
    steps = np.array([sampler.transform(random.standard_normal(size)) for _ in weights])
    before = dict(k=size, diagonal=flat(sampler.dvec), axis=flat(sampler.vvec), steps=flat(steps), weights=flat(weights))
    _, c_1, c_mu = sampler._get_params(weights)
    sampler.update(np.vstack([np.zeros(size), steps]), np.append([0.0], weights), hsig=1)
    return dict(
        before, c_1=c_1, c_mu=c_mu, path_after=flat(sampler.pc), diagonal_after=flat(sampler.dvec),
        axis_after=flat(sampler.vvec),
    )


def cr_fm_nes(length):
    """`length` of the step size's path: moving, stalling and converging have weights and rates of their own."""
    size, members = 10, 12
    half = random.standard_normal((members // 2, size)).astype(np.float32).astype(np.float64)
    order, calls = random.permutation(members) + 0.5, []
    np.random.seed(0)
    es = CRFMNES(size, lambda x: calls.append(0) or order[len(calls) - 1], random.standard_normal((size, 1)), 0.6, members)
    es.use_constraint_violation = False
    es.v, es.D = random.standard_normal((size, 1)), np.exp(0.4 * random.standard_normal((size, 1)))
    es.ps, es.pc = random.standard_normal((size, 1)), random.standard_normal((size, 1))
    es.ps *= length / np.linalg.norm(es.ps)
    before = dict(
        n=members, k=size, mean=flat(es.m), sigma=es.sigma, diagonal=flat(es.D), axis=flat(es.v), path_sigma=flat(es.ps),
        path_mean=flat(es.pc), z=flat(half),
        # Members 2p and 2p + 1 are a pair; crfmnes has all of one side first.
        losses=flat(np.stack([order[: members // 2], order[members // 2 :]], axis=1)),
    )
    normals, np.random.randn = np.random.randn, lambda *shape: half.T
    es.one_iteration()
    np.random.randn = normals
    return dict(
        before,
        crfmnes=dict(
            mean=flat(es.m), sigma=float(np.ravel(es.sigma)[0]), diagonal=flat(es.D), axis=flat(es.v),
            path_sigma=flat(es.ps), path_mean=flat(es.pc),
        ),
    )


found = dict(cma=[cma(2.0), cma(9.0)], sep=sep(), snes=snes(), xnes=xnes(), vd=[vd(0.8), vd(3.0)], cr_fm_nes=[cr_fm_nes(5.0), cr_fm_nes(1.0), cr_fm_nes(0.01)])
print("{\n" + ",\n".join(f" {json.dumps(name)}: {json.dumps(value)}" for name, value in found.items()) + "\n}")
