"""The viewer's page: one file, in which style and scripts stand, and which fetches nothing else."""

from pathlib import Path

from markupsafe import Markup

from fluorojax.report import page

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
SCRIPTS = ("vendor/konva.min.js", "asking.js", "picture.js", "drawing.js", "viewer.js")
"""In order: Konva (MIT licence, beside it), which draws shapes on a canvas; then our own."""


def render(title: str, token: str, nonce: str) -> str:
    """Return the page.

    Args:
        title: name of the folder.
        token: that the page gives with all it asks for.
        nonce: that its style and scripts bear, so that no other ones run.
    """
    scripts = [Markup((HERE / name).read_text("utf-8")) for name in SCRIPTS]
    style = Markup((HERE / "viewer.css").read_text("utf-8"))
    fields = {"title": title, "token": token, "nonce": nonce, "keys": KEYS}
    return page.render("viewer.html.j2", TEMPLATES, own_style=style, scripts=scripts, **fields)


KEYS = (
    (
        "Frames",
        (
            ("← →", "the frame before, the next one"),
            ("↑ ↓", "the case before, the next one"),
            ("Space", "play the cine, and stop"),
            ("N", "the frame that the network is least sure of, among those not yet corrected"),
            ("Enter", "right as it is: save, and go on as N does (without a network: next frame)"),
        ),
    ),
    (
        "Looking",
        (
            ("1 to 9", "a class on and off"),
            ("O", "tint of what is predicted on and off"),
            ("H", "shapes on and off"),
            ("+ - 0", "nearer, farther, all of the frame; also the wheel, and dragging"),
            ("[ ]", "less and more contrast"),
            (", .", "darker and brighter"),
            ("W", "contrast as at first"),
        ),
    ),
    (
        "Correcting",
        (
            ("Tab", "next shape; with Shift the one before; or click it"),
            ("A S", "the point before, the next one; or click it"),
            ("Shift+arrows", "move the point by a pixel; or drag it"),
            ("I", "add a point behind this one; or double-click the line"),
            ("X, Delete", "delete the point; without one, the shape"),
            ("Shift+X", "delete the shape"),
            ("C", "class of the shape, or of the next one"),
            ("Q E", "thinner and thicker line"),
            ("D", "draw a new shape: click its points, Enter ends it"),
            ("R", "redraw a part: from a place on the shape to another one"),
            ("T", "while drawing: follow the dark line between clicks, on and off"),
            ("Backspace", "while drawing: take the last click back"),
            ("Esc", "leave what was begun"),
            ("P", "take what is predicted as shapes"),
            ("G", "take the shapes of the frame before"),
            ("Z, Y", "undo, redo; also Ctrl+Z, Ctrl+Shift+Z"),
            ("?", "this list"),
        ),
    ),
)
"""What the keys do, by what one is about."""
