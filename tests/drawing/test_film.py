import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.data.readers import frame_count, frame_rate
from fluorojax.drawing import film
from fluorojax.drawing.film import write_film

av = pytest.importorskip("av")


def pictures(count, shape=(33, 50)):
    for k in range(count):
        yield np.full((*shape, 3), 40 + 20 * k, np.uint8)


@pytest.mark.parametrize("codec", film.CODECS)
def test_a_film_shows_its_pictures_at_its_rate(tmp_path, monkeypatch, codec):
    monkeypatch.setattr(film, "CODECS", (codec,))
    path = tmp_path / "a.mp4"
    write_film(path, pictures(8), 7.5)
    assert frame_count(path) == 8
    assert frame_rate(path) == pytest.approx(7.5)
    with av.open(str(path)) as container:
        decoded = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
    for k, picture in enumerate(decoded):
        assert picture.shape == (34, 50, 3)  # sides of a film are even
        assert np.abs(picture[:32, :48].astype(int) - (40 + 20 * k)).max() < 8


def test_rates_that_no_player_keeps_are_brought_in(tmp_path):
    write_film(tmp_path / "a.mp4", pictures(2), 4000.0)
    assert frame_rate(tmp_path / "a.mp4") == pytest.approx(60.0)


def test_without_the_library_it_is_said_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(InputError, match=r"pip install 'fluorojax\[formats\]'"):
        write_film(tmp_path / "a.mp4", pictures(2), 10.0)
