"""Writes strategy_steps.json: one generation of SNES and two of OpenAI-ES in float64, from the papers' formulas.

SNES: Wierstra et al. 2014, Algorithm 6 with the utilities of section 3.1. OpenAI-ES: Salimans et al. 2017, Algorithm 2
with the centred ranks and mirrored samples of section 2.1, then Adam (Kingma & Ba 2015, Algorithm 1) on the negative
of the estimate plus L2 decay. Needs numpy; run as `python3 strategy_steps.py > strategy_steps.json`.
"""
import json
import numpy as np

random = np.random.default_rng(20260821)
flat = lambda x: np.asarray(x).ravel().tolist()
normals = lambda *shape: random.standard_normal(shape).astype(np.float32).astype(np.float64)

# SNES, n = 7, k = 5; losses with a tie (members 1 and 4) and a failure (member 5).
n, k = 7, 5
z, mean, sigma = normals(n, k), normals(k), np.exp(normals(k))
losses = np.array([0.3, -1.0, 2.0, 0.7, -1.0, np.nan, 0.1])
order = np.argsort(np.where(np.isnan(losses), np.inf, losses), kind="stable")
raw = np.maximum(0.0, np.log(n / 2 + 1) - np.log(np.arange(1, n + 1)))
u = np.empty(n)
u[order] = raw / raw.sum() - 1 / n
lr_mean, lr_sigma = 0.9, (3 + np.log(k)) / (5 * np.sqrt(k))
grad_mean = np.einsum("i,ij->j", u, z)
grad_sigma = np.einsum("i,ij->j", u, z**2 - 1)
snes = dict(
    n=n, k=k, lr_mean=lr_mean, lr_sigma=lr_sigma, losses=[None if np.isnan(x) else x for x in losses],
    noise=flat(z), mean=flat(mean), sigma=flat(sigma),
    mean_after=flat(mean + lr_mean * sigma * grad_mean), sigma_after=flat(sigma * np.exp(lr_sigma / 2 * grad_sigma)),
)

# OpenAI-ES, 3 pairs, k = 4, two generations from 0 with decays of lr and sigma and weight decay.
n, k = 6, 4
lr, lr_decay, sigma, sigma_decay, decay = 0.05, 0.9, 0.2, 0.8, 0.3
b1, b2, eps = 0.9, 0.999, 1e-8
theta, m, v = np.zeros(k), np.zeros(k), np.zeros(k)
generations = []
for t in range(2):
    half = normals(n // 2, k)
    z = np.stack([half, -half], axis=1).reshape(n, k)
    losses = normals(n)
    ranks = np.empty(n)
    ranks[np.argsort(-losses)] = np.arange(n)  # the worst has rank 0, the best n - 1
    u = ranks / (n - 1) - 0.5
    s = sigma * sigma_decay**t
    estimate = (u[:, None] * z).sum(axis=0) / (n * s)  # of the fitness, to go up
    g = -estimate + decay * theta
    m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
    m_hat, v_hat = m / (1 - b1 ** (t + 1)), v / (1 - b2 ** (t + 1))
    theta = theta - lr * lr_decay**t * m_hat / (np.sqrt(v_hat) + eps)
    generations.append(dict(noise=flat(half), losses=flat(losses), mean_after=flat(theta)))
openai = dict(
    n=n, k=k, lr=lr, lr_decay=lr_decay, sigma=sigma, sigma_decay=sigma_decay, weight_decay=decay,
    generations=generations,
)
print(json.dumps(dict(snes=snes, openai=openai), indent=1))
