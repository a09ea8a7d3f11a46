import json

import pytest

from fluorojax.core.errors import InputError
from fluorojax.metrics.image_labels import summarise_image_labels, write_image_labels_csv
from fluorojax.metrics.summary import write_summary
from fluorojax.schema.info import ImageLabelInfo
from tests.report.constructed import read


def test_image_labels_stand_with_their_confusion_and_the_cases_that_are_wrong(run):
    assert "Image labels" not in read(run).words
    folder = run / "evaluation" / "test"
    rows = [
        {
            **{"case": case, "patient": patient, "sequence": "", "image_label": "maker"},
            **{"reference": reference, "predicted": "b", "probability": probability},
        }
        for case, patient, reference, probability in (
            ("one", "p0", "b", 0.9),
            ("two", "p0", "<a>", 0.6),
            ("three", "p1", "<a>", 0.7),
            ("four", "p1", "", 0.8),
        )
    ]
    write_image_labels_csv(rows, folder / "image_labels.csv")
    maker = ImageLabelInfo("maker", ("<a>", "b"))
    summary = json.loads((folder / "summary.json").read_text())
    scored = {"image_labels": summarise_image_labels(rows, (maker,))}
    write_summary(summary | scored, folder / "summary.json")
    page = read(run)
    assert "Image labels of whole frames, test split" in page.words
    assert ["annotated, predicted as", "<a>", "b"] in page.rows
    assert "Right in 1 of 3 frames (0.333); mean over 2 patients 0.250" in page.words
    assert "Of 1 more the value is not known." in page.words
    assert ["<a>", "0", "2"] in page.rows
    wrong = [row[:5] for row in page.rows if row[0] in ("one", "two", "three", "four")]
    assert wrong == [
        ["three", "p1", "<a>", "b", "0.700"],
        ["two", "p0", "<a>", "b", "0.600"],
    ]
    (folder / "image_labels.csv").write_text("case\none\n")
    with pytest.raises(InputError, match=r"image_labels\.csv is damaged"):
        read(run)
