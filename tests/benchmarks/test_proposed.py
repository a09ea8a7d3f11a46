import shlex

import jax
import numpy as np
import pytest

from benchmarks.studies import proposed
from fluorojax.data.folder import load_case, read_folder
from fluorojax.inference.export import export
from fluorojax.inference.mask_rules import MaskRules
from fluorojax.inference.predictor import Predictor
from fluorojax.models.spec import NetworkSpec, build
from fluorojax.schema.info import ClassInfo
from tests.folders import CLASSES, edit_csv, write_folder


def test_both_trainings_differ_in_their_folder_alone(tmp_path):
    hand = write_folder(tmp_path / "hand", size=96)
    own = proposed.copied(hand, tmp_path / "out/hand")
    assert sorted(p.name for p in own.iterdir()) == ["images", "masks"]
    arguments = proposed.proposed(own)
    other = proposed.of_hand(arguments, hand)
    assert [(a, b) for a, b in zip(arguments, other, strict=True) if a != b] == [
        (f"--config.data.dir={own}", f"--config.data.dir={hand}")
    ]
    command = proposed.command(arguments, tmp_path / "run", 4)
    assert command[3:5] == ["train", arguments[0]]
    assert "--config.training.steps=4" in command
    assert "steps=4" not in shlex.join(proposed.command(arguments, tmp_path / "run", None))


def test_the_frames_that_neither_has_learned_from(tmp_path):
    hand, own = (write_folder(tmp_path / name) for name in ("hand", "own"))
    assert proposed.unseen(hand, own) == {f"images/{n}.png" for n in (3, 4, 8, 9)}
    edit_csv(
        own / "cases.csv",
        lambda rows: [row | ({"split": "train"} if row["case"] == "c8" else {}) for row in rows],
    )
    assert proposed.unseen(hand, own) == {f"images/{n}.png" for n in (3, 4, 9)}


def test_scores_are_means_over_cases_where_there_is_one(tmp_path):
    place = tmp_path / "run/evaluation/test"
    place.mkdir(parents=True)
    (place / "cases.csv").write_text(
        "case,class,dice,cldice\nc4,scope,0.5,\nc4,wire,0.25,0.75\nc9,scope,1.0,nan\n"
    )
    assert proposed.test_scores(tmp_path / "run") == {
        "scope dice": 0.75,
        "wire dice": 0.25,
        "wire cldice": 0.75,
    }


def test_an_export_is_scored_on_the_frames_given(tmp_path):
    folder = write_folder(tmp_path / "frames")
    spec = NetworkSpec(((0, 1),), "none", None, 4, 1, "group", False, False, False, "float32")
    image = np.zeros((1, 16, 16, 1))
    shapes = jax.eval_shape(build(spec).init, jax.random.key(0, impl="rbg"), image)["params"]
    nothing = jax.tree.map(lambda shape: np.zeros(shape.shape, np.float32), shapes)
    classes = tuple(ClassInfo(one["name"], one["kind"]) for one in CLASSES)
    export(Predictor(spec, nothing, (64, 64), MaskRules(classes)), tmp_path / "run/export", {})
    # Of probabilities of one half everything is found, and Dice is the share of the class.
    data = read_folder(folder)
    shares = []
    for n in (4, 9):
        mask = load_case(data, data.cases[n])[1][..., 0].astype(bool)
        shares.append(2 * mask.sum() / (mask.sum() + mask.size))
    found = proposed.scores(tmp_path / "run", folder, {"images/4.png", "images/9.png"})
    assert found["scope dice"] == pytest.approx(np.mean(shares))
    assert set(found) == {"scope dice", "wire dice", "wire cldice"}
