"""Asks one question after the other of the GPU, each in its own process; see `benchmarks/gpu.sh`.

A question that fails, hangs or takes too long costs its own answer and no other, and what it had
found by then is in its file. All questions together keep to a budget: the later ones, which matter
less, are left out where the earlier ones took longer than they should.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.timing import machine, write
from fluorojax.core import environment
from fluorojax.core.progress import console

TINY_S = 6.0
"""Times longer than on a card is what a CPU gets for the toy sizes."""
LEAST_S = 5.0
"""Seconds that are not worth a process."""


class Question(NamedTuple):
    """What is asked.

    Attributes:
        name: of its function in `benchmarks.gpu.questions`, and of its file.
        limit_s: most seconds that its process gets.
        asks: in words.
    """

    name: str
    limit_s: float
    asks: str


QUESTIONS = (
    Question("configurations", 140, "does every configuration's step compile and run?"),
    Question("steps", 120, "a step at 512 x 512, float32 and bfloat16, beside PyTorch's"),
    Question("peak", 35, "the share of what the card can compute"),
    Question("pipeline", 40, "the share of a step that waits for data"),
    Question("determinism", 60, "the same bits twice, and what that costs"),
    Question("simulator", 35, "simulated frames a second"),
    Question("latency", 30, "from a frame to curves: p50, p95, p99"),
    Question("memory", 40, "memory of device and host, with and without remat"),
)
BUDGET_S = 480.0


def main() -> None:
    """Ask all of them, in order; status 1 where one has no answer."""
    options = parse()
    options.out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    summary: dict[str, Any] = {
        "command": "benchmarks/gpu.sh",
        "tiny": options.tiny,
        "machine": machine(),
        "versions": environment.versions(),
        "answers": {},
    }
    for number, question in enumerate(QUESTIONS, 1):
        if options.only and question.name not in options.only:
            continue
        left = options.seconds - (time.monotonic() - began)
        answer = asked(question, options, number, left)
        summary["answers"][question.name] = answer
        console.print(f"{question.name}: {answer['status']} after {answer['seconds']} s")
        summary["seconds"] = round(time.monotonic() - began, 1)
        write(options.out / "all.json", summary)
    wrong = [n for n, a in summary["answers"].items() if a["status"] != "answered"]
    console.print(f"all of it is in {options.out}; without an answer: {', '.join(wrong) or 'none'}")
    sys.exit(bool(wrong))


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    about = str(__doc__).split("\n")[0]
    parser = argparse.ArgumentParser(prog="benchmarks/gpu.sh", description=about)
    parser.add_argument("--out", type=Path, required=True, help="folder for the answers")
    names = [question.name for question in QUESTIONS]
    parser.add_argument("--only", nargs="+", choices=names, help="these questions alone")
    parser.add_argument("--seconds", type=float, default=BUDGET_S, help="for all of them together")
    parser.add_argument("--tiny", action="store_true", help="toy sizes, for a CPU")
    parser.add_argument("--export", type=Path, help="latency: a trained network; default: drawn")
    options = parser.parse_args(arguments)
    options.seconds *= TINY_S if options.tiny else 1.0
    return options


def asked(
    question: Question, options: argparse.Namespace, number: int, left: float
) -> dict[str, Any]:
    """Ask one question in a process of its own; return how that went.

    Args:
        question: is answered into its own file, and speaks into a log beside it.
        options: of the command line.
        number: stands before the files' names.
        left: seconds of the budget.
    """
    limit = min(question.limit_s * (TINY_S if options.tiny else 1.0), left)
    if limit < LEAST_S:
        return {"status": "left out: no time left", "seconds": 0.0}
    name = f"{number}-{question.name}"
    command = [sys.executable, "-m", "benchmarks.gpu.questions", question.name]
    command += ["--out", str(options.out / f"{name}.json"), "--seconds", str(0.9 * limit)]
    command += ["--tiny"] if options.tiny else []
    command += ["--export", str(options.export)] if options.export else []
    console.print(f"{question.name}: {question.asks} (at most {limit:.0f} s)")
    began = time.monotonic()
    with (options.out / f"{name}.log").open("w", encoding="utf-8") as log:
        status = ended(command, environment_of(options), log, limit)
    return {"status": status, "seconds": round(time.monotonic() - began, 1), "limit_s": limit}


def ended(command: list[str], environ: dict[str, str], log: Any, limit: float) -> str:
    """Run a command with all that it starts until its end or its limit; return how it ended."""
    process = subprocess.Popen(
        command, env=environ, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        status = process.wait(limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()
        return f"stopped at its limit of {limit:.0f} s"
    except BaseException:  # Ctrl-C goes to this process alone
        os.killpg(process.pid, 9)
        raise
    return "answered" if status == 0 else f"failed with status {status}; see its log"


def environment_of(options: argparse.Namespace) -> dict[str, str]:
    """Return the environment of all processes: one cache of programs, memory taken as needed.

    What is set already stays so.
    """
    usual = {
        "JAX_COMPILATION_CACHE_DIR": str((options.out / "compiled").resolve()),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.5",
        # PyTorch and several processes of jax share the card.
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }
    if options.tiny:
        usual["XLA_FLAGS"] = "--xla_backend_optimization_level=1"  # to compile sooner
    return usual | dict(os.environ) | ({"JAX_PLATFORMS": "cpu"} if options.tiny else {})


if __name__ == "__main__":
    main()
