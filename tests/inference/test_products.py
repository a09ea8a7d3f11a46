import csv
import json
import tracemalloc

import jax
import numpy as np
import pydicom
import pytest
from PIL import Image
from pycocotools.coco import COCO

from fluorojax.cli import main as cli
from fluorojax.core.errors import InputError
from fluorojax.data.annotations import read_annotation
from fluorojax.data.dicom_out import Algorithm
from fluorojax.data.readers import frame_count, frame_rate
from fluorojax.inference import export
from fluorojax.inference.inputs import cases_of
from fluorojax.inference.journal import Journal
from fluorojax.inference.mask_rules import MaskRules
from fluorojax.inference.predictor import Predictor
from fluorojax.inference.products import Wanted, check_wanted, make, products, read_mask
from fluorojax.models.spec import NetworkSpec, build
from fluorojax.schema import bitmask
from fluorojax.schema.info import ClassInfo, DatasetInfo
from tests.data import dicoms
from tests.folders import frame

CLASSES = (ClassInfo("scope", "region"), ClassInfo("wire", "curve"))
INFO = DatasetInfo("toy", CLASSES)
SPEC = NetworkSpec(((0, 1),), "none", None, 4, 1, "group", False, False, False, "float32")
SIZE = 40


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """Two untrained networks whose masks are the highest fifth of what they find in noise."""
    folder = tmp_path_factory.mktemp("exports")
    for seed in (0, 1):
        key = jax.random.key(seed, impl="rbg")
        parameters = jax.jit(build(SPEC).init)(key, np.zeros((1, 32, 32, 1)))["params"]
        model = Predictor(SPEC, parameters, (32, 32), MaskRules(CLASSES))
        high = np.quantile(model(frame(0, SIZE)[0]), 0.8, axis=(0, 1))
        origin = {"method": "joint", "seed": seed, "labels": "classes", "operating_points": {}}
        rules = {"thresholds": tuple(map(float, high))}
        export.export(model.with_rules(**rules), folder / f"{seed}", origin)
    return [folder / "0", folder / "1"]


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """A cine of 4 frames, and a film; a picture beside them."""
    folder = tmp_path_factory.mktemp("frames")
    pixels = np.stack([frame(n, SIZE)[0] for n in range(5)])
    dicoms.write(folder / "run.dcm", pixels[:4], FrameTime="125")
    dicoms.write(folder / "film.dcm", pixels[4], SOPInstanceUID="1.2.3.4.9")
    Image.fromarray(pixels[4]).save(folder / "picture.png")
    return folder


def predict(*arguments):
    cli.main(["predict", *map(str, arguments)])


def mask(out, case):
    return read_mask(out, case, CLASSES)


def test_masks_are_written_for_other_programs(exports, frames, tmp_path):
    inputs = frames / "run.dcm", frames / "film.dcm"
    out = tmp_path / "out"
    predict(exports[0], *inputs, "--out", out, "--dicom-seg", "--coco", "--video")
    for path, cases in ((inputs[0], [f"run_{n:04d}" for n in range(1, 5)]), (inputs[1], ["film"])):
        for number, case in enumerate(cases, 1):
            seg = out / f"{path.stem}_seg.dcm"
            found = read_annotation(seg, INFO, "", (SIZE, SIZE), case, image=path, frame=number)
            np.testing.assert_array_equal(found, mask(out, case))
            assert found.any()
    assert "joint seed 0" in pydicom.dcmread(out / "run_seg.dcm").ContentDescription
    assert frame_count(out / "run_overlay.mp4") == 4
    assert frame_rate(out / "run_overlay.mp4") == pytest.approx(8.0)
    assert not (out / "film_overlay.mp4").exists()
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    predict(exports[0], *inputs, "--out", out, "--dicom-seg", "--coco", "--video")
    after = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    kept = before.keys() - {"predictions.csv"}
    assert {name: before[name] for name in kept} == {name: after[name] for name in kept}


def test_other_outputs_asked_for_later_leave_a_segmentation_as_it_is(exports, frames, tmp_path):
    film, seg = frames / "film.dcm", tmp_path / "film_seg.dcm"
    predict(exports[0], film, "--out", tmp_path, "--dicom-seg")
    first = seg.read_bytes()
    predict(exports[0], film, "--out", tmp_path, "--dicom-seg", "--probabilities")
    assert seg.read_bytes() == first  # it keeps its identifier, too
    assert (tmp_path / "film_wire_probability.png").is_file()


def test_who_writes_a_name_is_told_so(exports, frames, tmp_path, capsys):
    predict(exports[0], frames / "film.dcm", "--out", tmp_path, "--dicom-seg", "--coco")
    said = " ".join(capsys.readouterr().out.split())
    assert "made of them: film_seg.dcm, coco.json" in said
    assert "hold the name of the patient" in said


def test_coco_holds_the_very_masks_of_all_calls(exports, frames, tmp_path, capsys):
    predict(exports[0], frames / "run.dcm", "--out", tmp_path, "--coco")
    predict(exports[0], frames / "picture.png", "--out", tmp_path)  # and it is kept up to date
    coco = COCO(str(tmp_path / "coco.json"))
    capsys.readouterr()
    images = {image["case"]: image for image in coco.dataset["images"]}
    assert images["picture"]["file_name"] == "picture.png"
    assert images["run_0003"]["file_name"] == "run/frame_000002.png"
    assert images["run_0003"]["frame"] == 3
    for case, image in images.items():
        found = np.zeros((SIZE, SIZE, 2), bool)
        for annotation in coco.loadAnns(coco.getAnnIds(image["id"])):
            found[..., annotation["category_id"] - 1] = coco.annToMask(annotation)
        np.testing.assert_array_equal(found, mask(tmp_path, case))
    # This project reads it, too, frame by frame.
    path, cine = tmp_path / "coco.json", frames / "run.dcm"
    mine = read_annotation(path, INFO, "", (SIZE, SIZE), "c", image=cine, frame=3)
    np.testing.assert_array_equal(mine, mask(tmp_path, "run_0003"))


def test_probabilities_are_pictures_of_16_bits(exports, frames, tmp_path):
    picture = frames / "picture.png"
    predict(exports[0], picture, "--out", tmp_path)
    predict(exports[0], picture, "--out", tmp_path, "--probabilities")
    expected = export.load(exports[0])(picture)
    for k, name in enumerate(("scope", "wire")):
        values = np.asarray(Image.open(tmp_path / f"picture_{name}_probability.png"))
        assert values.dtype == np.uint16
        np.testing.assert_allclose(values / 65535, expected[..., k], atol=0.51 / 65535)


def test_an_ensemble_writes_its_mean_its_spread_and_a_score(exports, frames, tmp_path):
    picture, other = frames / "picture.png", ["--with", exports[1]]
    predict(exports[0], picture, "--out", tmp_path, *other, "--probabilities")
    each = np.stack([export.load(path)(picture) for path in exports])
    for k, name in enumerate(("scope", "wire")):
        for kind, expected in (("probability", each.mean(0)), ("uncertainty", each.std(0))):
            values = np.asarray(Image.open(tmp_path / f"picture_{name}_{kind}.png"))
            np.testing.assert_allclose(values / 65535, expected[..., k], atol=1e-5)
    with (tmp_path / "predictions.csv").open() as file:
        scores = [float(row["disagreement"]) for row in csv.DictReader(file)]
    masks = each >= export.load(exports[0]).rules.thresholds
    expected = 1 - masks.all(0).sum((0, 1)) / masks.any(0).sum((0, 1))
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
    with pytest.raises(SystemExit):
        predict(exports[0], picture, "--out", tmp_path)  # one network's, there, would be others


def test_a_picture_is_no_source_of_a_dicom_segmentation(frames):
    cases = cases_of([frames])
    with pytest.raises(InputError, match=r"--dicom-seg: .*picture.png is no DICOM file.*leave"):
        check_wanted(cases, Wanted(dicom_seg=True))
    check_wanted(cases, Wanted(probabilities=True, coco=True, video=True))


def test_a_source_that_nothing_can_refer_to_is_refused(tmp_path):
    path = dicoms.write(tmp_path / "a.dcm", frame(0)[0], StudyInstanceUID=None)
    with pytest.raises(InputError, match=r"a.dcm has no StudyInstanceUID"):
        check_wanted(cases_of([path]), Wanted(dicom_seg=True))


def test_a_video_is_of_cines(frames):
    with pytest.raises(InputError, match="no file that is given has several frames"):
        check_wanted(cases_of([frames / "film.dcm"]), Wanted(video=True))


@pytest.mark.parametrize(("library", "flag"), [("av", "video"), ("highdicom", "dicom_seg")])
def test_a_library_that_is_missing_is_said_before_anything_is_predicted(
    frames, monkeypatch, library, flag
):
    monkeypatch.setitem(__import__("sys").modules, library, None)
    with pytest.raises(InputError, match=f"need the library {library}; install it"):
        check_wanted(cases_of([frames / "run.dcm"]), Wanted(**{flag: True}))


def journal_of(out, cases):
    """Write an empty mask for each case, as if it had been predicted, and note it."""
    journal = Journal(out, {}, [case.image for case in cases])
    for n, case in enumerate(cases):
        found = np.zeros((SIZE, SIZE, 2), bool)
        found[n % SIZE, :, n % 2] = True
        draft = out / f".{case.case}.part"
        Image.fromarray(bitmask.pack(found)).save(draft, format="PNG")
        given = {"spacing_mm": [None, None], "frame": case.frame}
        journal.add(case.case, case.image, given, {f"{case.case}.png": draft}, {"classes": []})
        draft.rename(out / f"{case.case}.png")
    return journal


def seg(cases, out):
    (product,) = products(
        cases, out, MaskRules(CLASSES), Algorithm("x", "ab"), Wanted(dicom_seg=True)
    )
    return product


def test_a_cine_of_which_a_frame_is_missing_waits_for_it(frames, tmp_path):
    cases = cases_of([frames / "run.dcm"])
    product = seg(cases, tmp_path)
    journal = journal_of(tmp_path, cases[:-1])
    assert "run_0004 could not be predicted; it is made when" in make(product, tmp_path, journal)
    assert not (tmp_path / product.name).exists()
    journal = journal_of(tmp_path, cases)
    assert make(product, tmp_path, journal) == ""
    assert (tmp_path / "run_seg.dcm").is_file()
    lines = [json.loads(x) for x in (tmp_path / "predictions.jsonl").read_text().splitlines()]
    assert lines[-1]["product"] == "run_seg.dcm"


def test_what_was_changed_since_is_made_again(frames, tmp_path):
    cases = cases_of([frames / "run.dcm"])
    journal, product = journal_of(tmp_path, cases), seg(cases, tmp_path)
    make(product, tmp_path, journal)
    first = (tmp_path / product.name).read_bytes()
    (tmp_path / product.name).write_bytes(b"torn")
    journal = Journal(tmp_path, {}, [])
    make(product, tmp_path, journal)
    again = (tmp_path / product.name).read_bytes()
    assert again[128:132] == first[128:132] == b"DICM"
    assert again != first  # another instance, with an identifier of its own


def test_a_product_that_fails_leaves_what_stood_there(frames, tmp_path):
    cases = cases_of([frames / "film.dcm"])
    journal = journal_of(tmp_path, cases)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "film.png")
    assert "masks of (4, 4, 2) for frames of" in make(seg(cases, tmp_path), tmp_path, journal)
    assert not list(tmp_path.glob("*seg*"))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_frames(tmp_path):
    """A cine of 1,000 frames takes what one of 100 does, but for what is said of each plane."""
    most = {}
    for count in (100, 1000):
        out = tmp_path / f"out{count}"
        out.mkdir()
        pixels = np.zeros((count, SIZE, SIZE), np.uint8)
        path = dicoms.write(tmp_path / f"c{count}.dcm", pixels)
        cases = cases_of([path])
        journal, product = journal_of(out, cases), seg(cases, out)
        tracemalloc.start()
        assert make(product, out, journal) == ""
        most[count] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert (most[1000] - most[100]) / 900 < 30_000  # bytes a frame
