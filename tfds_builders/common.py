"""What the builders share: the features of a stored frame, and the metadata beside the records."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from fluorojax.data.intensity import intensity_range
from fluorojax.geometry.skeleton import centrelines
from fluorojax.schema import bitmask
from fluorojax.schema.frame import UNKNOWN_SPACING, Spacing, SpacingOrigin
from fluorojax.schema.info import DatasetInfo


class FrameBuilder(  # type: ignore[call-arg]
    tfds.core.GeneratorBasedBuilder, skip_registration=True
):
    """A builder that can make any part of its data set by itself (see `tfds_builders.shards`)."""

    url_infos: dict[str, Any] = {}  # noqa: RUF012, nothing is downloaded

    def counts(self) -> Mapping[str, int]:
        """Return the number of frames of each split."""
        raise NotImplementedError

    def records(self, split: str, start: int, stop: int) -> Iterator[dict[str, Any]]:
        """Yield the `record`s `start` to `stop` of a split, in the order of the index."""
        raise NotImplementedError

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[tuple[int, dict]]]:
        return {split: self._generate_examples(split) for split in self.counts()}

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield all records as TFDS wants them; a build goes by shards instead."""
        yield from enumerate(self.records(split, 0, self.counts()[split]))


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoredCase:
    """One frame with its annotation, as a builder stores it, on the frame's own grid.

    Attributes:
        case, patient, sequence: names; the sequence may be empty.
        frame: number in the sequence, -1 where unknown.
        image: [H, W] uint8 or uint16.
        mask: [H, W, C] in {0, 1}; zeros where unlabelled.
        ignore: [H, W] in {0, 1}: 1 counts neither in loss nor in scores.
        labelled: whether there is an annotation.
        attached: whether the relation holds: 1 yes, 0 no, -1 cannot be said.
        spacing_mm: (rows, columns), NaN where unknown.
        spacing_origin: where it comes from (see `fluorojax.schema.frame.ORIGINS`).
        stratum: how hard the frame is, in words; empty where nobody said.
        image_labels: the place of each image label's value, UNKNOWN (-1) where nobody said.
    """

    case: str
    patient: str
    image: np.ndarray
    mask: np.ndarray
    ignore: np.ndarray
    sequence: str = ""
    frame: int = -1
    labelled: bool = True
    attached: int = -1
    spacing_mm: Spacing = UNKNOWN_SPACING
    spacing_origin: SpacingOrigin = "stated"
    stratum: str = ""
    image_labels: tuple[int, ...] = ()


def features(image_dtype: str, classes: int, image_labels: int = 0) -> tfds.features.FeaturesDict:
    """Return the features of a stored frame; `Tensor`, because `Image` needs TensorFlow.

    Frames without image labels have no feature for them, as those stored before there were any.
    """
    mask_dtype = bitmask.dtype(classes)
    values = tfds.features.Tensor(shape=(image_labels,), dtype=np.int8)
    return tfds.features.FeaturesDict(
        {
            "case": tfds.features.Text(),
            "patient": tfds.features.Text(),
            "sequence": tfds.features.Text(),
            "stratum": tfds.features.Text(),
            "frame": np.int32,
            "image": _grid(np.dtype(image_dtype)),
            "mask": _grid(mask_dtype),
            "skeleton": _grid(mask_dtype),
            "ignore": _grid(np.dtype(np.uint8)),
            "labelled": np.bool_,
            "attached": np.int8,
            "spacing_mm": tfds.features.Tensor(shape=(2,), dtype=np.float32),
            "spacing_origin": tfds.features.Text(),
            "low": np.float32,
            "high": np.float32,
            **({"image_labels": values} if image_labels else {}),
        }
    )


def _grid(dtype: np.dtype) -> tfds.features.Tensor:
    return tfds.features.Tensor(shape=(None, None), dtype=dtype, encoding="zlib")


def record(case: StoredCase, info: DatasetInfo, image_dtype: str) -> dict[str, Any]:
    """Return the values of `features` for one case, with centrelines and intensity range.

    Raises:
        ValueError: the case has another number of image labels than `info`.
    """
    if len(case.image_labels) != len(info.image_labels):
        raise ValueError(
            f"case {case.case} has {len(case.image_labels)} image_labels, and {info.name} has "
            f"{len(info.image_labels)}; give -1 for each that is not known"
        )
    values = {"image_labels": np.array(case.image_labels, np.int8)} if info.image_labels else {}
    low, high = intensity_range(case.image)
    return {
        "case": case.case,
        "patient": case.patient,
        "sequence": case.sequence,
        "stratum": case.stratum,
        "frame": case.frame,
        "image": case.image.astype(image_dtype),
        "mask": bitmask.pack(case.mask),
        "skeleton": bitmask.pack(centrelines(case.mask, info.curves)),
        "ignore": case.ignore.astype(np.uint8),
        "labelled": case.labelled,
        "attached": case.attached,
        "spacing_mm": np.array(case.spacing_mm, np.float32),
        "spacing_origin": case.spacing_origin,
        "low": low,
        "high": high,
        **values,
    }


def index_row(case: str, patient: str, sequence: str, labelled: bool) -> dict[str, Any]:
    """Return what is known of a record without decoding it; folds are chosen by it."""
    return {"case": case, "patient": patient, "sequence": sequence, "labelled": labelled}


def metadata(
    info: DatasetInfo, index: Mapping[str, Sequence[Mapping[str, Any]]], fingerprint: str
) -> dict[str, Any]:
    """Return what stands beside the records: classes and all, fingerprint, a row a record."""
    return {"info": info.to_json(), "fingerprint": fingerprint, "index": dict(index)}
