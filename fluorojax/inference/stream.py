"""Frames as a machine gives them, one by one: each led by the one before, late ones left out."""

import threading
import time
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np

from fluorojax.data.frames import FrameLike, as_frame
from fluorojax.inference.export import load
from fluorojax.inference.follow import FollowRules
from fluorojax.inference.predictor import USUAL, Prediction, Predictor
from fluorojax.schema.frame import Spacing


class Newest(NamedTuple):
    """What was found last.

    Attributes:
        number: of the frame, among all that were submitted, from 1 on.
        prediction: all that was predicted of it.
        seconds: from its being submitted to its being done.
    """

    number: int
    prediction: Prediction
    seconds: float


class _Waiting(NamedTuple):
    number: int
    frame: FrameLike
    since: float


class Stream:
    """A network that takes the frames of one cine in their order, while they are made.

    The curves of the frame before are a prior for those of the next (`fluorojax.inference.follow`).
    At the beginning, after `reset`, and where a frame has another size, there is none.

    Example:
        with fluorojax.Stream("runs/joint-quick/export", spacing_mm=0.2) as stream:
            camera.on_frame(stream.submit)  # returns at once
            while camera.runs():
                if newest := stream.latest(timeout=1.0):
                    show(newest.prediction.masks, newest.prediction.curves)
            print(f"{stream.dropped} of {stream.submitted} frames came while one was looked at")

    `push` takes a frame and waits for it: for files, or where none may be left out.

    Attributes:
        model: the network.
        submitted: frames given to `submit`.
        dropped: those of them that are never looked at, since a newer one came before their turn.
    """

    def __init__(
        self,
        export: Predictor | str | Path,
        spacing_mm: Spacing | float | None = None,
        following: FollowRules = USUAL,
    ):
        """Load a network and compile it, which takes seconds: the first frame is not late.

        Args:
            export: its folder, or what `fluorojax.load` returned, perhaps with other rules.
            spacing_mm: of all frames, (rows, columns) or one number for both; None: what they say.
            following: how far a curve may move between two frames, at this frame rate.

        Raises:
            InputError: there is no such export.
        """
        self.model = export if isinstance(export, Predictor) else load(export)
        self.submitted = self.dropped = 0
        self._spacing, self._following = spacing_mm, following
        self._before: Prediction | None = None
        self._busy = threading.Lock()  # one frame at a time
        self._changed = threading.Condition()  # guards all that is below, and the counts
        self._waiting: _Waiting | None = None
        self._done: Newest | Exception | None = None
        self._closed = False
        self._worker: threading.Thread | None = None
        self.model(np.zeros(self.model.image_size, np.uint8))

    def push(self, frame: FrameLike) -> Prediction:
        """Return what is predicted of the next frame.

        Raises:
            InputError: it is no frame, or cannot be read; the next one is led by the last good one.
        """
        with self._busy:
            taken, before = as_frame(frame, self._spacing), self._before
            if before is not None and before.masks.shape[:2] != taken.shape:
                before = None
            found = self.model.predict(taken, before=before, following=self._following)
            self._before = found
            return found

    def reset(self) -> None:
        """Forget the frame before: what comes next is another cine, or behind a cut."""
        with self._busy:
            self._before = None

    def submit(self, frame: FrameLike) -> None:
        """Have a frame looked at as soon as the one in work is done; return at once.

        Of the frames that wait only the newest is kept, and the others are counted in `dropped`. A
        frame is not copied: the caller must not write into its array any more.

        Raises:
            RuntimeError: the stream is closed.
        """
        with self._changed:
            if self._closed:
                raise RuntimeError("the stream is closed; open another one")
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="stream", daemon=True)
                self._worker.start()
            self.submitted += 1
            self.dropped += self._waiting is not None
            self._waiting = _Waiting(self.submitted, frame, time.perf_counter())
            self._changed.notify_all()

    def latest(self, timeout: float | None = 0.0) -> Newest | None:
        """Return what was found last, once; None: nothing new.

        Args:
            timeout: seconds to wait for something new; None: until there is, or the stream is
                closed.

        Raises:
            InputError: the last frame was none, or could not be read; the stream goes on.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._done is not None or self._closed, timeout)
            done, self._done = self._done, None
        if isinstance(done, Exception):
            raise done
        return done

    def close(self) -> None:
        """End: the frame in work is done, one that waits is dropped."""
        with self._changed:
            self._closed = True
            self.dropped += self._waiting is not None
            self._waiting = None
            self._changed.notify_all()
        if self._worker is not None:
            self._worker.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _work(self) -> None:
        """Look at one waiting frame after the other until the stream is closed."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting is not None or self._closed)
                taken, self._waiting = self._waiting, None
            if taken is None:
                return
            done = self._outcome(taken)
            with self._changed:
                self._done = done
                self._changed.notify_all()

    def _outcome(self, taken: _Waiting) -> Newest | Exception:
        try:
            found = self.push(taken.frame)
        except Exception as error:  # handed to whoever asks for the latest
            return error
        return Newest(taken.number, found, time.perf_counter() - taken.since)
