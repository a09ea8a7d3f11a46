import numpy as np
import pytest
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.drawing import archive


def planes(shape=(30, 44), classes=2):
    rng = np.random.default_rng(0)
    image, found = rng.uniform(size=shape), rng.uniform(size=(*shape, classes))
    return image, rng.uniform(size=shape) < 0.1, found, rng.uniform(size=found.shape) < 0.2


def test_what_is_saved_is_loaded_to_one_part_in_255(tmp_path):
    image, ignore, found, reference = planes(classes=3)
    archive.save(tmp_path / "new" / "a.png", image, ignore, found, reference)
    kept = archive.load(tmp_path / "new" / "a.png", 3)
    np.testing.assert_array_equal(kept.frame, np.rint(255 * image.astype(np.float32)))
    np.testing.assert_array_equal(kept.ignore, ignore)
    np.testing.assert_array_equal(kept.reference, reference)
    assert np.abs(kept.probabilities / 255 - found).max() < 0.5 / 255 + 1e-6


def test_masks_are_kept_as_they_are(tmp_path):
    image, ignore, found, reference = planes()
    archive.save(tmp_path / "a.png", image, ignore, found > 0.5, reference)
    kept = archive.load(tmp_path / "a.png", 2)
    np.testing.assert_array_equal(kept.probabilities, 255 * (found > 0.5))


def test_pooling_loses_no_thin_wire_and_commutes_with_the_threshold(tmp_path):
    image, ignore, found, reference = planes(shape=(61, 47))
    archive.save(tmp_path / "a.png", image, ignore, found, reference)
    kept = archive.load(tmp_path / "a.png", 2)
    small = archive.pooled(kept, 20)
    assert small.frame.shape == (16, 12)  # by 4
    assert small.reference[5, 7, 1] == reference[20:24, 28:32, 1].any()
    for threshold in (50, 200):
        masks = kept._replace(probabilities=kept.probabilities >= threshold)
        again = archive.pooled(masks, 20).probabilities
        np.testing.assert_array_equal(small.probabilities >= threshold, again)
    assert small.frame[0, 0] == np.rint(kept.frame[:4, :4].mean())
    assert archive.pooled(kept, 61) is kept


def test_another_file_is_refused_by_name(tmp_path):
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(InputError, match=r"a\.png cannot be read"):
        archive.load(tmp_path / "a.png", 2)
    archive.save(tmp_path / "b.png", *planes(shape=(31, 44)))
    with pytest.raises(InputError, match=r"b\.png has 186 rows.*10 planes that 4 classes"):
        archive.load(tmp_path / "b.png", 4)


def film(side, classes):
    """A film of which each class is a stripe of its own, and found as it is."""
    image, reference = np.zeros((side, side), np.float32), np.zeros((side, side, classes), bool)
    image[: side // 2] = 1
    for k in range(classes):
        reference[k * 20 : k * 20 + 9, :, k] = True
    return image, image == 0, reference, reference


@pytest.mark.slow
def test_a_large_film_of_ten_classes_is_saved_and_loaded(tmp_path):
    """22 planes of 3000 x 3000: more pixels, and more rows, than other programs read at once."""
    image, ignore, found, reference = film(3000, 10)
    path = tmp_path / "maps" / "a.png"
    archive.save(path, image, ignore, found, reference)
    for page in (path, *archive.pages_of(path).iterdir()):
        with Image.open(page) as picture:
            assert picture.width * picture.height <= archive.MOST
            assert picture.height <= 65_535
    kept = archive.load(path, 10)
    np.testing.assert_array_equal(kept.frame, 255 * image)
    np.testing.assert_array_equal(kept.ignore, ignore)
    np.testing.assert_array_equal(kept.reference, reference)
    np.testing.assert_array_equal(kept.probabilities > 0, reference)
    small = archive.pooled(kept, 900)  # as the report draws it
    assert small.frame.shape == (750, 750)
    assert small.reference[..., 9].any()


@pytest.fixture
def paged(tmp_path, monkeypatch):
    """An archive of 30 x 44 with two planes a page, and what was saved in it."""
    monkeypatch.setattr(archive, "MOST", 2 * 30 * 44 + 1)
    saved = planes(classes=3)
    archive.save(tmp_path / "a.png", *saved)
    return tmp_path / "a.png", saved


def test_pages_are_read_in_their_order(paged):
    path, (image, ignore, found, reference) = paged
    assert sorted(p.name for p in archive.pages_of(path).iterdir()) == ["1.png", "2.png", "3.png"]
    kept = archive.load(path, 3)
    np.testing.assert_array_equal(kept.frame, np.rint(255 * image.astype(np.float32)))
    np.testing.assert_array_equal(kept.ignore, ignore)
    np.testing.assert_array_equal(kept.reference, reference)
    assert np.abs(kept.probabilities / 255 - found).max() < 0.5 / 255 + 1e-6


def test_a_plane_larger_than_a_page_has_one_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST", 100)
    saved = planes()
    archive.save(tmp_path / "a.png", *saved)
    np.testing.assert_array_equal(archive.load(tmp_path / "a.png", 2).reference, saved[3])


def test_a_smaller_archive_in_its_place_leaves_no_page_behind(paged, monkeypatch):
    path, saved = paged
    monkeypatch.undo()
    archive.save(path, *saved)
    assert not archive.pages_of(path).exists()
    np.testing.assert_array_equal(archive.load(path, 3).reference, saved[3])


def test_one_file_of_all_planes_as_of_older_versions_is_read_whatever_its_size(tmp_path):
    """22 planes of 3000 x 3000 in one file, which Pillow alone refuses as a bomb."""
    stack = np.zeros((22 * 3000, 3000), np.uint8)
    stack[3 * 3000 : 4 * 3000] = 255
    Image.fromarray(stack).save(tmp_path / "old.png", compress_level=1)
    kept = archive.load(tmp_path / "old.png", 10)
    assert kept.reference[..., 0].all()
    assert not kept.reference[..., 1:].any()


def test_a_page_that_is_missing_or_another_s_is_named(paged):
    path, _ = paged
    page = archive.pages_of(path) / "2.png"
    with pytest.raises(InputError, match=r"a\.pages/1\.png has 60 x 44 pixels.*case with 3"):
        list(archive._all_planes(path, archive._read(path)[0], (30, 44), 3))
    Image.fromarray(np.zeros((30, 43), np.uint8)).save(page)
    with pytest.raises(InputError, match=r"a\.pages/2\.png has 30 x 43 pixels.*30 x 44"):
        archive.load(path, 3)
    page.unlink()
    with pytest.raises(InputError, match=r"a\.pages/2\.png cannot be read \(.*No such file"):
        archive.load(path, 3)
