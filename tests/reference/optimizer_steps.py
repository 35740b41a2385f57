"""Writes optimizer_steps.json: six steps of each optimizer in float64, by the update rules that PyTorch's pages of SGD,
Adam and AdamW print, and ClipUp by Algorithm 1 of Toklu et al. 2020. Needs numpy; run as
`python3 optimizer_steps.py > optimizer_steps.json`.

With `--torch` it prints instead the greatest difference to torch.optim and to EvoTorch's ClipUp in float64.
"""
import json, sys
import numpy as np

random = np.random.default_rng(7)
STEPS, K = 6, 4
START = random.standard_normal(K).astype(np.float32).astype(np.float64)
GRADIENTS = random.standard_normal((STEPS, K)).astype(np.float32).astype(np.float64)
# The learning rate of each step: schedules change it on the way.
FACTORS = [1.0, 1.0, 0.5, 0.5, 0.25, 1.0]


def sgd(w, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
    b = None
    for g, factor in zip(GRADIENTS, FACTORS):
        g = g + weight_decay * w
        if momentum != 0:
            b = g if b is None else momentum * b + g
            g = g + momentum * b if nesterov else b
        w = w - lr * factor * g
        yield w


def adam(w, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0, decoupled=False):
    m, v = np.zeros(K), np.zeros(K)
    for t, (g, factor) in enumerate(zip(GRADIENTS, FACTORS), 1):
        if decoupled:
            w = w - lr * factor * weight_decay * w
        else:
            g = g + weight_decay * w
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        w = w - lr * factor * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)
        yield w


def clipup(w, lr, momentum=0.9, max_speed=None, weight_decay=0.0):
    limit, v = 2 * lr if max_speed is None else max_speed, np.zeros(K)
    for g, factor in zip(GRADIENTS, FACTORS):
        g = g + weight_decay * w
        v = momentum * v + lr * factor * g / np.linalg.norm(g)
        # The limit is scaled with the learning rate, so that a schedule slows both down.
        v = v * min(1.0, limit * factor / np.linalg.norm(v))
        w = w - v
        yield w


# Defaults are left out on purpose: the program's own must be PyTorch's (lr of SGD: 0.1).
CASES = [
    ("sgd", {}, lambda: sgd(START, 0.1)),
    ("sgd", dict(lr=0.2, momentum=0.9, weight_decay=0.1), lambda: sgd(START, 0.2, 0.9, False, 0.1)),
    ("sgd", dict(lr=0.2, momentum=0.8, nesterov=True, weight_decay=0.05), lambda: sgd(START, 0.2, 0.8, True, 0.05)),
    ("adam", {}, lambda: adam(START, 0.001)),
    ("adam", dict(lr=0.05, beta1=0.8, beta2=0.95, eps=0.01, weight_decay=0.3),
     lambda: adam(START, 0.05, 0.8, 0.95, 0.01, 0.3)),
    ("adamw", {}, lambda: adam(START, 0.001, weight_decay=0.01, decoupled=True)),
    ("adamw", dict(lr=0.05, beta1=0.8, weight_decay=0.3), lambda: adam(START, 0.05, 0.8, weight_decay=0.3, decoupled=True)),
    ("clipup", {}, lambda: clipup(START, 0.01)),
    ("clipup", dict(lr=0.2, momentum=0.8, max_speed=0.25, weight_decay=0.3), lambda: clipup(START, 0.2, 0.8, 0.25, 0.3)),
]

if "--torch" in sys.argv:
    import torch

    for name, params, ours in CASES:
        p = dict(params)
        if "beta1" in p:
            p["betas"] = (p.pop("beta1"), p.pop("beta2", 0.999))
        p.setdefault("lr", {"sgd": 0.1, "clipup": 0.01}.get(name, 0.001))
        if name == "clipup":
            from evotorch.optimizers import ClipUp

            decay, speed = p.get("weight_decay", 0.0), p.get("max_speed", 2 * p["lr"])
            peer = ClipUp(solution_length=K, dtype=torch.float64, stepsize=p["lr"], max_speed=speed,
                          momentum=p.get("momentum", 0.9))
            w, worst = torch.tensor(START), 0.0
            for g, factor, expected in zip(GRADIENTS, FACTORS, ours()):
                peer._stepsize, peer._max_speed = p["lr"] * factor, speed * factor
                w = w + peer.ascent(-(torch.tensor(g) + decay * w))
                worst = max(worst, np.abs(w.numpy() - expected).max())
            print(name, params, worst)
            continue
        w = torch.nn.Parameter(torch.tensor(START))
        optimizer = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name]([w], **p)
        worst = 0.0
        for g, factor, expected in zip(GRADIENTS, FACTORS, ours()):
            optimizer.param_groups[0]["lr"] = p["lr"] * factor
            w.grad = torch.tensor(g)
            optimizer.step()
            worst = max(worst, np.abs(w.detach().numpy() - expected).max())
        print(name, params, worst)
else:
    cases = [dict(name=name, params=params, weights=[w.tolist() for w in ours()]) for name, params, ours in CASES]
    print(json.dumps(dict(start=START.tolist(), gradients=GRADIENTS.tolist(), factors=FACTORS, cases=cases), indent=1))
