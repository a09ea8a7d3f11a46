"""The configurations of the methods; `base` has every field.

In a checkout they stand in the top-level folder `configs`, where they are read and edited, and this
file says so to Python; a wheel has them here, instead of this file (see `pyproject.toml`).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

__path__ = [str(Path(__file__).parents[2] / "configs")]

if TYPE_CHECKING:  # mypy reads no `__path__`; it checks the files themselves as `configs`

    def __getattr__(name: str) -> Any: ...
