"""Records of a data set in files that are finished one by one, so that a build can go on.

Each file holds FRAMES_A_SHARD frames of a split in the order of its records; beside it a note says
how long it is, and what it holds. What is in a file depends on nothing but the frames' numbers, so
neither the number of processes nor an interruption changes a bit of it.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import tensorflow_datasets as tfds
from array_record.python.array_record_module import ArrayRecordWriter
from tensorflow_datasets.core.example_serializer import ExampleSerializer
from tensorflow_datasets.core.naming import ShardedFileTemplate

from fluorojax.core.files import read_json
from fluorojax.schema.info import SPLITS

FRAMES_A_SHARD = 128
FORMAT = "array_record"  # the one that needs no TensorFlow
DIGESTED = ("image", "mask")  # what the digest of a shard is of


class Shard(NamedTuple):
    """The frames `start` to `stop` of a split, and the name of their file."""

    split: str
    start: int
    stop: int
    name: str


class Sharded(Protocol):
    """What a builder must have besides what TFDS asks for."""

    name: str
    info: tfds.core.DatasetInfo

    def counts(self) -> Mapping[str, int]:
        """Return the number of frames of each split."""
        ...

    def records(self, split: str, start: int, stop: int) -> Iterator[dict[str, Any]]:
        """Yield the records `start` to `stop` of a split (see `common.record`)."""
        ...


def plan(builder: Sharded) -> list[Shard]:
    """Return all shards of a data set; a split without frames has none."""
    found = []
    for split, frames in builder.counts().items():
        starts = range(0, frames, FRAMES_A_SHARD)
        found += [
            Shard(
                *(split, start, min(start + FRAMES_A_SHARD, frames)),
                f"{builder.name}-{split}.{FORMAT}-{k:05d}-of-{len(starts):05d}",
            )
            for k, start in enumerate(starts)
        ]
    return found


def write_shard(builder: Sharded, shard: Shard, folder: Path, on_frame: Callable[[], None]) -> None:
    """Write a shard and its note; the file has its name only when it is whole.

    Raises:
        RuntimeError: of ArrayRecord, where the system refuses to write.
    """
    features = builder.info.features
    serializer = ExampleSerializer(features.get_serialized_info())
    digest, size = hashlib.sha256(), 0
    draft = folder / f"{shard.name}.part"
    try:
        writer = ArrayRecordWriter(str(draft), "group_size:1")
        for record in builder.records(shard.split, shard.start, shard.stop):
            example = serializer.get_tf_example(features.encode_example(record))
            # The fields of an example are in any order otherwise, another in each process.
            raw = example.SerializeToString(deterministic=True)
            writer.write(raw)
            digest.update(b"".join(record[name].tobytes() for name in DIGESTED))
            size += len(raw)
            on_frame()
        writer.close()
        note = json.dumps({"bytes": size, "sha256": digest.hexdigest()})
        _note(folder, shard).write_text(note, "utf-8")
        os.replace(draft, folder / shard.name)
    finally:
        draft.unlink(missing_ok=True)


def is_written(folder: Path, shard: Shard) -> bool:
    """Say whether a shard is finished: its note is written before it gets its name."""
    return (folder / shard.name).is_file()


def fingerprint(folder: Path, shards: Sequence[Shard]) -> str:
    """Return the sha256 (hex) of the finished shards' digests, in order."""
    digests = "".join(read_json(_note(folder, shard))["sha256"] for shard in shards)
    return hashlib.sha256(digests.encode()).hexdigest()


def finish(builder: Sharded, folder: Path, shards: Sequence[Shard]) -> None:
    """Write what TFDS wants beside the shards, and take their notes away."""
    infos = []
    for split in SPLITS:
        of = [shard for shard in shards if shard.split == split]
        if of:
            template = ShardedFileTemplate(
                data_dir=folder, dataset_name=builder.name, split=split, filetype_suffix=FORMAT
            )
            infos.append(
                tfds.core.SplitInfo(
                    name=split,
                    shard_lengths=[shard.stop - shard.start for shard in of],
                    num_bytes=sum(read_json(_note(folder, shard))["bytes"] for shard in of),
                    filename_template=template,
                )
            )
    builder.info.set_splits(tfds.core.splits.SplitDict(infos))
    builder.info.write_to_directory(folder)
    for shard in shards:
        _note(folder, shard).unlink()


def _note(folder: Path, shard: Shard) -> Path:
    return folder / f"{shard.name}.json"
