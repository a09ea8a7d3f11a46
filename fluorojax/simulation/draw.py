"""Random numbers by the handful: one call a scene, because each call costs compile time."""

import dataclasses

import jax
import jax.numpy as jnp

from fluorojax.schema.limits import Range
from fluorojax.simulation.spec import Spec, drawn


def register(kind: type) -> None:
    """Make a pytree of a kind of spec: one compiled function serves every spec of a size."""
    names = [field.name for field in drawn(kind)]
    rest = [field.name for field in dataclasses.fields(kind) if field.name not in names]
    jax.tree_util.register_dataclass(kind, names, rest)


register(Spec)

RATE: Range = (0.0, 1.0)  # to be compared with a probability
SIGN: Range = (-1.0, 1.0)  # of which only the sign matters


def uniforms(key: jax.Array, *bounds: Range) -> jax.Array:
    """Draw one number from each range [low, high); [len(bounds)] float32."""
    low, high = jnp.array(bounds, jnp.float32).T
    return low + (high - low) * jax.random.uniform(key, low.shape)
