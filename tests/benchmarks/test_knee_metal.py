import math

import numpy as np
import pytest

from benchmarks.studies import knee_metal as km
from fluorojax.knee.measure import CLASSES


def scene(cement_grey: float):
    """Two bars of metal with cement below each, and a network that takes a row too many."""
    masks = {name: np.zeros((40, 40), bool) for name in CLASSES}
    image = np.zeros((40, 40), np.float32)
    for name, row in zip(km.METAL, (5, 25), strict=True):
        masks[name][row : row + 4, 5:35] = True
        masks["cement"][row + 3 : row + 6, 5:35] = True  # one row of it behind the metal
        image[masks[name]] = 1.0
    image[masks["cement"] & (image < 1)] = cement_grey
    found = {name: masks[name] | np.roll(masks[name], 1, 0) for name in km.METAL}
    return {"image": image, "view": np.int32(1)}, masks, found


@pytest.mark.parametrize(("grey", "white"), [(0.8, 0.0), (0.99, 1.0)])
def test_a_film_says_how_much_cement_is_as_white_as_metal_and_what_is_false(grey, white):
    film = km.film_of(*scene(grey))
    assert (film.view, film.white, film.on_cement) == ("lateral", white, 1.0)
    assert film.dice == pytest.approx((8 / 9, 8 / 9))


def test_rows_are_by_view_and_share_and_empty_ones_say_nothing():
    film = km.film_of(*scene(0.99))
    rows = km.summary([film, film._replace(dice=(0.5, 0.5)), film._replace(white=math.nan)])
    assert len(rows) == 8
    (most,) = (r for r in rows if r["view"] == "lateral" and r["cement"] == "most")
    assert (most["films"], most["femoral_component"]) == (2, pytest.approx((8 / 9 + 0.5) / 2, 1e-3))
    assert sum(row["films"] for row in rows) == 3
    assert rows[0] == {"view": "ap", "cement": "no cement there", "films": 0} | dict.fromkeys(
        (*km.METAL, "false_on_cement")
    )
