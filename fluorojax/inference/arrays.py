"""Files of arrays (safetensors), read only where they hold what is expected of them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from fluorojax.core.errors import InputError
from fluorojax.core.files import MIB, reading

Shapes = Mapping[str, tuple[int, ...]]
MOST_HEADER = 16 * MIB
REMEDY = "copy the export again, or export the run again"


def check_size(path: Path, expected: Shapes) -> None:
    """Refuse a file that is far larger than its arrays, before anything of it is read.

    Raises:
        InputError: it is, or there is no such file.
    """
    with reading(path):
        size = path.stat().st_size
    most = MOST_HEADER + 8 * sum(int(np.prod(shape, dtype=object)) for shape in expected.values())
    if size > most:
        raise InputError(
            f"{path} has {size / MIB:.0f} MiB, and the network's arrays take less than "
            f"{most / MIB:.0f}; {REMEDY}"
        )


def read_arrays(path: Path, expected: Shapes) -> dict[str, np.ndarray]:
    """Return the arrays of a file, float32, by name.

    Args:
        path: the file.
        expected: names and shapes.

    Raises:
        InputError: the file is damaged, an array is missing, is one too many, has another shape or
            type, or a number in it is not finite; the first such array is named.
    """
    try:
        with reading(path), safe_open(path, framework="numpy") as file:
            if wrong := next(_wrong(file, expected), ""):
                raise InputError(f"{path}: {wrong}; {REMEDY}")
            found = {name: file.get_tensor(name) for name in expected}
    except SafetensorError as error:
        raise InputError(f"{path} is no file of arrays, or damaged ({error}); {REMEDY}") from error
    for name, array in found.items():
        if not np.isfinite(array).all():
            raise InputError(
                f"{path}: {name} has {(~np.isfinite(array)).sum()} numbers that are not finite; "
                f"{REMEDY}"
            )
    return found


def _wrong(file: Any, expected: Shapes) -> Iterator[str]:
    """Yield what is not as expected, from the head of the file alone."""
    there = set(file.keys())
    yield from (f"the array {name} is missing" for name in sorted(expected.keys() - there))
    yield from (
        f"the network has no array {name[:200]}" for name in sorted(there - expected.keys())
    )
    for name in sorted(there & expected.keys()):
        part = file.get_slice(name)
        if (shape := tuple(part.get_shape())) != expected[name]:
            yield f"{name} has the shape {shape}, and the network needs {expected[name]}"
        if (kind := part.get_dtype()) != "F32":
            yield f"{name} has numbers of type {kind}, and the network needs F32"
