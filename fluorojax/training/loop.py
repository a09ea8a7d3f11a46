"""The host loop: batches in, states out, and what is written down on the way."""

import dataclasses
import functools
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

from fluorojax import evaluate, overlay, parallel
from fluorojax.checkpoint import Checkpoints
from fluorojax.data.online import simulated_batches
from fluorojax.data.pipeline import batches
from fluorojax.metrics.summary import lookup, summarise
from fluorojax.progress import console, duration, progress
from fluorojax.training.log import MetricsLog
from fluorojax.training.setup import Run
from fluorojax.training.state import TrainState
from fluorojax.training.steps import train_step


def train(run: Run, workdir: Path) -> None:
    """Train to the last step, or go on from the newest checkpoint in `workdir`."""
    training = run.config.training
    with Checkpoints(workdir) as checkpoints:
        state = resume(run, checkpoints)
        start = int(state.step)
        if start >= training.steps:
            console.print(f"{workdir} is trained already ({start} steps)")
            return
        step_function = parallel.data_parallel(
            functools.partial(
                train_step, network=run.network, optimizer=run.optimizer, spec=run.step
            )
        )
        stream = training_batches(run, start)
        if run.config.hardware == "gpu" and not parallel.has_accelerator():
            warn_of_slowness(run, step_function, state)
        with (
            MetricsLog(workdir, start) as log,
            progress("train", training.steps, start) as update,
        ):
            interval = Interval()
            for step in range(start + 1, training.steps + 1):
                state, metrics = step_function(state, next(stream))
                interval.add(metrics)
                if due(step, training.log_every, training.steps):
                    scalars = interval.flush() | {
                        "learning_rate": float(run.learning_rate(step - 1))
                    }
                    log.write(step, "train", scalars)
                    update(step, f"loss {scalars['loss']:.3f}")
                if due(step, training.eval_every, training.steps):
                    validate(run, state, step, checkpoints, log, workdir)
                    interval.restart_clock()
                if due(step, training.checkpoint_every, training.steps):
                    checkpoints.save_last(step, state)


def due(step: int, every: int, last: int) -> bool:
    """Say whether something done every `every` steps, and at the last one, is due after `step`."""
    return step % every == 0 or step == last


def resume(run: Run, checkpoints: Checkpoints) -> TrainState:
    """Return the newest state of the run, or its first."""
    if checkpoints.last_step is None:
        return run.first_state()
    console.print(f"going on after step {checkpoints.last_step}")
    return checkpoints.restore_last(run.blank_state())


def training_batches(run: Run, start: int) -> Any:
    """Return the iterator over host batches from step `start` on."""
    data = run.config.data
    if run.dataset.online is not None:
        height, width = data.image_size
        return simulated_batches(
            dataclasses.replace(run.dataset.online, height=height, width=width),
            batch_size=run.config.training.batch_size,
            seed=run.config.seed,
            start_step=start,
        )
    return batches(
        run.dataset.split("train", folds=data.folds, fold=data.fold),
        info=run.dataset.info,
        image_size=tuple(data.image_size),
        batch_size=run.config.training.batch_size,
        seed=run.config.seed,
        start_step=start,
        threads=data.threads,
        memory_mb=data.memory_mb,
    )


class Interval:
    """Collects a log interval's metrics on the device; one transfer brings their means home."""

    def __init__(self) -> None:
        self._metrics: list[dict[str, jax.Array]] = []
        self.restart_clock()

    def restart_clock(self) -> None:
        """Forget the time since the last flush: other work was done in it."""
        self._began = time.monotonic()

    def add(self, metrics: dict[str, jax.Array]) -> None:
        """Take one step's metrics."""
        self._metrics.append(metrics)

    def flush(self) -> dict[str, float]:
        """Return the means since the last flush, and the steps a second."""
        host = jax.device_get(self._metrics)
        means = {name: float(np.mean([m[name] for m in host])) for name in host[0]}
        means["steps_per_second"] = len(host) / max(time.monotonic() - self._began, 1e-9)
        self.__init__()  # type: ignore[misc]
        return means


def validate(
    run: Run,
    state: TrainState,
    step: int,
    checkpoints: Checkpoints,
    log: MetricsLog,
    workdir: Path,
) -> None:
    """Score the averaged parameters on the validation split; keep them if they are the best."""
    data, training = run.config.data, run.config.training
    examples = run.dataset.split("validation", folds=data.folds, fold=data.fold)
    folder = workdir / "validation" / f"step_{step:06d}"
    names = [c.name for c in run.info.classes]
    drawn = 0

    def draw(case: evaluate.Case) -> None:
        nonlocal drawn
        if drawn >= training.images:
            return
        drawn += 1
        picture = evaluate.picture_of(case, names)
        folder.mkdir(parents=True, exist_ok=True)
        name = overlay.file_name(case.example["case"])
        overlay.save_png(picture, folder / f"{name}.png")
        log.image(step, f"validation/{name}", picture)

    predictor = run.predictor(state.average)
    rows = evaluate.score_split(
        evaluate.by_network(predictor),
        examples,
        masks=predictor.masks,
        info=run.info,
        stored_classes=len(run.dataset.info.classes),
        settings=run.metrics,
        on_case=draw,
    )
    summary = summarise(rows, run.metrics)
    score = lookup(summary, training.best_metric)
    log.write(step, "validation", {training.best_metric: score} | headline(summary, names))
    better = checkpoints.save_best(step, state.average, score)
    note = ", the best so far" if better else ""
    console.print(f"step {step}: validation {training.best_metric} {score:.3f}{note}")


def headline(summary: dict[str, Any], names: list[str]) -> dict[str, float]:
    """Return the few scores that curves are drawn of: Dice of each class, clDice of thin ones."""
    scores = {}
    for metric in (f"{name}/{metric}" for name in names for metric in ("dice", "cldice")):
        try:
            scores[metric] = lookup(summary, metric)
        except KeyError:
            continue  # clDice is not defined for regions
    return scores


def warn_of_slowness(run: Run, step_function: Any, state: TrainState) -> None:
    """Say how long a size meant for a GPU will take on this machine, from a timed trial step."""
    batch = next(training_batches(run, 0))
    trial = jax.tree.map(np.asarray, jax.device_get(state))  # the step gives its state away
    trial, _ = jax.block_until_ready(step_function(trial, batch))  # compiles
    began = time.monotonic()
    jax.block_until_ready(step_function(trial, batch))
    seconds = (time.monotonic() - began) * run.config.training.steps
    console.print(
        f"warning: this size is meant for a GPU; without one it takes about {duration(seconds)}. "
        f"The small size is --config=configs/{run.config.method}.py:quick"
    )
