"""Fuzzed files: good ones with bytes changed, cut, repeated and put in, as hypothesis draws them.

`pytest tests/faults -k fuzz` tries 500 inputs of each parser, and with FUZZ_INPUTS=20000 before it
so many.
"""

import contextlib
import os
import resource
import sys
from collections.abc import Callable, Sequence

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from fluorojax.core.errors import InputError

SECONDS = 10.0
"""No input may take longer."""
MEMORY_GIB = 2.0
"""Nor may the process have grown by more when all are through."""

fuzzed = settings(
    max_examples=int(os.environ.get("FUZZ_INPUTS", "500")),
    deadline=SECONDS * 1000,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
"""Decorates a fuzz target, above `given`."""


def mutated(seeds: Sequence[bytes], tokens: Sequence[bytes] = ()) -> st.SearchStrategy[bytes]:
    """Draw a seed after one to eight edits.

    Args:
        seeds: whole files.
        tokens: what is put in besides random bytes, such as b'NaN'.
    """
    piece = st.binary(max_size=8)
    if tokens:
        piece = st.one_of(piece, st.sampled_from(list(tokens)))
    edit = st.tuples(
        st.sampled_from(["replace", "insert", "cut", "repeat", "end"]),
        st.floats(0, 1, allow_nan=False),
        piece,
        st.integers(1, 64),
    )
    return st.builds(_edited, st.sampled_from(list(seeds)), st.lists(edit, min_size=1, max_size=8))


def _edited(seed: bytes, edits: Sequence[tuple[str, float, bytes, int]]) -> bytes:
    data = seed
    for kind, where, piece, count in edits:
        at = int(where * len(data))
        if kind == "replace":
            data = data[:at] + piece + data[at + len(piece) :]
        elif kind == "insert":
            data = data[:at] + piece + data[at:]
        elif kind == "cut":
            data = data[:at] + data[at + count :]
        elif kind == "repeat":
            data = data[:at] + data[at : at + count] * 2 + data[at + count :]
        else:
            data = data[:at]
    return data


def survives(use: Callable[[], object]) -> None:
    """Check that an input is used or refused by the project's own error, without too much memory.

    Whatever else is raised comes through, and hypothesis shows the smallest input that does it.
    """
    before = _peak_gib()
    with contextlib.suppress(InputError):
        use()
    assert _peak_gib() - before < MEMORY_GIB


def _peak_gib() -> float:
    """Return the most memory that the process has had at once."""
    unit = 2**30 if sys.platform == "darwin" else 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
