"""What a training step changes."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax

from fluorojax.core import rng
from fluorojax.models.cascade import Cascade, Parameters

# Runs once: the same bits as with all that a compiler can do, in a quarter of its time.
DRAWN_ONCE: dict[str, str | bool] = {"xla_backend_optimization_level": "1"}


class TrainState(flax.struct.PyTreeNode):
    """Step count, parameters, optimiser state and averaged parameters; no random key.

    Random numbers are functions of the run's seed and `step` (see `fluorojax.core.rng`).
    """

    step: jax.Array  # updates made, int32
    parameters: Parameters
    optimizer: optax.OptState
    average: Parameters  # exponential moving average: what is evaluated and exported


def initial_parameters(network: Cascade, seed: int, size: tuple[int, int]) -> Parameters:
    """Draw the parameters of the network for images of `size` (rows, columns)."""
    image = jnp.zeros((1, *size, 1), jnp.float32)
    key, draw = rng.stream(seed, "parameters"), jax.jit(network.init)
    if isinstance(image, jax.core.Tracer):  # only the shapes are asked for
        return draw(key, image)["params"]
    return draw.lower(key, image).compile(DRAWN_ONCE)(key, image)["params"]


def initial_state(parameters: Parameters, optimizer: optax.GradientTransformation) -> TrainState:
    """Return the state before the first update; the average starts at the parameters."""
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        parameters=parameters,
        optimizer=optimizer.init(parameters),
        # A copy: the state is donated, and one buffer cannot be given away twice.
        average=jax.tree.map(jnp.copy, parameters),
    )


def moving_average(average: Parameters, new: Parameters, step: jax.Array, decay: float) -> Any:
    """Return d a + (1 - d) p with d = min(decay, (1 + step) / (10 + step)).

    The rising decay forgets the initial parameters quickly; it is the rule of TensorFlow's
    `ExponentialMovingAverage(num_updates=...)`.
    """
    d = jnp.minimum(decay, (1.0 + step) / (10.0 + step))
    return jax.tree.map(lambda a, p: d * a + (1.0 - d) * p, average, new)
