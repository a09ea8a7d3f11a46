import json

import numpy as np

from fluorojax.training.log import MetricsLog


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
