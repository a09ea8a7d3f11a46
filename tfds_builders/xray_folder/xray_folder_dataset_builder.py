"""Builder of one's own frames: a folder with `dataset.json` and a table of cases."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import tensorflow_datasets as tfds

from fluorojax.data.folder import Case, Folder, load_case
from fluorojax.schema.info import SPLITS
from tfds_builders import common


@dataclasses.dataclass(eq=False, kw_only=True)
class XrayFolderConfig(tfds.core.BuilderConfig):
    """A checked folder; the config's name ends in the folder's fingerprint.

    So a folder that changed is another config, built beside the old one, and a folder that cannot
    be used never gets as far as a config.
    """

    folder: Folder
    fingerprint: str
    image_dtype: str


def config_name(folder: Folder, fingerprint: str) -> str:
    """Return the name of the folder's config: the dataset's name, and 12 digits of its contents."""
    return f"{folder.info.name}-{fingerprint[:12]}"


def stored_case(folder: Folder, case: Case) -> common.StoredCase:
    """Read a case as it is stored.

    Raises:
        InputError: a file that cannot be used, named with its case.
    """
    frame, mask, ignore = load_case(folder, case)
    return common.StoredCase(
        case=case.case,
        patient=case.patient,
        sequence=case.sequence,
        frame=case.frame,
        image=frame.pixels,
        mask=mask,
        ignore=ignore,
        labelled=case.labelled,
        attached=case.attached,
        spacing_mm=frame.spacing_mm,
        spacing_origin=frame.spacing_origin,
        stratum=case.stratum,
        image_labels=case.image_labels,
    )


class Builder(common.FrameBuilder):
    """Stores each frame on its own grid, in the order of the table."""

    VERSION = tfds.core.Version("2.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}  # noqa: RUF012, TFDS's own form
    builder_config: XrayFolderConfig

    def _info(self) -> tfds.core.DatasetInfo:
        folder = self.builder_config.folder
        info = folder.info
        index = {
            name: [
                common.index_row(c.case, c.patient, c.sequence, c.labelled)
                for c in folder.split(name)
            ]
            for name in SPLITS
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=info.description or info.name,
            license=info.license,
            features=common.features(
                self.builder_config.image_dtype, len(info.classes), len(info.image_labels)
            ),
            metadata=tfds.core.MetadataDict(
                common.metadata(info, index, self.builder_config.fingerprint)
            ),
            disable_shuffling=True,
        )

    def counts(self) -> dict[str, int]:
        """Return the number of cases of each split; TFDS stores no split without frames."""
        folder = self.builder_config.folder
        return {name: len(folder.split(name)) for name in SPLITS if folder.split(name)}

    def records(self, split: str, start: int, stop: int) -> Iterator[dict[str, Any]]:
        """Yield the records of some cases of a split, in the order of the table."""
        config = self.builder_config
        for case in config.folder.split(split)[start:stop]:
            stored = stored_case(config.folder, case)
            yield common.record(stored, config.folder.info, config.image_dtype)
