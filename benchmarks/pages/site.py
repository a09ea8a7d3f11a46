"""What `mkdocs build` does to the pages in docs/, which are plain Markdown and read well without.

    mkdocs build --strict      # writes build/site; pip install -e '.[docs]' first

- `<!-- generated: NAME -->` is followed by what `benchmarks.pages.reference` makes of the code.
- A link that leaves docs/, to a file of the project, leads to a page that shows the file.
- Notebooks become pages, as they are stored: without results.
- Lists are indented as Python-Markdown wants them, by four spaces.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from posixpath import relpath
from typing import Any

from mkdocs.structure.files import File, Files, InclusionLevel

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
sys.path.insert(0, str(ROOT))  # mkdocs loads this file by its path

PROJECT = "project"  # the site's folder of files from outside docs/
PICTURES = (".png", ".jpg")
LINK = re.compile(r"(\]\()([^)\s#:]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"\s*(```+|~~~+)")
MARKER = re.compile(r"( *)([-*+]|\d{1,3}[.)]) +(?=\S)")
BEGINNINGS = ("-", "*", "+", "1.", "1)")  # of a list, in the middle of running text
GENERATED = re.compile(r"<!-- generated: (\w+) -->\n")


# ---------------------------------------------------------------- hooks, called by mkdocs


def on_files(files: Files, config: Any) -> Files:
    """Add a page for each notebook, and for each file of the project that a page leads to."""
    for notebook in sorted(DOCS.rglob("*.ipynb")):
        files.append(File.generated(config, uri_of(notebook), content=notebook_page(notebook)))
    waiting = [*DOCS.rglob("*.md"), *DOCS.rglob("*.ipynb")]
    seen: set[Path] = set()
    while waiting:
        source = waiting.pop()
        for path in _targets(source, text_of(source)):
            if path in seen or path.is_relative_to(DOCS):
                continue
            seen.add(path)
            files.append(_project_file(path, config))
            if path.suffix == ".md":
                waiting.append(path)
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Fill in what is generated, and turn links and lists into what mkdocs understands."""
    from benchmarks.pages.reference import PAGES

    markdown = GENERATED.sub(lambda found: PAGES[found[1]]() + "\n", markdown)
    source = path_of(page.file.src_uri)
    return four_spaces(linked(markdown, source, page.file.src_uri))


# ---------------------------------------------------------------- where files are


def uri_of(path: Path) -> str:
    """Return where a file of the project stands in the site's sources."""
    if path.is_relative_to(DOCS):
        inside = path.relative_to(DOCS)
        return (inside.with_suffix(".md") if path.suffix == ".ipynb" else inside).as_posix()
    name = f"{PROJECT}/{path.relative_to(ROOT).as_posix()}"
    if path.is_dir():
        return f"{name}/index.md"
    return name if path.suffix in (".md", *PICTURES) else f"{name}.md"


def path_of(uri: str) -> Path:
    """Return the file that a page of the site shows; see `uri_of`."""
    if not uri.startswith(f"{PROJECT}/"):
        page = DOCS / uri
        notebook = page.with_suffix(".ipynb")
        return notebook if notebook.exists() else page
    path = ROOT / uri.removeprefix(f"{PROJECT}/")
    return path if path.exists() else path.with_suffix("")


def _project_file(path: Path, config: Any) -> File:
    """Return a file of the project as one of the site."""
    uri = uri_of(path)
    hidden = InclusionLevel.NOT_IN_NAV
    if path.suffix in PICTURES:
        return File.generated(config, uri, abs_src_path=str(path), inclusion=hidden)
    return File.generated(config, uri, content=project_page(path), inclusion=hidden)


# ---------------------------------------------------------------- pages


def text_of(path: Path) -> str:
    """Return the Markdown of a page."""
    return notebook_page(path) if path.suffix == ".ipynb" else path.read_text("utf-8")


def project_page(path: Path) -> str:
    """Return a page that shows a file or a folder of the project."""
    if path.suffix == ".md":
        return path.read_text("utf-8")
    name = path.relative_to(ROOT).as_posix()
    if path.is_dir():
        names = sorted(p.name for p in path.iterdir() if not p.name.startswith(("_", ".")))
        return f"# {name}/\n\n" + "\n".join(f"- `{one}`" for one in names) + "\n"
    language = {"py": "python", "yml": "yaml", "toml": "toml"}.get(path.suffix[1:], "text")
    return f"# {name}\n\n````{language}\n{path.read_text('utf-8')}````\n"


def notebook_page(path: Path) -> str:
    """Return the cells of a notebook as Markdown, code as blocks of Python."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    parts = []
    for cell in cells:
        text = "".join(cell["source"])
        parts.append(f"```python\n{text}\n```" if cell["cell_type"] == "code" else text)
    return "\n\n".join(parts) + "\n"


# ---------------------------------------------------------------- links


def _outside_code(markdown: str) -> Iterator[tuple[bool, str]]:
    """Yield each line, and whether it is text and no code."""
    fence = ""
    for line in markdown.splitlines(keepends=True):
        found = FENCE.match(line)
        if found and not fence:
            fence = found[1]
            yield False, line
        elif found and line.strip() == fence:
            fence = ""
            yield False, line
        else:
            yield not fence, line


def _targets(source: Path, markdown: str) -> Iterator[Path]:
    """Yield the files of the project that a page leads to."""
    for is_text, line in _outside_code(markdown):
        for found in LINK.finditer(line) if is_text else ():
            path = _resolved(source, found[2])
            if path.exists() and path.is_relative_to(ROOT):
                yield path


def _resolved(source: Path, link: str) -> Path:
    return Path(os.path.normpath(source.parent / link))


def linked(markdown: str, source: Path, uri: str) -> str:
    """Turn links to files of the project into links to the pages that show them.

    Args:
        markdown: text of a page.
        source: the file that it stands in.
        uri: where the page stands in the site's sources.
    """

    def turned(found: re.Match[str]) -> str:
        path = _resolved(source, found[2])
        if not path.exists() or not path.is_relative_to(ROOT):
            return found[0]  # mkdocs says what is wrong with it
        target = relpath(uri_of(path), Path(uri).parent.as_posix())
        return f"{found[1]}{target}{found[3] or ''})"

    return "".join(
        LINK.sub(turned, line) if is_text else line for is_text, line in _outside_code(markdown)
    )


# ---------------------------------------------------------------- lists


def four_spaces(markdown: str) -> str:
    """Indent what belongs to items of lists by four spaces a level, with a blank line before."""
    out: list[str] = []
    levels: list[tuple[int, int]] = []  # (column of the marker, of the text behind it)
    for is_text, line in _outside_code(markdown):
        plain = line.rstrip("\n")
        if not plain.strip():
            out.append("")
            continue
        column = len(plain) - len(plain.lstrip())
        broken = not out or not out[-1].strip()
        marker = MARKER.match(plain) if is_text else None
        begins = bool(marker and (broken or levels or marker[2] in BEGINNINGS))
        if is_text or FENCE.match(line):
            while levels and column < levels[-1][1] and (broken or begins):
                levels.pop()
        if marker and begins:
            after_text = out and out[-1].strip() and not MARKER.match(out[-1])
            if after_text and not out[-1].startswith("    " * (len(levels) + 1)):
                out.append("")
            indent = "    " * len(levels)
            out.append(f"{indent}{marker[2]} {plain[marker.end() :]}")
            levels.append((column, marker.end()))
            continue
        behind = levels[-1][1] if levels else 0
        out.append("    " * len(levels) + plain[min(column, behind) :])
    return "\n".join(out) + "\n"
