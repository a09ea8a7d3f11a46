"""The host loop: batches in, states out, and what is written down on the way."""

import contextlib
import dataclasses
import functools
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

from fluorojax.core import parallel
from fluorojax.core.progress import console, duration, progress
from fluorojax.datasets.online import simulated_batches
from fluorojax.datasets.pipeline import Batch, batches
from fluorojax.drawing import overlay
from fluorojax.evaluation import evaluate
from fluorojax.evaluation.real import mean_dice
from fluorojax.metrics.image_labels import summarise_image_labels
from fluorojax.metrics.summary import lookup, summarise
from fluorojax.training.checkpoint import Checkpoints
from fluorojax.training.log import is_logged
from fluorojax.training.record import Arrays, Interval, Record, Rows
from fluorojax.training.setup import Run
from fluorojax.training.signals import Stop, Stopped
from fluorojax.training.state import TrainState
from fluorojax.training.steps import gathered_metadata, train_step

COMPILING = (
    "compiling the training step: half a minute to two on a CPU, unless an earlier run kept it"
)


@dataclasses.dataclass(frozen=True)
class PrimaryLoop:
    """A run under way, and where it writes."""

    run: Run
    checkpoints: Checkpoints
    record: Record
    stop: Stop

    def after(self, step: int, state: TrainState, metrics: Arrays, told: Arrays) -> str:
        """Do what is due after a step; return a note for the progress bar.

        Raises:
            Stopped: a signal came, and the state is saved.
        """
        training, note = self.run.config.training, ""
        self.record.add(step, metrics, told)
        if due(step, training.log_every, training.steps):
            note = f"loss {self.record.write_train(step):.3f}"
            self.checkpoints.check()
        if due(step, training.eval_every, training.steps):
            validate(self, state, step)
        if due(step, training.checkpoint_every, training.steps):
            save(self, state, step)
        if stops(step, self.run, self.record.interval, self.stop):
            save(self, state, step)
            raise Stopped(self.stop.requested or "another process")
        return note


class WorkerLoop:
    """The same for a process that writes nothing: it only learns when to stop."""

    def __init__(self, run: Run, stop: Stop):
        self.run, self.stop = run, stop
        self._interval = Interval([])

    def after(self, step: int, _state: TrainState, metrics: Arrays, told: Arrays) -> str:
        """Stop where the first process does."""
        training = self.run.config.training
        self._interval.add(step, metrics, told)
        if due(step, training.log_every, training.steps):
            self._interval.fetch()
            self._interval.flush()
        if stops(step, self.run, self._interval, self.stop):
            raise Stopped(self.stop.requested or "another process")
        return ""


def stops(step: int, run: Run, interval: Interval, stop: Stop) -> bool:
    """Say whether the run ends after this step: at once, or, for all processes, when all know."""
    if parallel.process_count() == 1:
        return stop.requested is not None
    training = run.config.training
    return interval.stop and due(step, training.log_every, training.steps)


def train(run: Run, workdir: Path, stop: Stop | None = None) -> None:
    """Train to the last step, or go on from the newest checkpoint in `workdir`.

    Of several processes the first must call this, and the others `follow`.

    Raises:
        Stopped: `stop` was asked for; the state is saved, and the same call goes on.
        InputError: too many steps had a loss or gradient that is not finite, or something could
            not be written.
    """
    stop = stop or Stop()
    with Checkpoints(workdir) as checkpoints:
        state, unlogged = resume(run, checkpoints)
        start = int(state.step)
        unscored = left_unscored(run, workdir, start)
        state = parallel.from_first(state)
        if start >= run.config.training.steps and not unscored:
            console.print(f"{workdir} is trained already ({start} steps)")
            return
        with Record(run, workdir, start, unlogged) as record, stop.deferred():
            session = PrimaryLoop(run, checkpoints, record, stop)
            if unscored:
                validate(session, state, start)
            make_steps(session, state)


def follow(run: Run, stop: Stop) -> None:
    """Make the steps that the first process makes in `train`, and write nothing.

    Raises:
        Stopped: a process was asked to stop.
    """
    console.quiet = True  # the first process speaks
    state = parallel.from_first(run.blank_state())
    with stop.deferred():
        make_steps(WorkerLoop(run, stop), state)


def make_steps(session: PrimaryLoop | WorkerLoop, state: TrainState) -> None:
    """Make the steps after `state`, and what is due after each."""
    run, start = session.run, int(state.step)
    steps = run.config.training.steps
    step_function = parallel.data_parallel(
        functools.partial(one_step, network=run.network, optimizer=run.optimizer, spec=run.step)
    )
    console.print(COMPILING)
    if run.config.hardware == "gpu" and not parallel.has_accelerator():
        warn_of_slowness(run, step_function, state)
    # Closed in any case, so that its threads end with the run and not when it is forgotten.
    with (
        contextlib.closing(training_batches(run, start)) as stream,
        progress("train", steps, start) as update,
    ):
        note = ""
        for step in range(start + 1, steps + 1):
            state, (metrics, told) = step_function(
                state, with_stop_flag(next(stream), session.stop)
            )
            note = session.after(step, state, metrics, told) or note
            update(step, note)


def one_step(
    state: TrainState, batch: Arrays, **parts: Any
) -> tuple[TrainState, tuple[Arrays, Arrays]]:
    """Make one update; besides its metrics return what every process must know."""
    after, metrics = train_step(state, batch, **parts)
    return after, (metrics, gathered_metadata(batch))


def with_stop_flag(batch: Batch, stop: Stop) -> Batch:
    """Return the batch, with `stop` at each example: was this process asked to?"""
    return batch | {"stop": np.full(len(batch["index"]), stop.requested is not None)}


def due(step: int, every: int, last: int) -> bool:
    """Say whether something done every `every` steps, and at the last one, is due after `step`."""
    return step % every == 0 or step == last


def resume(run: Run, checkpoints: Checkpoints) -> tuple[TrainState, Rows]:
    """Return the newest state of the run, or its first, and the metrics not logged by then."""
    found = checkpoints.resume(run.blank_state())
    if found is None:
        console.print("no checkpoint yet: the run begins at its first step")
        return run.first_state(), []
    state, note = found
    console.print(f"going on after step {int(state.step)}")
    return state, note["unlogged"]


def left_unscored(run: Run, workdir: Path, start: int) -> bool:
    """Say whether a run that stands at `start` was stopped in the evaluation due there."""
    training = run.config.training
    is_due = start > 0 and due(start, training.eval_every, training.steps)
    return is_due and not is_logged(workdir, start, "validation")


def save(session: PrimaryLoop, state: TrainState, step: int) -> None:
    """Save the state, with the metrics of a log interval that is not over, after its record."""
    session.checkpoints.save_last(step, state, {"unlogged": session.record.settle()})


def training_batches(run: Run, start: int) -> Any:
    """Return the iterator over host batches from step `start` on."""
    data = run.config.data
    if run.dataset.online is not None:
        simulation, spec = run.dataset.online
        height, width = data.image_size
        return simulated_batches(
            simulation,
            dataclasses.replace(spec, height=height, width=width),
            batch_size=run.config.training.batch_size,
            seed=run.config.seed,
            start_step=start,
            share=parallel.share(),
        )
    return batches(
        run.frames("train"),
        info=run.dataset.info,
        image_size=tuple(data.image_size),
        fit=data.fit,
        foreground_oversampling=run.config.augment.foreground_oversampling,
        batch_size=run.config.training.batch_size,
        seed=run.config.seed,
        start_step=start,
        threads=data.threads,
        memory_mb=data.memory_mb,
        share=parallel.share(),
    )


def validate(session: PrimaryLoop, state: TrainState, step: int) -> None:
    """Score the averaged parameters on the validation split; keep them if they are the best.

    Where there are real frames (`evaluation.real_dir`), they say which are the best.

    Raises:
        Stopped: in the middle; the state is saved, and the evaluation is made at the next start.
    """
    run, record = session.run, session.record
    name = run.config.training.best_metric
    try:
        # Of several processes, one that left here would leave the others waiting.
        alone = parallel.process_count() == 1
        with session.stop.at_once() if alone else contextlib.nullcontext():
            folder = record.workdir / "validation" / f"step_{step:06d}"
            summary, pictures = score(run, state, folder)
    except Stopped:
        save(session, state, step)
        raise
    value = lookup(summary, name)
    scores = {name: value} | headline(summary, list(run.info.class_names))
    if run.real is not None:
        name = "real/mean/dice"
        told = mean_dice(run.predictor(state.average), run.real)
        value = scores[name] = float(np.mean(list(told.values())))
        scores |= {f"real/{of}/dice": dice for of, dice in told.items()}
    better = session.checkpoints.save_best(step, state.average, value)
    for case, picture in pictures.items():
        record.log.image(step, f"validation/{case}", picture)
    # The line below says that this evaluation need not be made again.
    session.checkpoints.wait()
    record.log.write(step, "validation", scores)
    record.interval.restart_clock()
    note = ", the best so far" if better else ""
    console.print(f"step {step}: validation {name} {value:.3f}{note}")


def score(
    run: Run, state: TrainState, folder: Path
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the summary of the validation cases, and pictures of the first, saved in `folder`."""
    names = list(run.info.class_names)
    pictures: dict[str, np.ndarray] = {}
    told: list[evaluate.Row] = []

    def keep(case: evaluate.Case) -> None:
        told.extend(evaluate.image_label_rows(case, run.info))
        if len(pictures) >= run.config.training.images:
            return
        name = overlay.file_name(case.example["case"])
        pictures[name] = evaluate.picture_of(case, names)
        folder.mkdir(parents=True, exist_ok=True)
        overlay.save_png(pictures[name], folder / f"{name}.png")

    predict = evaluate.by_network(run.predictor(state.average))
    rows = evaluate.score_split(predict, run.frames("validation"), run.scoring, on_case=keep)
    summary = summarise(rows, run.metrics)
    return summary | {"image_labels": summarise_image_labels(told, run.info.image_labels)}, pictures


def headline(summary: dict[str, Any], names: list[str]) -> dict[str, float]:
    """Return the few scores that curves are drawn of.

    Dice of each class, clDice of thin ones, and how many of each image label's values are right.
    """
    told = summary.get("image_labels", {}).items()
    scores = {f"{name}/accuracy": of["accuracy"] for name, of in told if of["cases"]}
    for metric in (f"{name}/{metric}" for name in names for metric in ("dice", "cldice")):
        try:
            scores[metric] = lookup(summary, metric)
        except KeyError:
            continue  # clDice is not defined for regions
    return scores


def warn_of_slowness(run: Run, step_function: Any, state: TrainState) -> None:
    """Say how long a size meant for a GPU will take on this machine, from a timed trial step."""
    batch = with_stop_flag(next(training_batches(run, 0)), Stop())
    trial = jax.tree.map(np.asarray, jax.device_get(state))  # the step gives its state away
    trial, _ = jax.block_until_ready(step_function(trial, batch))  # compiles
    began = time.monotonic()
    jax.block_until_ready(step_function(trial, batch))
    seconds = (time.monotonic() - began) * run.config.training.steps
    console.print(
        f"warning: this size is meant for a GPU; without one it takes about {duration(seconds)}"
    )
