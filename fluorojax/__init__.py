"""FluoroJAX: learning to find thin instruments in fluoroscopy and implants in radiographs."""

from typing import Any

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    # Late: jax must not be imported before XLA_FLAGS are set (see `fluorojax.core.environment`).
    if name == "load":
        from fluorojax.inference.export import load

        return load
    raise AttributeError(f"module 'fluorojax' has no attribute {name!r}")
