"""All that `fluorojax check` tells of a folder: what is in it, and what to start with here."""

import dataclasses
from pathlib import Path

from fluorojax.core.progress import console, duration
from fluorojax.planning import trial as trials
from fluorojax.planning.machine import Machine, this_machine
from fluorojax.planning.plan import Plan, plan
from fluorojax.planning.survey import Survey, survey


@dataclasses.dataclass(frozen=True)
class Advice:
    """What is told.

    Attributes:
        survey: what is in the folder.
        machine: on which training would run.
        plans: what to start with, the first here; none where there is nothing to train on.
        time: how long the first takes here, in words; empty where it was not tried.
    """

    survey: Survey
    machine: Machine
    plans: tuple[Plan, ...]
    time: str

    @property
    def summary(self) -> dict[str, str]:
        """What `check_folder` returns."""
        return {"name": self.survey.folder.info.name, **dict(self.survey.summary.rows())}


def advise(directory: Path, cases_file: str = "cases.csv", *, trial: bool = True) -> Advice:
    """Check a folder, and recommend how to start.

    Args:
        directory: the folder.
        cases_file: the table's name in it.
        trial: run a few steps of what is recommended, to say how long it takes.

    Raises:
        InputError: everything that is wrong with the folder, or the trial failed.
    """
    found, machine = survey(directory, cases_file), this_machine()
    if not found.trains:
        return Advice(found, machine, (), "")
    sizes = ("gpu",) if machine.gpu_gib else ("cpu", "gpu")
    plans = tuple(plan(found, machine, hardware) for hardware in sizes)
    told = _tried(found, plans[0]) if trial else ""
    return Advice(found, machine, plans, told)


def _tried(found: Survey, first: Plan) -> str:
    """Return how long a plan takes here, after a few steps of it."""
    console.print("trying a few steps of what is recommended (--no-trial leaves it out)")
    case = found.of("train")[0].case.case
    root = found.folder.root
    given = trials.Trial(first.config, first.overrides, str(root), found.cases_file, case)
    measured = trials.measure(given)
    seconds = measured.compile_s + first.steps * measured.step_s
    return (
        f"about {duration(seconds)} here ({measured.platform}): {duration(measured.compile_s)} to "
        f"compile, then {first.steps} steps of {measured.step_s:.2g} s, as busy as this machine is "
        f"now, and {measured.memory_mb / 1024:.1f} GiB of memory; evaluations come on top"
    )
