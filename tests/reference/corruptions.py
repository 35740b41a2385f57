"""Writes corruptions.json: images of 8 x 8 under the three corruptions that draw nothing, at five severities.

The formulas are those of google-research/mnist-c (corruptions.py) for one channel and of hendrycks/robustness
(ImageNet-C/create_c/make_cifar_c.py) for three, with scikit-image as they use it. Pixels (c, h, w) are
(31 i^2 + 7 i) mod 256, i = 0, 1, ...

Needs numpy 2.4, scikit-image 0.26; run as `python3 corruptions.py > corruptions.json`.
"""
import json

import numpy as np
import skimage as sk
import skimage.color
import skimage.filters

MNIST = {"gaussian-blur": [1, 2, 3, 4, 6], "contrast": [0.4, 0.3, 0.2, 0.1, 0.05], "brightness": [0.1, 0.2, 0.3, 0.4, 0.5]}
CIFAR = {"gaussian-blur": [0.4, 0.6, 0.7, 0.8, 1], "contrast": [0.75, 0.5, 0.4, 0.3, 0.15], "brightness": [0.05, 0.1, 0.15, 0.2, 0.3]}


def corrupted(name, x, c):
    """`x` is (h, w) or (h, w, 3), 0 to 1."""
    if name == "gaussian-blur":
        y = sk.filters.gaussian(x, sigma=c, channel_axis=-1 if x.ndim == 3 else None)
    elif name == "contrast":
        means = np.mean(x, axis=(0, 1), keepdims=True)
        y = (x - means) * c + means
    else:
        y = sk.color.rgb2hsv(x if x.ndim == 3 else sk.color.gray2rgb(x))
        y[:, :, 2] = np.clip(y[:, :, 2] + c, 0, 1)
        y = sk.color.hsv2rgb(y)
        y = y if x.ndim == 3 else y[:, :, 0]
    return np.clip(y, 0, 1)


i = np.arange(192)
image = ((i * i * 31 + 7 * i) % 256).reshape(3, 8, 8) / 255.0
cases = []
for channels, table in [(1, MNIST), (3, CIFAR)]:
    x = image[0] if channels == 1 else image.transpose(1, 2, 0)
    for name, strengths in table.items():
        for severity, c in enumerate(strengths, 1):
            y = corrupted(name, x, c)
            pixels = y if channels == 1 else y.transpose(2, 0, 1)
            cases.append(
                {"name": name, "channels": channels, "severity": severity, "pixels": [float(v) for v in pixels.ravel()]}
            )
print(json.dumps({"cases": cases}).replace('{"name"', '\n{"name"'))
