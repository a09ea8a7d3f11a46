import dataclasses
import json

import jax
import jax.monitoring
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from fluorojax.core.errors import InputError
from fluorojax.models.spec import STAGES, NetworkSpec, array_shapes, build
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


def test_names_and_shapes_are_those_of_the_initialisation():
    shapes = array_shapes(SPEC, (16, 32))
    image = np.zeros((1, 16, 32, 1), np.float32)
    drawn = jax.eval_shape(lambda: build(SPEC).init(jax.random.key(0), image))["params"]
    assert shapes == {k: v.shape for k, v in flatten_dict(drawn, sep="/").items()}
    assert shapes["stage_0/attribute_0/bias"] == (2,)


def test_asking_for_shapes_compiles_nothing():
    events = []
    jax.monitoring.register_event_duration_secs_listener(lambda name, *_, **__: events.append(name))
    assert array_shapes(dataclasses.replace(SPEC, width=12.0), (16, 16))
    assert not [name for name in events if "backend_compile" in name]
    jax.jit(lambda x: x + len(events))(1.5)
    assert [name for name in events if "backend_compile" in name]


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
