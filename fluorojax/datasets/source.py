"""Built datasets: found, or built when missing; frames are read one by one, on their own grids."""

import dataclasses
import importlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol, SupportsIndex, overload

import numpy as np
import tensorflow_datasets as tfds

from fluorojax.config.procedures import BUILDERS
from fluorojax.core.errors import InputError
from fluorojax.core.files import MIB, read_json
from fluorojax.core.progress import console
from fluorojax.data import splits
from fluorojax.data.folder import check_cases, fingerprint, read_folder
from fluorojax.datasets.build import build
from fluorojax.schema.example import Example
from fluorojax.schema.info import SPLITS, DatasetInfo
from fluorojax.schema.limits import DIGEST, Flag, Text
from fluorojax.schema.nested import Many, Record, first_of, problems, record_of
from fluorojax.schema.renamed import KEYS, with_new_names
from fluorojax.simulation.knee.models import implant_folder
from fluorojax.simulation.knee.spec import KneeSpec
from tfds_builders.shards import FORMAT
from tfds_builders.simulated import SimulatedBuilder, SimulatedConfig, Simulation, config_name
from tfds_builders.xray_folder import xray_folder_dataset_builder as xray_folder

FOLDER = "xray_folder"  # the builder of one's own frames; those of simulated ones are `BUILDERS`


class DataSettings(Protocol):
    """Which dataset; the section `data` of a configuration has these fields."""

    builder: str
    dir: str
    cases: str
    size: str
    built_dir: str
    implants: str


@dataclasses.dataclass(frozen=True)
class IndexRow:
    """What is known of a frame without decoding it, and where it is stored."""

    case: str
    patient: str
    sequence: str
    labelled: bool
    split: str
    record: int

    def unit(self, info: DatasetInfo) -> str:
        """Return the name of what must not stand on both sides of a split."""
        return splits.split_unit(
            info.split_unit, case=self.case, patient=self.patient, sequence=self.sequence
        )


Records = Mapping[str, Sequence[Example]]
"""What is stored, by split."""


class Frames(Sequence[Example]):
    """The frames of one split in a fixed order; each is decoded when asked for."""

    def __init__(self, rows: Sequence[IndexRow], records: Records):
        """Take the rows and the stored records, by split."""
        self.rows = tuple(rows)
        self._records = records

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, key: SupportsIndex) -> Example: ...

    @overload
    def __getitem__(self, key: slice) -> "Frames": ...

    def __getitem__(self, key: SupportsIndex | slice) -> "Example | Frames":
        if isinstance(key, slice):
            return Frames(self.rows[key], self._records)
        row = self.rows[key.__index__()]
        return self._records[row.split][row.record]


def labelled_only(frames: Frames) -> Frames:
    """Return the frames that have an annotation; nothing is decoded for it."""
    return Frames([row for row in frames.rows if row.labelled], frames._records)


class Online(NamedTuple):
    """What training frames are simulated from while training."""

    simulation: Simulation
    spec: Any


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A built dataset.

    Attributes:
        info: classes, relation, licence.
        fingerprint: sha256 (hex) of what it was built from (a folder) or of its frames (simulated).
        path: where it is stored.
        index: every frame, in the order of the records.
        online: what training frames are simulated from while training; None: they are stored.
    """

    info: DatasetInfo
    fingerprint: str
    path: Path
    index: tuple[IndexRow, ...]
    records: Records = dataclasses.field(repr=False)
    online: Online | None = None

    def split(
        self, name: str, *, fold: int = 0, folds: int = 0, train_share: float = 1.0
    ) -> Frames:
        """Return train, validation or test.

        With `folds` 0 the splits are as stored. Otherwise train and validation are put together,
        and the patients (or other split units) of fold `fold` of `folds` validate. The test
        split never changes. Of train, only the share `train_share` of the units is returned.

        Raises:
            InputError: no such split, fold or share, or fewer patients than folds.
        """
        if name not in SPLITS:
            raise InputError(f"split '{name}': there are {', '.join(SPLITS)}")
        if folds == 0 or name == "test":
            rows = [row for row in self.index if row.split == name]
        else:
            rows = self._fold(fold, folds, validates=name == "validation")
        if name == "train":
            units = splits.first_units((row.unit(self.info) for row in rows), train_share)
            rows = [row for row in rows if row.unit(self.info) in units]
        return Frames(rows, self.records)

    def _fold(self, fold: int, folds: int, *, validates: bool) -> list[IndexRow]:
        """Return the rows of train and validation that validate in a fold, or those that do not."""
        pool = [row for row in self.index if row.split != "test"]
        units = splits.validation_units((row.unit(self.info) for row in pool), fold, folds)
        return [row for row in pool if (row.unit(self.info) in units) == validates]


def open_dataset(data: DataSettings, spec: Any = None) -> Dataset:
    """Open a dataset, after building it if it is missing.

    Args:
        data: the section `data` of a configuration.
        spec: what is simulated, where frames are (see `fluorojax.config.simulation_spec`); None:
            the simulation's own ranges. Their size comes from `data`.

    Raises:
        InputError: no such builder or size, or a folder that cannot be used as it is.
    """
    if data.builder == FOLDER:
        return _open_folder(data)
    if data.builder not in BUILDERS:
        names = ", ".join((*BUILDERS, FOLDER))
        raise InputError(f"data.builder={data.builder}: write one of {names}")
    data_set, _, online = BUILDERS[data.builder]
    made_by = simulated_builder(data_set)
    if data.implants:
        spec = _with_implants(spec or made_by.simulation.spec, data)
    return open_simulated(made_by, data.size, data.built_dir, spec, online=online)


def _with_implants(spec: Any, data: DataSettings) -> Any:
    """Return the spec with the designs of the folder `data.implants`."""
    if not isinstance(spec, KneeSpec):
        raise InputError(
            f"data.implants={data.implants}: data.builder={data.builder} simulates no knees"
        )
    return dataclasses.replace(spec, implants=implant_folder(data.implants))


def simulated_builder(data_set: str) -> type[SimulatedBuilder]:
    """Return the TFDS builder of a data set of simulated frames, from the folder of its name."""
    module = importlib.import_module(f"tfds_builders.{data_set}.{data_set}_dataset_builder")
    return module.Builder


def open_folder(directory: str | Path, cases_file: str, built_dir: str | Path) -> Dataset:
    """Open one's own frames; a folder that changed is built anew, beside the older build.

    Args:
        directory: the folder with dataset.json and the table.
        cases_file: the table's name in it.
        built_dir: where built datasets are kept.

    Raises:
        InputError: what is wrong with the folder; nothing was built or changed then.
    """
    folder = read_folder(directory, cases_file)
    digest = fingerprint(folder)
    name = xray_folder.config_name(folder, digest)
    path = _path(built_dir, FOLDER, name, xray_folder.Builder)
    if not path.exists():
        summary = check_cases(folder)
        for note in summary.notes:
            console.print(f"note: {note}", markup=False)

        config = xray_folder.XrayFolderConfig(
            name=name, folder=folder, fingerprint=digest, image_dtype=summary.image_dtype
        )
        build(xray_folder.Builder, _arguments(built_dir, config), path)
    return _read(path)


def open_simulated(
    made_by: type[SimulatedBuilder],
    size: str,
    built_dir: str | Path,
    spec: Any = None,
    *,
    online: bool = False,
) -> Dataset:
    """Open the simulated frames of a size.

    Args:
        made_by: the builder.
        size: a name in `made_by.simulation.sizes`.
        built_dir: where built datasets are kept.
        spec: what is simulated, at that size; None: the simulation's own ranges.
        online: training frames are simulated while training, so only one is built; validation and
            test frames are those of the stored dataset.

    Raises:
        InputError: no such size.
    """
    simulation = made_by.simulation
    if size not in simulation.sizes:
        raise InputError(f"data.size={size}: write one of {', '.join(simulation.sizes)}")
    counts = simulation.sizes[size]
    if online:
        counts = counts.without_training()
    spec = dataclasses.replace(spec or simulation.spec, height=counts.side, width=counts.side)
    name = config_name(simulation, f"{size}-online" if online else size, counts, spec)
    path = _path(built_dir, made_by.name, name, made_by)
    if not path.exists():
        config = SimulatedConfig(name=name, size=counts, spec=spec)
        build(made_by, _arguments(built_dir, config), path, simulated=True)
    dataset = _read(path)
    return dataclasses.replace(dataset, online=Online(simulation, spec)) if online else dataset


def _open_folder(data: DataSettings) -> Dataset:
    if not data.dir:
        raise InputError(
            "data.dir is empty: give the folder that holds dataset.json and the frames"
        )
    return open_folder(data.dir, data.cases, data.built_dir)


def _arguments(built_dir: str | Path, config: tfds.core.BuilderConfig) -> dict[str, Any]:
    return {"data_dir": str(built_dir), "config": config, "file_format": FORMAT}


def _path(
    built_dir: str | Path, builder: str, config: str, cls: type[tfds.core.DatasetBuilder]
) -> Path:
    return Path(built_dir) / builder / config / str(cls.VERSION)


MOST_METADATA = 2048 * MIB  # of `metadata.json`: tens of millions of frames
_ROW = Record({"case": Text(), "patient": Text(), "sequence": Text(), "labelled": Flag()})
_METADATA = Record(
    {
        "info": record_of(DatasetInfo),
        "fingerprint": DIGEST,
        "index": Record({name: Many(_ROW, 0, 10**9) for name in SPLITS}),
    },
)
"""What stands in the `metadata.json` of a built data set."""


class Stored(Sequence[Example]):
    """The stored records of a split, each decoded when asked for."""

    def __init__(self, path: Path, source: Sequence[dict[str, Any]], rows: Sequence[IndexRow]):
        """Take the folder, what TFDS reads in it, and what the records are of."""
        self._path, self._source, self._rows = path, source, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, key: Any) -> Any:
        with _whole(self._path):
            example = _decode(self._source[key])
            if example["case"] != self._rows[key].case:
                raise ValueError(f"{example['case']} is stored as {self._rows[key].case}")
        return example


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Say which folder to delete where a built data set cannot be read.

    TFDS and ArrayRecord raise errors of many kinds at files that are damaged or missing.
    """
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise InputError(
            f"{path}: the built data set is damaged ({reason}); delete this folder, and the same "
            "command builds it again"
        ) from error


def _read(path: Path) -> Dataset:
    with _whole(path):
        metadata = read_json(path / "metadata.json", most=MOST_METADATA)
        if isinstance(metadata, dict) and isinstance(metadata.get("info"), dict):
            metadata["info"] = with_new_names(metadata["info"], KEYS)
        if wrong := first_of(problems(_METADATA, metadata, "")):
            raise ValueError(wrong)
        rows = {
            name: [
                IndexRow(**row, split=name, record=record)
                for record, row in enumerate(metadata["index"][name])
            ]
            for name in SPLITS
        }
        builder = tfds.builder_from_directory(str(path))
        sources = {
            name: _source(builder, name, len(rows[name])) if rows[name] else () for name in SPLITS
        }
    return Dataset(
        info=DatasetInfo.from_json(metadata["info"]),
        fingerprint=metadata["fingerprint"],
        path=path,
        index=tuple(row for name in SPLITS for row in rows[name]),
        records={name: Stored(path, sources[name], rows[name]) for name in SPLITS},
    )


def _source(builder: tfds.core.DatasetBuilder, split: str, frames: int) -> Any:
    """Return what TFDS reads of a split, after a look whether its files are all there."""
    if not frames:
        return ()
    missing = [file for file in builder.info.splits[split].filepaths if not Path(file).is_file()]
    if missing:
        raise ValueError(f"{Path(missing[0]).name} is missing")
    source = builder.as_data_source(split=split)
    if len(source) != frames:
        raise ValueError(f"{split} has {len(source)} records of {frames} frames")
    return source


def _decode(record: dict[str, Any]) -> Example:
    """Turn a record of TFDS into an `Example`: text comes back as bytes."""
    return Example(
        case=record["case"].decode(),
        patient=record["patient"].decode(),
        sequence=record["sequence"].decode(),
        stratum=record["stratum"].decode(),
        frame=int(record["frame"]),
        image=record["image"],
        mask=record["mask"],
        skeleton=record["skeleton"],
        ignore=record["ignore"],
        labelled=bool(record["labelled"]),
        attached=int(record["attached"]),
        spacing_mm=record["spacing_mm"],
        # Data sets built before files said a spacing of their own have those of tables.
        spacing_origin=record.get("spacing_origin", b"stated").decode(),
        low=float(record["low"]),
        high=float(record["high"]),
        image_labels=record.get("image_labels", np.zeros(0, np.int8)),
    )
