import io
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRBigEndian,
    JPEG2000Lossless,
    XRayAngiographicImageStorage,
    XRayRadiofluoroscopicImageStorage,
)

from fluorojax.core.errors import InputError
from fluorojax.data import write_dicom_seg as module
from fluorojax.data.annotations import read_annotation
from fluorojax.data.dicom_out import Algorithm
from fluorojax.data.write_dicom_seg import PackedPlanes, write_dicom_seg
from fluorojax.schema.info import ClassInfo, DatasetInfo
from tests.data import dicoms

highdicom = pytest.importorskip("highdicom")

NAMES = ("endoscope", "guidewire")
INFO = DatasetInfo("toy", (ClassInfo("endoscope", "region"), ClassInfo("guidewire", "curve")))
ALGORITHM = Algorithm("joint seed 0", "ab" * 32, "endoscope from probability 0.5")
SHAPE = (37, 31)  # planes that do not end at a byte
UID = "1.2.3.4.3"  # of the source, as `dicoms` makes it


def masks_of(frames):
    """Return masks that overlap, with a frame where nothing is and one without a wire."""
    found = np.random.default_rng(0).random((frames, *SHAPE, 2)) < 0.3
    found[3 % frames] = frames == 1
    found[7 % frames, ..., 1] = frames == 1
    return found


def source(path, frames=1, **tags):
    shape = (frames, *SHAPE) if frames > 1 else SHAPE
    return dicoms.write(path, np.zeros(shape, np.uint8), **tags)


def written(tmp_path, masks, **tags):
    path = source(tmp_path / "xa.dcm", len(masks), **tags)
    write_dicom_seg(tmp_path / "seg.dcm", path, enumerate(masks, 1), NAMES, ALGORITHM)
    return tmp_path / "seg.dcm", path


def test_a_cine_of_40_frames_with_overlapping_classes_comes_back_by_three_readers(tmp_path):
    masks = masks_of(40)
    path, cine = written(tmp_path, masks)
    # highdicom
    file = highdicom.seg.segread(path)
    numbers = list(range(1, 41))
    found = file.get_pixels_by_source_frame(UID, numbers, assert_missing_frames_are_empty=True)
    np.testing.assert_array_equal(found.astype(bool), masks)
    assert file.SegmentsOverlap == "YES"
    # pydicom, by what each plane says of itself
    data = pydicom.dcmread(path)
    drawn = np.zeros_like(masks)
    planes = zip(data.pixel_array, data.PerFrameFunctionalGroupsSequence, strict=True)
    for plane, group in planes:
        item = group.DerivationImageSequence[0].SourceImageSequence[0]
        segment = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        assert item.ReferencedSOPInstanceUID == UID
        drawn[item.ReferencedFrameNumber - 1, ..., segment - 1] = plane
    np.testing.assert_array_equal(drawn, masks)
    assert data.NumberOfFrames == masks.any((1, 2)).sum() == 77
    # and this project
    for number in numbers:
        mine = read_annotation(path, INFO, "", SHAPE, "c", image=cine, frame=number)
        np.testing.assert_array_equal(mine, masks[number - 1])


@pytest.mark.parametrize(
    ("modality", "kind"),
    [
        ("XA", XRayAngiographicImageStorage),
        ("RF", XRayRadiofluoroscopicImageStorage),
        ("CR", ComputedRadiographyImageStorage),
        ("DX", DigitalXRayImageStorageForPresentation),
    ],
)
def test_a_single_frame_of_any_projection(tmp_path, modality, kind):
    masks = masks_of(1)
    path, frame = written(tmp_path, masks, Modality=modality, SOPClassUID=kind)
    found = highdicom.seg.segread(path).get_pixels_by_source_instance([UID])
    np.testing.assert_array_equal(found.astype(bool), masks)
    mine = read_annotation(path, INFO, "", SHAPE, "c", image=frame, frame=20)
    np.testing.assert_array_equal(mine, masks[0])
    item = pydicom.dcmread(path).PerFrameFunctionalGroupsSequence[0]
    assert "ReferencedFrameNumber" not in item.DerivationImageSequence[0].SourceImageSequence[0]


def test_what_highdicom_alone_does_with_projections():
    """Why the file is put together here; where this fails, the library may have learned it."""
    code = highdicom.sr.CodedConcept("85756007", "SCT", "Tissue")
    described = [highdicom.seg.SegmentDescription(1, "a", code, code, "MANUAL")]
    usual = {"PatientSex": "", "AccessionNumber": "", "StudyID": "", "StudyTime": ""}

    def made(pixels, **tags):
        image = dicoms.dataset(pixels, **usual, **tags)
        mask = np.ones((len(pixels) if pixels.ndim == 3 else 1, *SHAPE), np.uint8)
        uids = highdicom.UID(), 1, highdicom.UID(), 1
        return highdicom.seg.Segmentation([image], mask, "BINARY", described, *uids, *"abcd")

    cine, frame = np.zeros((3, *SHAPE), np.uint8), np.zeros(SHAPE, np.uint8)
    for tags in ({}, {"FrameOfReferenceUID": "1.2.3.9"}):
        with pytest.raises(ValueError, match="Only a single frame is supported"):
            made(cine, **tags)
    with pytest.raises(AttributeError, match="NumberOfFrames"):
        made(frame)  # of XA, whose single frames need not say that they are one
    assert made(frame, SOPClassUID=ComputedRadiographyImageStorage).NumberOfFrames == 1


def test_the_person_the_study_and_nothing_else_of_the_source_is_in_it(tmp_path):
    path, _ = written(
        *(tmp_path, masks_of(2)),
        SpecificCharacterSet="ISO_IR 100",
        PatientName="Müller^Jürgen",
        SeriesNumber=4,
        KVP="80",
    )
    data = pydicom.dcmread(path)
    assert (data.PatientName, data.PatientID) == ("Müller^Jürgen", "HIP01")
    assert (data.StudyInstanceUID, data.StudyDate) == ("1.2.3.4.1", "20010203")
    assert (data.SeriesInstanceUID != "1.2.3.4.2", data.SeriesNumber) == (True, 1004)
    assert data.SOPInstanceUID != UID
    assert "KVP" not in data
    assert "InstitutionName" not in data
    assert (data.PatientSex, data.AccessionNumber) == ("", "")  # must be there, unknown as they are
    series = data.ReferencedSeriesSequence[0]
    assert series.SeriesInstanceUID == "1.2.3.4.2"
    assert series.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == UID


def test_segments_say_what_they_show_and_what_found_them(tmp_path):
    path = source(tmp_path / "xa.dcm")
    colours = [(86, 180, 233), (230, 159, 0)]
    masks = enumerate(masks_of(1), 1)
    write_dicom_seg(tmp_path / "seg.dcm", path, masks, NAMES, ALGORITHM, colours)
    scope, wire = highdicom.seg.segread(tmp_path / "seg.dcm").SegmentSequence
    assert (scope.segment_label, wire.segment_label) == NAMES
    assert scope.segmented_property_type.meaning == "Endoscope, device"
    assert wire.segmented_property_type.value == "272224001"
    assert wire.segmented_property_category.meaning == "Physical object"
    (identified,) = wire.SegmentationAlgorithmIdentificationSequence
    assert (identified.AlgorithmName, identified.AlgorithmVersion) == ("joint seed 0", "ab" * 32)
    assert "endoscope from probability 0.5" in identified.AlgorithmParameters
    assert wire.SegmentAlgorithmType == "AUTOMATIC"
    assert len(wire.RecommendedDisplayCIELabValue) == 3


@pytest.mark.parametrize("uid", [None, "1.2.3.99"])
def test_a_frame_of_reference_is_the_sources_or_none(tmp_path, uid):
    path, _ = written(tmp_path, masks_of(2), **({"FrameOfReferenceUID": uid} if uid else {}))
    data = pydicom.dcmread(path)
    assert data.get("FrameOfReferenceUID") == uid
    for group in (*data.SharedFunctionalGroupsSequence, *data.PerFrameFunctionalGroupsSequence):
        assert "PlanePositionSequence" not in group


def test_the_mandatory_modules_have_all_that_they_must(tmp_path):
    from highdicom._standard_utils import check_required_attributes

    path, _ = written(tmp_path, masks_of(3), FrameOfReferenceUID="1.2.3.99")
    data = pydicom.dcmread(path)
    for name in (
        *("patient", "general-study", "general-series", "segmentation-series", "sop-common"),
        *("enhanced-general-equipment", "general-image", "segmentation-image", "image-pixel"),
        *("multi-frame-functional-groups", "multi-frame-dimension", "common-instance-reference"),
        "frame-of-reference",
    ):
        check_required_attributes(data, module=name)


def test_where_nothing_is_found_there_is_an_empty_plane_a_segment(tmp_path):
    path, cine = written(tmp_path, np.zeros((5, *SHAPE, 2), bool))
    data = pydicom.dcmread(path)
    assert data.NumberOfFrames == 2
    assert not data.pixel_array.any()
    assert data.SegmentsOverlap == "NO"
    assert not read_annotation(path, INFO, "", SHAPE, "c", image=cine, frame=4).any()
    assert highdicom.seg.segread(path).number_of_segments == 2


def test_frames_that_were_left_out_are_told_from_those_with_nothing(tmp_path):
    path, masks = source(tmp_path / "xa.dcm", 9), masks_of(9)
    some = [(n, masks[n - 1]) for n in (2, 3, 5)]
    write_dicom_seg(tmp_path / "seg.dcm", path, some, NAMES, ALGORITHM)
    data = pydicom.dcmread(tmp_path / "seg.dcm")
    assert "Segmented were the frames 2-3, 5 of 9" in data.ImageComments
    mine = read_annotation(tmp_path / "seg.dcm", INFO, "", SHAPE, "c", image=path, frame=5)
    np.testing.assert_array_equal(mine, masks[4])


def test_compressed_and_odd_sources(tmp_path):
    frames = np.random.default_rng(1).integers(0, 255, (2, *SHAPE)).astype(np.uint8)
    codes = [dicoms.LOSSLESS[JPEG2000Lossless](frame) for frame in frames]
    lossy = {"LossyImageCompression": "01", "LossyImageCompressionRatio": "10"}
    path = dicoms.write(tmp_path / "a.dcm", frames, JPEG2000Lossless, codes, **lossy)
    write_dicom_seg(tmp_path / "a_seg.dcm", path, enumerate(masks_of(2), 1), NAMES, ALGORITHM)
    data = pydicom.dcmread(tmp_path / "a_seg.dcm")
    assert (data.LossyImageCompression, data.LossyImageCompressionRatio) == ("01", 10)
    path = dicoms.write(tmp_path / "b.dcm", frames, ExplicitVRBigEndian)
    write_dicom_seg(tmp_path / "b_seg.dcm", path, enumerate(masks_of(2), 1), NAMES, ALGORITHM)
    assert pydicom.dcmread(tmp_path / "b_seg.dcm").PatientID == "HIP01"


def test_masks_of_another_grid_or_of_one_frame_twice_are_refused(tmp_path):
    path = source(tmp_path / "xa.dcm", 2)
    for masks, message in (
        (
            [(1, np.zeros((4, 4, 2), bool))],
            r"xa.dcm: masks of \(4, 4, 2\) for frames of \(37, 31\)",
        ),
        ([(2, masks_of(1)[0])] * 2, "frame 2 is that of two cases"),
    ):
        with pytest.raises(InputError, match=message):
            write_dicom_seg(tmp_path / "seg.dcm", path, masks, NAMES, ALGORITHM)
        assert not (tmp_path / "seg.dcm").exists()


def test_more_than_a_file_can_hold_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_PIXELS", 200)
    packed = PackedPlanes(io.BytesIO())
    packed.add(np.ones(SHAPE, bool))  # 143 bytes and 3 bits
    with pytest.raises(InputError, match="more than 4 GiB"):
        packed.add(np.ones(SHAPE, bool))


def test_masks_are_taken_one_at_a_time(tmp_path):
    """However long a cine is, no frame's masks are kept."""
    state = SimpleNamespace(alive=0, most=0)

    class Counted(np.ndarray):
        def __del__(self):
            if self.base is None:
                state.alive -= 1

    def stream():
        for number in range(1, 101):
            mask = np.ones((*SHAPE, 2), bool).view(Counted).copy()
            state.alive += 1
            state.most = max(state.most, state.alive)
            yield number, mask

    path = source(tmp_path / "xa.dcm", 100)
    write_dicom_seg(tmp_path / "seg.dcm", path, stream(), NAMES, ALGORITHM)
    assert state.most <= 3
