import pytest

from fluorojax.metrics.image_labels import (
    read_image_labels_csv,
    summarise_image_labels,
    wilson_interval,
    write_image_labels_csv,
)
from fluorojax.schema.info import ImageLabelInfo

MAKER = ImageLabelInfo("maker", ("a", "b", "c"))
VIEW = ImageLabelInfo("view", ("front", "side"))


def row(case, patient, reference, predicted, image_label="maker"):
    return {
        "case": case,
        "patient": patient,
        "sequence": "",
        "image_label": image_label,
        "reference": reference,
        "predicted": predicted,
        "probability": 0.5,
    }


ROWS = [
    row("1", "p", "a", "a"),
    row("2", "p", "a", "b"),
    row("3", "q", "c", "c"),
    row("4", "q", "", "b"),
]


@pytest.mark.parametrize(
    ("share", "n", "low", "high"),
    [(0.9, 10, 0.5958, 0.9821), (1.0, 10, 0.7225, 1.0), (0.0, 1, 0.0, 0.7935)],
)
def test_the_interval_by_hand_and_it_is_never_of_no_width(share, n, low, high):
    assert wilson_interval(share, n) == pytest.approx((low, high), abs=1e-4)


def test_the_summary_counts_cases_and_averages_patients():
    (of,) = summarise_image_labels(ROWS, (VIEW, MAKER)).values()
    assert (of["cases"], of["unknown"], of["patients"]) == (3, 1, 2)
    assert of["accuracy"] == pytest.approx(2 / 3)
    assert of["patient_accuracy"] == 0.75  # 1 of 2, and 1 of 1
    assert of["interval"] == pytest.approx(list(wilson_interval(0.75, 2)))
    assert of["confusion"] == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]
    assert of["values"] == ["a", "b", "c"]


def test_where_no_value_is_known_there_is_no_accuracy():
    (of,) = summarise_image_labels([row("1", "p", "", "a")], (MAKER,)).values()
    assert (of["cases"], of["unknown"], of["accuracy"], of["interval"]) == (0, 1, None, None)


def test_attributes_keep_their_order_and_those_not_told_are_left_out():
    rows = [*ROWS, row("1", "p", "side", "side", "view")]
    assert list(summarise_image_labels(rows, (VIEW, MAKER))) == ["view", "maker"]
    assert summarise_image_labels(ROWS, (VIEW,)) == {}


def test_rows_come_back_from_their_table(tmp_path):
    write_image_labels_csv(ROWS, tmp_path / "image_labels.csv")
    assert read_image_labels_csv(tmp_path / "image_labels.csv") == ROWS
