import numpy as np
import pytest

from fluorojax.inference.tta import TtaSpec, View, agreement, mean_over_views, steadiest

IMAGE = np.random.default_rng(0).random((6, 8)).astype(np.float32)


def local(image):
    """Two maps of a pixel by pixel answer, which no shift or turn changes."""
    return np.stack([image, 1.0 - image], -1)


def test_one_view_shows_the_frame_as_it_is():
    assert list(TtaSpec()) == [View(0, 0, False)]
    found = mean_over_views(local, IMAGE, TtaSpec())
    np.testing.assert_array_equal(found, local(IMAGE))
    assert found.dtype == np.float32


def test_the_first_of_many_shows_the_frame_as_it_is():
    views = list(TtaSpec(3, True))
    assert len(set(views)) == 18
    np.testing.assert_array_equal(views[0].of(IMAGE), IMAGE)


def test_a_view_is_shifted_and_repeats_the_border():
    shown = View(1, 2, False).of(IMAGE)
    np.testing.assert_array_equal(shown[1:, 2:], IMAGE[:-1, :-2])
    np.testing.assert_array_equal(shown[0, 2:], IMAGE[0, :-2])
    np.testing.assert_array_equal(shown[1:, 0], IMAGE[:-1, 0])
    turned = View(0, 1, True).of(IMAGE)
    np.testing.assert_array_equal(turned[:, 1:], IMAGE[:, :0:-1])


@pytest.mark.parametrize("views", [TtaSpec(2), TtaSpec(1, True), TtaSpec(3, True)])
def test_every_view_is_laid_back_onto_the_image(views):
    np.testing.assert_allclose(mean_over_views(local, IMAGE, views), local(IMAGE), rtol=1e-6)


def test_any_number_of_maps_is_averaged():
    maps = np.stack([IMAGE, 1 - IMAGE, IMAGE / 2], -1)
    found = mean_over_views(lambda x: np.stack([x, 1 - x, x / 2], -1), IMAGE, TtaSpec(2))
    np.testing.assert_allclose(found, maps, rtol=1e-6)


def test_what_depends_on_the_place_in_a_patch_is_averaged_over_all_places():
    def by_place(image):
        rows, columns = np.indices(image.shape)
        return (2.0 * (rows % 2) + columns % 2)[..., None]

    inside = mean_over_views(by_place, IMAGE, TtaSpec(2))[:-1, :-1]
    np.testing.assert_allclose(inside, 1.5)


def test_an_answer_that_prefers_a_side_is_balanced_by_the_mirrored_one():
    def left(image):
        return np.broadcast_to(np.linspace(1.0, 0.0, image.shape[1])[:, None], (*image.shape, 1))

    np.testing.assert_allclose(mean_over_views(left, IMAGE, TtaSpec(1, True)), 0.5)


def test_sizes_fall_by_the_square_root_of_two():
    assert TtaSpec().sizes == (1.0,)
    np.testing.assert_allclose(TtaSpec(scales=3).sizes, (1.0, 0.5**0.5, 0.5))


def disc(radius, shift=0.0):
    row, column = np.mgrid[:40, :40] - 20.0
    return (np.hypot(row, column - shift) < radius).astype(np.float32)[..., None]


def test_agreement_is_dice_over_the_classes_that_are_found():
    one, other = disc(10), disc(10, 6.0)
    dice = 2 * (one * other).sum() / (one.sum() + other.sum())
    assert agreement(one, other) == pytest.approx(dice)
    assert agreement(one, one) == pytest.approx(1.0)
    nothing = np.full_like(one, 0.1)
    assert agreement(nothing, nothing) == 0.0  # neither finds anything
    pair = [np.concatenate([mask, nothing], -1) for mask in (one, other)]
    assert agreement(*pair) == pytest.approx(dice)


def test_the_size_is_taken_at_which_the_next_smaller_one_agrees():
    wrong, right = disc(5, 12.0), disc(10)
    assert steadiest([right]) == 0
    assert steadiest([right, wrong]) == 0
    assert steadiest([wrong, right, right]) == 1
    assert steadiest([right, right, wrong]) == 0
    assert steadiest([right, right, right]) == 0
    assert steadiest([wrong, disc(3, -9.0), right, disc(9.5)]) == 2
