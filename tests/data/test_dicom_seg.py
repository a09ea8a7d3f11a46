import copy
import warnings

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.pixels.utils import pack_bits
from pydicom.uid import (
    ExplicitVRLittleEndian,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
    generate_uid,
)

from fluorojax.core.errors import InputError
from fluorojax.data.annotations import is_of_many, of_a_tool, parsed, read_annotation
from fluorojax.data.dicom_seg import parse_seg, segments_on
from fluorojax.data.label_rules import LabelRules
from fluorojax.schema.info import ClassInfo, DatasetInfo

MANY = MultiFrameGrayscaleByteSecondaryCaptureImageStorage
highdicom = pytest.importorskip("highdicom")

INFO = DatasetInfo("toy", (ClassInfo("scope", "region"), ClassInfo("wire", "curve")))
PATIENT = (
    *("PatientID", "PatientName", "PatientSex", "PatientBirthDate", "StudyID", "StudyDate"),
    *("StudyTime", "AccessionNumber", "ReferringPhysicianName"),
)
SHAPE = (19, 31)  # planes that do not end at a byte


def image(path, frames=1):
    """Write a grey DICOM file, and return what stands in it."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = MANY if frames > 1 else SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    data = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = (
        meta.MediaStorageSOPClassUID,
        meta.MediaStorageSOPInstanceUID,
    )
    data.StudyInstanceUID, data.SeriesInstanceUID = generate_uid(), generate_uid()
    data.Modality, data.Rows, data.Columns = "XA", *SHAPE
    for name in PATIENT:
        setattr(data, name, "")
    data.SeriesNumber = data.InstanceNumber = 1
    if frames > 1:
        data.NumberOfFrames = frames
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    data.PixelData = bytes(frames * SHAPE[0] * SHAPE[1] + frames * SHAPE[0] * SHAPE[1] % 2)
    data.save_as(path, enforce_file_format=True)
    return data


def seg(path, source, pixels, labels=("Scope", "wire"), kind="BINARY", **more):
    """Write a segmentation with highdicom: pixels [frames, rows, columns, segments]."""
    code = highdicom.sr.CodedConcept("T-D0050", "SRT", "Tissue")
    described = [
        highdicom.seg.SegmentDescription(n, label, code, code, "MANUAL")
        for n, label in enumerate(labels, 1)
    ]
    pixels = pixels.astype(np.uint8) if pixels.dtype == bool else pixels
    uids = generate_uid(), 1, generate_uid(), 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = highdicom.seg.Segmentation(
            [source], pixels, kind, described, *uids, "maker", "model", "1", "1", **more
        )
    made.save_as(path)
    return path


def masks(frames, seed=0):
    found = np.random.default_rng(seed).random((frames, *SHAPE, 2)) < 0.3
    found[0, ..., 1] = False  # an empty plane, which is left out
    return found


def read(path, image=None, frame=-1, shape=SHAPE, info=INFO, **rules):
    rules = LabelRules(**rules)
    return read_annotation(path, info, "", shape, "c7", image=image, frame=frame, rules=rules)


@pytest.fixture(scope="module")
def cine(tmp_path_factory):
    """Return a segmentation of three frames, planes in no order, and their file.

    Made of one of a single frame: highdicom makes none of a cine without a frame of reference.
    """
    folder = tmp_path_factory.mktemp("cine")
    source = image(folder / "cine.dcm", 3)
    made = pydicom.dcmread(seg(folder / "seg.dcm", image(folder / "f.dcm"), masks(1)))
    group = made.PerFrameFunctionalGroupsSequence[0]
    planes = [(frame, k) for k in (1, 0) for frame in (2, 0, 1) if (frame, k) != (0, 1)]
    made.PerFrameFunctionalGroupsSequence = [copy.deepcopy(group) for _ in planes]
    for group, (frame, k) in zip(made.PerFrameFunctionalGroupsSequence, planes, strict=True):
        group.SegmentIdentificationSequence[0].ReferencedSegmentNumber = k + 1
        item = group.DerivationImageSequence[0].SourceImageSequence[0]
        item.ReferencedSOPInstanceUID = source.SOPInstanceUID
        item.ReferencedFrameNumber = frame + 1
    made.ReferencedSeriesSequence[0].ReferencedInstanceSequence[
        0
    ].ReferencedSOPInstanceUID = source.SOPInstanceUID
    made.NumberOfFrames = len(planes)
    made.PixelData = pack_bits(np.stack([masks(3)[frame, ..., k] for frame, k in planes]))
    made.save_as(folder / "seg.dcm")
    return folder / "seg.dcm", folder / "cine.dcm"


@pytest.mark.parametrize("frame", [1, 2, 3])
def test_a_frame_of_a_cine_finds_its_planes(cine, frame):
    np.testing.assert_array_equal(read(*cine, frame), masks(3)[frame - 1])


def test_segments_are_told_with_whether_anything_is_drawn(cine):
    file = parse_seg(cine[0], "")
    assert file.is_of_many
    found = {number: sorted(segments_on(file, cine[1], number, "c7")) for number in (1, 2, 4)}
    assert found == {1: [("Scope", True)], 2: [("Scope", True), ("wire", True)], 4: []}
    with pytest.raises(InputError, match=r"seg.dcm: case c7: which of the 3 frames"):
        list(segments_on(file, cine[1], -1, "c7"))


def test_a_segmentation_is_known_by_its_content(tmp_path):
    source = image(tmp_path / "f.dcm")
    path = seg(tmp_path / "IM0002", source, masks(1))
    np.testing.assert_array_equal(read(path, tmp_path / "f.dcm"), masks(1)[0])
    assert of_a_tool(path)
    assert parsed(path).labels == {1: "Scope", 2: "wire"}
    assert not is_of_many(path)


def test_a_frame_without_a_number_is_refused(cine):
    with pytest.raises(InputError, match=r"which of the 3 frames .* column 'frame'"):
        read(*cine)


@pytest.mark.parametrize("frame", [-1, 20])
def test_a_single_frame_whatever_its_number_in_the_sequence(tmp_path, frame):
    source = image(tmp_path / "f.dcm")
    path = seg(tmp_path / "s.dcm", source, masks(1))
    np.testing.assert_array_equal(read(path, tmp_path / "f.dcm", frame), masks(1)[0])
    np.testing.assert_array_equal(read(path, tmp_path / "f.png"), masks(1)[0])


def test_fractional_segments_count_from_half_on(tmp_path):
    values = np.random.default_rng(1).random((1, *SHAPE, 2))
    source = image(tmp_path / "f.dcm")
    path = seg(tmp_path / "s.dcm", source, values, kind="FRACTIONAL", max_fractional_value=200)
    expected = np.round(values[0] * 200) >= 100
    np.testing.assert_array_equal(read(path, tmp_path / "f.dcm"), expected)


def test_label_maps_hold_all_segments_in_one_plane(tmp_path):
    values = np.random.default_rng(1).integers(0, 3, (1, *SHAPE)).astype(np.uint8)
    source = image(tmp_path / "f.dcm")
    path = seg(tmp_path / "s.dcm", source, values, kind="LABELMAP")
    expected = np.stack([values[0] == 1, values[0] == 2], -1)
    np.testing.assert_array_equal(read(path, tmp_path / "f.dcm"), expected)


def test_segments_may_have_other_names(tmp_path):
    source = image(tmp_path / "f.dcm")
    one = masks(1)[..., :1]
    path = seg(tmp_path / "s.dcm", source, one, labels=("Guide wire",))
    with pytest.raises(InputError, match="segment 1: unknown SegmentLabel 'Guide wire'"):
        read(path, tmp_path / "f.dcm")
    found = read(path, tmp_path / "f.dcm", names={"Guide wire": "wire"})
    np.testing.assert_array_equal(found[..., 1], masks(1)[0, ..., 0])
    assert not read(path, tmp_path / "f.dcm", names={"Guide wire": ""}).any()


def test_what_does_not_fit_is_named(cine, tmp_path):
    path, frame = cine
    with pytest.raises(InputError, match=r"the segmentation is 19 x 31, the frame 31 x 19"):
        read(path, frame, 1, shape=SHAPE[::-1])
    image(tmp_path / "other.dcm")
    with pytest.raises(InputError, match=r"segmentation of another image than other\.dcm"):
        read(path, tmp_path / "other.dcm", 1)
    with pytest.raises(InputError, match="of 1 images and 3 frames, and not said which this is"):
        read(path, tmp_path / "f.png")
    np.testing.assert_array_equal(read(path, tmp_path / "f.png", 2), masks(3)[1])
    with pytest.raises(InputError, match="DICOM of modality XA, which is no segmentation"):
        read(frame, frame, 1)


def test_planes_without_references(tmp_path):
    source = image(tmp_path / "f.dcm")
    data = pydicom.dcmread(seg(tmp_path / "s.dcm", source, masks(1)))
    for group in data.PerFrameFunctionalGroupsSequence:
        del group.DerivationImageSequence
    data.save_as(tmp_path / "bare.dcm")
    np.testing.assert_array_equal(read(tmp_path / "bare.dcm", tmp_path / "f.dcm"), masks(1)[0])


@pytest.mark.parametrize("data", [b"", b"DICM", b"\0" * 128 + b"DICM" + b"\x02\0"])
def test_what_is_no_dicom_file_is_refused(tmp_path, data):
    (tmp_path / "s.dcm").write_bytes(data)
    with pytest.raises(InputError, match=r"s\.dcm: case c7: "):
        read(tmp_path / "s.dcm", tmp_path / "f.png")
