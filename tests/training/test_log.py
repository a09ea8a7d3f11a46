import json
import time

import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.training.log import MetricsLog, SkippedSteps, is_logged
from tests.integration.runs import curves


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_each_write_is_one_line_and_nan_becomes_null(tmp_path):
    with MetricsLog(tmp_path) as log:
        log.write(1, "train", {"loss": 0.5})
        log.write(2, "train", {"loss": float("nan")})
        log.image(2, "picture", np.zeros((4, 4, 3), np.uint8))
    first, second = lines(tmp_path)
    assert (first["step"], first["split"], first["loss"]) == (1, "train", 0.5)
    assert second["loss"] is None
    assert list((tmp_path / "tensorboard").iterdir())


def test_a_resumed_run_drops_the_steps_that_it_makes_again_and_half_lines(tmp_path):
    with MetricsLog(tmp_path) as log:
        for step in (1, 2, 3):
            log.write(step, "train", {"loss": step})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 1, "lo')
    with MetricsLog(tmp_path, resume_step=2) as log:
        log.write(3, "train", {"loss": 30})
    assert [line["loss"] for line in lines(tmp_path)] == [1, 2, 30]


def test_what_was_handed_over_is_on_disk_though_nobody_closed_the_log(tmp_path):
    log = MetricsLog(tmp_path)
    log.write(1, "train", {"loss": 0.5})
    log.image(1, "picture", np.zeros((4, 4, 3), np.uint8))
    log.flush()
    assert curves(tmp_path) == {"train/loss": {1: 0.5}, "picture": {1: (4, 4)}}
    assert len(lines(tmp_path)) == 1
    log.close()


def test_tensorboard_shows_each_step_of_a_run_that_went_on_once(tmp_path):
    log = MetricsLog(tmp_path)
    for step in (1, 2, 3):
        log.write(step, "train", {"loss": step})
    with MetricsLog(tmp_path, resume_step=2) as again:
        again.write(3, "train", {"loss": 30})
    log.close()
    assert curves(tmp_path) == {"train/loss": {1: 1.0, 2: 2.0, 3: 30.0}}


def test_an_evaluation_cut_short_after_its_pictures_is_shown_once(tmp_path):
    picture = np.zeros((4, 4, 3), np.uint8)
    with MetricsLog(tmp_path) as log:
        log.write(2, "train", {"loss": 0.5, "skipped": float("nan")})
        log.image(2, "picture", picture)  # and then the run was killed
        log.flush()
    with MetricsLog(tmp_path, resume_step=2) as log:
        log.image(2, "picture", picture)
        log.write(2, "validation", {"dice": 0.75})
    time.sleep(1.1)  # names of event files have whole seconds; no run starts within one
    with MetricsLog(tmp_path, resume_step=2) as log:  # scored: nothing is made again
        log.write(3, "train", {"loss": 0.25})
    assert curves(tmp_path) == {
        "train/loss": {2: 0.5, 3: 0.25},
        "train/skipped": {2: None},
        "picture": {2: (4, 4)},
        "validation/dice": {2: 0.75},
    }


def test_a_run_begun_anew_before_its_first_checkpoint_shows_no_older_step(tmp_path):
    for value in (1, 2):
        with MetricsLog(tmp_path) as log:
            log.write(1, "train", {"loss": value})
    assert [line["loss"] for line in lines(tmp_path)] == [2]
    assert curves(tmp_path) == {"train/loss": {1: 2.0}}


def test_a_line_is_found_by_step_and_split(tmp_path):
    assert not is_logged(tmp_path, 1, "train")
    with MetricsLog(tmp_path) as log:
        log.write(1, "train", {"loss": 1})
    assert is_logged(tmp_path, 1, "train")
    assert not is_logged(tmp_path, 1, "validation")


def test_skipped_steps_are_counted_over_restarts_and_need_no_file_until_there_is_one(tmp_path):
    skipped = SkippedSteps(tmp_path)
    assert not skipped.path.exists()
    for step in (3, 5):
        skipped.write(step, ["a"], {"loss": float("nan"), "gradient_norm": float("inf")})
    skipped.close()
    again = SkippedSteps(tmp_path, resume_step=4)
    assert again.count == 1
    again.close()
    (line,) = skipped.path.read_text().splitlines()
    assert json.loads(line) == {"step": 3, "cases": ["a"], "loss": "nan", "gradient_norm": "inf"}


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(tmp_path):
    (tmp_path / "metrics.jsonl").mkdir()
    with pytest.raises(InputError, match=r"metrics.* cannot be written"):
        MetricsLog(tmp_path)


def test_a_line_without_its_end_is_whole_and_the_next_does_not_stand_behind_it(tmp_path):
    with MetricsLog(tmp_path) as log:
        log.write(1, "train", {"loss": 1})
    path = tmp_path / "metrics.jsonl"
    path.write_text(path.read_text().rstrip("\n"))
    with MetricsLog(tmp_path, resume_step=1) as log:
        log.write(2, "train", {"loss": 2})
    assert [line["step"] for line in lines(tmp_path)] == [1, 2]


@pytest.mark.parametrize(
    "damage", ['{"step": 1, "lo', "[]", "3", '{"step": "1"}', '{"split": "x"}']
)
def test_a_damaged_line_before_another_is_named_and_at_the_end_it_is_a_kills(tmp_path, damage):
    good = '{"step": 1, "split": "train", "loss": 0.5}\n'
    path = tmp_path / "metrics.jsonl"
    path.write_text(good + damage + "\n")
    assert is_logged(tmp_path, 1, "train")
    path.write_text(good + damage + "\n" + good)
    with pytest.raises(InputError, match=r"metrics\.jsonl: line 2 is damaged; delete that line"):
        MetricsLog(tmp_path, resume_step=1)


def test_a_record_that_is_no_text_is_named(tmp_path):
    (tmp_path / "metrics.jsonl").write_bytes(b"\xff\xfe\n")
    with pytest.raises(InputError, match=r"metrics\.jsonl: no text at byte 0"):
        is_logged(tmp_path, 1, "train")
