"""Jinja templates as every page and card here is made of them."""

from collections.abc import Sequence
from pathlib import Path

import jinja2


def environment(folders: Sequence[Path], *, escaped: bool) -> jinja2.Environment:
    """Return the templates of some folders, the first searched first.

    A name that a template uses and that was not given is an error, not an empty place.

    Args:
        folders: with the templates.
        escaped: what they show is escaped as HTML, whatever a template is called.
    """
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=escaped,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
