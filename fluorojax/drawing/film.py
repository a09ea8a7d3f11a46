"""Pictures as a video, by PyAV (an extra: `pip install 'fluorojax[formats]'`)."""

import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from fluorojax.core.errors import needs

CODECS = ("libx264", "mpeg4")
"""The first that there is: every browser and player shows H.264."""
QUALITY = {"libx264": {"crf": "18"}, "mpeg4": {"qscale": "2"}}
RATES = (1.0, 60.0)
"""Frames a second that players keep up with."""


def library() -> Any:
    """Return PyAV.

    Raises:
        InputError: it is not installed.
    """
    return needs("av", "formats", "videos")


def write_film(path: Path, pictures: Iterable[np.ndarray], rate: float) -> None:
    """Write an MP4; one picture is in memory at a time.

    Args:
        path: to be written, whatever its ending.
        pictures: [H, W, 3] uint8 each, all of one size; odd sides get a black row or column more.
        rate: frames a second, brought into RATES.

    Raises:
        InputError: PyAV is not installed.
    """
    av = library()
    codec = next(name for name in CODECS if name in av.codecs_available)
    with av.open(os.fspath(path), "w", format="mp4") as container:
        stream = container.add_stream(
            codec, Fraction(min(max(rate, RATES[0]), RATES[1])).limit_denominator(1000)
        )
        stream.pix_fmt, stream.options = "yuv420p", QUALITY[codec]
        for picture in pictures:
            even = np.pad(picture, [(0, side % 2) for side in picture.shape[:2]] + [(0, 0)])
            if not stream.codec_context.is_open:
                stream.height, stream.width = even.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        container.mux(stream.encode())
