"""Write the tables of docs/benchmark.md from kept results alone.

    python -m benchmarks.pages.page benchmarks/results/ercp --page docs/benchmark.md

Each stands between `<!-- table: NAME -->` and `<!-- end -->`; the text around them is by hand and
stays. What is not kept yet is told with the commands that make it. `benchmarks/pages/kept.py` says
what is looked for, and which seeds are used. Where there are results of little data, they are
drawn too.
"""

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pages.kept import ORDER, NotKeptError, Results
from benchmarks.pages.tables import PLOT, TABLES, WIRE, WIRE_SCORE, wire_scores
from fluorojax.compare.plots import COLOURS
from fluorojax.core.errors import InputError
from fluorojax.core.progress import console
from fluorojax.metrics.case import METRICS

BLOCK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    """Write the tables into the page, and the plot beside it."""
    options = parse()
    results = Results(options.grid)
    try:
        written = rewritten(options.page.read_text("utf-8"), results)
        draw_shares(results, options.page.parent / PLOT)
    except (InputError, OSError) as error:
        sys.exit(f"error: {error}")
    options.page.write_text(written, "utf-8")
    console.print(f"{options.page}: {len(BLOCK.findall(written))} tables")


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("grid", type=Path, help="kept results, as of `benchmarks.pages.keep`")
    parser.add_argument("--page", type=Path, required=True, help="Markdown file with the markers")
    return parser.parse_args()


def rewritten(text: str, results: Results) -> str:
    """Return the page with its tables written anew.

    Raises:
        InputError: a marker with a name that no table has.
    """

    def block(found: re.Match[str]) -> str:
        first, name, last = found.groups()
        if name not in TABLES:
            raise InputError(f"there is no table {name}; the names are {', '.join(TABLES)}")
        return f"{first}\n{written(name, results)}\n\n{last}"

    return BLOCK.sub(block, text)


def written(name: str, results: Results) -> str:
    """Return a table, or what is missing for it and how to make that."""
    try:
        return TABLES[name](results)
    except NotKeptError as missing:
        why, commands = missing.args
        return f"Not there yet: {why}. It is made by\n\n```bash\n{commands}\n```"


def draw_shares(results: Results, path: Path) -> None:
    """Draw the wire's score by share: mean over seeds, and their range; nothing without shares."""
    scores = {share: wire_scores(runs) for share, runs in results.shares.items()}
    if not any(share < 1 for share in scores):
        return
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(5.2, 3.6), layout="constrained")
    methods = [m for m in ORDER if any(m in of for of in scores.values())]
    for method in methods:
        draw_method(axis, method, {s: of[method] for s, of in scores.items() if method in of})
    axis.set_xscale("log", base=2)
    axis.set_xticks(list(scores), [f"{share:.0%}".replace("%", " %") for share in scores])
    axis.minorticks_off()
    axis.set_xlabel("share of the training patients")
    axis.set_ylabel(f"{WIRE} {METRICS[WIRE_SCORE[1]].label}")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=8, title="mean and range over seeds", title_fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def draw_method(axis: Any, method: str, scores: Mapping[float, np.ndarray]) -> None:
    """Draw a line of means with a bar from the worst seed to the best at each share."""
    by_seed = [np.nanmean(of_share, 1) for of_share in scores.values()]
    # As in the table: over seeds, then over patients.
    scored = (of_share[:, ~np.isnan(of_share).all(0)] for of_share in scores.values())
    mean = np.array([np.nanmean(of_share, 0).mean() for of_share in scored])
    bars = [mean - [of.min() for of in by_seed], [of.max() for of in by_seed] - mean]
    bars = np.maximum(bars, 0)  # rounding
    # Beside each other, so that no bar hides another.
    place = np.array(list(scores)) * 1.015 ** (ORDER.index(method) - 3)
    colour = COLOURS[ORDER.index(method)]
    axis.errorbar(place, mean, bars, fmt="o-", color=colour, label=method, ms=4, lw=1.4, capsize=2)


if __name__ == "__main__":
    main()
