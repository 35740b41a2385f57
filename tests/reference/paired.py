"""Writes paired.json: tests and effect sizes of paired differences that src/stats is held against.

wilcoxon: scipy.stats.wilcoxon with zero_method="wilcox", two-sided; up to 50 differences that are not zero the exact null
distribution (where ties or zeros make scipy approximate it, all 2^n signs by its PermutationMethod), beyond it the normal
approximation with continuity correction. w_plus is the statistic of alternative="greater". rank_biserial is the signed share of
scipy.stats.rankdata; d_z is numpy's mean over its standard deviation with ddof=1 (null without spread). holm:
statsmodels.stats.multitest.multipletests.

Needs numpy 2.4, scipy 1.17, statsmodels 0.15; run as `python3 paired.py > paired.json`.
"""
import json

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests

EXACT_UP_TO = 50


def wave(n, shift, step=1.0):
    """Differences without randomness; with a step above 0 many are equal."""
    values = np.sin(np.arange(1, n + 1) * 12.9898) * 10 + shift
    return np.round(values / step) * step if step else np.round(values, 9)


cases = {
    "five above": [1.5, 2.5, 0.5, 4.0, 3.0],
    "six above": [1.5, 2.5, 0.5, 4.0, 3.0, 0.25],
    "one of six below": [1.5, 2.5, -0.5, 4.0, 3.0, 6.0],
    "all equal": [0.5] * 7,
    "ties": [1, 1, -1, 2, 2, -3, 4, 4, 4],
    "ties and zeros": [0, 1, 1, -1, 2, 0, 2, -3, 4, 4, 4],
    "hardly anything": [1, -1, 0],
    "ten": wave(10, 2, 0),
    "ten with ties": wave(10, 2, 4.0),
    "fifteen with ties": wave(15, -3, 2.0),
    "fifty": wave(50, 3, 0),
    "fifty-one": wave(51, 3, 0),
    "sixty with ties": wave(60, -2, 2.5),
    "two hundred with ties and zeros": wave(200, 1, 2.0),
}

wilcoxon = []
for name, values in cases.items():
    values = np.asarray(values, dtype=float)
    kept = values[values != 0]
    n, exact = len(kept), len(kept) <= EXACT_UP_TO
    plain = n == len(values) and len(np.unique(np.abs(kept))) == n
    if not exact:
        method = "approx"
    elif plain:
        method = "exact"
    else:
        method = stats.PermutationMethod(n_resamples=2**n)
    test = stats.wilcoxon(kept, zero_method="wilcox", correction=not exact, method=method)
    above = stats.wilcoxon(kept, alternative="greater", method="approx")
    ranks = stats.rankdata(np.abs(kept))
    spread = np.std(values, ddof=1)
    wilcoxon.append(
        {
            "name": name,
            "differences": [float(x) for x in values],
            "exact": exact,
            "w_plus": float(above.statistic),
            "p": float(test.pvalue),
            "rank_biserial": float(np.sum(np.sign(kept) * ranks) / np.sum(ranks)),
            "d_z": float(np.mean(values) / spread) if spread > 0 else None,
        }
    )

holm = []
for p in [[0.01, 0.04, 0.03, 0.005], [0.02, 0.9, 0.01, 0.02], [0.5, 0.6, 0.7], [0.03], [1 / 2**i for i in range(1, 13)]]:
    holm.append({"p": p, "corrected": [float(x) for x in multipletests(p, method="holm")[1]]})

print(json.dumps({"wilcoxon": wilcoxon, "holm": holm}, indent=1))
