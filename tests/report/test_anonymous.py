import json
import re

import pytest

from fluorojax.core.errors import InputError
from fluorojax.report import write_report
from fluorojax.report.anonymous import Numbers, is_private
from tests.report.constructed import Page, write_run

SECRETS = ("Mueller", "hmueller", "St. Anna", "anna-ct-3", "good", "missed_case")


@pytest.fixture
def run(tmp_path):
    run = write_run(tmp_path / "Mueller")
    record = json.loads((run / "config.json").read_text())
    record["config"]["data"] = {
        "builder": "xray_folder",
        "dir": "/home/hmueller/St. Anna",
        "cases": "Mueller.csv",
        "image_size": [192, 192],
    }
    record["config"]["init_from"] = "exports/hmueller"
    record["dataset"] |= {"name": "St. Anna", "description": "Frames of Mueller"}
    record["machine"] = {
        "system": "Linux anna-ct-3",
        "cores": 2,
        "xla_flags": "--xla_dump_to=/home/hmueller",
    }
    (run / "config.json").write_text(json.dumps(record))
    cases = run / "evaluation" / "test" / "cases.csv"
    cases.write_text(cases.read_text().replace("p0", "Mueller"))
    return run


def test_an_anonymous_page_names_nobody_and_shows_no_pixel(run):
    text = write_report(run, anonymous=True).read_text("utf-8")
    assert [secret for secret in SECRETS if secret in text] == []
    assert "data:image" not in text
    assert "Split by patient" in text
    assert "patient 1" in text
    named = write_report(run).read_text("utf-8")
    assert "data:image" in named
    assert all(secret in named for secret in ("Mueller", "St. Anna", "anna-ct-3"))


def test_an_anonymous_page_keeps_the_scores(run):
    anonymous, named = (
        Page(write_report(run, anonymous=flag).read_text("utf-8")) for flag in (True, False)
    )
    scores = [cell for cell in named.words.split() if re.fullmatch(r"0\.\d{3}", cell)]
    assert len(scores) > 20
    assert set(scores) <= set(anonymous.words.split())
    assert "image_size" in anonymous.words


def test_the_page_has_a_name_of_its_own_and_replaces_no_other_file(run, tmp_path):
    assert write_report(run, anonymous=True) == run / "report_anonymous.html"
    assert not (run / "report.html").exists()
    frame = tmp_path / "frame.png"
    frame.write_bytes(b"\x89PNG")
    with pytest.raises(InputError, match=r"frame\.png is no page of an earlier call"):
        write_report(run, frame)
    assert frame.read_bytes() == b"\x89PNG"
    with pytest.raises(InputError, match="is no page"):
        write_report(run, tmp_path)
    assert write_report(run, tmp_path / "a.html").is_file()
    assert write_report(run, tmp_path / "a.html").is_file()


def test_a_name_has_one_number_wherever_it_stands():
    numbers = Numbers()
    first = numbers({"case": "b", "patient": "p", "sequence": "", "dice": 0.5})
    assert first == {"case": "case 1", "patient": "patient 1", "sequence": "", "dice": 0.5}
    assert numbers({"case": "a", "patient": "p"}) == {"case": "case 2", "patient": "patient 1"}


def test_paths_are_private_under_any_name():
    assert is_private("versions.other", "C:\\Users\\h")
    assert is_private("loss.x", "a/b")
    assert not is_private("training.steps", "4000")
