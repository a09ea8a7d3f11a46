"""What must be set before jax is imported, and what is written down of a run's surroundings."""

import contextlib
import ctypes
import hashlib
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path

import absl.logging

import fluorojax

DETERMINISTIC_FLAGS = ("--xla_gpu_deterministic_ops=true", "--xla_gpu_autotune_level=0")
DETERMINISM_COSTS = (
    "deterministic: kernels are neither chosen by timing nor add in any order, which takes longer "
    "on a GPU; see docs/reproducibility.md"
)
CPU_DEVICES_FLAG = "--xla_force_host_platform_device_count"
CACHE = "JAX_COMPILATION_CACHE_DIR"
MOST_KEPT = 256 * 2**20  # bytes; a network's program takes about one MiB, a step's four
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # of <malloc.h>
PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain", "numpy", "scipy")
ROOT = Path(__file__).parents[2]  # of a checkout; where packages are installed elsewhere


def prepare(deterministic: bool, cpu_devices: int) -> None:
    """Do all that must be done before jax is imported; see `set_flags` for the arguments."""
    set_flags(deterministic, cpu_devices)
    keep_freed_memory()
    quiet_libraries()


def set_flags(deterministic: bool, cpu_devices: int) -> None:
    """Set XLA_FLAGS for a run; what stands there already is kept.

    Args:
        deterministic: ask for the same bits from run to run on a GPU.
        cpu_devices: virtual devices of the CPU. Most of XLA's convolutions run on one thread a
            device there, so that two devices keep two cores busy.

    Raises:
        RuntimeError: jax is imported already, so that the flags would be ignored.
    """
    given = os.environ.get("XLA_FLAGS", "")
    wanted = list(DETERMINISTIC_FLAGS) if deterministic else []
    if cpu_devices > 1 and CPU_DEVICES_FLAG not in given:
        wanted.append(f"{CPU_DEVICES_FLAG}={cpu_devices}")
    if not wanted:
        return
    if "jax" in sys.modules:
        raise RuntimeError("XLA_FLAGS must be set before jax is imported")
    os.environ["XLA_FLAGS"] = " ".join([given, *wanted]).strip()


def keep_freed_memory() -> None:
    """Tell the GNU C library to keep freed memory instead of giving it back to the system.

    XLA allocates a step's activations anew on the CPU; pages given back at its end are cleared and
    mapped again at the next, which took a sixth of the processor's time in training. Elsewhere
    than with that library nothing happens.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        for option in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD):
            library.mallopt(option, 2**31 - 1)
        # Each thread's own pool would give its memory back all the same.
        library.mallopt(M_ARENA_MAX, 1)


def quiet_libraries() -> None:
    """Keep the libraries' own chatter out of a run's lines; warnings still come through."""
    absl.logging.set_verbosity(absl.logging.WARNING)


def keep_compiled() -> None:
    """Have jax keep compiled programs for the next command, in this user's `cache_folder`.

    Programs that were not used for longest are removed beyond MOST_KEPT bytes. Where
    JAX_COMPILATION_CACHE_DIR is set, jax does as it says; where jax is imported already, or nothing
    can be written, nothing is kept. A program holds neither parameters nor frames.
    """
    if CACHE in os.environ or "jax" in sys.modules:
        return
    with contextlib.suppress(OSError, RuntimeError):  # as of a user without a home
        folder = cache_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _keep_within(folder, MOST_KEPT)
        if os.access(folder, os.W_OK):
            os.environ[CACHE] = str(folder)


def cache_folder() -> Path:
    """Return where compiled programs are kept, apart for each kind of processor.

    A home may be shared by machines of which one cannot run what is compiled for another.
    """
    usual = {
        "darwin": Path.home() / "Library" / "Caches",
        "win32": Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")),
    }
    base = os.environ.get("XDG_CACHE_HOME") or usual.get(sys.platform, Path.home() / ".cache")
    kind = f"{_processor()} {_cpuinfo('flags')}"
    return Path(base) / "fluorojax" / hashlib.sha256(kind.encode()).hexdigest()[:12]


def _keep_within(folder: Path, most: int) -> None:
    """Remove files, those first that were not used for longest, until `most` bytes are left."""
    found = [(path, path.stat()) for path in folder.iterdir() if path.is_file()]
    size = sum(status.st_size for _, status in found)
    for path, status in sorted(found, key=lambda file: max(file[1].st_atime, file[1].st_mtime)):
        if size <= most:
            return
        path.unlink(missing_ok=True)
        size -= status.st_size


def versions() -> dict[str, str]:
    """Return the versions of Python, this project and the packages that a result depends on."""
    ours = {
        "python": platform.python_version(),
        "fluorojax": fluorojax.__version__,
    }
    return ours | {name: importlib.metadata.version(name) for name in PACKAGES}


def machine() -> dict[str, str | int]:
    """Return what the bits of a result can depend on: system, processor, its cores, XLA's flags."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1,
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
    }


def _processor() -> str:
    """Return the processor's model, which `platform` does not know on Linux."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _cpuinfo(name: str) -> str:
    """Return what Linux says of the first processor under a name; '' elsewhere."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith(name):
                return line.partition(":")[2].strip()
    return ""


def git_revision() -> str | None:
    """Return the checkout's revision, '-dirty' behind it if files changed; None outside git.

    An installed package may lie inside somebody else's repository, whose revision says nothing.
    """
    if not (ROOT / ".git").exists():
        return None
    command = [
        "git",
        "-C",
        str(ROOT),
        "describe",
        "--always",
        "--dirty",
        "--abbrev=40",
        "--exclude=*",
    ]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()
