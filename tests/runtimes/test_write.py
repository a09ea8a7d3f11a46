import json
import sys

import numpy as np
import pytest

from fluorojax.cli import main as cli
from fluorojax.core.errors import InputError
from fluorojax.inference.export import export
from fluorojax.runtimes import write
from tests.runtimes.networks import NETWORKS, images, ours, parameters_of, predictor_of

KNEE = NETWORKS["multi, with image labels, as of knees"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return the folder of a run that has nothing but its export."""
    folder = tmp_path_factory.mktemp("run")
    export(predictor_of(KNEE), folder / "export", {"method": "multi"})
    return folder


def test_a_run_is_written_for_onnx_with_all_that_is_needed_to_use_it(run, tmp_path, capsys):
    onnx = pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    out = tmp_path / "knee.onnx"
    cli.main(["export", str(run), "--format", "onnx", "--out", str(out)])
    assert str(out) in capsys.readouterr().out
    (prop,) = onnx.load(out).metadata_props
    said = json.loads(prop.value)
    assert prop.key == write.METADATA
    assert said["preprocessing"]["intensity_percentiles"] == [0.5, 99.5]
    assert said["preprocessing"]["image_size"] == said["input"]["usual_size"] == [32, 32]
    assert said["input"]["multiples_of"] == 2
    assert [c["name"] for c in said["masks"]["classes"]] == ["scope", "wire"]
    session = runtime.InferenceSession(out, providers=["CPUExecutionProvider"])
    image = images()
    found = dict(zip(said["outputs"], session.run(list(said["outputs"]), {"image": image}),
                     strict=True))  # fmt: skip
    for name, values in ours(KNEE, parameters_of(KNEE), image).items():
        np.testing.assert_allclose(found[name], values, atol=1e-4)
        assert said["outputs"][name]["shape"][1] == values.shape[1]


def test_an_export_is_found_by_itself_and_in_its_run(run, tmp_path):
    assert write.export_of(run) == write.export_of(run / "export") == run / "export"
    with pytest.raises(InputError, match="is no export, and no run that has one"):
        write.export_of(tmp_path)


def test_a_file_is_new_and_has_its_formats_ending(run, tmp_path):
    with pytest.raises(InputError, match=r"give a file that ends in \.onnx"):
        write.write_network(run, "onnx", tmp_path / "network.pb")
    there = tmp_path / "network.onnx"
    there.write_text("mine")
    with pytest.raises(InputError, match=r"network\.onnx exists"):
        write.write_network(run, "onnx", there)
    assert there.read_text() == "mine"
    with pytest.raises(InputError, match=r"network\.onnx lies in an export"):
        write.write_network(run, "onnx", run / "export" / "network.onnx")


def test_a_format_needs_a_file(run, capsys):
    with pytest.raises(SystemExit) as leaving:
        cli.main(["export", str(run), "--format", "onnx"])
    assert leaving.value.code == 2
    assert "give --out FILE" in capsys.readouterr().err


def test_without_the_library_the_extra_is_named(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match=r"pip install 'fluorojax\[onnx\]'"):
        write.write_network(run, "onnx", tmp_path / "network.onnx")
    assert not list(tmp_path.iterdir())


def test_a_program_has_its_description_beside_it(run, tmp_path):
    out = tmp_path / "knee.stablehlo"
    assert write.write_network(run, "stablehlo", out) == [out, write.beside(out)]
    said = json.loads(write.beside(out).read_text())
    assert said["outputs"].keys() == {"probabilities", "image_label_view", "image_label_side"}
    with pytest.raises(InputError, match=r"knee\.stablehlo exists"):
        write.write_network(run, "stablehlo", out)
