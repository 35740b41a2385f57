#!/usr/bin/env python3
"""Cuts Fashion-MNIST to its first 10,000 training and first 2,000 test images.

usage: cut.py FOLDER     (FOLDER holds the four official .gz files; the cut is written beside this script)

Prints count, size and SHA-256 of each file and of its decompressed bytes. Standard library only.
"""
import gzip
import hashlib
import struct
import sys
from pathlib import Path

PARTS = {"train": 10_000, "t10k": 2_000}
# Ending of the name, IDX magic, official dimensions behind the count.
KINDS = [("images-idx3-ubyte.gz", 0x803, (28, 28)), ("labels-idx1-ubyte.gz", 0x801, ())]


def cut(source: Path, target: Path, count: int, magic: int, dimensions: tuple) -> None:
    with gzip.open(source) as file:
        found = struct.unpack(">2I", file.read(8))
        shape = struct.unpack(f">{len(dimensions)}I", file.read(4 * len(dimensions)))
        size = 1
        for d in dimensions:
            size *= d
        body = file.read(count * size)
    assert found[0] == magic and shape == dimensions and len(body) == count * size, f"{source}: not the official file"
    raw = struct.pack(f">{2 + len(dimensions)}I", magic, count, *dimensions) + body
    with open(target, "wb") as out, gzip.GzipFile("", "wb", 9, out, mtime=0) as file:
        file.write(raw)
    packed = target.read_bytes()
    for name, data in (target.name, packed), (target.stem, raw):
        print(f"| `{name}` | {count} | {len(data)} | `{hashlib.sha256(data).hexdigest()}` |")


def main() -> None:
    source, here = Path(sys.argv[1]), Path(__file__).parent
    for part, count in PARTS.items():
        for ending, magic, dimensions in KINDS:
            cut(source / f"{part}-{ending}", here / f"{part}-{ending}", count, magic, dimensions)


if __name__ == "__main__":
    main()
