"""Writes tables and a plot of what `benchmarks.run` measured into docs/performance.md.

    python -m benchmarks.pages.performance

A table a suite, a column a processor: medians with their quartiles, and the ratio of our time to
each peer's, pair by pair. What stands in the document between the marks is replaced.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.run import RESULTS, SUITES

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
PLOT = "images/performance.png"
BEGIN, END = "<!-- measured -->", "<!-- end of measured -->"
NOTHING = "No measurement is kept yet; `python -m benchmarks.run --suite train` makes one."


def main() -> None:
    """Write the tables, and the plot where there is something to draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of JSON files")
    parser.add_argument("--page", type=Path, default=PAGE, help="document to write into")
    options = parser.parse_args()
    found = results(options.results)
    drawn = draw(found, options.page.parent / PLOT)
    text = f"![Our time over each peer's]({PLOT})\n\n" if drawn else ""
    replace(options.page, text + (tables(found) or NOTHING))


def results(folder: Path) -> list[dict[str, Any]]:
    """Return what is kept of each suite and processor; toy sizes are left out."""
    read = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
    return [of for of in read if not of["tiny"]]


def replace(page: Path, text: str) -> None:
    """Put text between the marks of a document.

    Raises:
        ValueError: the marks are not there.
    """
    whole = page.read_text("utf-8")
    before, begin, rest = whole.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page}: no {BEGIN} ... {END}")
    page.write_text(f"{before}{BEGIN}\n{text.strip()}\n{END}{after}", "utf-8")


def tables(found: list[dict[str, Any]]) -> str:
    """Return a section a suite."""
    parts = []
    for suite in SUITES:
        of_suite = [of for of in found if of["suite"] == suite]
        for of in of_suite:
            parts.append(f"### {suite}: {about(of)}\n")
            parts.append(memory_table(of) if suite == "memory" else "\n".join(time_table(of)))
    return "\n".join(parts)


def about(of: dict[str, Any]) -> str:
    """Return on what a result was measured, in a line."""
    versions = of["versions"]
    with_peers = ", ".join(f"{n} {versions[n]}" for n in ("jax", "torch") if n in versions)
    return f"{of['machine']['cpu']}, {of['threads']['cores']} cores; {with_peers}"


def time_table(of: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of a table of times, and a line of the machine's load."""
    yield "| work | by | median, ms | quartiles, ms | ours over it | quartiles | first call, s |"
    yield "|---|---|---|---|---|---|---|"
    for work, result in of["work"].items():
        for name, seconds in result.get("seconds", {}).items():
            yield row(work, name, seconds, result)
        for name, why in result.get("missing", {}).items():
            yield f"| {work} | {name} | left out | {why.replace('|', '/')} | | | |"
    before, after = of["load_average"]
    yield ""
    yield f"{of['rounds']} rounds; load average {before} before, {after} after. {how(of)}\n"


def row(work: str, name: str, seconds: dict[str, float], result: dict[str, Any]) -> str:
    """Return one line of a table of times."""
    cells = [work, name, milliseconds(seconds, "p50"), spread(seconds, 1000)]
    if ratio := result.get("ratio", {}).get(name):
        cells += [f"{ratio['p50']:.2f}", spread(ratio, 1)]
    else:
        cells += ["", ""]
    first = result.get("first_call_s", {}).get(name)
    return "| " + " | ".join([*cells, "" if first is None else f"{first:.1f}"]) + " |"


def milliseconds(seconds: dict[str, float], name: str) -> str:
    """Return a time to three digits."""
    return f"{1000 * seconds[name]:.3g}"


def spread(of: dict[str, float], factor: float) -> str:
    """Return the middle half, such as '1.1 to 1.3'."""
    return f"{factor * of['p25']:.3g} to {factor * of['p75']:.3g}"


def memory_table(of: dict[str, Any]) -> str:
    """Return a table of planned memory."""
    head = "| step of | batch | state and batch, GiB | kept for the backward pass, GiB "
    head += "| in between as compiled here, GiB | most as compiled here, GiB |"
    lines = [head, "|---" * 6 + "|"]
    for name, plan in of["work"].items():
        sizes = [f"{plan[key]:.2f}" for key in ("arguments", "kept", "between", "peak")]
        lines.append(f"| {name} | {plan['batch']} | {' | '.join(sizes)} |")
    return "\n".join([*lines, "", how(of), ""])


def how(of: dict[str, Any]) -> str:
    """Return the command that made a result."""
    return f"`{of['command']}`"


def draw(found: list[dict[str, Any]], path: Path) -> bool:
    """Draw our time over each peer's, a mark a piece of work and processor; say whether any is."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    points = [
        (f"{work}\n{peer}", of["machine"]["cpu"], ratio)
        for of in found
        for work, result in of["work"].items()
        for peer, ratio in result.get("ratio", {}).items()
    ]
    if not points:
        return False
    labels = list(dict.fromkeys(label for label, _, _ in points))
    figure, axis = pyplot.subplots(figsize=(9, 1.5 + 0.5 * len(labels)))
    for k, cpu in enumerate(sorted({cpu for _, cpu, _ in points})):
        own = [(labels.index(label), ratio) for label, of, ratio in points if of == cpu]
        middle = [ratio["p50"] for _, ratio in own]
        around = [[r["p50"] - r["p25"] for _, r in own], [r["p75"] - r["p50"] for _, r in own]]
        rows = [at + 0.15 * k for at, _ in own]
        axis.errorbar(middle, rows, xerr=around, fmt="o", capsize=3, label=cpu)
    axis.axvline(1.0, color="#777777", lw=0.8)
    axis.set_yticks(range(len(labels)), labels, fontsize=7)
    axis.set_xscale("log")
    axis.set_xlabel("our time over theirs: left of 1 we are faster")
    axis.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100, bbox_inches="tight", metadata={"Software": None})
    pyplot.close(figure)
    return True


if __name__ == "__main__":
    main()
