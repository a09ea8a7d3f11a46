import json

import jax
import numpy as np
import pytest

from benchmarks.pages import keep
from benchmarks.studies import gap_closing
from fluorojax.compare.runs import read_run
from fluorojax.configs import base
from fluorojax.inference import export
from fluorojax.inference.mask_rules import MaskRules
from fluorojax.inference.predictor import Predictor
from fluorojax.models.spec import NetworkSpec, build
from fluorojax.schema.info import ClassInfo, Relation
from tests.folders import write_folder

CLASSES = (ClassInfo("scope", "region"), ClassInfo("wire", "curve"))


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    """A run of joint, untrained, whose test frames are in a folder."""
    root = tmp_path_factory.mktemp("relinked")
    run = root / "grid" / "joint-quick-seed3"
    run.mkdir(parents=True)
    config = base.get_config("quick")
    data = {"data.builder": "xray_folder", "data.dir": str(write_folder(root / "frames"))}
    config.update_from_flattened_dict(
        {"method": "joint", "seed": 3, "data.built_dir": str(root / "built"), **data}
    )
    record = {"config": config.to_dict(), "dataset": {"fingerprint": "f" * 64}}
    (run / "config.json").write_text(json.dumps(record))
    spec = NetworkSpec(((0, 1),), "none", None, 4, 1, "group", False, False, False, "float32")
    image = np.zeros((1, 64, 64, 1))
    parameters = jax.jit(build(spec).init)(jax.random.key(0, impl="rbg"), image)["params"]
    rules = MaskRules(CLASSES, relation=Relation("wire", "scope"))
    model = Predictor(spec, parameters, (64, 64), rules)
    origin = {"method": "joint", "seed": 3, "labels": "classes", "operating_points": {}}
    export.export(model, run / "export", origin)
    return root / "grid"


def test_joint_loses_its_parts_and_the_others_get_all():
    assert dict(gap_closing.variants_of("joint", True)) == gap_closing.OF_JOINT
    assert dict(gap_closing.variants_of("cascade", True)) == {"cascade_relinked": gap_closing.WHOLE}
    assert dict(gap_closing.variants_of("single", False)) == {}


def test_each_variant_is_scored_like_a_run_and_once(grid, tmp_path, monkeypatch, capsys):
    (run,) = keep.runs_in(grid)
    gap_closing.score_variants(run, tmp_path)
    for name, closing in gap_closing.OF_JOINT.items():
        scored = read_run(tmp_path / f"{name}-seed3", "test")
        assert (scored.method, scored.seed) == (name, 3)
        assert {row["class"] for row in scored.rows} == {"scope", "wire"}
        record = json.loads((tmp_path / f"{name}-seed3" / "config.json").read_text())
        assert record["config"]["evaluation"]["drop_detached"] == closing.drop_detached
    monkeypatch.setattr(gap_closing, "score", lambda *_: pytest.fail("scored again"))
    gap_closing.score_variants(run, tmp_path)
    assert capsys.readouterr().out.count("scored before") == 3
