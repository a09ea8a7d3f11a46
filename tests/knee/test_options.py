import math
import re
from pathlib import Path

import pytest

from fluorojax.cli import main as cli
from fluorojax.core.errors import InputError
from fluorojax.knee.films import Overrides
from fluorojax.knee.measure import KnownWidth, Tolerances
from fluorojax.knee.options import given_of, names, tolerances_of


def given(*options):
    parsed = cli.parser().parse_args(["measure", "export", "--out", "out", *options])
    return given_of(parsed)


def test_options_are_what_is_given():
    assert given() == Overrides()
    assert given("--view", "lateral", "--side", "left", "--spacing-mm", "0.2") == Overrides(
        view="lateral", side="left", spacing_mm=(0.2, 0.2)
    )
    assert given("--spacing-mm", "0.2,0.3").spacing_mm == (0.2, 0.3)
    assert given("--magnification", "1.15").magnification == 1.15
    assert given("--magnification", "unknown").magnification is None
    assert given("--known-width", "tibial_component=76").known_width == KnownWidth(
        "tibial_component", 76.0
    )
    assert given("--ball-mm", "25.4", "--implant", "total") == Overrides(
        implant="total", ball_mm=25.4
    )


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("--spacing-mm", "wide", "write one number above 0"),
        ("--spacing-mm", "0.2,0.2,0.2", "one number above 0, or two"),
        ("--spacing-mm", "-0.2", "above 0"),
        ("--spacing-mm", "inf", "above 0"),
        ("--magnification", "15", "from 1 to 2, or 'unknown'"),
        ("--known-width", "76", "tibial_component=76"),
        ("--known-width", "tibial_component=", "write 1 number"),
        ("--ball-mm", "nan", "write 1 number"),
    ],
)
def test_numbers_that_cannot_be_are_refused(option, text, message):
    with pytest.raises(InputError, match=message):
        given(option, text)


def test_a_band_can_be_replaced_and_others_stay():
    bands = tolerances_of(["alpha=90,100", "hka=-inf,185", "mpta=85,90"]).bands
    assert bands["alpha"] == (90.0, 100.0)
    assert bands["hka"] == (-math.inf, 185.0)
    assert bands["mpta"] == (85.0, 90.0)
    assert bands["beta"] == Tolerances().bands["beta"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("alpa=90,100", "'alpa' is not measured; perhaps 'alpha'"),
        ("alpha=90", "write 2 numbers"),
        ("alpha", "write 2 numbers"),
        ("alpha=100,90", "lower limit first"),
        ("alpha=90,nan", "write 2 numbers"),
        ("alpha=90,1_00", "write 2 numbers"),
    ],
)
def test_a_band_that_cannot_be_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        tolerances_of([text])


def test_a_band_is_given_once():
    with pytest.raises(InputError, match="alpha stands there twice"):
        tolerances_of(["alpha=1,2", "alpha=1,3"])


def test_every_band_is_of_something_that_is_measured():
    assert set(Tolerances().bands) <= set(names())
    assert len(names()) == len(set(names()))


def test_the_page_defines_everything_that_is_measured():
    page = (Path(__file__).parents[2] / "docs/knee.md").read_text("utf-8")
    spelled = [re.sub(r"_zone_\d_.*", "_zone_N_", name) for name in names()]
    assert [name for name in spelled if f"`{name}" not in page] == []
