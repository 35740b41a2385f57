"""What all peers are timed on: networks, frozen base, trained part, images, batches, clock, and the line of JSON.

A genome is a delta: it is added to the frozen weights that are trained.
"""

import argparse
import gc
import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

IMAGES = 8192
CLASSES = 10
SEED = 1
SIGMA = 0.05
EPSILON = 1e-5


def conv2_bn(net, x):
    for i, filters in enumerate((16, 32), 1):
        x = net.norm(net.conv(x, f"conv{i}", filters, 3), f"bn{i}")
        x = net.pool(net.relu(x))
    return net.linear(net.flatten(x), "fc")


def conv2(net, x):
    for i, filters in enumerate((8, 16), 1):
        x = net.pool(net.relu(net.conv(x, f"conv{i}", filters, 5, bias=True)))
    return net.linear(net.flatten(x), "fc")


def resnet_14(net, x):
    x = net.relu(net.norm(net.conv(x, "conv1", 16, 3), "bn1"))
    for stage, filters in enumerate((16, 32, 64), 1):
        for block in range(2):
            name, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            y = net.norm(net.conv(x, f"{name}.conv1", filters, 3, stride), f"{name}.bn1")
            y = net.norm(net.conv(net.relu(y), f"{name}.conv2", filters, 3), f"{name}.bn2")
            if stride == 2:
                x = net.norm(net.conv(x, f"{name}.downsample.0", filters, 1, 2), f"{name}.downsample.1")
            x = net.relu(x + y)
    return net.linear(net.mean(x), "fc")


def alexnet(net, x):
    stack = [(64, 11, 4), "pool", (192, 5, 1), "pool", (384, 3, 1), (256, 3, 1), (256, 3, 1), "pool"]
    at = 0
    for piece in stack:
        if piece == "pool":
            x = net.pool(x)
            at += 1
        else:
            x = net.relu(net.conv(x, f"features.{at}", *piece, bias=True))
            at += 2
    return net.linear(net.flatten(x), "classifier")


@dataclass
class Case:
    network: Callable
    image: tuple[int, int, int]
    trained: Callable[[str], bool]
    # Of so many filters, how many are trained; None: all weights of what is trained.
    filters: Callable[[int], int] | None = None


def _norms(name):
    return name.endswith((".scale", ".shift"))


GREY, COLOUR = (1, 28, 28), (3, 32, 32)
CASES = {
    "bn": Case(conv2_bn, GREY, _norms),
    "classifier": Case(conv2_bn, GREY, lambda name: name.startswith("fc.")),
    "filters": Case(conv2_bn, GREY, lambda name: name.startswith("conv"), lambda n: n // 4),
    "conv2-all": Case(conv2, GREY, lambda name: True),
    "resnet-14-bn": Case(resnet_14, COLOUR, _norms),
    "alexnet-filter": Case(alexnet, COLOUR, lambda name: name.startswith("features."), lambda n: 1),
}


class Net:
    """Layers on the arrays of a library. `weights` has a list for each name: one array, or, where only some filters are
    trained, those that are frozen and those that are not; `positions` puts the filters of both in order again.

    `split`: frozen filters are one convolution that members share, trained ones another.
    """

    def __init__(self, weights, positions, split=False):
        self.weights, self.positions, self.split = weights, positions, split

    def conv(self, x, name, filters, size, stride=1, bias=False):
        weights = self.weights[f"{name}.weight"]
        biases = self.weights[f"{name}.bias"] if bias else [None] * len(weights)
        if len(weights) > 1 and not self.split:
            weights = [self.join(weights, 0, self.positions[name])]
            biases = [self.join(biases, 0, self.positions[name]) if bias else None]
        parts = [self.convolve(x, w, b, stride, size // 2) for w, b in zip(weights, biases, strict=True)]
        return parts[0] if len(parts) == 1 else self.join(parts, 1, self.positions[name])

    def norm(self, x, name):
        return self.normalise(x, self.weights[f"{name}.scale"][0], self.weights[f"{name}.shift"][0])

    def linear(self, x, name):
        return x @ self.weights[f"{name}.weight"][0].T + self.weights[f"{name}.bias"][0]

    def flatten(self, x):
        return x.reshape(x.shape[0], -1)

    def mean(self, x):
        return x.mean((2, 3))


class Reference(Net):
    """In numpy, as plainly as can be."""

    def join(self, parts, axis, positions):
        return np.concatenate(parts, axis).take(positions, axis)

    def convolve(self, x, weight, bias, stride, padding):
        x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
        windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2:], (2, 3))[:, :, ::stride, ::stride]
        y = np.tensordot(windows, weight, ((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
        return y if bias is None else y + bias[:, None, None]

    def normalise(self, x, scale, shift):
        mean, variance = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
        return (x - mean) / np.sqrt(variance + EPSILON) * scale[:, None, None] + shift[:, None, None]

    def relu(self, x):
        return np.maximum(x, 0)

    def pool(self, x):
        n, c, h, w = x.shape
        return x[:, :, : h // 2 * 2, : w // 2 * 2].reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5))


class Draw(Reference):
    """Draws the base while one image passes."""

    def __init__(self, rng):
        super().__init__({}, {})
        self.rng = rng

    def _draw(self, name, shape, std):
        self.weights[name] = [(std * self.rng.standard_normal(shape)).astype(np.float32)]

    def _constant(self, name, size, value):
        self.weights[name] = [np.full(size, value, np.float32)]

    def conv(self, x, name, filters, size, stride=1, bias=False):
        inputs = x.shape[1]
        self._draw(f"{name}.weight", (filters, inputs, size, size), math.sqrt(2 / (inputs * size * size)))
        if bias:
            self._constant(f"{name}.bias", filters, 0)
        return super().conv(x, name, filters, size, stride, bias)

    def norm(self, x, name):
        self._constant(f"{name}.scale", x.shape[1], 1)
        self._constant(f"{name}.shift", x.shape[1], 0)
        return super().norm(x, name)

    def linear(self, x, name):
        self._draw(f"{name}.weight", (CLASSES, x.shape[1]), math.sqrt(1 / x.shape[1]))
        self._constant(f"{name}.bias", CLASSES, 0)
        return super().linear(x, name)


class Task:
    """A case with its arrays: `weights` as `Net` takes them, `images`, `labels`, and `order`, a row of indices of images for
    each step."""

    def __init__(self, case, batch, steps):
        self.case = CASES[case]
        rng = np.random.default_rng(SEED)
        draw = Draw(rng)
        self.case.network(draw, np.zeros((1, *self.case.image), np.float32))
        self.weights, self.positions = draw.weights, {}
        self.parameters = sum(parts[0].size for parts in self.weights.values())
        self.trained = [name for name in self.weights if self.case.trained(name)]
        if self.case.filters:
            self._choose_filters(rng)
        self.k = sum(self.weights[name][-1].size for name in self.trained)

        templates = rng.standard_normal((CLASSES, *self.case.image), np.float32)
        noise = rng.standard_normal((IMAGES, *self.case.image), np.float32)
        self.labels = rng.integers(0, CLASSES, IMAGES, np.int32)
        self.images = (np.float32(0.7) * templates[self.labels] + noise) / np.float32(math.sqrt(1.49))
        epochs = [rng.permutation(IMAGES).astype(np.int32) for _ in range(math.ceil(steps * batch / IMAGES))]
        self.order = np.concatenate(epochs)[: steps * batch].reshape(steps, batch)

    def _choose_filters(self, rng):
        chosen = {}
        for name in self.trained:
            layer, whole = name.rpartition(".")[0], self.weights[name][0]
            n = len(whole)
            if layer not in chosen:
                chosen[layer] = np.sort(rng.choice(n, self.case.filters(n), replace=False))
            frozen = np.setdiff1d(np.arange(n), chosen[layer])
            self.positions[layer] = np.argsort(np.concatenate([frozen, chosen[layer]]))
            self.weights[name] = [whole[frozen], whole[chosen[layer]]]

    def with_genome(self, weights, genome):
        """`weights`, a copy of the task's in arrays of any library, with the genome added."""
        weights, at = dict(weights), 0
        for name in self.trained:
            *frozen, trained = weights[name]
            size = math.prod(trained.shape)
            weights[name] = [*frozen, trained + genome[at : at + size].reshape(trained.shape)]
            at += size
        return weights

    def reference_loss(self, genome, step):
        """Mean cross-entropy of a member on a batch, in float64."""
        weights = {name: [part.astype(np.float64) for part in parts] for name, parts in self.weights.items()}
        net = Reference(self.with_genome(weights, genome.astype(np.float64)), self.positions)
        rows = self.order[step]
        logits = self.case.network(net, self.images[rows].astype(np.float64))
        logits -= logits.max(1, keepdims=True)
        of_label = logits[np.arange(len(rows)), self.labels[rows]]
        return float((np.log(np.exp(logits).sum(1)) - of_label).mean())


def parser(description):
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--case", choices=CASES, default="bn")
    options.add_argument("--population", type=int, default=64, help="members of a generation (64)")
    options.add_argument("--batch", type=int, default=128, help="images of a batch (128)")
    options.add_argument("--generations", type=int, default=10, help="timed generations (10)")
    options.add_argument("--warmup", type=int, default=3, help="generations before these, timed apart (3)")
    options.add_argument("--chunk", type=int, help="members evaluated at once (all); halved while memory is short")
    options.add_argument("--split", action="store_true", help="frozen filters in one convolution that members share")
    options.add_argument("--json", action="store_true", help="print a line of JSON")
    return options


def _timed(generation, warmup, generations):
    began = time.perf_counter()
    for step in range(warmup):
        generation(step)
    warmup_s = time.perf_counter() - began
    times, losses = [], []
    for step in range(warmup, warmup + generations):
        began = time.perf_counter()
        losses.append(generation(step))
        times.append((time.perf_counter() - began) * 1e3)
    return warmup_s, times, losses


def run(peer, options):
    """Times a peer and prints the result. It has `about` (keys of the JSON line), `generation(task, options, chunk)`, which
    gives a function of the step that returns the mean loss when the device is done, `out_of_memory(error)` and
    `peak_mib()`."""
    task = Task(options.case, options.batch, options.warmup + options.generations)
    chunk = min(options.chunk or options.population, options.population)
    found, told = None, False
    while found is None and chunk > 0:
        try:
            found = _timed(peer.generation(task, options, chunk), options.warmup, options.generations)
        except RuntimeError as error:
            if not peer.out_of_memory(error):
                raise
            if not told:
                print(f"{options.case}: out of memory with a chunk of {chunk}: halving it until it fits", file=sys.stderr)
                told = True
            chunk //= 2
        # The frames of the error hold arrays.
        gc.collect()
    line = {
        **peer.about,
        "case": options.case,
        "population": options.population,
        "batch": options.batch,
        "chunk": max(chunk, 1),
        "split": options.split,
        "k": task.k,
        "parameters": task.parameters,
        "generations": options.generations,
        "warmup_generations": options.warmup,
        "ask_tell_included": True,
    }
    if found is None:
        line["failed"] = "out of memory with a chunk of 1"
    else:
        warmup_s, times, losses = found
        p10, median, p90 = np.percentile(times, (10, 50, 90))
        line |= {
            "ms_per_generation_median": median,
            "p10": p10,
            "p90": p90,
            "images_per_s": options.population * options.batch * 1e3 / median,
            "warmup_s": warmup_s,
            "peak_device_mib": peer.peak_mib(),
            "loss_first": losses[0],
            "loss_last": losses[-1],
        }
    print(json.dumps(line) if options.json else "\n".join(f"{key}: {value}" for key, value in line.items()))
