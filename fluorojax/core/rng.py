"""Named random streams: a key is a function of (seed, name, step, example) and of nothing else.

No key is threaded through the training state, so a resumed run, another device count or another
order of calls draws the same numbers.
"""

import zlib

import jax


def stream(
    seed: int | jax.Array, name: str, step: int | jax.Array = 0, example: int | jax.Array = 0
) -> jax.Array:
    """Return the key of one example of one step of the stream `name`.

    key = fold(fold(fold(key(seed), crc32(name)), step), example)

    Args:
        seed: the run's seed.
        name: the stream's name, such as 'augment'; two names never share numbers by design.
        step: the training step, or any counter >= 0.
        example: the position of the example in the *global* batch, so that the key does not
            depend on how the batch is spread over devices.

    Returns:
        A scalar typed key (threefry).
    """
    key = jax.random.fold_in(jax.random.key(seed), zlib.crc32(name.encode()))
    return jax.random.fold_in(jax.random.fold_in(key, step), example)
