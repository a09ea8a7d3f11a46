"""Many frames of one simulator."""

from collections.abc import Callable
from typing import Any

import jax

Frames = dict[str, jax.Array]


def simulate_each(
    simulate: Callable[..., Frames], arguments: tuple[Any, ...], at_once: int
) -> Frames:
    """Simulate a frame for each row of `arguments`, `at_once` of them at a time.

    1 at a time is fastest on a CPU, 8 and more on a GPU.

    Args:
        simulate: gives what is known of one frame.
        arguments: of each call, arrays or trees of arrays [N, ...].
        at_once: frames computed side by side.

    Returns:
        What `simulate` gives, each [N, ...].
    """
    batch_size = at_once if at_once > 1 else None
    return jax.lax.map(lambda one: simulate(*one), arguments, batch_size=batch_size)
