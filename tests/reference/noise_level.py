"""Writes noise_level.json: noise levels s of Hansen et al. 2009, section III-A, by pycma's NoiseHandler.

pycma takes half of the paper's s and lets one rank change pass always; here its limits are the paper's own, `theta` is
the paper's 0.2, and s is doubled. Losses are of n members, first, and second where evaluated again.

Needs numpy and cma 4.5.0; run as `python3 noise_level.py > noise_level.json`.
"""
import json

import cma
import cma.optimization_tools as tools
import numpy as np

tools._um.Mh.amax = staticmethod(lambda limits, least: np.asarray(limits))
random = np.random.default_rng(20261124)
cases = []
for n, count, noise, theta in [(4, 4, 0.1, 0.2), (8, 2, 1.0, 0.2), (16, 4, 0.3, 0.2), (16, 4, 0.3, 0.8), (64, 7, 0.05, 0.2), (64, 7, 3.0, 0.2)]:
    first = random.standard_normal(n)
    again = np.sort(random.permutation(n)[:count])
    second = first[again] + noise * random.standard_normal(count)
    handler = cma.NoiseHandler(n)
    handler.theta, handler.cum = theta, 1.0
    handler.fit, handler.idx = list(first), again
    handler.fitre = list(first)
    for member, loss in zip(again, second):
        handler.fitre[member] = loss
    handler.update_measure()
    cases.append(dict(theta=theta, first=first.tolist(), again=again.tolist(), second=second.tolist(), level=2.0 * float(handler.noiseS)))
json.dump(dict(cases=cases), __import__("sys").stdout)
print()
