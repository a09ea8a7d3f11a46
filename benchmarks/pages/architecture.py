"""The house: which room stands on which floor, and which imports which. Draws it.

    python -m benchmarks.pages.architecture                                    # prints the arrows
    python -m benchmarks.pages.architecture --out docs/images/architecture.png # draws them

A room is a package, or a module that stands by itself. It may import from the floors below its
own, and a package and its own subpackages may import each other in one direction.
`tests/test_layout.py` holds the code to that.
"""

import argparse
import ast
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

FLOORS = (
    ("fluorojax.core",),
    ("fluorojax.schema", "fluorojax.geometry"),
    (
        *("fluorojax.data", "fluorojax.simulation", "fluorojax.simulation.fluoroscopy"),
        *("fluorojax.simulation.knee", "fluorojax.models", "fluorojax.losses"),
        *("fluorojax.metrics", "fluorojax.drawing", "fluorojax.knee.measure"),
    ),
    ("tfds_builders", "fluorojax.inference", "fluorojax.config"),
    ("fluorojax.datasets", "fluorojax.configs", "fluorojax.runtimes"),
    ("fluorojax.evaluation", "fluorojax.knee", "fluorojax.config_file"),
    ("fluorojax.training", "fluorojax.report"),
    ("fluorojax.compare", "fluorojax.launch", "fluorojax.planning", "fluorojax.viewer"),
    ("fluorojax.cli", "launch"),
)
"""From the ground up."""
DOOR = ("fluorojax", "fluorojax.__main__")
"""The package's own names, which lead into all floors and import when they are asked for."""

FLOOR = {room: number for number, rooms in enumerate(FLOORS, 1) for room in rooms}
Arrows = Counter[tuple[str, str]]


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Return every module of the project by its name, but for tests and benchmarks."""
    folders = {"fluorojax": "fluorojax", "tfds_builders": "tfds_builders"}
    found = {"launch": root / "launch.py"}
    for folder, name in {**folders, "configs": "fluorojax.configs"}.items():
        for path in sorted((root / folder).rglob("*.py")):
            parts = (name, *path.relative_to(root / folder).with_suffix("").parts)
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imports(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """Yield the project's modules that a file imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in known else node.module


def room_of(module: str) -> str:
    """Return the room that a module stands in.

    Raises:
        KeyError: it stands in none; give it a place in FLOORS.
    """
    name = module
    while name not in FLOOR and name not in DOOR:
        name, dot, _ = name.rpartition(".")
        if not dot:
            raise KeyError(f"{module} stands in no room; give it a place in FLOORS")
    if name == "fluorojax" and module not in DOOR:
        raise KeyError(f"{module} stands in no room; give it a place in FLOORS")
    return name


def arrows(root: Path = ROOT) -> Arrows:
    """Return how many imports there are from one room to another."""
    known = modules(root)
    found: Arrows = Counter()
    for module, path in known.items():
        for target in imports(path, known):
            pair = room_of(module), room_of(target)
            if pair[0] != pair[1] and pair[0] not in DOOR:
                found[pair] += 1
    return found


def wrong(found: Arrows) -> list[str]:
    """Return a line for each import that goes up, or across a floor."""
    return [
        f"{room} (floor {FLOOR[room]}) imports {target} (floor {FLOOR.get(target, 0)})"
        for room, target in sorted(found)
        if target not in DOOR and FLOOR[target] >= FLOOR[room] and not _related(room, target)
    ]


def _related(room: str, target: str) -> bool:
    return room.startswith(f"{target}.") or target.startswith(f"{room}.")


def circle(found: Arrows) -> list[str]:
    """Return the rooms of a circle of imports; none if there is no circle."""
    graph: dict[str, set[str]] = {}
    for room, target in found:
        graph.setdefault(room, set()).add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def show(found: Arrows) -> None:
    """Print each room with its floor and the rooms that it imports from."""
    for number, rooms in reversed(list(enumerate(FLOORS, 1))):
        for room in rooms:
            targets = [f"{t} ({n})" for (r, t), n in sorted(found.items()) if r == room]
            print(f"{number}  {room:34} -> {', '.join(targets) or '-'}")
    print(f"{len(FLOOR)} rooms on {len(FLOORS)} floors, {len(found)} arrows")


def draw(found: Arrows, out: Path) -> None:
    """Draw the floors, a box a room, and an arrow from each room to what it imports."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(14, 9))
    place = _places()
    for (room, target), count in found.items():
        if room in place and target in place and FLOOR[target] > 2:
            _arrow(axis, place[room], place[target], count)
    for room, (x, y) in place.items():
        axis.text(
            x,
            y,
            _label(room),
            ha="center",
            va="center",
            fontsize=10,
            bbox={"boxstyle": "round,pad=0.5", "fc": "#eef3fa", "ec": "#2b4c7e"},
            zorder=3,
        )
    for number in range(1, len(FLOORS) + 1):
        axis.text(-0.02, number, str(number), ha="right", va="center", color="#777777")
        axis.axhline(number - 0.5, color="#dddddd", lw=0.8, zorder=0)
    axis.set_xlim(-0.05, 1.02)
    axis.set_ylim(0.4, len(FLOORS) + 0.6)
    axis.axis("off")
    axis.set_title(
        "Each room imports from the floors below its own; arrows to floors 1 and 2, from nearly "
        "everywhere, are left out",
        fontsize=12,
    )
    figure.savefig(out, dpi=90, bbox_inches="tight", metadata={"Software": None})
    pyplot.close(figure)


def _label(room: str) -> str:
    """Return a room's name as its box shows it."""
    return "launch.py" if room == "launch" else room.removeprefix("fluorojax.").replace(".", "\n.")


def _places() -> dict[str, tuple[float, float]]:
    """Return (x, floor) of the middle of each room's box."""
    return {
        room: ((k + 0.5) / len(rooms), float(number))
        for number, rooms in enumerate(FLOORS, 1)
        for k, room in enumerate(rooms)
    }


def _arrow(axis: Any, start: tuple[float, float], end: tuple[float, float], count: int) -> None:
    axis.annotate(
        "",
        xy=end,
        xytext=start,
        arrowprops={
            "arrowstyle": "-|>",
            "color": "#2b4c7e",
            "alpha": 0.25,
            "lw": 0.6 + 0.15 * min(count, 10),
            "shrinkA": 12,
            "shrinkB": 14,
            "connectionstyle": "arc3,rad=0.06",
        },
        zorder=1,
    )


def main() -> None:
    """Print the arrows, or draw them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, help="picture to write; default: print the arrows")
    options = parser.parse_args()
    found = arrows()
    if options.out:
        draw(found, options.out)
    else:
        show(found)


if __name__ == "__main__":
    main()
