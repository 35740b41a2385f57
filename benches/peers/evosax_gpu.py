"""Times evosax (SNES) on JAX's first device: `pip install "jax[cuda13]" evosax optax`."""

import os

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

from importlib.metadata import version

import jax
import jax.numpy as jnp
import optax
from evosax.algorithms import SNES

from task import EPSILON, SEED, SIGMA, Net, parser, run

LAYOUT = ("NCHW", "OIHW", "NCHW")


class Jax(Net):
    def join(self, parts, axis, positions):
        return jnp.take(jnp.concatenate(parts, axis), positions, axis, unique_indices=True, mode="clip")

    def convolve(self, x, weight, bias, stride, padding):
        around = [(padding, padding)] * 2
        y = jax.lax.conv_general_dilated(x, weight, (stride, stride), around, dimension_numbers=LAYOUT)
        return y if bias is None else y + bias[:, None, None]

    def normalise(self, x, scale, shift):
        # As flax does by default: both sums in one pass over memory.
        mean = x.mean((0, 2, 3))
        variance = jnp.maximum(jnp.square(x).mean((0, 2, 3)) - jnp.square(mean), 0)
        factor = scale * jax.lax.rsqrt(variance + EPSILON)
        return (x - mean[:, None, None]) * factor[:, None, None] + shift[:, None, None]

    def relu(self, x):
        return jax.nn.relu(x)

    def pool(self, x):
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")


def evaluator(task, chunk, split):
    """A function of genomes, images and labels that gives the members' losses."""
    weights = jax.tree.map(jnp.asarray, task.weights)

    def member(genome, images, labels):
        net = Jax(task.with_genome(weights, genome), task.positions, split)
        logits = task.case.network(net, images)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    def losses(genomes, images, labels):
        if chunk >= len(genomes):
            return jax.vmap(member, (0, None, None))(genomes, images, labels)
        return jax.lax.map(lambda genome: member(genome, images, labels), genomes, batch_size=chunk)

    return losses


class Peer:
    def __init__(self, precision):
        jax.config.update("jax_default_matmul_precision", precision)
        self.device = jax.devices()[0]
        self.about = {
            "peer": "evosax",
            "versions": {name: version(name) for name in ("evosax", "jax", "jaxlib")},
            "device": self.device.device_kind,
            "matmul_precision": precision,
            "compiled": True,
        }

    def generation(self, task, options, chunk):
        evaluate = evaluator(task, chunk, options.split)
        start = jnp.zeros(task.k)
        strategy = SNES(options.population, start)
        params = strategy.default_params.replace(std_init=SIGMA)
        key = jax.random.key(SEED)
        state = strategy.init(key, start, params)
        images, labels, order = map(jnp.asarray, (task.images, task.labels, task.order))

        @jax.jit
        def advance(state, step, images, labels, order):
            asking, telling = jax.random.split(jax.random.fold_in(key, step))
            genomes, state = strategy.ask(asking, state, params)
            losses = evaluate(genomes, images[order[step]], labels[order[step]])
            state, _ = strategy.tell(telling, genomes, losses, state, params)
            return state, losses.mean()

        def generation(step):
            nonlocal state
            state, loss = jax.block_until_ready(advance(state, step, images, labels, order))
            return float(loss)

        return generation

    def out_of_memory(self, error):
        return "RESOURCE_EXHAUSTED" in str(error)

    def peak_mib(self):
        stats = self.device.memory_stats()
        return stats["peak_bytes_in_use"] / 2**20 if stats else None


def main():
    options = parser(__doc__)
    options.add_argument(
        "--matmul-precision",
        choices=["highest", "high", "default", "tensorfloat32", "bfloat16"],
        default="highest",
        help="JAX's jax_default_matmul_precision, also of convolutions (highest: f32)",
    )
    options = options.parse_args()
    run(Peer(options.matmul_precision), options)


if __name__ == "__main__":
    main()
