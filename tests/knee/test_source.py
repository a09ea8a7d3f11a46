import json
import math

import jax
import numpy as np
import pytest

from fluorojax.cli import main as cli
from fluorojax.core.errors import InputError
from fluorojax.inference import export
from fluorojax.inference.mask_rules import MaskRules
from fluorojax.inference.predictor import Predictor
from fluorojax.knee.measure import CLASSES
from fluorojax.knee.source import recall_of, source_of
from fluorojax.models.spec import NetworkSpec, build
from fluorojax.schema.info import ClassInfo
from tests.data import dicoms
from tests.folders import write_folder
from tests.knee.folders import write_knees
from tests.knee.measure.scenes import Ap, Pose, film

POSE = Pose(spacing=(2.5, 2.5))


def write_export(folder, names):
    """Write an export of a network that sees every class everywhere."""
    classes = tuple(ClassInfo(name, "region") for name in names)
    stages = (tuple(range(len(names))),)
    spec = NetworkSpec(stages, "none", None, 4, 1, "group", False, False, False, "float32")
    image = np.zeros((1, 16, 16, 1))
    shapes = jax.eval_shape(build(spec).init, jax.random.key(0, impl="rbg"), image)["params"]
    parameters = jax.tree.map(lambda shape: np.zeros(shape.shape, np.float32), shapes)
    model = Predictor(spec, parameters, (16, 16), MaskRules(classes))
    export.export(model, folder, {"method": "knee"})
    return folder


@pytest.fixture(scope="module")
def knee_export(tmp_path_factory):
    return write_export(tmp_path_factory.mktemp("export"), CLASSES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    films = {"a": film(Ap().shapes(), POSE, "ap"), "b": film({}, POSE, "ap")}
    return write_knees(tmp_path_factory.mktemp("knees") / "knees", films)


def test_an_export_measures_files_folders_and_cases(knee_export, folder):
    images = folder / "images"
    for names in ([images / "a.png", images / "b.png"], [images], [folder]):
        source = source_of(knee_export, list(map(str, names)))
        assert [film.name for film in source.films] == ["a", "b"]
        assert list(source.class_names) == list(CLASSES)
    assert source.films[0].case.spacing_mm == POSE.spacing  # a folder's table says it
    assert len(source.about["sha256"]) == 64
    assert source.about["origin"] == {"method": "knee"}


def test_what_a_network_sees_everywhere_is_refused_not_believed(knee_export, folder, tmp_path):
    out = tmp_path / "measured"
    film = str(folder / "images/b.png")
    cli.main(["measure", str(knee_export), film, "--view", "ap", "--out", str(out)])
    names = {"measurements.csv", "measurements.json", "b.png", "contents.json"}
    assert {p.name for p in out.iterdir()} == names
    (entry,) = json.loads((out / "measurements.json").read_text())["films"]
    assert all(row["status"] == "refused" for row in entry["measurements"])


def test_each_frame_of_a_cine_is_a_film(knee_export, tmp_path):
    cine = dicoms.write(tmp_path / "flexing.dcm", np.zeros((2, 16, 16), np.uint8))
    one = dicoms.write(tmp_path / "1.2.840", np.zeros((16, 16), np.uint8))
    source = source_of(knee_export, [str(cine), str(one)])
    assert [film.name for film in source.films] == ["flexing_0001", "flexing_0002", "1.2.840"]
    assert source.find(source.films[1]).image.shape == (16, 16)


def test_two_films_of_one_name_are_refused(knee_export, folder):
    both = [str(folder), str(folder / "images/a.png")]
    with pytest.raises(InputError, match="a: two films have this name"):
        source_of(knee_export, both)


def test_classes_of_something_else_are_listed(tmp_path):
    with pytest.raises(InputError, match="classes scope, wire, without femur and tibia"):
        source_of(write_folder(tmp_path / "frames", size=32), [])


def test_what_is_neither_export_nor_folder_is_refused(tmp_path, knee_export):
    with pytest.raises(InputError, match=r"neither manifest\.json nor dataset\.json"):
        source_of(tmp_path, [])
    with pytest.raises(InputError, match="no film is given"):
        source_of(knee_export, [])


def test_cases_without_annotation_are_named(folder):
    with pytest.raises(InputError, match="no annotation of c; annotated are a, b"):
        source_of(folder, ["a", "c"])


def test_recall_is_what_the_export_says_of_itself():
    """A class that no test frame shows has none, and so has an export that was never scored."""

    def of(recall):
        return {"metrics": {"recall": {"mean": recall}, "dice": {"mean": 0.1}}}

    classes = {"femur": of(0.97), "cement": of(None), "patella": of(math.nan), "tibia": of(0.0)}
    classes["fibula"] = {"metrics": {}}
    assert recall_of({"scores": {"test": {"classes": classes}}}) == {"femur": 0.97, "tibia": 0.0}
    assert recall_of({}) == {}
