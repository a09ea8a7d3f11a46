"""What the benchmarks share: jobs timed in turns, so that all meet one machine, and its name."""

import os
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Times(NamedTuple):
    """Seconds of one job, by round: on the wall, and of this process on all cores."""

    wall: list[float]
    processor: list[float]


def in_turns(jobs: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, Times]:
    """Time each job once a round, after one round that does not count."""
    times = {name: Times([], []) for name in jobs}
    for count in range(rounds + 1):
        for name, job in jobs.items():
            start, used = time.perf_counter(), time.process_time()
            job()
            if count:
                times[name].wall.append(round(time.perf_counter() - start, 4))
                times[name].processor.append(round(time.process_time() - used, 4))
    return times


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
