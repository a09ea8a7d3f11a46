"""A process that writes shards (see `tfds_builders.shards`), and its handle in the one that builds.

Each computes with a single thread on a single CPU device: XLA cuts its sums by the number of
threads that it may use, and so the bits of simulated frames would depend on the machine's cores.
"""

import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import absl.logging

from fluorojax.core.environment import CPU_DEVICES_FLAG
from fluorojax.core.errors import InputError
from tfds_builders.shards import Shard, write_shard

COMPILED = "compiled"  # the folder beside the shards that are not all finished
Maker = Callable[..., Any]
"""A builder's class; it is looked up by its name in the other process."""


class Worker:
    """A process of its own that writes shards of one data set, one after the other."""

    def __init__(self, maker: Maker, arguments: Mapping[str, Any], folder: Path):
        """Start the process.

        Args:
            maker, arguments: make the builder there.
            folder: where shards are written.
        """
        # As a module, so that a script that builds is not run again in each process.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tfds_builders.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment_of_one_thread(os.environ, folder / COMPILED),
        )
        self._send((maker, dict(arguments), folder))

    def write(self, shard: Shard, on_frame: Callable[[], None]) -> None:
        """Have a shard written.

        Raises:
            InputError: the process ended.
            Exception: what was raised there.
        """
        self._send(shard)
        while (answer := self._receive()) != "done":
            if isinstance(answer, Exception):
                raise answer
            on_frame()

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.communicate()

    def _send(self, message: Any) -> None:
        assert self._process.stdin
        try:
            pickle.dump(message, self._process.stdin)
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._ended() from error

    def _receive(self) -> Any:
        assert self._process.stdout
        try:
            return pickle.load(self._process.stdout)
        except EOFError as error:
            raise self._ended() from error

    def _ended(self) -> InputError:
        return InputError(
            f"a process that builds frames ended with status {self._process.wait()}, perhaps for "
            "lack of memory; run the same command again, it goes on with what is finished"
        )


def environment_of_one_thread(given: Mapping[str, str], compiled: Path) -> dict[str, str]:
    """Return the variables of a process whose XLA has one CPU device and one thread.

    Args:
        given: those of this process.
        compiled: the folder where what is compiled is kept, where `given` names no other.
    """
    flags = re.sub(rf"{CPU_DEVICES_FLAG}=\S+", "", given.get("XLA_FLAGS", ""))
    return {
        "JAX_COMPILATION_CACHE_DIR": str(compiled),
        **given,
        **{
            "NPROC": "1",
            "OMP_NUM_THREADS": "1",
            "JAX_PLATFORMS": "cpu",
            "XLA_FLAGS": flags.strip(),
        },
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }


def main() -> None:
    """Write the shards named on standard input, and tell of each frame on standard output."""
    tasks, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not come between the answers
    absl.logging.set_verbosity(absl.logging.ERROR)  # TFDS warns of configs made on the fly
    try:
        maker, arguments, folder = pickle.load(tasks)
        builder = maker(**arguments)
        while True:
            _answer(answers, _written(builder, pickle.load(tasks), folder, answers))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        os._exit(0)  # the other process is gone, or has all it wanted


def _written(builder: Any, shard: Shard, folder: Path, answers: BinaryIO) -> Any:
    """Write a shard; return 'done', or what was raised."""
    try:
        write_shard(builder, shard, folder, lambda: _answer(answers, "frame"))
    except BrokenPipeError:
        raise
    except Exception as error:
        return error
    return "done"


def _answer(answers: BinaryIO, message: Any) -> None:
    try:
        raw = pickle.dumps(message)
    except Exception:  # an error of a library that cannot be sent
        raw = pickle.dumps(RuntimeError(f"{type(message).__name__}: {message}"))
    answers.write(raw)
    answers.flush()


if __name__ == "__main__":
    main()
