"""Folders for `init` and `check`: frames with a bar and a line, annotated in several ways."""

import json
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, XRayAngiographicImageStorage, generate_uid

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
