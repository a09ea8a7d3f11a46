import json

import pytest

from fluorojax.metrics.case import MetricSettings
from fluorojax.metrics.presence import HEAD, summarise_presence
from fluorojax.metrics.summary import summarise, write_summary
from fluorojax.report.presence import presence
from fluorojax.report.scores import Evaluation
from tests.metrics.test_summary import row, wire
from tests.report.constructed import read

SCRIPT_IN_A_NAME = "<script>wire</script>"


def frames(of="wire"):
    """Of six frames of three patients, three show the wire; in one of the others one is found."""
    status = {(1, False): "scored", (0, False): "both_empty", (0, True): "false_alarm"}
    rows, scores = [], []
    for n, (there, score) in enumerate(((1, 3.0), (1, 2.0), (1, 1.0), (0, 1.5), (0, 0.5), (0, 0))):
        about = {"case": f"c{n}", "patient": f"p{n % 3}", "class": of}
        found = wire(f"c{n}", f"p{n % 3}", 0.5, cldice=0.5, status=status[there, n == 3])
        rows.append(found | {"class": of})
        scores.append(about | {"reference": there, "score": score})
    return rows, scores


def put(run, rows, **more):
    folder = run / "evaluation" / "test"
    write_summary(summarise(rows, MetricSettings()) | more, folder / "summary.json")
    return folder


def test_a_class_that_is_not_always_there_has_its_row(run):
    rows, scores = frames()
    found = summarise_presence(scores)
    put(run, rows, presence=found)
    page = read(run)
    assert "Is it there? test split" in page.words
    assert list(HEAD) in page.rows
    low, high = found["wire"]["auroc_interval"]
    area = f"0.889 [{low:.3f}, {high:.3f}]"  # eight of nine pairs
    assert ["wire", area, "0.333", "0.333 (1 of 3)", "3", "3"] in page.rows
    assert "every frame shows it" not in page.words


def test_masks_alone_have_their_false_alarm_rate(run):
    put(run, frames()[0])
    assert ["wire", "–", "–", "0.333 (1 of 3)", "3", "3"] in read(run).rows


def test_a_class_that_every_frame_shows_has_a_line(run):
    always = [row(f"c{n}", f"p{n % 3}", 0.5) for n in range(6)]
    put(run, [*frames()[0], *always])
    words = read(run).words
    assert "scope: every frame shows it, so nothing here says" in words
    assert "wire: every frame" not in words
    alone = presence(Evaluation(put(run, always)))
    assert (alone.table, alone.always) == (None, ["scope"])
    assert "Is it there? test split" in read(run).words


def test_a_run_from_before_there_was_the_rate_shows_nothing(run):
    folder = put(run, frames()[0])
    summary = json.loads((folder / "summary.json").read_text())
    del summary["classes"]["wire"]["false_alarm_rate"], summary["classes"]["wire"]["without"]
    write_summary(summary, folder / "summary.json")
    assert presence(Evaluation(folder)) is None
    assert "Is it there" not in read(run).words
    (folder / "summary.json").unlink()
    assert "Is it there" not in read(run).words


def test_a_name_cannot_break_the_table(run):
    rows, scores = frames(SCRIPT_IN_A_NAME)
    put(run, rows, presence=summarise_presence(scores))
    page = read(run)
    assert [r[0] for r in page.rows if r[1:2] and "0.889" in r[1]] == [SCRIPT_IN_A_NAME]


@pytest.mark.parametrize("score", [0.5, float("-inf")])
def test_one_patient_has_no_interval(run, score):
    rows, scores = frames()
    scores = [r | {"patient": "p0", "score": score} for r in scores]
    put(run, rows, presence=summarise_presence(scores))
    assert ["wire", "0.500", "1.000", "0.333 (1 of 3)", "3", "3"] in read(run).rows
