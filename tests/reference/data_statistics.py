#!/usr/bin/env python3
"""Counts, first labels and pixel moments of an IDX set, for the constants in tests/it/data.rs. Standard library only.

usage: data_statistics.py FOLDER     (four .gz files under their official names)
"""
import gzip
import math
import struct
import sys
from collections import Counter
from pathlib import Path

for part in ("train", "t10k"):
    with gzip.open(Path(sys.argv[1]) / f"{part}-labels-idx1-ubyte.gz") as file:
        magic, count = struct.unpack(">II", file.read(8))
        labels = file.read()
    assert magic == 2049 and count == len(labels)
    with gzip.open(Path(sys.argv[1]) / f"{part}-images-idx3-ubyte.gz") as file:
        magic, count, height, width = struct.unpack(">IIII", file.read(16))
        pixels = file.read()
    assert magic == 2051 and count * height * width == len(pixels) and count == len(labels)
    # Exact integer sums, so the moments are right to the last digit printed.
    histogram = Counter(pixels)
    total = sum(value * n for value, n in histogram.items())
    squares = sum(value * value * n for value, n in histogram.items())
    mean = total / len(pixels) / 255
    std = math.sqrt((squares * len(pixels) - total * total)) / len(pixels) / 255
    print(f"{part}: {count} images of {height}x{width}, first labels {list(labels[:10])}")
    print(f"  per class {[labels.count(c) for c in range(10)]}")
    print(f"  mean {mean:.10f} std {std:.10f}, pixel sum of image 0: {sum(pixels[: height * width])}")
