import dataclasses
import math
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    MPEG4HP41,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from fluorojax.core.errors import InputError
from fluorojax.data.readers import frame_count, frames_in, header_of, read_frame
from tests.data import dicoms
from tests.data.dicoms import item, table, write

REAL = Path(__file__).parents[2].parent / "shared/data"
RNG = np.random.default_rng(0)
EIGHT = RNG.integers(0, 256, (12, 16), np.uint8)
SMOOTH = np.add.outer(np.arange(24) * 5, np.arange(32) * 4).astype(np.uint8)
SIXTEEN = RNG.integers(0, 65536, (12, 16), np.uint16)
TWELVE = RNG.integers(0, 4096, (12, 16), np.uint16)
TEN = RNG.integers(0, 1024, (12, 16), np.uint16)
SIGNED = RNG.integers(-2000, 2000, (12, 16), np.int16)


def same(path, expected, number=None):
    frame = read_frame(path, number)
    np.testing.assert_array_equal(frame.pixels, expected)
    assert frame.pixels.dtype == expected.dtype
    return frame


# How pixels are stored


@pytest.mark.parametrize("pixels", [EIGHT, SIXTEEN], ids=["8", "16"])
@pytest.mark.parametrize("syntax", dicoms.NATIVE, ids=lambda s: s.keyword)
def test_pixels_stored_as_they_are(tmp_path, syntax, pixels):
    same(write(tmp_path / "a.dcm", pixels, syntax), pixels)


@pytest.mark.parametrize("pixels", [EIGHT, SIXTEEN], ids=["8", "16"])
@pytest.mark.parametrize("syntax", dicoms.LOSSLESS, ids=lambda s: s.keyword)
def test_lossless_compressions_give_what_another_library_packed(tmp_path, syntax, pixels):
    data = [dicoms.LOSSLESS[syntax](pixels)]
    same(write(tmp_path / "a.dcm", pixels, syntax, data), pixels)


@pytest.mark.parametrize("syntax", dicoms.LOSSY, ids=lambda s: s.keyword)
def test_lossy_compressions_give_what_another_library_unpacks(tmp_path, syntax):
    pixels = SMOOTH.astype(np.uint16) * 16 if syntax == dicoms.JPEGExtended12Bit else SMOOTH
    encode, decode, most = dicoms.LOSSY[syntax]
    data = encode(pixels)
    stored = {"BitsStored": 12, "HighBit": 11} if pixels.itemsize == 2 else {}
    found = read_frame(write(tmp_path / "a.dcm", pixels, syntax, [data], **stored)).pixels
    assert found.dtype == pixels.dtype
    if decode is not None:
        assert np.abs(found.astype(int) - decode(data)).max() <= 1  # rounded by each in its way
    assert np.abs(found.astype(int) - pixels).max() <= most


@pytest.mark.parametrize("table_of_starts", [True, False])
@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_each_frame_of_a_compressed_cine(tmp_path, syntax, table_of_starts):
    cine = np.stack([SIXTEEN, SIXTEEN[::-1], SIXTEEN[:, ::-1]])
    data = [dicoms.LOSSLESS[syntax](np.ascontiguousarray(frame)) for frame in cine]
    path = write(tmp_path / "a.dcm", cine, syntax, data, empty_table=not table_of_starts)
    assert frame_count(path) == 3
    for n, expected in enumerate(cine, 1):
        assert same(path, expected, n).number == n


@pytest.mark.parametrize("syntax", dicoms.NATIVE, ids=lambda s: s.keyword)
def test_each_frame_of_a_cine_stored_as_it_is(tmp_path, syntax):
    cine = np.stack([SIXTEEN, SIXTEEN[::-1]])
    path = write(tmp_path / "a.dcm", cine, syntax)
    for n, expected in enumerate(cine, 1):
        same(path, expected, n)


def test_the_two_real_frames_are_those_of_the_pictures(tmp_path):
    if not REAL.is_dir():
        pytest.skip("needs ../shared/data")
    for name, number in (("rf_ap", "0029"), ("rf_lateral", "0040")):
        pictures = list((REAL / "carm_wire").rglob(f"*{number}*.png"))
        images = [path for path in pictures if path.parent.name == "images"]
        frame = read_frame(REAL / "dicom" / f"{name}.dcm")
        assert frame.shape == (1024, 1024)
        assert (frame.plane, frame.hidden) == ("unknown", None)
        if images:  # else one of the frames that are kept elsewhere
            np.testing.assert_array_equal(frame.pixels, read_frame(images[0]).pixels)


# What values mean


def inverted(pixels, bits):
    return (2**bits - 1 - pixels.astype(int)).astype(pixels.dtype)


def legal_files():
    """Return name -> (pixels, tags, what is seen); each is odd, and allowed by the standard."""
    high = TEN | (RNG.integers(0, 64, TEN.shape, np.uint16) << 10)
    twelve_signed = RNG.integers(-2048, 2048, (12, 16), np.int16)
    cut = (twelve_signed.astype(np.int32) & 0xFFF).astype(np.uint16)
    falling = list(range(1023, -1, -1))
    padded = TEN.copy()
    padded[:3] = 1023
    rgb = np.repeat(EIGHT[..., None], 3, 2)
    whites = {"PhotometricInterpretation": "MONOCHROME1"}
    ten = {"BitsStored": 10, "HighBit": 9}
    empty = {"WindowCenter": "", "WindowWidth": "", "RescaleSlope": "", "PixelPaddingValue": None}
    return {
        "plain": (SIXTEEN, {}, SIXTEEN),
        "8 bits where 0 is white": (EIGHT, whites, inverted(EIGHT, 8)),
        "10 of 16 bits": (TEN, ten, TEN),
        "10 of 16 bits where 0 is white": (TEN, {**ten, **whites}, inverted(TEN, 10)),
        "12 of 16 bits": (TWELVE, {"BitsStored": 12, "HighBit": 11}, TWELVE),
        "an overlay in the high bits": (high, ten, TEN),
        "values in the high bits": (TEN << 6, {"BitsStored": 10, "HighBit": 15}, TEN),
        "signed": (SIGNED, {}, (SIGNED.astype(int) + 2**15).astype(np.uint16)),
        "signed with rescale": (
            SIGNED,
            {"RescaleSlope": "2.5", "RescaleIntercept": "-1024"},
            (SIGNED.astype(int) + 2**15).astype(np.uint16),
        ),
        "12 bits signed": (
            cut,
            {"BitsStored": 12, "HighBit": 11, "PixelRepresentation": 1},
            (twelve_signed.astype(int) + 2**11).astype(np.uint16),
        ),
        "a falling rescale": (
            TEN,
            {**ten, "RescaleSlope": "-1", "RescaleIntercept": "1023"},
            inverted(TEN, 10),
        ),
        "a falling rescale where 0 is white": (TEN, {**ten, **whites, "RescaleSlope": "-1"}, TEN),
        "a modality table": (
            TEN,
            {**ten, "ModalityLUTSequence": table(falling, 0, 16, ModalityLUTType="US")},
            inverted(TEN, 10),
        ),
        "a VOI table": (TEN, {**ten, "VOILUTSequence": table(falling, 0, 10)}, inverted(TEN, 10)),
        "a VOI table that turns where 0 is white": (
            TEN,
            {**ten, **whites, "VOILUTSequence": table(falling, 0, 10)},
            TEN,
        ),
        "a window, which percentiles replace": (
            TEN,
            {**ten, "WindowCenter": "100", "WindowWidth": "50"},
            TEN,
        ),
        "two windows": (TEN, {**ten, "WindowCenter": [1, 2], "WindowWidth": [3, 4]}, TEN),
        "empty values": (SIXTEEN, {k: v for k, v in empty.items() if v is not None}, SIXTEEN),
        "padding": (padded, {**ten, "PixelPaddingValue": 1023}, None),
        "an odd number of bytes": (EIGHT[:3, :5], {}, EIGHT[:3, :5]),
        "one pixel": (EIGHT[:1, :1], {}, EIGHT[:1, :1]),
        "one row": (SIXTEEN[:1], {}, SIXTEEN[:1]),
        "grey as colours": (rgb, {}, EIGHT),
        "colours plane by plane": (
            np.ascontiguousarray(rgb.transpose(2, 0, 1)).reshape(rgb.shape),
            {"PlanarConfiguration": 1},
            EIGHT,
        ),
        "a cine of one frame": (SIXTEEN[None], {}, SIXTEEN),
        "no number of bits that are stored": (SIXTEEN, {"BitsStored": None}, SIXTEEN),
        "no highest bit": (SIXTEEN, {"HighBit": None}, SIXTEEN),
        "no sign": (SIXTEEN, {"PixelRepresentation": None}, SIXTEEN),
        "no patient": (SIXTEEN, {"PatientID": None, "PatientName": None}, SIXTEEN),
    }


@pytest.mark.parametrize("name", legal_files())
def test_an_odd_but_legal_file_is_seen_as_its_standard_says(tmp_path, name):
    pixels, tags, expected = legal_files()[name]
    made = dicoms.dataset(pixels, **tags)
    made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    if expected is not None:
        assert same(tmp_path / "a.dcm", expected).hidden is None
        return
    frame = read_frame(tmp_path / "a.dcm")
    hidden = pixels == 1023
    np.testing.assert_array_equal(frame.hidden, hidden)
    np.testing.assert_array_equal(frame.pixels[~hidden], pixels[~hidden])
    assert (frame.pixels[hidden] == pixels[~hidden].min()).all()


def test_a_window_is_applied_where_it_is_asked_for(tmp_path):
    from fluorojax.data.dicom import read_dicom

    ramp = np.arange(256, dtype=np.uint16).reshape(16, 16)
    path = write(tmp_path / "a.dcm", ramp, WindowCenter="128", WindowWidth="64")
    seen = read_dicom(path, window=True).pixels.ravel().astype(int)
    # PS3.3 C.11.2.1.2: the lowest up to c - 0.5 - (w - 1) / 2, the most above c - 0.5 + (w - 1) / 2
    assert (seen[:97] == 0).all()
    assert (seen[160:] == 65535).all()
    assert (np.diff(seen[96:160]) > 900).all()


def test_values_of_each_frame_of_an_enhanced_file(tmp_path):
    cine = np.stack([TEN, TEN])
    groups = [
        item(
            PixelValueTransformationSequence=Items(
                [item(RescaleSlope=slope, RescaleIntercept="0")]
            ),
            FramePixelDataPropertiesSequence=Items([item(ImagerPixelSpacing=[mm, mm])]),
            FrameDisplayShutterSequence=Items(
                [
                    item(
                        ShutterShape="CIRCULAR",
                        CenterOfCircularShutter=[6, 8],
                        RadiusOfCircularShutter=r,
                    )
                ]
            ),
        )
        for slope, mm, r in (("1", 0.2, 3), ("-1", 0.4, 4))
    ]
    shared = item(ProjectionPixelCalibrationSequence=Items([item(DistanceObjectToTableTop=100.0)]))
    path = write(
        tmp_path / "a.dcm",
        cine,
        BitsStored=10,
        HighBit=9,
        PerFrameFunctionalGroupsSequence=Items(groups),
        SharedFunctionalGroupsSequence=Items([shared]),
    )
    first, second = same(path, TEN, 1), same(path, inverted(TEN, 10), 2)
    assert first.spacing_mm == pytest.approx((0.2, 0.2))
    assert second.spacing_mm == pytest.approx((0.4, 0.4))
    assert second.spacing_origin == "imager"
    row, column = np.mgrid[1:13, 1:17]
    for frame, radius in ((first, 3), (second, 4)):
        np.testing.assert_array_equal(frame.hidden, (row - 6) ** 2 + (column - 8) ** 2 > radius**2)


def test_an_overlay_plane_is_not_burnt_in(tmp_path):
    made = dicoms.dataset(EIGHT)
    for element, kind, value in (
        (0x0010, "US", 12),
        (0x0011, "US", 16),
        (0x0040, "CS", "G"),
        (0x0050, "SS", [1, 1]),
        (0x0100, "US", 1),
        (0x0102, "US", 0),
        (0x3000, "OW", b"\xff" * 24),
    ):
        made.add_new(0x60000000 + element, kind, value)
    made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    same(tmp_path / "a.dcm", EIGHT)


@pytest.mark.parametrize("name", ["Shutter", "Collimator"])
def test_what_a_shutter_or_a_collimator_hides(tmp_path, name):
    sides = {"LeftVertical": 3, "RightVertical": 14, "UpperHorizontal": 2, "LowerHorizontal": 11}
    edges = {f"{name}{side}Edge": place for side, place in sides.items()}
    corners = {f"VerticesOfThePolygonal{name}": [1, 1, 12, 1, 12, 16]}
    shapes = {f"{name}Shape": ["RECTANGULAR", "POLYGONAL"]}
    hidden = read_frame(write(tmp_path / "a.dcm", EIGHT, **shapes, **edges, **corners)).hidden
    row, column = np.mgrid[1:13, 1:17]
    within = (row >= 2) & (row <= 11) & (column >= 3) & (column <= 14)
    assert hidden[~within].all()
    assert hidden[3, 12]  # right of the polygon's slope
    assert not hidden[9, 4]


def test_a_shutter_that_would_hide_all_hides_nothing(tmp_path):
    tags = {"ShutterShape": "CIRCULAR", "CenterOfCircularShutter": [900, 900]}
    path = write(tmp_path / "a.dcm", EIGHT, RadiusOfCircularShutter=2, **tags)
    assert read_frame(path).hidden is None


# Millimetres


@pytest.mark.parametrize(
    ("tags", "spacing", "origin"),
    [
        ({}, math.nan, "unknown"),
        ({"ImagerPixelSpacing": [0.2, 0.2]}, 0.2, "imager"),
        ({"PixelSpacing": [0.2, 0.2]}, 0.2, "imager"),
        ({"ImagerPixelSpacing": [0.2, 0.2], "PixelSpacing": [0.2, 0.2]}, 0.2, "imager"),
        ({"ImagerPixelSpacing": [0.2, 0.2], "PixelSpacing": [0.15, 0.15]}, 0.15, "calibrated"),
        (
            {"PixelSpacing": [0.2, 0.2], "PixelSpacingCalibrationType": "FIDUCIAL"},
            0.2,
            "calibrated",
        ),
        (
            {"ImagerPixelSpacing": [0.2, 0.2], "EstimatedRadiographicMagnificationFactor": "1.25"},
            0.16,
            "magnification",
        ),
        (
            {
                "ImagerPixelSpacing": [0.2, 0.2],
                "DistanceSourceToDetector": "1000",
                "DistanceSourceToPatient": "800",
            },
            0.16,
            "magnification",
        ),
        ({"NominalScannedPixelSpacing": [0.2, 0.2]}, 0.2, "imager"),
        ({"ImagerPixelSpacing": [0, 0]}, math.nan, "unknown"),
        ({"ImagerPixelSpacing": ""}, math.nan, "unknown"),
        (
            {"ImagerPixelSpacing": [0.2, 0.2], "EstimatedRadiographicMagnificationFactor": "0"},
            0.2,
            "imager",
        ),
    ],
)
def test_a_spacing_says_where_it_comes_from(tmp_path, tags, spacing, origin):
    frame = read_frame(write(tmp_path / "a.dcm", EIGHT, **tags))
    assert frame.spacing_mm == pytest.approx((spacing, spacing), nan_ok=True)
    assert frame.spacing_origin == origin
    plane = {"imager": "detector", "unknown": "unknown"}.get(origin, "object")
    assert frame.plane == plane


def test_rows_and_columns_of_a_spacing_keep_their_places(tmp_path):
    frame = read_frame(write(tmp_path / "a.dcm", EIGHT, ImagerPixelSpacing=[0.3, 0.2]))
    assert frame.spacing_mm == pytest.approx((0.3, 0.2))


# What a file says of itself


def test_a_header_says_what_init_asks_for(tmp_path):
    cine = np.stack([TEN, TEN])
    tags = {"FrameTime": "66.7", "BurnedInAnnotation": "YES", "InstanceNumber": "7"}
    header = header_of(write(tmp_path / "a.dcm", cine, BitsStored=10, **tags))
    assert (header.patient, header.study, header.series) == ("HIP01", "1.2.3.4.1", "1.2.3.4.2")
    assert (header.frames, header.rows, header.columns, header.bits) == (2, 12, 16, 10)
    assert (header.modality, header.instance_number) == ("XA", 7)
    assert (header.frame_time_ms, header.burned_in) == (66.7, True)
    nothing = header_of(write(tmp_path / "b.dcm", TEN, PatientID=None, CineRate="25"))
    assert (nothing.patient, nothing.frames, nothing.burned_in) == ("Doe^Jane", 1, None)
    assert nothing.frame_time_ms == 40.0


def test_files_without_an_ending_are_found_by_their_content(tmp_path):
    write(tmp_path / "IM000001", EIGHT)
    write(tmp_path / "1.2.840.7", EIGHT)
    write(tmp_path / "DICOMDIR", EIGHT)
    (tmp_path / "notes").write_text("no picture")
    assert [path.name for path in frames_in(tmp_path)] == ["1.2.840.7", "IM000001"]
    same(tmp_path / "IM000001", EIGHT)


# What is refused


def refused_files():
    """Return name -> (pixels, syntax and data, tags, message)."""
    cine = np.stack([EIGHT, EIGHT])
    colours = np.zeros((12, 16, 3), np.uint8)
    colours[4, 5] = 255, 0, 0
    rle = dicoms.packed(SIXTEEN)
    return {
        "a cine of no frame": (EIGHT, (), {"NumberOfFrames": 0}, "cine of 0 frames"),
        "a cine and no number": (cine, (), {}, "file of 2 frames; say which one, from 1 to 2"),
        "colours": (colours, (), {}, "colour image"),
        "32 bits": (SIXTEEN.astype(np.uint32), (), {}, "32 bits a pixel"),
        "one bit": (EIGHT, (), {"BitsAllocated": 1, "BitsStored": 1}, "1 bits a pixel"),
        "more bits stored than there are": (EIGHT, (), {"BitsStored": 12}, "12 bits stored in 8"),
        "four values a pixel": (EIGHT, (), {"SamplesPerPixel": 4}, "4 values a pixel"),
        "no pixels": (EIGHT, (), {"PixelData": None}, "no picture is in it"),
        "no rows": (EIGHT, (), {"Rows": None, "Columns": None}, "no picture is in it"),
        "no kind of grey": (EIGHT, (), {"PhotometricInterpretation": None}, "0 is black"),
        "too few bytes": (EIGHT, (), {"PixelData": b"\0" * 20}, "cannot be decoded"),
        "a cut fragment": (SIXTEEN, (RLELossless, [rle[:90]]), {}, "cannot be decoded"),
        "an empty fragment": (SIXTEEN, (JPEG2000Lossless, [b"\0\0"]), {}, "cannot be decoded"),
        "a film": (
            EIGHT,
            (MPEG4HP41, [b"\0\0"]),
            {},
            "'MPEG-4 AVC/H.264 High Profile / Level 4.1'",
        ),
    }


@pytest.mark.parametrize("name", refused_files())
def test_what_cannot_be_read_is_refused_by_name(tmp_path, name):
    pixels, stored, tags, message = refused_files()[name]
    write(tmp_path / "a.dcm", pixels, *stored, **tags)
    with pytest.raises(InputError, match=message) as caught:
        read_frame(tmp_path / "a.dcm")
    assert str(caught.value).startswith(f"{tmp_path / 'a.dcm'}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("number", [0, 3])
def test_a_frame_beyond_the_last_is_refused(tmp_path, number):
    path = write(tmp_path / "a.dcm", np.stack([EIGHT, EIGHT]))
    with pytest.raises(InputError, match=f"frame {number} of a file of 2; write 1 to 2"):
        read_frame(path, number)


def test_a_cut_jpeg_is_not_half_a_picture(tmp_path):
    encode, _, _ = dicoms.LOSSY[JPEGBaseline8Bit]
    data = encode(EIGHT)
    path = write(tmp_path / "a.dcm", EIGHT, JPEGBaseline8Bit, [data[: len(data) // 2]])
    with pytest.raises(InputError, match="cannot be decoded"):
        read_frame(path)


def test_a_file_that_is_no_dicom_is_refused(tmp_path):
    for content in (b"", b"x" * 200, bytes(128) + b"DICM"):
        (tmp_path / "a.dcm").write_bytes(content)
        with pytest.raises(InputError, match=r"no DICOM file, or a damaged one|no picture"):
            read_frame(tmp_path / "a.dcm")


def outcome(path):
    """Return the shape of a file's first frame, or 'refused'."""
    try:
        return read_frame(path, 1 if frame_count(path) > 1 else None).shape
    except InputError as error:
        return "refused" if str(error).startswith(f"{path}: ") else str(error)


def test_files_of_pydicom_are_read_or_refused_by_name():
    from pydicom.data.data_manager import DATA_ROOT

    outcomes = {}
    for path in sorted(Path(DATA_ROOT, "test_files").glob("*.dcm")):
        outcomes[path.name] = outcome(path)
    assert outcomes["CT_small.dcm"] == (128, 128)
    assert outcomes["MR_small_bigendian.dcm"] == outcomes["MR_small_RLE.dcm"] == (64, 64)
    assert outcomes["JPGExtended.dcm"] == (1024, 256)
    assert outcomes["image_dfl.dcm"] == (512, 512)
    assert outcomes["rtplan.dcm"] == outcomes["test-SR.dcm"] == "refused"
    assert sum(found != "refused" for found in outcomes.values()) >= 18


def test_the_same_frame_as_png_tiff_and_dicom_gives_the_same_pixels(tmp_path):
    import tifffile

    Image.fromarray(SIXTEEN).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "a.tif", SIXTEEN)
    write(tmp_path / "a.dcm", SIXTEEN)
    frames = [read_frame(tmp_path / f"a.{suffix}") for suffix in ("png", "tif", "dcm")]
    for frame in frames[1:]:
        np.testing.assert_array_equal(frame.pixels, frames[0].pixels)
        same_but_source = dataclasses.replace(frame, source=frames[0].source)
        assert repr(same_but_source) == repr(frames[0])


def test_pixels_are_not_changed_by_reading_them_twice(tmp_path):
    path = write(tmp_path / "a.dcm", TEN, BitsStored=10, PixelPaddingValue=0)
    first, second = read_frame(path), read_frame(path)
    np.testing.assert_array_equal(first.pixels, second.pixels)
    assert pydicom.dcmread(path).PixelPaddingValue == 0


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEGLSLossless, JPEG2000Lossless])
def test_a_frame_of_another_size_than_its_file_says_is_not_unpacked(tmp_path, syntax):
    data = dicoms.LOSSY[syntax][0](EIGHT) if syntax in dicoms.LOSSY else None
    data = data or dicoms.LOSSLESS[syntax](EIGHT)
    path = write(tmp_path / "a.dcm", EIGHT, syntax, [data], Rows=6)
    with pytest.raises(InputError, match=r"compressed frame of \(12, 16\), and the file says \(6"):
        read_frame(path)
    path = write(tmp_path / "a.dcm", EIGHT, syntax, [b"\xff\xd8\xff\x4f\xff\xd9"])
    with pytest.raises(InputError, match="the compressed frame says no size"):
        read_frame(path)


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEGLSLossless])
def test_a_compressed_frame_without_its_end_is_not_unpacked(tmp_path, syntax):
    encode = dicoms.LOSSY[syntax][0] if syntax in dicoms.LOSSY else dicoms.LOSSLESS[syntax]
    path = write(tmp_path / "a.dcm", EIGHT, syntax, [encode(EIGHT)[:-40]])
    with pytest.raises(InputError, match="the compressed frame has no end"):
        read_frame(path)


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEG2000Lossless])
def test_grey_that_is_packed_as_colours_is_read(tmp_path, syntax):
    colours = np.repeat(SMOOTH[..., None], 3, 2)
    encode = dicoms.LOSSY[syntax][0] if syntax in dicoms.LOSSY else dicoms.LOSSLESS[syntax]
    kind = "YBR_FULL_422" if syntax == JPEGBaseline8Bit else "YBR_RCT"
    tags = {"PhotometricInterpretation": kind}
    path = write(tmp_path / "a.dcm", colours, syntax, [encode(colours)], **tags)
    assert np.abs(read_frame(path).pixels.astype(int) - SMOOTH).max() <= 6
