import pytest

from tests.compare.constructed import two_methods


@pytest.fixture
def folders(tmp_path):
    return two_methods(tmp_path)
