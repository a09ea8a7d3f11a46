"""Additions, each as docs/how-to/extend.md says: an entry in a table, and all else follows."""

import csv
import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fluorojax.cli.main import main
from fluorojax.config import validate
from fluorojax.config.procedures import PROCEDURES, Procedure
from fluorojax.configs import joint
from fluorojax.core.errors import InputError
from fluorojax.data import readers
from fluorojax.data.picture import check_size
from fluorojax.losses.joint import joint_loss
from fluorojax.losses.terms import TERMS, Parameter, Term, weight
from fluorojax.metrics.case import METRICS, Metric, paired_score, score_case
from fluorojax.metrics.summary import summarise
from fluorojax.schema.frame import Frame
from fluorojax.schema.info import ClassInfo, DatasetInfo
from fluorojax.schema.limits import number
from fluorojax.simulation.spec import CARM
from fluorojax.training import setup
from tests.losses.test_joint import scene


def brier(probabilities, mask, weight, power):
    """Return the mean distance between probability and truth, raised to a power, [B]."""
    distance = jnp.abs(probabilities - mask) ** power
    return (weight * distance).sum((1, 2)) / weight.sum((1, 2))


def test_a_loss_term(monkeypatch):
    power = Parameter("power", number(2.0, 1.0, 4.0))
    term = Term("area", brier, ("probabilities", "mask"), weight(0.0), {"brier_power": power})
    monkeypatch.setitem(TERMS, "brier", term)
    config = joint.get_config("quick")
    config.loss.brier = 0.5
    validate(config, joint.get_config("quick"))
    info = DatasetInfo("toy", (ClassInfo("scope", "region"), ClassInfo("wire", "curve")))
    logits, targets = scene()
    _, terms = joint_loss(logits, targets, setup.loss_spec(config, info))
    wrong = (np.asarray(jax.nn.sigmoid(logits)) - targets.mask) ** 2
    np.testing.assert_allclose(terms["wire/brier"], wrong[..., 1].mean((1, 2)), rtol=1e-5)


AREA_ERROR = Metric(
    "Area error",
    "absolute difference of the areas over the reference's",
    "lower",
    is_count=True,
    of=lambda pair, tolerance: abs(pair.prediction.sum() / pair.reference.sum() - 1.0),
    missed=1.0,
    both_empty=0.0,
)


def scored(found, true):
    (row,) = score_case(
        np.reshape(found, (2, 4, 1)).astype(bool),
        np.reshape(true, (2, 4, 1)).astype(bool),
        classes=(ClassInfo("scope", "region"),),
        spacing=(1.0, 1.0),
    )
    return row


def test_a_metric(monkeypatch):
    monkeypatch.setitem(METRICS, "area_error", AREA_ERROR)
    four, three, none = [1] * 4 + [0] * 4, [1] * 3 + [0] * 5, [0] * 8
    found, missed, invented, nothing = (
        scored(*masks) for masks in ((three, four), (none, four), (four, none), (none, none))
    )
    assert [row["area_error"] for row in (found, missed, invented, nothing)] == [
        0.25,
        1.0,
        None,
        None,
    ]
    assert paired_score(nothing, "area_error") == 0.0
    rows = [row | {"case": str(k), "patient": str(k)} for k, row in enumerate((found, missed))]
    rows = [row | {"sequence": "", "stratum": ""} for row in rows]
    of_scope = summarise(rows)["classes"]["scope"]["metrics"]["area_error"]
    assert (of_scope["mean"], of_scope["n"]) == (0.625, 2)


def test_a_procedure(tmp_path, monkeypatch):
    pins = dataclasses.replace(CARM, pin_rate=1.0, counter_example_rate=0.0)
    monkeypatch.setitem(PROCEDURES, "pins", Procedure(pins, "ercp_synthetic"))
    out = tmp_path / "pins"
    # The size and number of other tests' frames, whose compiled program serves here, too.
    size = ["--side", "48", "--n", "2", "--frames", "2"]
    main(["simulate", "--procedure", "pins", *size, "--out", str(out)])
    rows = list(csv.DictReader((out / "cases.csv").read_text("utf-8").splitlines()))
    assert len(rows) == 4
    assert {row["attached"] for row in rows} == {"yes"}
    assert json.loads((out / "dataset.json").read_text("utf-8"))["relation"]["child"] == "guidewire"


def read_raw(path, number):
    """Read rows and columns as two numbers, then the pixels, all of 16 bits, little endian."""
    values = np.fromfile(path, "<u2")
    rows, columns = map(int, values[:2])
    check_size(rows, columns, 16)
    return Frame(values[2:].reshape(rows, columns), spacing_mm=(0.2, 0.2), source=str(path))


def test_a_reader(tmp_path, monkeypatch):
    monkeypatch.setitem(readers.CONTAINERS, ".raw16", readers.Container(read_raw, lambda path: 1))
    pixels = np.arange(12, dtype="<u2").reshape(3, 4)
    np.concatenate([np.array([3, 4], "<u2"), pixels.ravel()]).tofile(tmp_path / "a.raw16")
    frame = readers.read_frame(tmp_path / "a.raw16")
    np.testing.assert_array_equal(frame.pixels, pixels)
    assert frame.spacing_mm == pytest.approx((0.2, 0.2))
    assert [readers.stem_of(path) for path in readers.frames_in(tmp_path)] == ["a"]
    (tmp_path / "b.raw16").write_bytes(b"\x03\x00\x04\x00\x01\x00")
    with pytest.raises(InputError, match=r"b\.raw16: cannot be decoded"):
        readers.read_frame(tmp_path / "b.raw16")
