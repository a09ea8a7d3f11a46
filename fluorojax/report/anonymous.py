"""What a page says of persons, and the page without it: for sending a run to somebody else.

Left out are pixels, names of cases, patients and sequences, of the run's folder and of a data set
of one's own, its description and its licence, and every setting that is a path or says on which
machine it ran. Left in are scores, curves, settings that are numbers, and the names of classes,
image labels and strata, without which no score can be read.
"""

from collections.abc import Mapping
from typing import Any

from fluorojax.report.scores import Row
from fluorojax.schema.limits import PATHS

NAMED = ("case", "patient", "sequence")
PRIVATE = frozenset(
    (
        *PATHS,
        *("name", "description", "license", "dataset"),
        *("system", "processor", "xla_flags", "git_revision"),
    )
)
"""Settings that are left out wherever they stand, by the last part of their dotted name."""


class Numbers:
    """Gives each case, patient and sequence a number, in the order in which they are met."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, str]] = {kind: {} for kind in NAMED}

    def __call__(self, row: Row) -> Row:
        """Return a row with numbers in the place of names; nothing stays nothing."""
        return row | {kind: self._number(kind, row[kind]) for kind in NAMED if row.get(kind)}

    def _number(self, kind: str, name: str) -> str:
        seen = self._seen[kind]
        return seen.setdefault(name, f"{kind} {len(seen) + 1}")


def is_private(name: str, value: str) -> bool:
    """Say whether a setting, by its dotted name and its value as text, is left out."""
    return name.rpartition(".")[2] in PRIVATE or "/" in value or "\\" in value


def without_names(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run's record without the name and the words of a data set of one's own.

    A simulated set is nobody's: it keeps its name.
    """
    own = config.get("config", {}).get("data", {}).get("builder") == "xray_folder"
    dataset = config.get("dataset", {})
    kept = ("split_unit",) if own else ("split_unit", "name", "description")
    return {**config, "dataset": {k: v for k, v in dataset.items() if k in kept}}
