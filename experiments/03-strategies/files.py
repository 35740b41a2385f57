"""Writes the campaign files of this folder.

    python3 files.py tune                  # tune-<subset>.toml: each strategy with four values of one knob
    python3 files.py compare RUNS          # compare-<subset>.toml: the best of them, from the records of the tuning in RUNS
    python3 files.py table RUNS            # the table of the README, from the records of the comparison in RUNS

The best value is the one with the greatest mean validation accuracy at the end, over the seeds of the tuning; of equal ones the
first. Test images are never looked at here.
"""

import json
import pathlib
import sys

FOLDER = pathlib.Path(__file__).parent
SUBSETS = {
    "bn-classifier": "[{ batchnorm = true }, { classifier = true }]",
    "filters": "[{ filters = 0.25 }]",
    "weights": "[{ weights = 1000 }]",
}
# k^2 numbers, and k^3 operations for each of their decompositions: with 7,898 weights the time is gone after a few.
WHOLE_MATRIX = ["cma-es", "xnes"]
SIGMA, STEP, RATE = (0.03, 0.1, 0.3, 1), (0.01, 0.03, 0.1, 0.3), (0.01, 0.03, 0.1, 0.3)


def knob(name, values, text):
    return name, [(value, f'name = "{name}", ' + text.format(value)) for value in values]


def of_sigma(name):
    return knob(name, SIGMA, "sigma = {}")


def of_rate(name):
    return knob(name, RATE, "lr = {}")


def of_mutation(name):
    return knob(name, STEP, 'mutation = {{ name = "gaussian", sigma = {} }}')


def of_inner(name):
    return knob(name, SIGMA, 'inner = {{ name = "sep-cma-es", sigma = {} }}')


STRATEGIES = [
    of_rate("ars"),
    of_inner("bipop"),
    of_sigma("cem"),
    of_sigma("cma-es"),
    of_sigma("cr-fm-nes"),
    of_sigma("differential-evolution"),
    of_mutation("genetic"),
    of_sigma("gesmr-ga"),
    of_rate("guided-es"),
    of_inner("ipop"),
    of_sigma("l-shade"),
    of_sigma("lm-ma-es"),
    of_sigma("mu-lambda-es"),
    of_sigma("one-plus-one-es"),
    of_rate("openai-es"),
    of_sigma("pgpe"),
    of_sigma("random-search"),
    of_sigma("samr-ga"),
    of_sigma("sep-cma-es"),
    of_sigma("shade"),
    of_sigma("snes"),
    of_mutation("steady-state-genetic"),
    of_sigma("vd-cma"),
    of_sigma("xnes"),
]


def campaign(name, about, subset, seeds, learners):
    lines = "".join(
        f'    {{ name = "evolution", label = "{label}", batch = 64, strategy = {{ {strategy} }} }},\n'
        for label, strategy in learners
    )
    return f"""# {about}
# Run:  cargo run --release -- run experiments/03-strategies/{name}.toml

learner = [
{lines}]

[campaign]
name = "{name}"
question = "Which strategy learns most from equal images?"
seeds = {seeds}

[data]
name = "fashion-mnist-12k"
validation = 1000

[model]
name = "conv2-bn"
channels = [8, 16]

[subset]
name = "{subset}"
select = {SUBSETS[subset]}

[budget]
images = 500_000

[metrics]
every = 1000000
"""


def of_subset(subset):
    return [row for row in STRATEGIES if not (subset == "bn-classifier" and row[0] in WHOLE_MATRIX)]


def accuracy(run, split="validation"):
    """Accuracy at the end of a run."""
    lines = [json.loads(line) for line in (run / "steps.jsonl").read_text().splitlines()]
    found = [line for line in lines if line.get("record") == "evaluation"]
    return found[-1][split]["accuracy"]


def best(runs, subset):
    for name, values in of_subset(subset):
        def mean(value):
            found = [accuracy(run) for run in sorted((runs / f"tune-{subset}").glob(f"{name}-{value}-s*"))]
            assert len(found) == 2, f"{subset}, {name}, {value}: {len(found)} runs"
            return sum(found) / len(found)

        means = {value: mean(value) for value, _ in values}
        chosen = max(means, key=means.get)
        print(subset, name, chosen, {value: round(100 * mean, 1) for value, mean in means.items()})
        yield name, dict(values)[chosen]


def interval(values):
    """Mean and half width of the 95 % Student t interval of five values, in percent."""
    n, quantile = len(values), 2.7764451
    assert n == 5, n
    mean = sum(values) / n
    sd = (sum((value - mean) ** 2 for value in values) / (n - 1)) ** 0.5
    return f"{100 * mean:.1f} ± {100 * quantile * sd / n ** 0.5:.1f}"


def table(runs):
    """Test accuracy of each strategy, and its difference from `snes` on the same seeds, best first on single weights."""
    cells, means = {}, {}
    for subset in SUBSETS:
        of = lambda name: [accuracy(next((runs / f"compare-{subset}").glob(f"{name}-s{seed}-*")), "test") for seed in range(1, 6)]
        base = of("snes")
        for name, _ in of_subset(subset):
            found = of(name)
            means[subset, name] = sum(found)
            apart = "" if name == "snes" else interval([a - b for a, b in zip(found, base)])
            cells[subset, name] = f"{interval(found)} | {apart}"
    names = sorted((name for name, _ in STRATEGIES), key=lambda name: -means.get(("weights", name), 0))
    heads = " | ".join(f"{subset} % | to `snes`" for subset in SUBSETS)
    print(f"| strategy | {heads} |\n|---|" + "---|" * 2 * len(SUBSETS))
    for name in names:
        print(f"| `{name}` | " + " | ".join(cells.get((subset, name), "not run | ") for subset in SUBSETS) + " |")


def main():
    if sys.argv[1] == "table":
        return table(pathlib.Path(sys.argv[2]))
    for subset in SUBSETS:
        if sys.argv[1] == "tune":
            name = f"tune-{subset}"
            about = "One knob of each strategy, four values, on two seeds that the comparison does not use. Written by files.py."
            learners = [(f"{strategy}-{value}", text) for strategy, values in of_subset(subset) for value, text in values]
            text = campaign(name, about, subset, [11, 12], learners)
        else:
            name = f"compare-{subset}"
            about = "Each strategy as it was tuned on validation images. Written by files.py."
            learners = list(best(pathlib.Path(sys.argv[2]), subset))
            text = campaign(name, about, subset, 5, learners)
        (FOLDER / f"{name}.toml").write_text(text)


main()
