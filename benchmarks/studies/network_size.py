"""How large the five methods' networks are: parameters, and multiplications for a frame.

    python -m benchmarks.studies.network_size

The methods are compared on equal terms only if these agree;
`tests/integration/test_equal_terms.py` holds them within 5 % of each other.
"""

import importlib
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from rich.table import Table

from fluorojax.core.progress import console
from fluorojax.models.convolution import Conv3x3
from fluorojax.models.spec import NetworkSpec, build
from fluorojax.schema.info import ClassInfo, DatasetInfo, Relation
from fluorojax.schema.labels import LABELS
from fluorojax.training.setup import network_spec

METHODS = ("single", "multi", "separate", "cascade", "joint")
ERCP = DatasetInfo(
    "ercp",
    (ClassInfo("endoscope", "region"), ClassInfo("guidewire", "curve")),
    relation=Relation(child="guidewire", parent="endoscope"),
)


class Size(NamedTuple):
    """Parameters, and multiplications of convolutions and dense layers for one frame."""

    parameters: int
    multiplications: int


def size_of(spec: NetworkSpec, image_size: tuple[int, int]) -> Size:
    """Count a network's parameters, and its multiplications for a frame of `image_size`.

    Nothing is computed; a 3 x 3 convolution counts as 9 C_in C_out products a pixel, whatever way
    it is carried out.
    """
    products = 0

    def count(call: Callable[..., Any], args: Any, kwargs: Any, context: Any) -> Any:
        nonlocal products
        result = call(*args, **kwargs)
        taps = {Conv3x3: 9, nn.Dense: 1}.get(type(context.module), 0)
        if taps and context.method_name == "__call__":
            products += taps * math.prod(result.shape) * args[0].shape[-1]
        return result

    network, image = build(spec), jnp.zeros((1, *image_size, 1))
    with nn.intercept_methods(count):
        variables = jax.eval_shape(network.init, jax.random.key(0), image)
    leaves = jax.tree.leaves(variables["params"])
    return Size(sum(math.prod(leaf.shape) for leaf in leaves), products)


def sizes(variant: str) -> dict[str, Size]:
    """Return the size of each method's network, as configured at `variant`."""
    found = {}
    for method in METHODS:
        config = importlib.import_module(f"fluorojax.configs.{method}").get_config(variant)
        spec = network_spec(config, LABELS[config.model.labels](ERCP))
        found[method] = size_of(spec, tuple(config.data.image_size))
    return found


def main() -> None:
    """Print a table for each variant."""
    for variant in ("", "quick"):
        table = Table(
            "method",
            "parameters",
            "multiplications",
            title=f"configs/NAME.py{variant and ':'}{variant}",
        )
        for method, size in sizes(variant).items():
            table.add_row(method, f"{size.parameters:,}", f"{size.multiplications:,}")
        console.print(table)


if __name__ == "__main__":
    main()
