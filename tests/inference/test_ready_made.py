import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fluorojax
from fluorojax.cli import main as cli
from fluorojax.config.procedures import PROCEDURES
from fluorojax.core.errors import InputError
from fluorojax.data.folder import read_folder
from fluorojax.datasets.gallery import simulate_sequence, simulation_of
from fluorojax.evaluation.real import real_frames, scored
from fluorojax.inference import card, export, ready_made
from fluorojax.runtimes.write import export_of
from fluorojax.training.pretrained import from_export
from tests.faults import exports

KNEES = Path(__file__).parents[3] / "shared/data/jtml_knee"
JOINT = ready_made.FOLDER / "joint"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def dice(found, reference):
    return 2 * (found & reference).sum() / (found.sum() + reference.sum())


def test_joint_finds_the_endoscope_of_a_simulated_frame(here):
    spec = PROCEDURES["ercp"].spec
    values = {k: v[0] for k, v in simulate_sequence(spec, 90_210, 0, 1).items()}
    reference = simulation_of(spec).stored_case(("a", "a", "a"), (0, 0, 0), values).mask
    assert reference[..., 0].sum() > 500
    pixels = np.rint(values["image"] * 65535).astype(np.uint16)
    model = fluorojax.load("joint")
    found = model.predict(pixels).masks
    assert [c.name for c in model.classes] == ["endoscope", "guidewire"]
    assert dice(found[..., 0], reference[..., 0] > 0) > 0.8
    Image.fromarray(pixels).save("frame.png")
    cli.main(["predict", "joint", "frame.png", "--out", "out"])
    written = np.asarray(Image.open("out/frame.png"))
    np.testing.assert_array_equal(written & 1, found[..., 0])


@pytest.mark.skipif(not KNEES.is_dir(), reason=f"{KNEES.name}, real frames, is not beside")
def test_knee_finds_the_femoral_component_of_real_knees():
    """Of both fluoroscopes: frames that nobody simulated, and no training has seen."""
    model = fluorojax.load("knee")
    real = real_frames(str(KNEES), [one.name for one in model.classes])
    cases = read_folder(KNEES).cases[::12]
    place = [pair.name for pair in real.pairs].index("femoral_component")
    assert np.mean([scored(model, real, case).dice[place] for case in cases]) > 0.8


def test_every_ready_made_model_is_small_scored_and_has_the_card_of_its_manifest(here):
    assert ready_made.names() == ["joint", "knee"]
    for name in ready_made.names():
        folder = ready_made.FOLDER / name
        files = list(folder.iterdir())
        assert {p.name for p in files} == {export.PARAMETERS, export.MANIFEST, card.FILE}
        assert sum(p.stat().st_size for p in files) < 4 * 2**20
        manifest = export.read_manifest(Path(name))
        assert manifest["scores"]
        assert (folder / card.FILE).read_text("utf-8") == card.card(manifest)


def test_whatever_reads_an_export_takes_the_name(here):
    given = Path("joint")
    assert ready_made.folder_of("joint") == JOINT
    assert ready_made.is_export(given)
    assert export.origin_for_scores(given)["method"] == "joint"
    assert export_of(given) == given
    parameters = export.load_parameters(given)
    same = from_export("joint", parameters, [["endoscope"], ["guidewire"]])
    head = parameters["stage_0"]["head"]["bias"]
    np.testing.assert_array_equal(same["stage_0"]["head"]["bias"], head)


def test_what_stands_at_the_path_comes_first(here):
    Path("joint").mkdir()
    with pytest.raises(InputError, match=r"joint/manifest\.json does not exist"):
        fluorojax.load("joint")
    exports.write(Path("joint"))
    assert fluorojax.load("joint").rules == exports.RULES
    shutil.rmtree("joint")
    Path("joint").write_text("")
    assert not ready_made.is_export(Path("joint"))
    assert ready_made.folder_of("elsewhere/joint") == Path("elsewhere/joint")


def test_nothing_is_written_to_a_ready_made_model(here):
    assert export.export_in(Path("joint")) is None
    with pytest.raises(InputError, match=r"joint/manifest\.json does not exist"):
        export.add_scores(Path("joint"), "test", {})
    assert not Path("joint").exists()


@pytest.mark.parametrize("command", ["predict", "evaluate", "measure", "latency"])
def test_a_name_that_there_is_not_is_told_those_that_there_are(command, here, capsys):
    Image.new("L", (32, 32)).save("frame.png")
    exports.write(here)
    more = {"evaluate": ["."], "latency": ["frame.png"]}.get(command, ["frame.png"])
    out = [] if command == "latency" else ["--out", "out"]
    with pytest.raises(SystemExit) as left:
        cli.main([command, "jiont", *more, *out])
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    if command != "evaluate":  # which reads the folder of frames first
        assert f"a ready-made model ({', '.join(ready_made.names())})" in said
