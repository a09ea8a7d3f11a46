import pytest
import tensorflow_datasets as tfds

from fluorojax.data.folder import fingerprint as of_folder
from fluorojax.data.folder import read_folder
from tests.folders import write_folder
from tfds_builders import shards
from tfds_builders.shards import Shard, finish, is_written, plan, write_shard
from tfds_builders.xray_folder import xray_folder_dataset_builder as xray_folder


def builder_of(place, **options):
    folder = read_folder(write_folder(place / "toy", **options))
    config = xray_folder.XrayFolderConfig(
        name="toy", folder=folder, fingerprint=of_folder(folder), image_dtype="uint16"
    )
    return xray_folder.Builder(
        data_dir=str(place / "built"), config=config, file_format=shards.FORMAT
    )


@pytest.fixture
def builder(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "FRAMES_A_SHARD", 4)
    return builder_of(tmp_path, cases=10, size=32)


def test_shards_have_a_size_of_their_own_whoever_writes_them(builder):
    assert plan(builder) == [
        Shard("train", 0, 4, "xray_folder-train.array_record-00000-of-00002"),
        Shard("train", 4, 6, "xray_folder-train.array_record-00001-of-00002"),
        Shard("validation", 0, 2, "xray_folder-validation.array_record-00000-of-00001"),
        Shard("test", 0, 2, "xray_folder-test.array_record-00000-of-00001"),
    ]


def test_what_is_finished_is_read_by_tfds_in_order(builder, tmp_path):
    told = []
    for shard in reversed(plan(builder)):  # in any order
        write_shard(builder, shard, tmp_path, lambda: told.append(1))
        assert is_written(tmp_path, shard)
    assert len(told) == 10
    finish(builder, tmp_path, plan(builder))
    read = tfds.builder_from_directory(str(tmp_path))
    assert read.info.splits["train"].shard_lengths == [4, 2]
    cases = [record["case"].decode() for record in read.as_data_source(split="train")]
    assert cases == ["c0", "c1", "c2", "c5", "c6", "c7"]
    assert not list(tmp_path.glob("*.array_record*.json"))


def test_a_shard_that_fails_leaves_nothing(builder, tmp_path, monkeypatch):
    def fails(*arguments):
        raise ValueError("no")

    monkeypatch.setattr(xray_folder.common, "record", fails)
    with pytest.raises(ValueError, match="no"):
        write_shard(builder, plan(builder)[0], tmp_path, lambda: None)
    assert not list(tmp_path.glob("xray_folder-*"))


def test_the_fingerprint_is_that_of_the_frames(builder, tmp_path):
    digests = []
    for name, cases in (("a", 10), ("b", 10), ("c", 9)):
        other = builder_of(tmp_path / name, cases=cases, size=32)
        folder = tmp_path / name
        for shard in plan(other):
            write_shard(other, shard, folder, lambda: None)
        digests.append(shards.fingerprint(folder, plan(other)))
    assert digests[0] == digests[1] != digests[2]
