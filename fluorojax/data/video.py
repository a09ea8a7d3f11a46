"""Frames of videos, by PyAV (an extra: `pip install 'fluorojax[formats]'`)."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fluorojax.core.errors import InputError, needs
from fluorojax.core.files import kept_for_each_file
from fluorojax.data.picture import check_size
from fluorojax.schema.frame import Frame

SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".m4v")
COLOUR = 8
"""Chroma of 8 bits farther than this from grey is a colour; less is what compression makes."""

_one_at_a_time = threading.Lock()


@kept_for_each_file(4)  # each frame of a table asks for it
def frame_count(path: Path) -> int:
    """Return the number of frames, counted by decoding them where the file does not say it.

    Raises:
        InputError: no video is in it, or PyAV is not installed.
        Exception: whatever PyAV raises at a damaged file.
    """
    with _opened(path) as container:
        stream = container.streams.video[0]
        return int(stream.frames) or sum(1 for _ in container.decode(stream))


def frame_rate(path: Path) -> float | None:
    """Return the mean number of frames a second; None where the file says none.

    Raises:
        InputError: no video is in it, or PyAV is not installed.
        Exception: whatever PyAV raises at a damaged file.
    """
    with _opened(path) as container:
        rate = container.streams.video[0].average_rate
        return float(rate) if rate else None


def read_video(path: Path, number: int | None = None) -> Frame:
    """Read one frame: its luma, over the whole range of 8 bits.

    Frames are decoded from the first on; those of one file asked for in order are decoded once.

    Args:
        path: of the video.
        number: of the frame, from 1; None: the video has one.

    Raises:
        InputError: several frames and no number, a number beyond them, or colours.
        Exception: whatever PyAV raises at a damaged file.
    """
    with _one_at_a_time:
        if number is None:
            count = frame_count(path)
            if count > 1:
                raise InputError(
                    f"a video of {count} frames; say which one, from 1 to {count} (in the column "
                    "'frame')"
                )
            number = 1
        return Frame(_grey(_reader(path).frame(number)), number=number, source=os.fspath(path))


class _Reader:
    """Decodes a video's frames one after the other, and anew where an earlier one is asked for."""

    def __init__(self, path: Path, key: tuple[Any, ...]):
        self.path, self.key = path, key
        self.next = 1
        self.frames: Iterator[Any] = iter(())

    def frame(self, number: int) -> Any:
        if number < self.next or self.next == 1:
            self.next, self.frames = 1, self._decoded()
        for frame in self.frames:
            self.next += 1
            if self.next - 1 == number:
                return frame
        count, self.next = self.next - 1, 1
        raise InputError(f"frame {number} of a video of {count}; write 1 to {count}")

    def _decoded(self) -> Iterator[Any]:
        with _opened(self.path) as container:
            yield from container.decode(container.streams.video[0])


_last: list[_Reader] = []  # the video read last, so that a cine is not decoded from its start again


def _reader(path: Path) -> _Reader:
    status = path.stat()
    key = (path, status.st_mtime_ns, status.st_size)
    if not _last or _last[0].key != key:
        _last[:] = [_Reader(path, key)]
    return _last[0]


def _opened(path: Path) -> Any:
    container = needs("av", "formats", "videos").open(os.fspath(path))
    if not container.streams.video:
        container.close()
        raise InputError("no video is in it; leave it out")
    stream = container.streams.video[0]
    check_size(stream.height, stream.width, 3)
    return container


def _grey(frame: Any) -> np.ndarray:
    """Return the luma [H, W] uint8 of a frame without colours."""
    planes = frame.to_ndarray(format="yuv444p")
    chroma = np.abs(planes[1:].astype(np.int16) - 128)
    if coloured := int((chroma.max(0) > COLOUR).sum()):
        raise InputError(
            f"a colour video (frame with {coloured} coloured pixels); save it as grey, without "
            "coloured writing on the picture"
        )
    return np.ascontiguousarray(frame.to_ndarray(format="gray"))
