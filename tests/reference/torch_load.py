"""Loads a network that `subevo export` wrote into PyTorch, and says how well it does on images in IDX files.

    subevo export runs/quickstart/<run> --out network.safetensors
    python3 torch_load.py network.safetensors t10k-images-idx3-ubyte.gz t10k-labels-idx1-ubyte.gz

Needs torch and safetensors, and Python 3.11 or later. The last line is the accuracy.
"""

import gzip
import json
import struct
import sys
import tomllib

import torch
from safetensors import safe_open

from torch_networks import network


def idx(path):
    raw = gzip.open(path).read() if path.endswith(".gz") else open(path, "rb").read()
    sides = struct.unpack_from(f">{raw[3]}I", raw, 4)
    return torch.frombuffer(bytearray(raw[4 + 4 * raw[3] :]), dtype=torch.uint8).reshape(sides)


def main():
    with safe_open(sys.argv[1], "pt") as file:
        about = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    model = tomllib.loads(about["configuration"])["model"]
    net = network(model, json.loads(about["shape"]), int(about["classes"]))
    net.load_state_dict(tensors, strict=True)
    net.eval()
    print(net)
    images, labels = idx(sys.argv[2]), idx(sys.argv[3])
    mean, std = (torch.tensor(json.loads(about[name])).view(1, -1, 1, 1) for name in ("mean", "std"))
    x = (images.unsqueeze(1).float() / 255 - mean) / std
    with torch.no_grad():
        right = sum(int((net(a.float()).argmax(1) == b).sum()) for a, b in zip(x.split(500), labels.split(500)))
    print(f"accuracy {right / len(labels):.4f}")


main()
