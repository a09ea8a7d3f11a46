"""Builder of one's own frames: a folder with `dataset.json` and a table of cases."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import tensorflow_datasets as tfds

from fluorojax.data.folder import Case, Folder, load_case
from fluorojax.schema.info import SPLITS
from tfds_builders import common


@dataclasses.dataclass(eq=False, kw_only=True)
class XrayFolderConfig(common.FrameConfig):
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


class Builder(tfds.core.GeneratorBasedBuilder):
    """Stores each frame on its own grid, in the order of the table."""

    VERSION = tfds.core.Version("2.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}  # noqa: RUF012, TFDS's own form
    url_infos: dict[str, Any] = {}  # noqa: RUF012, nothing is downloaded

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

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[tuple[int, dict]]]:
        folder = self.builder_config.folder
        done = 0
        generators = {}
        for name in filter(folder.split, SPLITS):  # TFDS stores no split without frames
            generators[name] = self._generate_examples(folder.split(name), done)
            done += len(folder.split(name))
        return generators

    def _generate_examples(
        self, cases: tuple[Case, ...], done: int
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        config = self.builder_config
        for key, case in enumerate(cases):
            stored = stored_case(config.folder, case)
            yield key, common.record(stored, config.folder.info, config.image_dtype)
            config.on_frame(done + key + 1)

    def _log_download_bytes(self) -> None:
        """Keep TFDS's own lines out of the output; `on_frame` shows how far the work is."""

    def _log_download_done(self) -> None:
        """As above."""
