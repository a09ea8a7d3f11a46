"""Folders for `init` and `check`: frames with a bar and a line, annotated in several ways."""

import json
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.pixels.utils import pack_bits
from pydicom.uid import (
    ExplicitVRLittleEndian,
    SegmentationStorage,
    XRayAngiographicImageStorage,
    generate_uid,
)

from tests.folders import frame

NAME, PATIENT_ID = "DOE^JANE", "HOSP4711"


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def pictures(root: Path, names, *, masks: str = "masks", size: int = 64) -> Path:
    """Write `images/NAME.png` and bitmasks of the same name."""
    for seed, name in enumerate(names):
        image, mask = frame(seed, size)
        save(root / f"images/{name}.png", image)
        if masks:
            save(root / masks / f"{name}.png", mask)
    return root


def labelme(path: Path, *, wire: bool = True, width: str = "width_px=3", size: int = 64) -> Path:
    """Write shapes: a box `scope` at the left, and a line `wire` out of it."""
    shapes = [
        {
            "label": "scope",
            "shape_type": "polygon",
            "points": [[0, 20], [24, 20], [24, 40], [0, 40]],
        }
    ]
    if wire:
        points = [[22, 30], [40, 32], [58, 30]]
        shapes.append(
            {"label": "wire", "shape_type": "linestrip", "points": points, "description": width}
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"shapes": shapes, "imageHeight": size, "imageWidth": size}))
    return path


def dicom(path: Path, frames: int = 1, patient: str = PATIENT_ID, seed: int = 0, **fields) -> Path:
    """Write a file of several frames, with a name, dates and identifiers in its header."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = XRayAngiographicImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    values = {
        "SOPClassUID": meta.MediaStorageSOPClassUID,
        "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "StudyInstanceUID": generate_uid(),
        "SeriesInstanceUID": generate_uid(),
        "Modality": "XA",
        "PatientName": NAME,
        "PatientID": patient,
        "PatientBirthDate": "19500203",
        "StudyDate": "20240506",
        "Rows": 64,
        "Columns": 64,
        "NumberOfFrames": frames,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
    }
    for name, value in (values | fields).items():
        setattr(dataset, name, value)
    dataset.PixelData = np.stack([frame(100 * seed + n)[0] for n in range(frames)]).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)
    return path


def dataset(**fields) -> Dataset:
    found = Dataset()
    for name, value in fields.items():
        setattr(found, name, value)
    return found


def scene(*, wire: bool = True, size: int = 64) -> np.ndarray:
    """Return masks of a box `scope`, and a line `wire` of 1 px out of it, [H, W, 2] bool."""
    mask = np.zeros((size, size, 2), bool)
    mask[20:40, :24, 0] = True
    mask[30, 22:58, 1] = wire
    return mask


def segmentation(path: Path, source: Path | None, frames, labels=("Scope", "Guide wire")) -> Path:
    """Write a DICOM segmentation with a plane a frame and label.

    Args:
        path: of the file.
        source: the DICOM file that it was drawn on; None: it refers to none.
        frames: number of a frame, 0 where the file has one -> masks [H, W, labels] bool.
        labels: of the segments.
    """
    of = pydicom.dcmread(source, stop_before_pixels=True) if source else dataset()
    groups, planes = [], []
    for number, mask in frames.items():
        for k in range(len(labels)):
            group = dataset(
                SegmentIdentificationSequence=[dataset(ReferencedSegmentNumber=k + 1)],
            )
            if source:
                referred = dataset(ReferencedSOPInstanceUID=of.SOPInstanceUID)
                if number:
                    referred.ReferencedFrameNumber = number
                group.DerivationImageSequence = [dataset(SourceImageSequence=[referred])]
            groups.append(group)
            planes.append(mask[..., k])
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = SegmentationStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    made = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    made.update(
        dataset(
            SOPClassUID=SegmentationStorage,
            SOPInstanceUID=meta.MediaStorageSOPInstanceUID,
            Modality="SEG",
            PatientID=of.get("PatientID", ""),
            Rows=planes[0].shape[0],
            Columns=planes[0].shape[1],
            NumberOfFrames=len(planes),
            SamplesPerPixel=1,
            PhotometricInterpretation="MONOCHROME2",
            BitsAllocated=1,
            BitsStored=1,
            HighBit=0,
            PixelRepresentation=0,
            SegmentationType="BINARY",
            SegmentSequence=[
                dataset(SegmentNumber=k, SegmentLabel=label) for k, label in enumerate(labels, 1)
            ],
            PerFrameFunctionalGroupsSequence=groups,
        )
    )
    made.PixelData = pack_bits(np.stack(planes).astype(np.uint8))
    path.parent.mkdir(parents=True, exist_ok=True)
    pydicom.dcmwrite(path, made, enforce_file_format=True)
    return path


def centrelines(path: Path, of: str = "wire", width: str = "3", tip: int = 58) -> Path:
    """Write a table with the line that `labelme` draws; `of` '': without a column for the class."""
    head, end = ("x,y,width_px,class,line", f",{of},1") if of else ("x,y,width_px", "")
    rows = [f"22,30,{width}{end}", f"40,32,{width}{end}", f"{tip},30,{width}{end}"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def cvat_video(path: Path, shown, source: str = "", *, width: str = "3", last: int = 2) -> Path:
    """Write 'CVAT for video': a polyline `wire` and a box `scope` in the frames `shown`, from 0."""
    end = max(shown) + 1
    said = f'<attribute name="width_px">{width}</attribute>' if width else ""
    lines, boxes = [], []
    for n in (*shown, *([end] if end <= last else [])):
        at = f'frame="{n}" outside="{int(n == end)}" keyframe="1"'
        lines.append(f'<polyline {at} points="22,30;40,32;58,30">{said}</polyline>')
        boxes.append(f'<box {at} xtl="0" ytl="20" xbr="24" ybr="40"/>')
    tracks = [("wire", lines), ("scope", boxes)]
    drawn = "".join(
        f'<track id="{n}" label="{label}">{"".join(shapes)}</track>'
        for n, (label, shapes) in enumerate(tracks)
    )
    size = "<original_size><width>64</width><height>64</height></original_size>"
    task = f"<task><mode>interpolation</mode><stop_frame>{last}</stop_frame>{size}</task>"
    named = f"<source>{source}</source>" if source else ""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'<?xml version="1.0"?><annotations><version>1.1</version><meta>{task}{named}</meta>{drawn}'
        "</annotations>"
    )
    return path
