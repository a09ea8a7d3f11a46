"""FluoroJAX: learning to find thin instruments in fluoroscopy and implants in radiographs.

`load` gives a trained network from its export, a `Predictor`; `read_frame` reads a `Frame` for it;
`read_config` gives a run's configuration by name, for `fluorojax.launch.launch` to run.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fluorojax.config_file import read_config
    from fluorojax.data.readers import read_frame
    from fluorojax.inference.export import load
    from fluorojax.inference.predictor import Predictor
    from fluorojax.inference.stream import Stream
    from fluorojax.schema.frame import Frame

__version__ = "0.1.0"
__all__ = ["Frame", "Predictor", "Stream", "__version__", "load", "read_config", "read_frame"]

# Late: jax must not be imported before XLA_FLAGS are set (see `fluorojax.core.environment`).
_WHERE = {
    "Frame": "schema.frame",
    "Predictor": "inference.predictor",
    "Stream": "inference.stream",
    "load": "inference.export",
    "read_config": "config_file",
    "read_frame": "data.readers",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'fluorojax' has no attribute {name!r}")
    return getattr(importlib.import_module(f"fluorojax.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
