"""Ours beside the peers, from the folder that tests/gpu.sh wrote: milliseconds of a generation, ratios, share of the matrix rate."""

import json
import sys
from pathlib import Path


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()] if path.exists() else []


def precision(peer: dict) -> str:
    return "tf32" if peer["matmul_precision"] in ("tf32", "tensorfloat32") else "f32"


def main(folder: Path) -> None:
    peers: dict[tuple, tuple[float, str]] = {}
    for line in lines(folder / "peers.jsonl"):
        if "failed" in line:
            continue
        key = (line["case"], line["population"], line["batch"], precision(line), line["peer"])
        words = f"chunk {line['chunk']}" + (", split" if line["split"] else "") + (", compiled" if line["compiled"] else "")
        found = (line["ms_per_generation_median"], words)
        peers[key] = min(peers.get(key, found), found)
    names = sorted({key[4] for key in peers})
    print(" | ".join(["case", "n", "precision", "ours ms", "evaluate ms", "of product"] + names))
    for ours in lines(folder / "bench.jsonl"):
        case = ours["subset"]
        cells = [
            case,
            str(ours["population"]),
            ours["matrix_precision"],
            f"{ours['ms_per_generation_median']:.2f}",
            f"{ours['evaluate_ms']:.2f}",
            f"{100 * ours['gemm_share']:.0f} % of {ours['gemm_gflops'] / 1e3:.1f} TFLOP/s",
        ]
        for name in names:
            key = (case, ours["population"], ours["batch"], ours["matrix_precision"], name)
            if key in peers:
                ms, words = peers[key]
                cells.append(f"{ms:.2f} ms, {ms / ours['ms_per_generation_median']:.2f} times ours ({words})")
            else:
                cells.append("-")
        print(" | ".join(cells))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "gpu-results"))
