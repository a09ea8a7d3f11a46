"""What a machine has: memory, cores, and perhaps a GPU. Without jax, which reads flags first."""

import dataclasses
import importlib.metadata
import os
import shutil
import subprocess
from pathlib import Path

GIB = 2**30
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclasses.dataclass(frozen=True)
class Machine:
    """What training would run on.

    Attributes:
        cores: of the CPU that this process may use.
        memory_gib: of the machine, or what it is limited to.
        gpu_gib: memory of the smallest GPU that jax could use, GiB; 0: there is none.
    """

    cores: int
    memory_gib: float
    gpu_gib: float

    @property
    def in_words(self) -> str:
        """As told to the user."""
        gpu = f"a GPU of {self.gpu_gib:.0f} GiB" if self.gpu_gib else "no GPU"
        return f"{self.cores} cores, {self.memory_gib:.0f} GiB of memory, {gpu}"


def this_machine() -> Machine:
    """Return what this machine has."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return Machine(cores, _memory() / GIB, _gpu_gib() if _jax_knows_gpus() else 0.0)


def _memory() -> int:
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in map(Path, _LIMITS):
        try:
            text = path.read_text("ascii").strip()
        except OSError:
            continue
        if text.isdigit():
            whole = min(whole, int(text))
    return whole


def _jax_knows_gpus() -> bool:
    plugins = importlib.metadata.entry_points(group="jax_plugins")
    return any("cuda" in plugin.name or "rocm" in plugin.name for plugin in plugins)


def _gpu_gib() -> float:
    if not (tool := shutil.which("nvidia-smi")):
        return 0.0
    query = [tool, "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(query, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return 0.0
    sizes = [int(line) for line in told.split() if line.isdigit()]
    return min(sizes, default=0) / 1024
