from pathlib import Path

import numpy as np

from benchmarks.pages import metric_examples

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_table_of_the_page_is_what_the_command_prints():
    assert metric_examples.table() in PAGE.read_text()


def test_each_example_is_what_its_name_says():
    _, wire = metric_examples.scene()
    examples = metric_examples.examples()
    assert 0.04 < 1 - examples["5 % gap"].sum() / wire.sum() < 0.06
    assert not (examples["missing tip"] & ~wire).any()
    np.testing.assert_array_equal(examples["1 px shift"][1:], wire[:-1])
    assert (examples["wrong branch"] & ~wire).any()
    assert (examples["two wires"] >= wire).all()


def test_the_gap_escapes_dice_and_hd95_but_not_the_pieces():
    row = metric_examples.scores()["5 % gap"]
    sees = {name for name in metric_examples.SHOWN if metric_examples.seen(name, row[name])}
    assert {"betti0_error", "attached_share", "tip_error"} <= sees
    assert not sees & {"dice", "iou", "nsd", "hd95", "assd", "cldice"}


def test_the_picture_has_every_panel_of_one_size():
    picture = metric_examples.picture()
    assert picture.dtype == np.uint8
    assert picture.shape[0] % 3 == 0
    height, width = picture.shape[0] // 3, picture.shape[1] // 2
    panels = [
        picture[r : r + height, c : c + width]
        for r in range(0, 3 * height, height)
        for c in (0, width)
    ]
    different = {panel.tobytes() for panel in panels}
    assert len(different) == 6
