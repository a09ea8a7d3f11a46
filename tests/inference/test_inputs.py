import pytest

from fluorojax.core.errors import InputError
from fluorojax.inference.inputs import frames_of


def test_two_frames_with_one_stem_are_refused_by_name(tmp_path):
    for name in ("a/x.png", "b/x.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=r"a/x\.png and .*b/x\.png"):
        frames_of([tmp_path / "a", tmp_path / "b"])


def test_a_frame_named_twice_is_predicted_once(tmp_path):
    (tmp_path / "x.png").touch()
    assert frames_of([tmp_path, tmp_path / "x.png"]) == [tmp_path / "x.png"]


def test_nothing_to_predict_is_refused(tmp_path):
    with pytest.raises(InputError, match="no frame"):
        frames_of([tmp_path])
    with pytest.raises(InputError, match="does not exist"):
        frames_of([tmp_path / "y.png"])
