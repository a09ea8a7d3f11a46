"""What is found of a folder, in a terminal: tables there, plain lines elsewhere."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from fluorojax.core.progress import console
from fluorojax.planning.advice import Advice
from fluorojax.planning.first import Proposal
from fluorojax.planning.guess import Guess
from fluorojax.planning.survey import counts, facts


def show_proposal(proposal: Proposal, directory: Path) -> None:
    """Print what `init` proposes, why, what deserves a look, and what comes next."""
    show_guesses(proposal.guesses)
    for remark in proposal.remarks:
        console.print(f"note: {remark}")
    for line in proposal.written:
        console.print(f"written: {line}")
    console.print(f"correct what is wrong there, then: fluorojax check {directory}")


EVALUATION_ALONE = "all frames are of the split test: for evaluation alone, nothing to train on"


def show_advice(advice: Advice) -> None:
    """Print what deserves a look, what is in each split, and what to start with."""
    for finding in advice.survey.findings:
        console.print(f"note: {finding}")
    names = advice.survey.folder.info.class_names
    show_table(("split", "frames", "labelled", "patients", *names), counts(advice.survey))
    for what, value in facts(advice.survey):
        console.print(f"{what}: {value}")
    if not advice.plans:
        console.print(EVALUATION_ALONE)
        return
    console.print(f"recommended for this machine ({advice.machine.in_words}):")
    show_guesses(advice.plans[0].guesses)
    for remark in advice.plans[0].remarks:
        console.print(f"note: {remark}")
    console.print("start with:")
    console.print(f"  {advice.plans[0].command}")
    if advice.time:
        console.print(advice.time)
    for later in advice.plans[1:]:
        console.print("and on a machine with a GPU:")
        console.print(f"  {later.command}")


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
