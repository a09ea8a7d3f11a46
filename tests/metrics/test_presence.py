import csv
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluorojax.core.errors import InputError
from fluorojax.metrics.presence import (
    COLUMNS,
    auroc,
    auroc_interval,
    false_alarms_at_95,
    least_score,
    read_presence_csv,
    summarise_presence,
    threshold_at_95,
    write_presence_csv,
)

NOTHING = -math.inf
FEW = st.sampled_from([NOTHING, -1.5, 0.0, 0.25, 0.5, 3.0])
FRAMES = st.lists(st.tuples(FEW, st.booleans()), min_size=1, max_size=25)


def apart(frames):
    return [score for score, _ in frames], [there for _, there in frames]


def kinds(frames):
    return [s for s, there in frames if there], [s for s, there in frames if not there]


def by_all_pairs(frames):
    present, absent = kinds(frames)
    won = [1.0 if s > t else 0.5 if s == t else 0.0 for s in present for t in absent]
    return sum(won) / len(won) if won else None


@given(FRAMES)
def test_the_area_is_the_share_of_pairs_in_order_ties_as_one_half(frames):
    assert auroc(*apart(frames)) == pytest.approx(by_all_pairs(frames))


def test_the_area_of_cases_made_by_hand():
    assert auroc([3.0, 2.0, 1.0, 0.0], [True, True, False, False]) == 1.0
    assert auroc([0.0, 1.0], [True, False]) == 0.0
    assert auroc([1.0, 1.0, 1.0], [True, False, False]) == 0.5
    # Of 2 x 2 pairs: 0.4 < 0.6, 0.4 > -inf, 0.6 = 0.6, 0.6 > -inf.
    assert auroc([0.4, 0.6, 0.6, NOTHING], [True, True, False, False]) == 2.5 / 4
    assert auroc([NOTHING, NOTHING], [True, False]) == 0.5


@pytest.mark.parametrize("there", [[True, True], [False, False]])
def test_one_kind_of_frame_has_neither_area_nor_interval_nor_false_alarms(there):
    assert auroc([0.1, 0.2], there) is None
    assert auroc_interval([0.1, 0.2], there, ["a", "b"]) is None
    assert false_alarms_at_95([0.1, 0.2], there) is None


@pytest.mark.parametrize("measure", [auroc, threshold_at_95, false_alarms_at_95, least_score])
def test_scores_that_are_none_are_refused(measure):
    for wrong in (math.nan, math.inf):
        with pytest.raises(ValueError, match="must be finite or -inf"):
            measure([0.5, wrong], [True, False])
    with pytest.raises(ValueError, match="one length"):
        measure([0.5], [True, False])


def frames_of(patients, each, distance, seed=0):
    """Frames of patients who have the class or not, in half of their frames."""
    rng = np.random.default_rng(seed)
    there = np.arange(patients * each) % 2 == 0
    own = np.repeat(rng.normal(size=patients), each)
    scores = own + distance * there + rng.normal(size=patients * each)
    return scores, there, np.repeat([f"p{k}" for k in range(patients)], each)


def test_the_interval_is_that_of_drawing_patients_one_by_one():
    scores, there, patients = frames_of(6, 4, 1.0)
    names = sorted(set(patients))
    rng, areas = np.random.default_rng(1), []
    for _ in range(4000):
        drawn = np.concatenate(
            [np.flatnonzero(patients == names[k]) for k in rng.integers(0, 6, 6)]
        )
        areas.append(by_all_pairs(list(zip(scores[drawn], there[drawn], strict=True))))
    found = auroc_interval(scores, there, patients)
    assert found == pytest.approx(np.quantile(areas, [0.025, 0.975]), abs=0.015)
    assert found.low < auroc(scores, there) < found.high


def test_the_interval_is_the_same_each_time_and_whatever_is_held_at_once(monkeypatch):
    given = frames_of(5, 6, 0.5)
    found = auroc_interval(*given, draws=500)
    assert auroc_interval(*given, draws=500) == found
    assert auroc_interval(*given, draws=500, seed=1) != found
    monkeypatch.setattr("fluorojax.metrics.presence.CHUNK", 7 * 30)
    assert auroc_interval(*given, draws=500) == found
    order = np.random.default_rng(0).permutation(30)
    assert auroc_interval(*(of[order] for of in given), draws=500) == found


def test_more_frames_of_the_same_patients_do_not_narrow_the_interval():
    scores, there, patients = frames_of(8, 4, 1.0)
    again = (np.tile(of, 10) for of in (scores, there, patients))
    assert auroc_interval(*again) == pytest.approx(auroc_interval(scores, there, patients))


def test_draws_without_both_kinds_are_drawn_again():
    # One patient has the class, the other not: a draw of one of them twice says nothing.
    assert auroc_interval([0.9, 0.1], [True, False], ["a", "b"]) == (1.0, 1.0)
    assert auroc_interval([0.9, 0.1, 0.8, 0.2], [1, 0, 0, 1], ["a"] * 4) is None
    with pytest.raises(ValueError, match="2 scores are of 1 patients' frames"):
        auroc_interval([0.9, 0.1], [True, False], ["a"])


def by_trying_all(frames):
    """The greatest score that keeps 95 % of the frames with the class."""
    present, _ = kinds(frames)
    good = [t for t in present if 100 * sum(s >= t for s in present) >= 95 * len(present)]
    return max(good, default=None)


@given(FRAMES)
def test_the_threshold_of_95_percent_is_the_greatest_that_keeps_them(frames):
    threshold = by_trying_all(frames)
    assert threshold_at_95(*apart(frames)) == threshold
    _, absent = kinds(frames)
    if threshold is None or not absent:
        assert false_alarms_at_95(*apart(frames)) is None
    else:
        alarms = sum(s >= threshold for s in absent) / len(absent)
        assert false_alarms_at_95(*apart(frames)) == pytest.approx(alarms)


def test_95_percent_of_cases_made_by_hand():
    # Of 20 frames one may be lost, of 19 none, of 40 two.
    assert threshold_at_95(range(20), [True] * 20) == 1.0
    assert threshold_at_95(range(19), [True] * 19) == 0.0
    assert threshold_at_95(range(40), [True] * 40) == 2.0
    present = [float(k) for k in range(1, 21)]
    # The threshold is 2: what ties with it is a false alarm, what lies below is none.
    scores = [*present, 2.0, 1.999, 30.0, NOTHING]
    assert false_alarms_at_95(scores, [True] * 20 + [False] * 4) == 0.5
    # Two of 20 tie at the bottom: losing one is losing both, so both are kept.
    tied = [1.0, 1.0, *present[2:], 1.5]
    assert threshold_at_95(tied, [True] * 20 + [False]) == 1.0
    assert false_alarms_at_95(tied, [True] * 20 + [False]) == 1.0


def test_frames_in_which_nothing_is_found_force_the_threshold_down_to_all():
    there = [True] * 10 + [False] * 3
    assert false_alarms_at_95([NOTHING, *range(1, 10), 0, NOTHING, 0], there) == 1.0


def best_by_trying_all(frames):
    """J, detection and false alarms of the best cut below a score, of equals the rarest alarms."""
    present, absent = kinds(frames)
    cuts = []
    for t in {*present, *absent}:
        found, alarms = sum(s >= t for s in present), sum(s >= t for s in absent)
        youden = found * len(absent) - alarms * len(present)
        cuts.append((youden, -alarms, found))
    return max(cuts)


@given(FRAMES)
def test_the_least_score_makes_detection_minus_false_alarms_greatest(frames):
    threshold = least_score(*apart(frames))
    present, absent = kinds(frames)
    if not present:
        assert threshold is None
    elif not absent:
        assert threshold == by_trying_all(frames)
    else:
        found, alarms = sum(s >= threshold for s in present), sum(s >= threshold for s in absent)
        youden = found * len(absent) - alarms * len(present)
        assert (youden, -alarms, found) == best_by_trying_all(frames)


def test_the_least_score_of_cases_made_by_hand():
    assert least_score([0.9, 0.7, 0.2, 0.1], [True, True, False, False]) == pytest.approx(0.45)
    # Cuts below 0.9 and below 0.5 have J = 1/2 both: the one with fewer false alarms.
    assert least_score([0.9, 0.5, 0.7, 0.1], [True, True, False, False]) == pytest.approx(0.8)
    # Nothing lies in the middle of -inf and 0.7.
    assert least_score([0.7, 0.9, NOTHING], [True, True, False]) == 0.7
    one = np.nextafter(1.0, 2.0)
    assert least_score([one, 1.0], [True, False]) == one
    assert least_score([1e308, 1.2e308, 0.9e308], [True, True, False]) == pytest.approx(0.95e308)


def test_a_class_is_not_given_up_however_bad_its_score():
    assert least_score([0.1, 0.9], [True, False]) == 0.1
    assert least_score([0.5, 0.5], [True, False]) == 0.5
    assert least_score([NOTHING, 0.5], [True, False]) == NOTHING


def row(case, patient, reference, score, of="wire"):
    return dict(zip(COLUMNS, (case, patient, of, reference, score), strict=True))


ROWS = [
    row("a1", "a", 1, 0.9),
    row("a2", "a", 0, 0.3),
    row("b1", "b", 1, 0.1 + 0.2),
    row("b2", "b", 0, NOTHING),
    row("a1", "a", 1, 2.0, of="scope"),
]


def test_the_summary_of_each_class():
    found = summarise_presence(ROWS)
    assert list(found) == ["wire", "scope"]
    wire = found["wire"]
    assert wire.pop("auroc_interval") == [pytest.approx(1.0), 1.0]
    assert wire == {"auroc": 1.0, "false_alarms_at_95": 0.0, "with": 2, "without": 2}
    nothing = dict.fromkeys(("auroc", "auroc_interval", "false_alarms_at_95"))
    assert found["scope"] == nothing | {"with": 1, "without": 0}


def test_the_table_comes_back_as_written(tmp_path):
    rows = [*ROWS, row('odd, "name"', "ü", 0, -1 / 3)]
    write_presence_csv(rows, tmp_path / "deep" / "presence.csv")
    assert read_presence_csv(tmp_path / "deep" / "presence.csv") == rows
    assert "b2,b,wire,0,-inf\n" in (tmp_path / "deep" / "presence.csv").read_text("utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": "inf"}, "case a1, class wire: score is 'inf', which is no finite number"),
        ({"score": "nan"}, "score is 'nan', which is no finite number"),
        ({"score": ""}, "score is empty"),
        ({"reference": "2"}, "reference is '2', not one of 0, 1"),
        ({"patient": ""}, "patient is empty"),
        ({"case": "a2"}, "case a2, class wire: stands there twice"),
    ],
)
def test_a_damaged_table_is_refused_by_its_place(tmp_path, change, message):
    path = tmp_path / "presence.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows([ROWS[0] | change, ROWS[1]])
    with pytest.raises(InputError, match=rf"presence\.csv: .*{message}.*; evaluate again"):
        read_presence_csv(path)
