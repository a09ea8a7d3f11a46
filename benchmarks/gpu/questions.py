"""The questions that `benchmarks.gpu` asks, one a process; each writes what it has as it goes.

    python -m benchmarks.gpu.questions NAME --out FILE [--tiny]

Parts of a question that would share a process's memory or flags get processes of their own:
`--part` names what such a one does, and its last line is its answer.
"""

import argparse
import concurrent.futures
import hashlib
import itertools
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import steps
from benchmarks.timing import OURS, compared, in_turns, quartiles, seconds_of, write
from fluorojax.core import environment

AT_ONCE = 6
"""Processes that compile side by side: a compiler keeps a core or two busy, a card has room."""
UNTIMED = "--xla_gpu_autotune_level=0"
"""With it a compiler takes the first kernel that it knows: choosing by timing takes it longest."""
TOY = {
    "model.labels": "one",
    "model.stages": "together",
    "model.link": "none",
    "model.spatial_prior": "none",
    "model.deep_supervision": False,
    "loss.attachment": 0.0,
}
"""With SMALL, what of a configuration is left where it is only tried: one tiny U-Net."""
SIDE, BATCH, WIDTH, DEPTH = 512, 8, 32, 5
"""Of the U-Net that is timed beside PyTorch's: the size of a stage of the full configurations."""
ROUNDS = 10
DATASHEET_TFLOPS = {
    "H100": {"float32": 67.0, "tf32": 495.0, "bfloat16": 989.0},
    "H200": {"float32": 67.0, "tf32": 495.0, "bfloat16": 989.0},
    "A100": {"float32": 19.5, "tf32": 156.0, "bfloat16": 312.0},
}
"""What NVIDIA states of dense products (SXM), without sparsity."""
USED = {"float32": "tf32", "bfloat16": "bfloat16"}
"""What jax computes products of a type in, as it comes."""


class Answer:
    """What is known so far; written anew with each thing that is added."""

    def __init__(self, path: Path):
        self.path, self.found = path, dict[str, Any]()

    def add(self, name: str, what: Any) -> None:
        """Add what was found under a name, and write."""
        self.found[name] = what
        print(name, json.dumps(what), flush=True)
        write(self.path, self.found)


def main() -> None:
    """Answer one question, or a part of it."""
    options = parse()
    if options.part is not None:
        environment.prepare("deterministic" in options.part, cpu_devices=1)
        print(json.dumps(PARTS[options.question](options)), flush=True)
        return
    answer = Answer(options.out)
    if options.question not in PARTS:  # these would keep the card from their own processes
        environment.prepare(deterministic=False, cpu_devices=1)
        import jax

        answer.add("devices", [f"{d.platform}:{d.id} {d.device_kind}" for d in jax.devices()])
    QUESTIONS[options.question](options, answer)
    failed = [name for name, of in answer.found.items() if isinstance(of, dict) and "failed" in of]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("question", choices=QUESTIONS)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=100.0, help="that there are for it")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--export", type=Path)
    parser.add_argument("--part", help="of a question that takes several processes")
    return parser.parse_args()


def in_a_process(
    options: argparse.Namespace, part: str, limit: float, flags: str = "", *, anew: bool = False
) -> Any:
    """Return what a part of the question answers in a process of its own, or how it failed.

    Args:
        options: of the question.
        part: its name.
        limit: seconds that it gets.
        flags: XLA's, besides those that are set.
        anew: compile, and keep nothing compiled.
    """
    if limit < 1:
        return {"failed": "left out: no time left"}
    environ = os.environ | {"XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()}
    if anew:
        environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"
    command = [sys.executable, "-m", "benchmarks.gpu.questions", options.question]
    command += ["--out", str(options.out), "--part", part, *(["--tiny"] if options.tiny else [])]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=limit, env=environ, check=False
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"not done within {limit:.0f} s"}
    print(done.stderr[-2000:], flush=True)
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["no word"])[-1][:500]}
    return json.loads(done.stdout.splitlines()[-1])


def config_of(name: str, tiny: bool, **fields: Any) -> Any:
    """Return a configuration, with some fields changed, and small where it is only tried."""
    config = steps.config_of(name)
    config.update_from_flattened_dict(fields | (steps.SMALL | TOY if tiny else {}))
    return config


# Does every configuration's step compile and run?


def configurations(options: argparse.Namespace, answer: Answer) -> None:
    """Compile and run some steps of every configuration, several at once.

    Those that other questions ask for again are compiled as for a run, and kept; others UNTIMED.
    """
    first = ("joint", "joint, bfloat16")
    others = [name for name in steps.configurations() if name != "joint"]
    others.sort(key=lambda name: name != "knee")  # most unlike joint
    flags = dict.fromkeys(first, "") | ({} if options.tiny else dict.fromkeys(others, UNTIMED))
    at_once(options, answer, flags)


def at_once(options: argparse.Namespace, answer: Answer, flags: dict[str, str]) -> None:
    """Answer parts of a question side by side, AT_ONCE of them; `flags` are XLA's, by part."""
    ends = time.monotonic() + options.seconds

    def one(part: str) -> tuple[str, Any]:
        left = ends - time.monotonic()
        return part or "as it is", in_a_process(options, part, left, flags[part])

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for done in concurrent.futures.as_completed([pool.submit(one, part) for part in flags]):
            answer.add(*done.result())


def configuration(options: argparse.Namespace) -> dict[str, Any]:
    """Run a configuration's first steps; times beside other processes are no measurement."""
    name, _, dtype = options.part.partition(", ")
    config = config_of(name, options.tiny, **{"model.dtype": dtype or "float32"})
    run = steps.run_of(config)
    job = steps.repeated(steps.train_step_of(run), steps.drawn_state(run), steps.drawn_batch(run))
    compiling = seconds_of(job)
    losses = [float(job()) for _ in range(3)]
    if not np.isfinite(losses).all():
        raise RuntimeError(f"{options.part}: losses {losses}")
    return {"first_step_s": round(compiling, 1), "losses": losses} | on_device()


def on_device() -> dict[str, Any]:
    """Return what the first device says of itself; memory in GiB, most of this process."""
    import jax

    device = jax.devices()[0]
    peak = (device.memory_stats() or {}).get("peak_bytes_in_use")
    host = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        "device": device.device_kind,
        "device_gib": None if peak is None else round(peak / 2**30, 3),
        "host_gib": round(host, 3),
    }


# How long does a step take, beside PyTorch's?


def times(options: argparse.Namespace, answer: Answer) -> None:
    """Time the U-Net's step and inference in each type, and the whole step of `joint`."""
    import dataclasses

    import jax

    from benchmarks.peers.unet_peers import Size
    from benchmarks.suites import unets

    size = Size(BATCH, SIDE, 2, WIDTH, DEPTH, False)
    size = unets.TINY if options.tiny else size
    device = "cpu" if jax.default_backend() == "cpu" else "cuda"
    rounds = 5 if options.tiny else ROUNDS
    for dtype in ("float32", "bfloat16"):
        job, first = joint_step(options, dtype)
        answer.add(f"joint, {dtype}", compared({OURS: job}, rounds, {OURS: first}))
    for dtype in ("bfloat16", "float32"):
        of = dataclasses.replace(size, dtype=dtype)
        cores = os.cpu_count() or 1
        found = unets.on_a_batch(of, rounds, cores, device, compiled=not options.tiny)
        for name, measured in found.items():
            answer.add(name, measured)


def joint_step(options: argparse.Namespace, dtype: str) -> tuple[Callable[[], Any], float]:
    """Return the whole step of `joint` in a type, and the seconds of its first call."""
    run = steps.run_of(config_of("joint", options.tiny, **{"model.dtype": dtype}))
    job = steps.repeated(steps.train_step_of(run), steps.drawn_state(run), steps.drawn_batch(run))
    return job, seconds_of(job)


# What share is that of what the card can compute?


def peak(options: argparse.Namespace, answer: Answer) -> None:
    """Count a step's arithmetic, and divide by its time and by that of large products."""
    import jax

    kind = jax.devices()[0].device_kind
    stated = next((of for card, of in DATASHEET_TFLOPS.items() if card in kind), {})
    answer.add("datasheet_tflops", stated or f"not known of {kind}")
    for dtype in ("float32", "bfloat16"):
        best = product_tflops(256 if options.tiny else 8192, dtype)
        run = steps.run_of(config_of("joint", options.tiny, **{"model.dtype": dtype}))
        # As written for a GPU: a CPU's ways to convolve multiply more.
        lowered = steps.traced(run, steps.shapes_of(run)).lower(lowering_platforms=("cuda",))
        flops = float((lowered.cost_analysis() or {}).get("flops", 0.0))
        job, _ = joint_step(options, dtype)
        of = in_turns({OURS: job}, 5)[OURS].wall
        rate = flops / float(np.median(of)) / 1e12
        answer.add(
            dtype,
            {
                "product_tflops": round(best, 3),
                "step_tflop": round(flops / 1e12, 5),
                "step_s": quartiles(of),
                "step_tflops": round(rate, 4),
                "share_of_product": round(rate / best, 4),
                "share_of_datasheet": round(rate / stated[USED[dtype]], 4) if stated else None,
            },
        )


def product_tflops(side: int, dtype: str) -> float:
    """Return the arithmetic a second (10^12) of products of two square matrices, as they come.

    Float32 is at jax's usual precision, which is TF32 where the card has it.
    """
    import jax

    matrix = jax.random.normal(jax.random.key(0), (side, side)).astype(dtype)
    product = jax.jit(lambda a: a @ a)
    of = in_turns({"": lambda: jax.block_until_ready(product(matrix))}, 10)[""].wall
    return 2 * side**3 / float(np.median(of)) / 1e12


# What share of a step waits for data?


def pipeline(options: argparse.Namespace, answer: Answer) -> None:
    """Time steps on batches as they come of disk and of memory, and on the same one each time."""
    import tempfile

    from benchmarks.suites import data
    from fluorojax.training import loop, setup

    frames, side = (4, 64) if options.tiny else (64, SIDE)
    count = 3 if options.tiny else 20
    with tempfile.TemporaryDirectory() as folder:
        dataset = data.built(Path(folder), frames, side)
        config = config_of("joint", options.tiny, **{"model.dtype": "bfloat16"})
        config.data.image_size = config.training.crop_size = (side, side)
        config.data.threads = min(os.cpu_count() or 1, 8)
        for name, memory in (("decoded each time", 0), ("kept in memory", 4096)):
            config.data.memory_mb = memory
            run = setup.set_up(config, dataset)
            batches = loop.training_batches(run, 0)
            jobs = {
                "on one batch": steps.repeated(
                    steps.train_step_of(run), steps.drawn_state(run), next(batches)
                ),
                "on batches as they come": steps.over(
                    steps.train_step_of(run), steps.drawn_state(run), batches
                ),
            }
            answer.add(name, waiting(jobs, count))
            batches.close()


def waiting(jobs: dict[str, Callable[[], Any]], count: int) -> dict[str, Any]:
    """Return the seconds of both kinds of step, in runs of some, and the share that one waits."""
    many = {name: (lambda job=job: [job() for _ in range(count)]) for name, job in jobs.items()}
    seconds = {name: np.array(of.wall) / count for name, of in in_turns(many, 3).items()}
    alone, fed = seconds.values()
    return {
        "step_s": {name: quartiles(of) for name, of in seconds.items()},
        "share_waiting": quartiles(np.maximum(1 - alone / fed, 0)),
    }


# The same bits twice?


def determinism(options: argparse.Namespace, answer: Answer) -> None:
    """Train in four processes, two of them asked for the same bits, and compare.

    These two compile each for itself: kernels chosen by timing may be others the next time. The
    others run one program, so that what differs between them is the order of sums.
    """
    ends = time.monotonic() + options.seconds
    found = {}
    for part in ("deterministic, once", "deterministic, twice", "as usual", "as usual, again"):
        found[part] = in_a_process(
            options, part, ends - time.monotonic(), anew="deterministic" in part
        )
        answer.add(part, found[part])
    hashes = [of.get("sha256") for of in found.values()]
    if hashes[0] and hashes[1]:
        answer.add("same_bits", hashes[0] == hashes[1])
    if hashes[2] and hashes[3]:
        answer.add("same_bits_as_usual", hashes[2] == hashes[3])
    if hashes[0] and hashes[2]:
        slow, fast = (found[p]["step_s"]["p50"] for p in ("deterministic, once", "as usual"))
        answer.add("cost", round(slow / fast, 3))


def trained(options: argparse.Namespace) -> dict[str, Any]:
    """Make some steps from the start; return a checksum of all that they changed, and times."""
    import jax

    run = steps.run_of(config_of("joint", options.tiny))
    state, batch = steps.drawn_state(run), steps.drawn_batch(run)
    advance = steps.stateful(steps.train_step_of(run), state, itertools.repeat(batch))
    count, of = 5 if options.tiny else 30, []
    for _ in range(count):
        began = time.perf_counter()
        state, _ = advance()
        of.append(time.perf_counter() - began)
    sha = hashlib.sha256()
    for leaf in jax.tree.leaves(jax.device_get(state)):
        sha.update(np.ascontiguousarray(leaf).tobytes())
    flags = os.environ.get("XLA_FLAGS", "")
    return {"sha256": sha.hexdigest(), "step_s": quartiles(of[2:]), "flags": flags, "steps": count}


# Frames a second of the simulator


def simulator(options: argparse.Namespace, answer: Answer) -> None:
    """Time the simulator at each size, all frames of a batch at once."""
    from benchmarks.peers import simulation_speed

    sides = (32,) if options.tiny else simulation_speed.SIDES
    asked = argparse.Namespace(cores=1, batch=256)
    for side in sides:
        count = 2 if options.tiny else simulation_speed.frames_a_round(side, asked)
        job, compiling = simulation_speed.simulator(side, count)
        of = np.array(in_turns({"": job}, 5)[""].wall)
        answer.add(
            f"{side} x {side}",
            {"frames": count, "compile_s": round(compiling, 1), "a_second": quartiles(count / of)},
        )


# From a frame to curves


def latency(options: argparse.Namespace, answer: Answer) -> None:
    """Time a frame up to probabilities, masks and curves."""
    from benchmarks.suites import infer

    model = infer.loaded(options.export, 32 if options.tiny else SIDE)
    frame = infer.drawn_frame(model.image_size)
    rounds = 10 if options.tiny else 200
    answer.add("from a frame to", infer.to_curves(model, frame, rounds, bool(options.export)))


# Memory


def memory(options: argparse.Namespace, answer: Answer) -> None:
    """Run steps of each kind in a process of its own; return its most memory, and its plan."""
    from benchmarks.suites.memory import VARIANTS

    at_once(options, answer, dict.fromkeys(VARIANTS, UNTIMED))


def remembered(options: argparse.Namespace) -> dict[str, Any]:
    """Return the memory of one variant of a step: as planned, and the most there was."""
    import jax

    from benchmarks.suites.memory import VARIANTS, as_json

    run = steps.run_of(config_of("joint", options.tiny, **VARIANTS[options.part]))
    compiled = steps.traced(run, steps.shapes_of(run)).lower().compile()
    state = jax.device_put(steps.drawn_state(run))
    for _ in range(2):
        state, _ = jax.block_until_ready(compiled(state, steps.drawn_batch(run)))
    return {"planned_gib": as_json(compiled.memory_analysis())} | on_device()


QUESTIONS: dict[str, Callable[[argparse.Namespace, Answer], None]] = {
    "configurations": configurations,
    "steps": times,
    "peak": peak,
    "pipeline": pipeline,
    "determinism": determinism,
    "simulator": simulator,
    "latency": latency,
    "memory": memory,
}
PARTS: dict[str, Callable[[argparse.Namespace], Any]] = {
    "configurations": configuration,
    "determinism": trained,
    "memory": remembered,
}
"""Of the questions whose parts take processes of their own."""


if __name__ == "__main__":
    main()
