"""Writes evosax_steps.json: three generations of OpenAI-ES, PGPE with ClipUp, ARS and Guided ES by evosax, in float64.

The samples and losses are fixed, without ties and failures; the hyperparameters are those that the program is given in
the tests. Needs evosax 0.3.2; run as `JAX_ENABLE_X64=1 python3 evosax_steps.py > evosax_steps.json`.
"""
import json
import jax
import jax.numpy as jnp
import numpy as np
import optax
from evosax.algorithms import ARS, GuidedES, Open_ES, PGPE
from evosax.core.optimizer import clipup

assert jax.config.jax_enable_x64, "set JAX_ENABLE_X64=1"
random = np.random.default_rng(20261123)
N, K, GENERATIONS = 8, 5, 3
flat = lambda x: np.asarray(x, dtype=np.float64).ravel().tolist()
normals = lambda *shape: random.standard_normal(shape).astype(np.float32).astype(np.float64)


def steps(es, params, noise_of, **given):
    """Tells `es` the same pairs and losses as ours; evosax puts all the plus members before the minus members."""
    key, generations = jax.random.key(0), []
    state = es.init(key, jnp.zeros(K), params)
    for t in range(GENERATIONS):
        z, losses = normals(N // 2, K), normals(N)
        state, steps = noise_of(state, z)
        population = state.mean + jnp.concatenate([steps, -steps])
        ours = losses.reshape(N // 2, 2)
        state, _ = es.tell(key, population, jnp.asarray(np.concatenate([ours[:, 0], ours[:, 1]])), state, params)
        row = dict(noise=flat(z), losses=flat(losses), mean=flat(state.mean))
        if jnp.ndim(state.std):
            row["sigma"] = flat(state.std)
        generations.append(row)
    return dict(n=N, k=K, params=dict(given, population=N), generations=generations)


scaled = lambda state, z: (state, state.std * z)
out = {}

es = Open_ES(N, jnp.zeros(K), optimizer=optax.adam(0.05), std_schedule=optax.constant_schedule(0.2))
out["openai-es"] = steps(es, es.default_params, scaled, sigma=0.2, lr=0.05)

es = PGPE(N, jnp.zeros(K), optimizer=clipup(learning_rate=0.03, max_velocity=0.05, momentum=0.9))
params = es.default_params.replace(std_init=0.2, std_lr=0.3, std_max_change=0.1)
out["pgpe"] = steps(es, params, scaled, sigma=0.2, lr=0.03, max_speed=0.05, lr_sigma=0.3, max_change=0.1)

es = ARS(N, jnp.zeros(K), optimizer=optax.sgd(0.05), std_schedule=optax.constant_schedule(0.2))
out["ars"] = steps(es, es.default_params, scaled, sigma=0.2, lr=0.05, top=0.5)

# evosax's sigma is the length of a step, ours the root mean square of a gene's; the direction of the noise is all that
# the update uses, so any noise will do.
es = GuidedES(N, jnp.zeros(K), optimizer=optax.adam(0.05), std_schedule=optax.constant_schedule(0.2 * np.sqrt(K)))


def guided(state, z):
    return state.replace(z=0.2 * jnp.concatenate([z, -z])), 0.2 * jnp.asarray(z)


out["guided-es"] = steps(es, es.default_params, guided, sigma=0.2, lr=0.05)
print(json.dumps(out, indent=1))
