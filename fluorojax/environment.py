"""What must be set before jax is imported, and what is written down of a run's surroundings."""

import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path

import absl.logging

DETERMINISTIC_FLAGS = ("--xla_gpu_deterministic_ops=true", "--xla_gpu_autotune_level=0")
PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain", "numpy", "scipy")
ROOT = Path(__file__).parents[1]


def set_flags(deterministic: bool) -> None:
    """Set XLA_FLAGS for a run.

    Raises:
        RuntimeError: jax is imported already, so that the flags would be ignored.
    """
    if deterministic:
        if "jax" in sys.modules:
            raise RuntimeError("XLA_FLAGS must be set before jax is imported")
        os.environ["XLA_FLAGS"] = " ".join((os.environ.get("XLA_FLAGS", ""), *DETERMINISTIC_FLAGS))


def quiet_libraries() -> None:
    """Keep the libraries' own chatter out of a run's lines; warnings still come through."""
    absl.logging.set_verbosity(absl.logging.WARNING)


def versions() -> dict[str, str]:
    """Return the versions of Python, this project and the packages that a result depends on."""
    ours = {
        "python": platform.python_version(),
        "fluorojax": importlib.metadata.version("fluorojax"),
    }
    return ours | {name: importlib.metadata.version(name) for name in PACKAGES}


def git_revision() -> str | None:
    """Return the checkout's revision, '-dirty' behind it if files changed; None outside git."""
    command = [
        "git",
        "-C",
        str(ROOT),
        "describe",
        "--always",
        "--dirty",
        "--abbrev=40",
        "--exclude=*",
    ]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()
