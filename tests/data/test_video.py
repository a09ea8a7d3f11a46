import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.data.readers import frame_count, read_frame

av = pytest.importorskip("av")
RAMP = np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1))
FRAMES = [np.roll(RAMP, 8 * n, 1) for n in range(5)]


def write(path, frames, codec="ffv1", kind="gray", given="gray"):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=15)
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], kind
        for pixels in frames:
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format=given)):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def test_frames_of_a_lossless_video_are_those_that_were_written(tmp_path):
    path = write(tmp_path / "a.avi", FRAMES)
    assert frame_count(path) == 5
    for number in (1, 2, 5, 3, 3, 1):  # forwards, and back again
        frame = read_frame(path, number)
        np.testing.assert_array_equal(frame.pixels, FRAMES[number - 1])
        assert (frame.number, frame.spacing_origin) == (number, "unknown")


def test_a_compressed_video_is_read_by_its_luma(tmp_path):
    path = write(tmp_path / "a.mp4", FRAMES, "mpeg4", "yuv420p")
    found = read_frame(path, 2).pixels.astype(int)
    assert np.abs(found - FRAMES[1]).mean() < 8


def test_a_video_in_colours_is_refused(tmp_path):
    colours = np.zeros((48, 64, 3), np.uint8)
    colours[:20] = 255, 0, 0
    path = write(tmp_path / "a.mp4", [colours], "mpeg4", "yuv420p", "rgb24")
    with pytest.raises(InputError, match=r"a\.mp4: a colour video"):
        read_frame(path, 1)


def test_a_number_is_needed_and_must_be_there(tmp_path):
    path = write(tmp_path / "a.avi", FRAMES)
    with pytest.raises(InputError, match="a video of 5 frames; say which one, from 1 to 5"):
        read_frame(path)
    for number in (0, 6):
        with pytest.raises(InputError, match=f"frame {number} of a video of 5"):
            read_frame(path, number)
    np.testing.assert_array_equal(read_frame(path, 5).pixels, FRAMES[4])


@pytest.mark.parametrize("content", [b"", b"RIFF" + bytes(100), bytes(3000)])
def test_a_file_that_is_no_video_is_refused(tmp_path, content):
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.mp4: (cannot be decoded|no video)"):
        read_frame(tmp_path / "a.mp4", 1)
