import pytest

import fluorojax
from benchmarks import release
from fluorojax.core.errors import InputError


def test_this_version_is_described():
    release.check(release.ROOT, fluorojax.__version__)


def test_a_version_that_nobody_described_and_a_folder_that_is_there_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"no section '## 9\.9\.9'"):
        release.check(release.ROOT, "9.9.9")
    with pytest.raises(InputError, match="name a new folder"):
        release.make(tmp_path, fluorojax.__version__)
