import json

import pytest

from fluorojax.core.errors import InputError
from fluorojax.models.spec import STAGES, NetworkSpec, build
from fluorojax.schema.info import ClassInfo, DatasetInfo, Relation

CLASSES = (ClassInfo("scope", "region"), ClassInfo("wire", "curve"), ClassInfo("duct", "region"))
INFO = DatasetInfo("x", CLASSES, relation=Relation(child="wire", parent="scope"))
SPEC = NetworkSpec(
    stages=((0, 2), (1,)),
    link="gradient",
    parent_class=0,
    width=4,
    depth=2,
    norm="group",
    residual=False,
    deep_supervision=False,
    remat=False,
    dtype="bfloat16",
    child_class=1,
    spatial_prior="in_front",
    landmarks=True,
    image_labels=(2, 3),
)


def test_json_and_back_is_the_same():
    assert NetworkSpec.from_json(json.loads(json.dumps(SPEC.to_json()))) == SPEC


def test_an_export_from_before_there_were_attributes_has_none():
    fields = SPEC.to_json()
    del fields["image_labels"]
    assert NetworkSpec.from_json(fields).image_labels == ()


def test_build_passes_every_field_on():
    network = build(SPEC)
    assert (network.stages, network.width, network.dtype.name) == (SPEC.stages, 4, "bfloat16")
    assert network.image_labels == (2, 3)


@pytest.mark.parametrize(
    ("layout", "stages"),
    [
        ("together", ((0, 1, 2),)),
        ("per_class", ((0,), (1,), (2,))),
        ("parent_then_child", ((0, 2), (1,))),
    ],
)
def test_stages(layout, stages):
    assert STAGES[layout](INFO) == stages


def test_a_cascade_without_a_relation_is_refused_with_a_way_out():
    with pytest.raises(InputError, match=r"configs/multi\.py"):
        STAGES["parent_then_child"](DatasetInfo("x", CLASSES))
