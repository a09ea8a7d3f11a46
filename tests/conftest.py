"""One compilation cache for the whole session, and an order that shares what modules build."""

import gc
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

# Before jax is imported, and inherited by the processes that tests start.
_RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
_CACHE = Path(tempfile.gettempdir()) / f"fluorojax-tests-{_RUN}"
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(_CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.3")
# pytest has two workers of its own; a build needs no more than one process beside each.
os.environ.setdefault("FLUOROJAX_PROCESSES", "1")
# Most of what tests compile runs once: less is optimised, and compiling takes a quarter less.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=1")

TESTS = Path(__file__).parent
INTEGRATION = (
    "benchmarks",
    "cli",
    "compare/test_grid.py",
    "datasets",
    "examples",
    "geometry/test_morphology.py",
    "integration",
    "models",
    "runtimes",
    "simulation/fluoroscopy",
    "simulation/knee",
    "tfds_builders",
    "training",
    "viewer/test_in_browser.py",
)
"""Folders and files whose tests compile whole steps or simulators, or start processes; the rest,
`pytest -m "not slow and not integration" -n 2`, takes 5 minutes on 2 cores."""

MAPS = Path("/proc/self/maps")
MANY_MAPS = 25_000  # a system allows a process 65,530, and ends it beyond


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what INTEGRATION names, and put it first.

    It takes longest: at the end, one worker would wait for the other.
    """
    for item in items:
        if item.path.relative_to(TESTS).as_posix().startswith(INTEGRATION):
            item.add_marker(pytest.mark.integration)
    items.sort(key=lambda item: item.get_closest_marker("integration") is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give a module to one worker, in the order above: what its fixtures build is built once."""
    from xdist.scheduler import LoadScopeScheduling

    config.option.loadscopereorder = False
    return LoadScopeScheduling(config, log)


@pytest.fixture(autouse=True, scope="module")
def forget_compiled_programs():
    """Let go of what jax has compiled, a few memory maps a program, before there are too many."""
    yield
    if "jax" in sys.modules and MAPS.exists() and MAPS.read_text().count("\n") > MANY_MAPS:
        sys.modules["jax"].clear_caches()
        gc.collect()
