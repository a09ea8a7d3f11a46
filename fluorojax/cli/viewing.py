"""The command that shows frames in the browser: `view`."""

import argparse
import tempfile
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from fluorojax.core.errors import InputError
from fluorojax.core.progress import console

if TYPE_CHECKING:
    from fluorojax.viewer.predictions import Predictions
    from fluorojax.viewer.sources import Source


def view(options: argparse.Namespace) -> None:
    """Show frames with their annotations in the browser, to be corrected there.

    Corrections are saved at each change as LabelMe files, in `labelme` in the folder or in --out.
    The page is served to this machine alone, until Ctrl-C.
    """
    from fluorojax.viewer.app import App, Asked
    from fluorojax.viewer.server import Server
    from fluorojax.viewer.sources import classes_given, open_source

    source = open_source(options.dir, options.cases)
    classes = classes_given(options.classes) if options.classes else ()
    app = App(Asked(source, options.out, _predictions(options, source), classes))
    server = Server(app, options.port)
    console.print(f"{len(app.cases)} frames of {options.dir}; corrections go to {app.store.folder}")
    console.print(f"open  {server.address}")
    console.print("Ctrl-C ends it")
    if app.ranking:
        app.ranking.start()
    try:
        with nullcontext() if options.no_browser else opened(server.address):
            server.serve_forever()
    except KeyboardInterrupt:
        console.print("ended; all corrections are saved")
    finally:
        if app.ranking:
            app.ranking.stop()
        server.server_close()


@contextmanager
def opened(address: str) -> Iterator[None]:
    """Open an address in the browser, by a file that only this user can read.

    The list of processes, which all users of the machine can read, shows the file's name alone.
    """
    with tempfile.TemporaryDirectory(prefix="fluorojax-view-") as folder:
        page = Path(folder) / "open.html"
        page.write_text(f'<meta http-equiv="refresh" content="0; url={address}">\n', "utf-8")
        webbrowser.open(page.as_uri())
        yield


def _predictions(options: argparse.Namespace, source: "Source") -> "Predictions | None":
    """Return what predicts the frames, or has done so; of a run, what it was scored with."""
    from fluorojax.viewer import predictions

    if options.export and options.predictions:
        raise InputError("--export and --predictions: give one of them")
    if options.export:
        from fluorojax.inference.export import load

        return predictions.OfModel(load(options.export))
    if options.predictions:
        return predictions.OfCall(options.predictions, source.classes)
    return None if source.opens else predictions.OfRun(source.path)
