"""What a page shows of whether a class is there: scores of presence, and false alarms of masks."""

from collections.abc import Sequence
from dataclasses import dataclass

from fluorojax.metrics import presence as measured
from fluorojax.report.page import Table, table
from fluorojax.report.scores import Evaluation


@dataclass(frozen=True)
class Presence:
    """How well one split's frames with a class are told from those without it.

    Attributes:
        split: its name.
        table: a row a class that some frames do not show; None where there is no such class.
        always: the classes that every frame shows.
        definitions: of the columns.
    """

    split: str
    table: Table | None
    always: Sequence[str]
    definitions: str = measured.DEFINITIONS


def presence(evaluation: Evaluation) -> Presence | None:
    """Return it; None without a summary, and of one from before there was the false alarm rate."""
    if not evaluation.summary:
        return None
    rows = measured.table(evaluation.summary)
    always = measured.always_there(evaluation.summary)
    if not rows and not always:
        return None
    return Presence(evaluation.split, table(measured.HEAD, rows, words=1) if rows else None, always)
