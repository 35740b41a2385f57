"""Writes torch_outputs.json: what PyTorch computes, in float64, with the networks and images that tests/it/torch.rs writes.

    SUBEVO_TORCH_CASES=DIR cargo test --release --test it torch
    python3 torch_outputs.py DIR > torch_outputs.json

Needs torch and safetensors. Each case is trained on its own batch statistics, without dropout. Of the gradient of the mean
negative log-likelihood each parameter's norm is kept and its sum weighted by cos(i).
"""

import json
import pathlib
import sys

import torch
from safetensors import safe_open

from torch_networks import network


def digits(values):
    """Ten digits each."""
    return [float(f"{float(value.detach()):.10g}") for value in values]


def case(path):
    with safe_open(path, "pt") as file:
        model = json.loads(file.metadata()["model"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    images, labels = tensors.pop("images").double(), tensors.pop("labels").long()
    net = network(model, images.shape[1:], 10).double()
    net.load_state_dict(tensors, strict=True)
    net.train()
    logits = net(images)
    loss = torch.nn.functional.cross_entropy(logits, labels)
    loss.backward()
    gradients = {}
    for name, parameter in net.named_parameters():
        if not parameter.requires_grad:
            continue
        if parameter.grad is None:
            raise SystemExit(f"{path.name}: {name} has no gradient")
        flat = parameter.grad.flatten()
        weights = torch.cos(torch.arange(flat.numel(), dtype=torch.float64))
        gradients[name] = digits([flat.norm(), (flat * weights).sum()])
    return {
        "model": model,
        "shape": list(images.shape[1:]),
        "loss": digits([loss])[0],
        "logits": digits(logits.flatten()),
        "gradients": gradients,
    }


def main():
    folder = pathlib.Path(sys.argv[1])
    cases = {path.stem: case(path) for path in sorted(folder.glob("*.safetensors"))}
    print(f'{{"torch": "{torch.__version__.split("+")[0]}", "cases": {{')
    print(",\n".join(f"{json.dumps(name)}: {json.dumps(found)}" for name, found in cases.items()))
    print("}}")


main()
