import warnings

import pytest


@pytest.fixture
def no_word(capfd):
    """Nothing is printed, and no warning gets out, whatever the filters say."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    assert capfd.readouterr() == ("", "")
