from pathlib import Path

import pytest

from tests.report.constructed import write_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path)
