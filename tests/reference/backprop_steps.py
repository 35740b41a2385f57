"""Writes backprop_steps.json: three steps of gradient descent with momentum on all weights of a small perceptron, in
float64, by the chain rule. Needs numpy; run as `python3 backprop_steps.py > backprop_steps.json`.
"""
import json
import numpy as np

B, INPUTS, HIDDEN, CLASSES, LR, MOMENTUM = 6, 9, [5, 4], 3, 0.3, 0.9
random = np.random.default_rng(11)
f32 = lambda a: a.astype(np.float32).astype(np.float64)
x = f32(random.standard_normal((B, INPUTS)))
y = random.integers(0, CLASSES, B)
sizes = [INPUTS, *HIDDEN, CLASSES]
W = [f32(random.standard_normal((o, i)) * np.sqrt(2 / i)) for i, o in zip(sizes, sizes[1:])]
b = [f32(0.1 * random.standard_normal(o)) for o in sizes[1:]]
# The flat vector: each layer's weight (outputs, inputs), then its bias.
flat = lambda: np.concatenate([a for w, c in zip(W, b) for a in (w.ravel(), c)]).tolist()
start, losses, norms = flat(), [], []
velocity = [[np.zeros_like(a) for a in part] for part in (W, b)]

for _ in range(3):
    inputs, before = [], []
    h = x
    for l, (w, c) in enumerate(zip(W, b)):
        inputs.append(h)
        z = h @ w.T + c
        before.append(z)
        h = np.maximum(z, 0) if l < len(W) - 1 else z
    p = np.exp(h - h.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    losses.append(float(-np.log(p[np.arange(B), y]).mean()))
    d = (p - np.eye(CLASSES)[y]) / B
    square = 0.0
    for l in reversed(range(len(W))):
        gw, gb = d.T @ inputs[l], d.sum(0)
        square += (gw**2).sum() + (gb**2).sum()
        if l > 0:
            d = (d @ W[l]) * (before[l - 1] > 0)
        for part, grad, v in ((W, gw, velocity[0]), (b, gb, velocity[1])):
            v[l] = MOMENTUM * v[l] + grad
            part[l] = part[l] - LR * v[l]
    norms.append(float(np.sqrt(square)))

print(json.dumps(dict(x=x.ravel().tolist(), y=y.tolist(), inputs=INPUTS, hidden=HIDDEN, classes=CLASSES, lr=LR,
                      momentum=MOMENTUM, start=start, losses=losses, gradient_norms=norms, weights=flat()), indent=1))
