"""Simulated X-ray frames with their truth: a `Spec` says of what, `simulate` makes them."""

from typing import Any

from fluorojax.simulation.spec import CARM, ERCP, SPECS, Spec

__all__ = ["CARM", "CLASSES", "ERCP", "LEVELS", "SPECS", "Keys", "Spec", "simulate"]


def __getattr__(name: str) -> Any:
    # Late, because jax must not be imported before XLA_FLAGS are set (see `fluorojax.environment`).
    if name in ("CLASSES", "LEVELS", "Keys", "simulate"):
        from fluorojax.simulation import ercp

        return getattr(ercp, name)
    raise AttributeError(f"module 'fluorojax.simulation' has no attribute {name!r}")
