import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fluorojax.viewer.app import App, Asked
from fluorojax.viewer.server import Server
from fluorojax.viewer.sources import open_source
from tests.folders import write_folder
from tests.report.constructed import CLASSES, write_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "toy", cases=5)


@pytest.fixture
def app(folder: Path) -> App:
    return App(Asked(open_source(folder)))


@contextmanager
def serving(app: App) -> Iterator[Server]:
    """Serve in a thread until the block ends."""
    server = Server(app)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that was scored, with the part of its export's manifest that is looked at."""
    run = write_run(tmp_path)
    classes = [
        {"name": info.name, "kind": info.kind, "threshold": threshold}
        for info, threshold in zip(CLASSES, (0.5, 0.3), strict=True)
    ]
    (run / "export").mkdir(exist_ok=True)
    (run / "export/manifest.json").write_text(json.dumps({"masks": {"classes": classes}}))
    return run
