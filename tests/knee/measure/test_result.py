import math

import pytest

from fluorojax.knee.measure.result import Measurement, Tolerances

BANDS = {  # degrees and mm, as the docstring of Tolerances gives their sources
    "alpha": (93, 99),
    "beta": (87, 93),
    "gamma": (87, 93),
    "sigma": (83, 90),
    "hka": (177, 183),
    "uka_femoral_varus": (-10, 10),
    "uka_tibial_varus": (-5, 5),
    "uka_tibial_slope": (2, 12),
    "tibial_overhang_medial": (-math.inf, 2),
    "tibial_overhang_lateral": (-math.inf, 2),
}


def of(name, value):
    return Measurement(name, "deg", "as measured", value, 0.0)


@pytest.mark.parametrize("name", BANDS)
def test_a_value_beyond_a_limit_is_outside(name):
    low, high = BANDS[name]
    verdict = Tolerances().verdict
    assert verdict(of(name, high - 0.1)) == "inside"
    assert verdict(of(name, high + 0.1)) == "outside"
    if math.isfinite(low):
        assert verdict(of(name, low + 0.1)) == "inside"
        assert verdict(of(name, low - 0.1)) == "outside"


def test_every_band_is_known_here():
    assert Tolerances().bands == BANDS
