import pytest

from fluorojax.core.errors import InputError
from fluorojax.knee.measure.result import DETECTOR_PLANE
from fluorojax.knee.show import SHOWN, show

ROW = {
    "name": "beta",
    "value": 93.5,
    "uncertainty": 0.25,
    "unit": "deg",
    "refused": "",
    "tolerance": "outside",
    "tolerance_low": 87.0,
    "tolerance_high": 93.0,
    "scale_source": "",
    "note": "",
}
REFUSED = ROW | {"value": None, "uncertainty": None, "refused": "too dark", "tolerance": ""}
CLEAR = ROW | {"name": "radiolucency_tibia_zone_1_extent", "value": 0.0, "tolerance": ""}
WIDE = ROW | {
    "name": "tibial_overhang_medial",
    "unit": "mm",
    "tolerance_low": None,
    "tolerance_high": 2.0,
    "scale_source": "a ball",
    "note": "mirrored",
}


def film(name, *rows):
    return {"film": name, "assumptions": {"view": "ap, as given"}, "measurements": list(rows)}


def record(*films, failed=()):
    return {"films": list(films), "failed": list(failed)}


def printed(capsys, *given, **failed):
    show(record(*given, **failed), "out")
    return capsys.readouterr().out


def test_a_film_s_values_refusals_and_grounds_are_printed(capsys):
    refused = [REFUSED | {"name": name} for name in ("alpha", "hka", "mldfa", "mpta", "sigma")]
    text = printed(capsys, film("knee7", ROW, WIDE, CLEAR, *refused))
    for part in ("knee7", "93.50", "0.25", "outside 87 to 93", "outside up to 2"):
        assert part in text
    assert "refused: alpha, hka, mldfa and 2 more: too dark" in text
    assert "no lucency in 1 zones that were read" in text
    assert "scale: a ball" in text
    assert "note: mirrored" in text
    assert "view ap, as given" in text


def test_of_a_lucent_zone_its_greatest_width_is_printed(capsys):
    zone = "radiolucency_tibia_zone_1"
    rows = [
        ROW | {"name": f"{zone}_{part}", "value": value}
        for part, value in (("width_max", 2.5), ("width_mean", 1.5), ("extent", 0.75))
    ]
    text = printed(capsys, film("knee7", *rows))
    assert "2.50" in text
    assert "1.50" not in text
    assert "0.75" not in text


def test_many_films_are_one_table(capsys):
    films = [film(f"f{n}", ROW | {"value": 90.0 + n}, CLEAR) for n in range(SHOWN)]
    text = printed(capsys, *films, film("f", REFUSED))
    (line,) = [line for line in text.splitlines() if "beta" in line]
    cells = [cell.strip() for cell in line.strip("│┃ ").split("│")]
    assert cells == ["beta", str(SHOWN), "1", "92.50", "deg", str(SHOWN)]
    assert "zone_1" not in text


def test_films_that_failed_are_an_error_with_each_reason_once():
    failed = [{"film": name, "reason": "no view"} for name in "abcd"]
    with pytest.raises(InputError, match=r"4 of 5 films not measured:\n  a, b, c and 1 more: no v"):
        show(record(film("e", ROW), failed=failed), "out")


@pytest.mark.parametrize("films", [1, SHOWN + 1])
def test_lengths_of_unknown_magnification_say_so_on_the_screen(capsys, films):
    shadow = f"imager spacing: lengths are {DETECTOR_PLANE}"
    plain = ROW | {"name": "overhang", "unit": "mm", "scale_source": shadow}
    text = printed(capsys, *(film(f"f{n}", ROW, plain) for n in range(films)))
    (length,) = [line for line in text.splitlines() if "overhang" in line]
    (angle,) = [line for line in text.splitlines() if "beta" in line]
    assert "mm at detector" in length
    assert "deg" in angle
    assert "detector" not in angle
    assert f"scale: {shadow}" in " ".join(text.split())
