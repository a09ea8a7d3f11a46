import numpy as np
import tensorflow_datasets as tfds

from fluorojax.data.folder import fingerprint, read_folder
from tests.folders import frame, write_folder
from tfds_builders.xray_folder.xray_folder_dataset_builder import (
    Builder,
    XrayFolderConfig,
    config_name,
)


def test_it_is_a_tfds_builder_that_tfds_alone_can_read_back(tmp_path):
    folder = read_folder(write_folder(tmp_path / "toy", size=48))
    digest = fingerprint(folder)
    config = XrayFolderConfig(
        name=config_name(folder, digest),
        folder=folder,
        fingerprint=digest,
        image_dtype="uint16",
    )
    builder = Builder(data_dir=str(tmp_path), config=config, file_format="array_record")
    assert isinstance(builder, tfds.core.GeneratorBasedBuilder)
    builder.download_and_prepare(download_dir=str(tmp_path / "downloads"))

    read = tfds.builder_from_directory(builder.data_path)
    assert read.info.full_name == f"xray_folder/toy-{digest[:12]}/2.0.0"
    assert {name: split.num_examples for name, split in read.info.splits.items()} == {
        "train": 6,
        "validation": 2,
        "test": 2,
    }
    metadata = read.info.metadata
    assert metadata["fingerprint"] == digest
    assert [row["case"] for row in metadata["index"]["validation"]] == ["c3", "c8"]
    (example, _) = read.as_data_source(split="validation")
    np.testing.assert_array_equal(example["image"], frame(3, 48)[0])


def test_another_content_is_another_config(tmp_path):
    folder = read_folder(write_folder(tmp_path / "toy", size=48))
    assert config_name(folder, "0" * 64) == "toy-000000000000"
    assert config_name(folder, "1" * 64) != config_name(folder, "0" * 64)
