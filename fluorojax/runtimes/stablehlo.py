"""A network as StableHLO, serialised by `jax.export`: jax alone loads and runs it."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import export

from fluorojax.models.cascade import Parameters, forward
from fluorojax.models.spec import NetworkSpec, build

PLATFORMS = ("cpu", "cuda")


def program_of(
    spec: NetworkSpec,
    parameters: Parameters,
    image_size: tuple[int, int],
    image_label_names: Sequence[str] = (),
) -> bytes:
    """Return a network with its parameters as a program for PLATFORMS.

    It maps `[N, 1, H, W] float32 in [0, 1]`, N free and H, W the `image_size`, to a dict of the
    outputs of `onnx_graph.model_of`, and computes in the type that the network computes in.

    Args:
        spec, parameters: the network.
        image_size: rows and columns.
        image_label_names: of the image labels, in order.
    """
    (batch,) = export.symbolic_shape("N")
    image = jax.ShapeDtypeStruct((batch, 1, *image_size), jnp.float32)
    call = jax.jit(_outputs_of(spec, parameters, image_label_names))
    return bytes(export.export(call, platforms=PLATFORMS)(image).serialize())


def _outputs_of(
    spec: NetworkSpec, parameters: Parameters, names: Sequence[str]
) -> Callable[[jax.Array], dict[str, jax.Array]]:
    network = build(spec)

    def outputs(image: jax.Array) -> dict[str, jax.Array]:
        output = forward(network, parameters, image[:, 0])
        found = {"probabilities": jax.nn.sigmoid(jnp.moveaxis(output.logits, -1, 1))}
        if output.landmarks is not None:
            found["landmarks"] = jax.nn.sigmoid(jnp.moveaxis(output.landmarks, -1, 1))
        for name, logits in zip(names, output.image_labels, strict=True):
            found[f"image_label_{name}"] = jax.nn.softmax(logits)
        return found

    return outputs
