"""Built data sets come about here: shard by shard, by several processes, and whole or not at all.

What is finished of a build that was stopped stays beside its place, in VERSION.building, and the
same command goes on with it.
"""

import contextlib
import fcntl
import os
import queue
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import absl.logging

from fluorojax.core.errors import InputError
from fluorojax.core.outputs import NO_LOCKS
from fluorojax.core.progress import console, progress
from tfds_builders.shards import Shard, fingerprint, finish, is_written, plan, write_shard
from tfds_builders.worker import COMPILED, Worker

REFUSED = re.compile(r"\w+\(\) failed: ([^;]+)")
MOST_PROCESSES = 4  # each takes half a GiB and more
PROCESSES = "FLUOROJAX_PROCESSES"
WORTH_PROCESSES = 512  # frames of files: fewer are read before a process has started


def build(
    maker: Callable[..., Any],
    arguments: Mapping[str, Any],
    path: Path,
    *,
    simulated: bool = False,
) -> None:
    """Build a data set into `path`, or go on with what was begun.

    Args:
        maker, arguments: make the builder, in this process and in others.
        path: of the data set; its parent holds what is begun.
        simulated: the frames are computed, and so always in processes of one thread each, which
            makes their bits the same on any number of cores; their fingerprint is known at the end.

    Raises:
        InputError: it cannot be written, or a frame cannot be read.
    """
    folder = path.with_name(f"{path.name}.building")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder), _quiet_tfds():
            if path.exists():  # another process was first; its result is ours
                shutil.rmtree(folder, ignore_errors=True)
                return
            builder = maker(**arguments)
            _write(builder, maker, arguments, folder, path, simulated)
            shards = plan(builder)
            if simulated:
                builder.info.metadata["fingerprint"] = fingerprint(folder, shards)
            finish(builder, folder, shards)
            (folder / "lock").unlink(missing_ok=True)
            shutil.rmtree(folder / COMPILED, ignore_errors=True)
            os.rename(folder, path)
    except RuntimeError as error:
        # ArrayRecord says so where the system refuses: "write() failed: No space left ...; ..."
        if (refused := REFUSED.search(str(error))) is None:
            raise
        raise InputError(
            f"{path} cannot be written ({refused[1]}); make room, correct the permissions or "
            "give another folder (--built-dir, data.built_dir), then run the same command again"
        ) from error


def _write(
    builder: Any,
    maker: Callable[..., Any],
    arguments: Mapping[str, Any],
    folder: Path,
    path: Path,
    simulated: bool,
) -> None:
    """Write the shards that are not finished yet."""
    shards = plan(builder)
    missing = [shard for shard in shards if not is_written(folder, shard)]
    frames = sum(shard.stop - shard.start for shard in shards)
    left = sum(shard.stop - shard.start for shard in missing)
    count = processes(len(missing)) if simulated or left >= WORTH_PROCESSES else 0
    again = f", {frames - left} of them built before" if left < frames else ""
    console.print(f"building {path} ({frames} frames{again})")
    with progress("build", frames) as update:
        done = frames - left

        def on_frame() -> None:
            nonlocal done
            done += 1
            update(done)

        if count > 1 or (simulated and count):
            _by_processes(lambda: Worker(maker, arguments, folder), missing, count, on_frame)
        else:
            for shard in missing:
                write_shard(builder, shard, folder, on_frame)


def processes(shards: int) -> int:
    """Return how many processes build so many shards: as many as there are cores, at most 4.

    The environment variable FLUOROJAX_PROCESSES sets another number.

    Raises:
        InputError: it is none.
    """
    given = os.environ.get(PROCESSES, "")
    if given and not (given.isdecimal() and int(given) >= 1):
        raise InputError(f"{PROCESSES}={given}: write a whole number from 1 up")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    return min(int(given) if given else min(cores, MOST_PROCESSES), shards)


def _by_processes(
    start: Callable[[], Worker], shards: Sequence[Shard], count: int, on_frame: Callable[[], None]
) -> None:
    """Have shards written by `count` processes, each by the first that is free.

    The others start when the first has made a frame: what it has compiled, they find.
    """
    left: queue.SimpleQueue[Shard] = queue.SimpleQueue()
    for shard in shards:
        left.put(shard)
    workers: list[Worker] = []
    compiled = threading.Event()

    def told() -> None:
        compiled.set()
        on_frame()

    def serve(number: int) -> None:
        if number:
            compiled.wait()
        with contextlib.suppress(queue.Empty):
            shard = left.get_nowait()
            workers.append(worker := start())
            while True:
                worker.write(shard, told)
                shard = left.get_nowait()

    with ThreadPoolExecutor(count) as pool:
        serving = [pool.submit(serve, number) for number in range(count)]
        try:
            for one in as_completed(serving):
                one.result()
        finally:
            while not left.empty():  # after an error nothing more is begun
                left.get_nowait()
            compiled.set()
            for worker in workers:
                worker.end()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process builds in the folder, and keep others out."""
    with (folder / "lock").open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print(f"another process builds {folder.parent}; waiting for its end")
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
        yield


@contextmanager
def _quiet_tfds() -> Iterator[None]:
    """Keep TFDS from warning of configs made on the fly."""
    verbosity = absl.logging.get_verbosity()
    absl.logging.set_verbosity(absl.logging.ERROR)
    try:
        yield
    finally:
        absl.logging.set_verbosity(verbosity)
