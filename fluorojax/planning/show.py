"""What is found of a folder, in a terminal: tables there, plain lines elsewhere."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from fluorojax.core.progress import console
from fluorojax.planning.first import Proposal
from fluorojax.planning.guess import Guess


def show_proposal(proposal: Proposal, directory: Path) -> None:
    """Print what `init` proposes, why, what deserves a look, and what comes next."""
    show_guesses(proposal.guesses)
    for remark in proposal.remarks:
        console.print(f"note: {remark}")
    for line in proposal.written:
        console.print(f"written: {line}")
    console.print(f"correct what is wrong there, then: fluorojax check {directory}")


def show_guesses(guesses: Sequence[Guess]) -> None:
    """Print guesses with their reasons."""
    if not console.is_terminal:
        for guess in guesses:
            console.print(f"{guess.what}: {guess.value} ({guess.reason})")
        return
    show_table(("what", "proposed", "why"), guesses)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; what the user wrote, such as [a] or [/], is no markup."""
    table = Table(*columns)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)
