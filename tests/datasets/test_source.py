import dataclasses
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.datasets import source
from fluorojax.datasets.source import labelled_only, open_dataset, open_folder
from tests.data.test_folder import edit_description, edit_table, set_field
from tests.folders import add_attributes, frame, write_folder


@dataclasses.dataclass
class Settings:
    """The section `data` of a configuration."""

    built_dir: str
    builder: str = "xray_folder"
    dir: str = ""
    cases: str = "cases.csv"
    size: str = "quick"
    implants: str = ""


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    toy = write_folder(tmp_path_factory.mktemp("source") / "toy", size=48)
    edit_table(toy, set_field(1, annotation="", attached=""))
    return toy


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return tmp_path_factory.mktemp("built")


@pytest.fixture(scope="module")
def dataset(toy, built):
    return open_dataset(Settings(str(built), dir=str(toy)))


def names(frames):
    return [row.case for row in frames.rows]


def snapshot(folder):
    return {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.rglob("*") if p.is_file()}


def test_frames_come_back_as_they_were_in_the_table_s_order(dataset):
    train = dataset.split("train")
    assert names(train) == ["c0", "c1", "c2", "c5", "c6", "c7"]
    for k, n in enumerate([0, 1, 2, 5, 6, 7]):
        image, mask = frame(n, 48)
        example = train[k]
        assert (example["case"], example["patient"]) == (f"c{n}", f"p{n}")
        assert example["image"].dtype == np.uint16
        np.testing.assert_array_equal(example["image"], image)
        np.testing.assert_array_equal(example["mask"], mask * (n != 1))
        assert not example["ignore"].any()
        assert example["labelled"] == (n != 1)
        assert example["attached"] == (-1 if n == 1 else 1)
        assert example["frame"] == -1
        assert np.isnan(example["spacing_mm"]).all()
        np.testing.assert_allclose(
            (example["low"], example["high"]), np.percentile(image, (0.5, 99.5)), rtol=1e-5
        )


def test_the_stored_skeleton_is_a_thin_line_of_the_wire_alone(dataset):
    example = dataset.split("test")[0]
    skeleton, wire = example["skeleton"] == 2, example["mask"] == 2
    assert set(np.unique(example["skeleton"])) == {0, 2}
    assert not (skeleton & ~wire).any()
    assert 0.2 < skeleton.sum() / wire.sum() < 0.5  # the wire is 3 px wide


def test_the_description_survives(dataset, toy):
    assert dataset.info.class_names == ("scope", "wire")
    assert (dataset.info.relation.child, dataset.info.split_unit) == ("wire", "patient")
    assert dataset.path.parts[-2] == f"toy-{dataset.fingerprint[:12]}"


def test_iteration_ends_and_slices_are_frames(dataset):
    train = dataset.split("train")
    assert [example["case"] for example in train] == names(train)
    assert names(train[2:4]) == ["c2", "c5"]
    assert train[-1]["case"] == "c7"
    with pytest.raises(IndexError):
        train[6]


def test_labelled_only(dataset):
    assert names(labelled_only(dataset.split("train"))) == ["c0", "c2", "c5", "c6", "c7"]


def test_folds_share_out_train_and_validation_and_leave_the_test_split_alone(dataset):
    validated = []
    for fold in range(4):
        train, validation, test = (
            names(dataset.split(name, fold=fold, folds=4))
            for name in ("train", "validation", "test")
        )
        assert len(validation) == 2
        assert sorted(train + validation) == ["c0", "c1", "c2", "c3", "c5", "c6", "c7", "c8"]
        assert test == ["c4", "c9"]
        validated += validation
    assert len(set(validated)) == 8
    moved = dataset.split("train", fold=1, folds=4)
    assert [example["case"] for example in moved] == names(moved)


def test_a_share_of_the_patients_trains_and_nothing_else_changes(dataset):
    half = dataset.split("train", train_share=0.5)
    assert names(half) == ["c1", "c2", "c5"]  # of three patients, in the table's order
    assert set(names(dataset.split("train", train_share=0.2))) < set(names(half))
    assert dataset.split("train", train_share=1.0).rows == dataset.split("train").rows
    for split in ("validation", "test"):
        assert dataset.split(split, train_share=0.5).rows == dataset.split(split).rows


def test_the_share_is_of_what_a_fold_leaves_for_training(dataset):
    for fold in range(4):
        whole, half = (
            dataset.split("train", fold=fold, folds=4, train_share=share) for share in (1.0, 0.5)
        )
        assert len(half) == 3 == len(whole) / 2
        assert set(names(half)) < set(names(whole))


def test_a_patient_trains_with_all_its_frames_or_with_none(dataset):
    index = tuple(
        dataclasses.replace(row, patient=f"p{n // 2}") for n, row in enumerate(dataset.index)
    )
    rows = dataclasses.replace(dataset, index=index).split("train", train_share=0.4).rows
    assert len(rows) == 4
    assert [row.patient for row in rows[::2]] == [row.patient for row in rows[1::2]]


def test_an_unknown_split_is_named(dataset):
    with pytest.raises(InputError, match="split 'dev': there are train, validation, test"):
        dataset.split("dev")


def test_a_folder_is_built_once(dataset, toy, built, capsys):
    before = snapshot(built)
    again = open_folder(toy, "cases.csv", built)
    assert again.fingerprint == dataset.fingerprint
    assert snapshot(built) == before
    assert capsys.readouterr().out == ""


def test_a_changed_folder_is_another_build_beside_the_old_one(tmp_path, built, dataset):
    changed = write_folder(tmp_path / "toy", size=48)
    before = snapshot(built)
    other = open_folder(changed, "cases.csv", built)
    assert other.path != dataset.path
    assert before.items() <= snapshot(built).items()
    assert other.split("train")[1]["labelled"]


def cut(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def save(path, values):
    Image.fromarray(np.asarray(values, np.uint8)).save(path)


BAD = {
    "missing image": (
        lambda d: (d / "images/2.png").unlink(),
        r"case c2: no file .*images/2\.png; correct the path",
    ),
    "truncated image": (
        lambda d: cut(d / "images/2.png"),
        r"case c2: .*images/2\.png: cannot be decoded .*copy or export it again",
    ),
    "truncated mask": (
        lambda d: cut(d / "masks/2.png"),
        r"case c2: .*masks/2\.png: cannot be decoded",
    ),
    "mask of another size": (
        lambda d: save(d / "masks/2.png", np.zeros((24, 24))),
        r"masks/2\.png: case c2: the mask is 24 x 24, the frame 48 x 48.*draw it on the frame",
    ),
    "unknown label value": (
        lambda d: save(d / "masks/2.png", np.full((48, 48), 9)),
        r"masks/2\.png: case c2: unknown label value 9 .*Correct the mask",
    ),
    "patient in two splits": (
        lambda d: edit_table(d, set_field(3, patient="p0")),
        r"patient p0 is in 2 splits: train \(case c0\), validation \(case c3\); move all",
    ),
    "empty split": (
        lambda d: edit_table(d, lambda rows: [r for r in rows if r["split"] != "validation"]),
        r"split 'validation' has no case; write 'validation' into the column split",
    ),
    "duplicate case": (
        lambda d: edit_table(d, set_field(2, case="c0")),
        r"case c0 stands there 2 times; give each frame its own case",
    ),
    "missing column": (
        lambda d: edit_table(d, lambda rows: [{k: r[k] for k in ("case", "image")} for r in rows]),
        r"cases\.csv: no column 'patient'; add it",
    ),
    "unknown class in the relation": (
        lambda d: edit_description(d, relation={"child": "wire", "parent": "tube"}),
        r"dataset\.json: relation: parent 'tube' is no class",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_named_and_leaves_a_built_dataset_as_it_was(tmp_path, what):
    toy, built = write_folder(tmp_path / "toy", size=48), tmp_path / "built"
    good = open_folder(toy, "cases.csv", built)
    before = snapshot(built)
    spoil, message = BAD[what]
    spoil(toy)
    with pytest.raises(InputError, match=message):
        open_folder(toy, "cases.csv", built)
    assert snapshot(built) == before
    assert good.split("train")[0]["case"] == "c0"


def test_half_a_build_is_never_taken_for_a_whole_one(tmp_path, monkeypatch):
    toy, built = write_folder(tmp_path / "toy", size=48), tmp_path / "built"
    calls = []

    def killed(*arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return record(*arguments)

    record = source.xray_folder.common.record
    with monkeypatch.context() as patch:
        patch.setattr(source.xray_folder.common, "record", killed)
        with pytest.raises(KeyboardInterrupt):
            open_folder(toy, "cases.csv", built)
    assert not list(built.rglob("1.0.0"))
    # What a kill that leaves no time to clear up leaves behind.
    config = (
        built
        / "xray_folder"
        / source.xray_folder.config_name(
            source.read_folder(toy), source.fingerprint(source.read_folder(toy))
        )
    )
    (config / "incomplete.ABCDEF_1.0.0").mkdir(parents=True)
    (config / "incomplete.ABCDEF_1.0.0" / "features.json").write_text("{")
    assert [len(open_folder(toy, "cases.csv", built).split(s)) for s in source.SPLITS] == [6, 2, 2]


def test_8_bit_frames_stay_8_bit_and_one_of_16_bits_makes_all_16(tmp_path):
    toy = write_folder(tmp_path / "toy", size=48)
    for n in range(10):
        save(toy / f"images/{n}.png", np.full((48, 48), 20 * n))
    assert open_folder(toy, "cases.csv", tmp_path).split("train")[1]["image"].dtype == np.uint8
    Image.fromarray(np.full((48, 48), 60_000, np.uint16)).save(toy / "images/0.png")
    train = open_folder(toy, "cases.csv", tmp_path).split("train")
    assert train[1]["image"].dtype == np.uint16
    assert (train[0]["image"][0, 0], train[1]["image"][0, 0]) == (60_000, 20)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"builder": "knee"}, "data.builder=knee: write one of ercp_simulated, ercp_synthetic"),
        ({"builder": "ercp_synthetic", "size": "64"}, "data.size=64: write one of quick, 256, 512"),
        (
            {"builder": "ercp_synthetic", "implants": "here"},
            "data.implants=here: data.builder=ercp",
        ),
        ({"builder": "knee_synthetic", "implants": "here"}, "a folder for each design"),
        ({"dir": ""}, "data.dir is empty"),
        ({"dir": "not/there"}, "not/there: not there; a dataset folder holds dataset.json"),
    ],
)
def test_settings_that_name_no_dataset_are_refused(tmp_path, fields, message):
    with pytest.raises(InputError, match=message.replace(".", r"\.")):
        open_dataset(Settings(str(tmp_path), **fields))


def test_tensorflow_is_not_needed(dataset):
    assert len(dataset.split("train")) == 6
    assert "tensorflow" not in sys.modules


def test_attributes_come_back_and_frames_without_any_have_none(dataset, tmp_path):
    assert dataset.split("train")[0]["image_labels"].shape == (0,)
    folder = add_attributes(write_folder(tmp_path / "toy", size=48))
    viewed = open_folder(folder, "cases.csv", tmp_path / "built")
    assert [a.name for a in viewed.info.image_labels] == ["view", "maker"]
    found = [tuple(example["image_labels"]) for example in viewed.split("train")]
    assert found == [(0, 0), (1, 1), (0, 2), (1, 1), (0, 2), (1, -1)]


SHARD = "xray_folder-train.array_record-00000-of-00001"


def keep(path, share):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


@pytest.mark.parametrize(
    "damage",
    [
        lambda shard: keep(shard, 0.0),
        lambda shard: keep(shard, 0.5),
        lambda shard: keep(shard, 0.99),
        lambda shard: shutil.copy(shard.with_name(SHARD.replace("train", "test")), shard),
    ],
    ids=["empty", "half", "its end", "another split's"],
)
def test_frames_that_cannot_be_read_say_which_folder_to_delete(damage, toy, dataset, tmp_path):
    copy = tmp_path / "xray_folder" / dataset.path.parent.name / dataset.path.name
    shutil.copytree(dataset.path, copy)
    damage(copy / SHARD)
    with pytest.raises(InputError, match=r"the built data set is damaged .*; delete") as said:
        list(open_folder(toy, "cases.csv", tmp_path).split("train"))
    assert str(said.value).startswith(f"{copy}: ")
    shutil.rmtree(copy)
    assert len(list(open_folder(toy, "cases.csv", tmp_path).split("train"))) == 6


def test_a_case_stored_in_another_s_place_is_found_out(toy, dataset, tmp_path):
    copy = tmp_path / "xray_folder" / dataset.path.parent.name / dataset.path.name
    shutil.copytree(dataset.path, copy)
    path = copy / "metadata.json"
    path.write_text(path.read_text().replace('"case": "c0"', '"case": "c9"', 1))
    frames = open_folder(toy, "cases.csv", tmp_path).split("train")
    assert frames[1]["case"] == "c1"
    with pytest.raises(InputError, match="c0 is stored as c9"):
        frames[0]


def test_a_disk_that_takes_no_more_is_one_line_and_leaves_nothing(toy, tmp_path):
    command = f'"{sys.executable}" -m fluorojax prepare "{toy}" --built-dir "{tmp_path}/built"'
    shell = ["bash", "-c", f"ulimit -f 10; {command}"]  # KiB, of any file
    done = subprocess.run(shell, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert re.fullmatch(r"error: \S+ cannot be written \(File too large\); make.*\n", done.stderr)
    assert not list((tmp_path / "built").rglob("*.array_record*"))


def test_too_little_memory_is_not_taken_for_damage(tmp_path):
    with pytest.raises(MemoryError), source._whole(tmp_path):
        raise MemoryError
