import numpy as np
import pytest

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
