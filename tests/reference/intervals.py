"""Writes intervals.json: intervals and tests of counts and means that src/num and src/estimator are held against.

bootstrap: scipy.stats.bootstrap of a mean on resamples that any language can repeat: index k of all, row after row, is
floor(n frac((k + 1) sqrt 2)). clopper_pearson: scipy's exact interval of a share. mcnemar: statsmodels, with the
continuity correction and exact.

Needs numpy 2.4, scipy 1.17, statsmodels 0.15; run as `python3 intervals.py > intervals.json`.
"""
import json

import numpy as np
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar


class Weyl(np.random.Generator):
    """Indices without randomness, in the place of scipy's own."""

    def integers(self, low, high, size=None, **_):
        count = int(np.prod(size))
        k = np.arange(1, count + 1)
        return np.minimum((k * np.sqrt(2.0) % 1.0 * high).astype(int), high - 1).reshape(size)


values = [round(float(np.exp(x)), 6) for x in stats.norm.ppf((np.arange(25) + 0.5) / 25)]
times = 999


def interval(method):
    found = stats.bootstrap(
        (values,), np.mean, n_resamples=times, confidence_level=0.95, method=method, rng=Weyl(np.random.PCG64(1))
    ).confidence_interval
    return [float(found.low), float(found.high)]


shares = []
for right, n, level in [(0, 10, 0.95), (10, 10, 0.95), (3, 10, 0.95), (90, 100, 0.95), (1, 1000, 0.999), (998, 1000, 0.999), (5000, 10000, 0.99)]:
    found = stats.binomtest(right, n).proportion_ci(confidence_level=level, method="exact")
    shares.append([right, n, level, float(found.low), float(found.high)])

tables = []
for b, c in [(10, 25), (25, 10), (0, 3), (1, 0), (120, 161), (2, 9), (1000, 1090)]:
    corrected = mcnemar([[0, b], [c, 0]], exact=False, correction=True)
    exact = mcnemar([[0, b], [c, 0]], exact=True)
    tables.append([b, c, float(corrected.statistic), float(corrected.pvalue), float(exact.pvalue)])

print(
    json.dumps(
        {
            "bootstrap": {"values": values, "times": times, "percentile": interval("percentile"), "bca": interval("BCa")},
            "clopper_pearson": {"columns": "right, n, level, low, high", "rows": shares},
            "mcnemar": {"columns": "b, c, statistic, corrected p, exact p", "rows": tables},
        },
        indent=1,
    )
)
