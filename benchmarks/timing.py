"""What the benchmarks share: jobs timed in turns, so that all meet one machine, and its name."""

import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

Job = Callable[[], Any]
OURS = "fluorojax"


class Times(NamedTuple):
    """Seconds of one job, by round: on the wall, and of this process on all cores."""

    wall: list[float]
    processor: list[float]


def in_turns(jobs: Mapping[str, Job], rounds: int) -> dict[str, Times]:
    """Time each job once a round, after one round that does not count."""
    times = {name: Times([], []) for name in jobs}
    for count in range(rounds + 1):
        for name, job in jobs.items():
            start, used = time.perf_counter(), time.process_time()
            job()
            if count:
                times[name].wall.append(round(time.perf_counter() - start, 6))
                times[name].processor.append(round(time.process_time() - used, 6))
    return times


def compared(
    jobs: Mapping[str, Job], rounds: int, first: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Time jobs in turns; return what is written down of them.

    Args:
        jobs: by name; OURS is ours.
        rounds: that count.
        first: seconds of each job's first call, where that was made before.

    Returns:
        `first_call_s`, with what is compiled in it; `seconds`, a `summary` each; and `ratio`, our
        time over that of each other job, by rounds: both of a pair met the same machine.
    """
    first = first or {name: seconds_of(job) for name, job in jobs.items()}
    times = in_turns(jobs, rounds)
    others = [name for name in jobs if name != OURS and OURS in jobs]
    return {
        "first_call_s": {name: round(seconds, 3) for name, seconds in first.items()},
        "seconds": {name: summary(of) for name, of in times.items()},
        "ratio": {name: pairs(times[OURS].wall, times[name].wall) for name in others},
    }


def seconds_of(job: Job) -> float:
    """Return how long a job takes, on the wall (s)."""
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def pairs(ours: list[float], theirs: list[float]) -> dict[str, float]:
    """Return the quartiles of our times over theirs, round by round."""
    return quartiles(np.array(ours) / np.array(theirs))


def quartiles(values: Any) -> dict[str, float]:
    """Return the median and the quartiles, to four digits."""
    found = np.percentile(np.asarray(values, float), (25, 50, 75))
    return {n: float(f"{v:.4g}") for n, v in zip(("p25", "p50", "p75"), found, strict=True)}


def summary(times: Times) -> dict[str, Any]:
    """Return what is written down of one job's times."""
    return {
        "median": median(times.wall),
        "least": min(times.wall),
        **quartiles(times.wall),
        "median_of_all_cores": median(times.processor),
        "all": times.wall,
    }


def median(values: list[float]) -> float:
    """Return the middle value, the upper one of two."""
    return sorted(values)[len(values) // 2]


def machine() -> dict[str, Any]:
    """Describe the machine: processor, cores, memory, system."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0],
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
    }


def write(path: Path, found: Any) -> None:
    """Write JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Here, and not above: `studies.mutation` must not import the project.
    from fluorojax.core.outputs import written_aside

    with written_aside(path) as draft:
        draft.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
