"""One compilation cache for the whole session: many tests compile the same small networks."""

import os
import tempfile
from pathlib import Path

# Before jax is imported, and inherited by the processes that tests start.
_RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
_CACHE = Path(tempfile.gettempdir()) / f"fluorojax-tests-{_RUN}"
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(_CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.3")
