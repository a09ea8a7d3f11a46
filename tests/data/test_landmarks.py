import numpy as np
import pytest

from fluorojax.data.grid import mask_to_grid, place
from fluorojax.data.landmarks import landmarks_of, landmarks_to_grid
from fluorojax.schema.info import ClassInfo, DatasetInfo, Relation

INFO = DatasetInfo(
    "toy",
    (ClassInfo("scope", "region"), ClassInfo("wire", "curve")),
    relation=Relation(child="wire", parent="scope"),
)


def scene(end=40):
    """Return skeleton and mask of a wire that leaves a scope at column 12 and goes to `end`."""
    mask = np.zeros((48, 64, 2), np.uint8)
    mask[10:30, :12, 0] = 1
    mask[19:22, 12:end, 1] = 1
    skeleton = np.zeros_like(mask)
    skeleton[20, 13 : end - 1, 1] = 1
    return skeleton, mask


def test_exit_and_tip_are_the_ends_of_the_centreline():
    np.testing.assert_array_equal(landmarks_of(*scene(), INFO, attached=1), [[20, 13], [20, 38]])


@pytest.mark.parametrize("attached", [0, -1])
def test_there_are_none_where_the_relation_does_not_hold(attached):
    assert np.isnan(landmarks_of(*scene(), INFO, attached)).all()


def test_there_are_none_without_wire_or_scope_or_relation():
    skeleton, mask = scene()
    assert np.isnan(landmarks_of(0 * skeleton, mask, INFO, 1)).all()
    assert np.isnan(landmarks_of(skeleton, mask * np.uint8([0, 1]), INFO, 1)).all()
    assert np.isnan(landmarks_of(skeleton, mask, DatasetInfo("x", INFO.classes), 1)).all()


def test_where_the_frame_cuts_the_wire_there_is_no_tip():
    landmarks = landmarks_of(*scene(end=64), INFO, attached=1)
    np.testing.assert_array_equal(landmarks[0], [20, 13])
    assert np.isnan(landmarks[1]).all()


def test_discs_lie_where_the_frame_lies_on_the_grid():
    # 100 x 200 is shrunk to half and centred in 128 x 128: 39 rows of padding.
    place_of = place((100, 200), (128, 128))
    discs = landmarks_to_grid(np.array([[49.5, 99.5], [np.nan, np.nan]]), place_of)
    assert discs.shape == (128, 128, 2)
    rows, columns = np.nonzero(discs[..., 0])
    np.testing.assert_allclose([rows.mean(), columns.mean()], [63.5, 63.5], atol=0.01)
    assert rows.max() - rows.min() in (3, 4)  # a radius of 2
    assert not discs[..., 1].any()


def test_a_disc_lies_about_the_pixel_that_the_mask_has_there():
    """1000 x 37 in 256 x 256: 9 / 37 is not the scale, 0.256, but what the mask is shrunk by."""
    shape, size = (1000, 37), (256, 256)
    place_of = place(shape, size)
    skeleton = np.zeros((*shape, 1), bool)
    skeleton[990, 35] = True
    pixel = np.argwhere(mask_to_grid(skeleton & False, skeleton, place_of)[..., 0])
    disc = landmarks_to_grid(np.array([[990.0, 35.0]]), place_of)[..., 0]
    # A radius of 4 about a point within half a pixel of the centre.
    assert np.abs(np.argwhere(disc).mean(0) - pixel[0]).max() <= 0.5
