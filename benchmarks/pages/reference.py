"""The reference pages that are made of the code: fields, options of commands, and the Python API.

    python -m benchmarks.pages.reference fields     # prints a page in Markdown; or: options, python

The site (`benchmarks/pages/site.py`) puts them where a page says `<!-- generated: fields -->`.
"""

import argparse
import ast
import dataclasses
import importlib
import inspect
import io
import re
import sys
import textwrap
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fluorojax.schema import limits

API = (
    "fluorojax:load",
    "fluorojax:Predictor",
    "fluorojax:Stream",
    "fluorojax:read_frame",
    "fluorojax:Frame",
    "fluorojax:read_config",
    "fluorojax.launch:launch",
    "fluorojax.inference.predictor:Prediction",
    "fluorojax.inference.curve:Curve",
    "fluorojax.inference.curve:CurveRules",
    "fluorojax.inference.follow:FollowRules",
    "fluorojax.inference.mask_rules:MaskRules",
    "fluorojax.inference.ensemble:Ensemble",
    "fluorojax.metrics.case:score_case",
    "fluorojax.metrics.case:MetricSettings",
    "fluorojax.losses.joint:joint_loss",
    "fluorojax.losses.terms:Term",
    "fluorojax.core.errors:InputError",
)
"""What a program may rely on: those of the package itself first."""

METHODS = (
    *("single", "multi", "separate", "cascade", "joint"),
    *("own", "finetune", "carm", "knee", "vessels"),
)

SECTION = re.compile(r"(Args|Returns|Raises|Attributes|Yields|Example):")
NAMES_OF_MODULES = (
    r"fluorojax(\.\w+)+\.|pathlib\._local\.|numpy\.|jaxlib\._jax\.|collections\.abc\."
)


# ---------------------------------------------------------------- fields of a configuration


def fields_page() -> str:
    """Return the tables of all fields: usual value, limits, meaning."""
    from fluorojax.config.fields import SECTIONS

    parts = []
    for prefix, section in SECTIONS.items():
        comments = _comments_of_fields(section)
        title = f"`{prefix}`" if prefix else "In no section"
        summary = (section.__doc__ or "").splitlines()[0]
        rows = [
            (prefix + f.name, shown(f.default), allowed(limits.limits_of(f)), comments[f.name])
            for f in dataclasses.fields(section)
        ]
        rows += _rows_of_terms() if prefix == "loss." else []
        head = ("field", "usual value", "may be", "meaning")
        parts.append(f"## {title}\n\n{summary}\n\n{table(head, rows)}")
    return "\n\n".join([*parts, _simulation(), _configurations()])


def _rows_of_terms() -> list[tuple[str, str, str, str]]:
    """Return the rows of the weights and parameters of the loss's terms."""
    from fluorojax.losses import terms

    comments = _comments_of_keys(Path(terms.__file__))
    return [
        (f"loss.{n}", shown(f.default), allowed(limits.limits_of(f)), comments[n])
        for n, f in terms.loss_fields().items()
    ]


def _simulation() -> str:
    """Return the tables of what can be simulated, one for each kind of procedure."""
    from fluorojax.config.procedures import PROCEDURES, kinds
    from fluorojax.simulation.spec import drawn

    parts = ["## `simulation.`\n\nWhat is simulated; pairs are ranges that each frame draws from."]
    for kind in kinds():
        specs = {n: p.spec for n, p in PROCEDURES.items() if type(p.spec) is kind}
        comments = _comments_of_fields(kind)
        rows = [
            (
                f"simulation.{f.name}",
                *(shown(getattr(spec, f.name)) for spec in specs.values()),
                allowed(limits.limits_of(f)),
                comments[f.name],
            )
            for f in drawn(kind)
        ]
        title = ", ".join(f"`{name}`" for name in specs)
        head = ("field", *(f"usual: {name}" for name in specs), "may be", "meaning")
        parts.append(f"### {title}\n\n{table(head, rows)}")
    return "\n\n".join(parts)


def _configurations() -> str:
    """Return a table of what each configuration sets otherwise than the base of its size."""
    from fluorojax.config import flatten
    from fluorojax.configs import base

    rows = []
    for name in METHODS:
        module = importlib.import_module(f"fluorojax.configs.{name}")
        for variant in ("", "quick"):
            usual = flatten(base.get_config(variant).to_dict())
            ours = flatten(module.get_config(variant).to_dict())
            changed = {k: v for k, v in ours.items() if v != usual.get(k) and k != "method"}
            simulated = any(key.startswith("simulation.") for key in changed)
            said = [f"{k}={v}" for k, v in changed.items() if not k.startswith("simulation.")]
            more = ", and what is simulated" if simulated else ""
            called = f"{name}:{variant}" if variant else name
            rows.append((called, ", ".join(f"`{one}`" for one in said) + more))
    text = "## What the configurations change\n\nOf the usual values, or with `:quick` of"
    return f"{text} `configs/base.py:quick`.\n\n{table(('configuration', 'changes'), rows)}"


def allowed(of: Any) -> str:
    """Say in words what a field may hold."""
    match of:
        case limits.Number():
            return f"{of.kind}, {_rule(of)}"
        case limits.Pair():
            return f"two {of.each.kind}s, {of.names}, each {_rule(of.each)}"
        case limits.Choice():
            return ", ".join(f"`{option}`" for option in of.options)
        case limits.Flag():
            return "`True`, `False`"
        case limits.Text():
            return "text, or nothing" if of.optional else "text"
        case limits.ByClass():
            return f"text such as `cement=2,tibia=0.5`; each number {_rule(of.each)}"
    raise TypeError(f"{type(of).__name__} has no words; write them here")


def _rule(of: limits.Number) -> str:
    return of.rule.removeprefix("lie in ").removeprefix("be ")


def shown(value: Any) -> str:
    """Write a value as it is given on the command line."""
    if isinstance(value, tuple):
        return f"`{','.join(f'{one:g}' for one in value)}`"
    if value in ("", None):
        return "(none)"
    plain = isinstance(value, float) and not 0 < abs(value) < 1e-3
    return f"`{value:g}`" if plain else f"`{value}`"


def _comments_of_fields(section: type) -> dict[str, str]:
    """Return what stands beside each field of a dataclass, or else above it."""
    source = textwrap.dedent(inspect.getsource(section))
    beside = _comments(source)
    (body,) = (n for n in ast.parse(source).body if isinstance(n, ast.ClassDef))
    found = {}
    for node in body.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            within = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            trailing = " ".join(beside[k][1] for k in within if k in beside)
            found[node.target.id] = trailing or _above(beside, node.lineno)
    return {field.name: found.get(field.name, "") for field in dataclasses.fields(section)}


def _comments_of_keys(path: Path) -> dict[str, str]:
    """Return what stands above each text that is a key of a dictionary in a file, or beside it."""
    source = path.read_text("utf-8")
    comments, found = _comments(source), {}
    for node in ast.walk(ast.parse(source)):
        for key in node.keys if isinstance(node, ast.Dict) else ():
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                before = comments.get(key.lineno - 1, (True, ""))
                above = _above(comments, key.lineno) or before[1]
                found[key.value] = above or comments.get(key.lineno, (False, ""))[1]
    return found


def _comments(source: str) -> dict[int, tuple[bool, str]]:
    """Return each line's comment: whether it stands alone there, and its text."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: (token.line.lstrip().startswith("#"), token.string.lstrip("# "))
        for token in tokens
        if token.type == tokenize.COMMENT
    }


def _above(comments: dict[int, tuple[bool, str]], line: int) -> str:
    """Return the comment lines right above a line, joined."""
    block: list[str] = []
    while comments.get(line := line - 1, (False, ""))[0]:
        block.insert(0, comments[line][1])
    return " ".join(block)


# ---------------------------------------------------------------- options of commands


def options_page() -> str:
    """Return each command with its usage, options and example, from the parser's own help."""
    from fluorojax.cli.main import COMMANDS, name_of, parser

    (commands,) = (a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    examples = {name_of(run): (run, example) for run, example in COMMANDS.items()}
    parts = []
    for name, command in commands.choices.items():
        run, example = examples[name]
        rows = [
            (f"`{_called(action)}`", _usual(action), action.help or "")
            for action in command._actions
            if action.dest != "help"
        ]
        head = ("argument or option", "default", "meaning")
        said = inspect.cleandoc(run.__doc__ or "")
        parts.append(f"## {name}\n\n{said}\n\n```bash\n{example}\n```\n\n{table(head, rows)}")
    return "\n\n".join(parts)


def _called(action: argparse.Action) -> str:
    """Write an option as it is typed, with what follows it."""
    if not action.option_strings:
        return str(action.metavar or action.dest)
    if action.nargs == 0:
        return ", ".join(action.option_strings)
    choices = action.choices and "{" + ",".join(map(str, action.choices)) + "}"
    return f"{', '.join(action.option_strings)} {action.metavar or choices or action.dest.upper()}"


def _usual(action: argparse.Action) -> str:
    if action.required or (not action.option_strings and action.nargs not in ("?", "*")):
        return "must be given"
    unsaid = action.nargs == 0 or action.default in (None, "", [], argparse.SUPPRESS)
    return "" if unsaid else f"`{action.default}`"


# ---------------------------------------------------------------- the Python API


def python_page() -> str:
    """Return the functions and classes of `API`, from their signatures and docstrings."""
    return "\n\n".join(_entry(name) for name in API)


def _entry(name: str) -> str:
    module, _, attribute = name.partition(":")
    value = getattr(importlib.import_module(module), attribute)
    whole = f"{module}.{attribute}"
    if not inspect.isclass(value):
        return f"## {attribute}\n\n{_callable(whole, value)}"
    parts = [f"## {attribute}\n\n{_callable(whole, value)}"]
    for method, of in vars(value).items():
        public = not method.startswith("_") or method == "__call__"
        function = getattr(of, "__func__", of.fget if isinstance(of, property) else of)
        if public and inspect.isfunction(function) and function.__doc__:
            parts.append(f"### {attribute}.{method}\n\n{_callable(method, function)}")
    return "\n\n".join(parts)


def _callable(name: str, value: Any) -> str:
    """Return a signature as Python writes it, and the docstring."""
    try:
        signature = str(inspect.signature(value))
    except ValueError:  # some classes written in C have none
        signature = "(...)"
    plain = re.sub(r"<factory>|<object object at 0x[0-9a-f]+>", "...", signature)
    code = f"```python\n{name}{_folded(name, plain)}\n```"
    return f"{code}\n\n{docstring(inspect.getdoc(value) or '')}"


def _folded(name: str, signature: str) -> str:
    """Break a long signature at its commas, one argument a line."""
    signature = re.sub(NAMES_OF_MODULES, "", signature)
    if len(name) + len(signature) <= 88:
        return signature
    arguments, depth, end = [""], 0, 0
    for end, letter in enumerate(signature):  # noqa: B007, where it ends is used below
        depth += (letter in "([{") - (letter in ")]}")
        if not depth:
            break
        arguments[-1] += letter
        if letter == "," and depth == 1:
            arguments.append("")
    arguments[0] = arguments[0].removeprefix("(")
    lines = (f"    {argument.strip()}" for argument in arguments)
    return "(\n" + "\n".join(lines) + f"\n{signature[end:]}"


def docstring(text: str) -> str:
    """Turn a docstring into Markdown: what follows `Args:` and the like becomes a list."""
    parts: list[str] = []
    for block in _blocks(text):
        head, *lines = block
        if not SECTION.fullmatch(head):
            parts.append("\n".join(_as_code(block)))
            continue
        body = inspect.cleandoc("\n" + "\n".join(lines))
        if head == "Example:":
            parts.append(f"```python\n{body}\n```")
            continue
        parts.append(f"**{head.removesuffix(':')}**\n\n{_items(body)}")
    return "\n\n".join(parts)


def _blocks(text: str) -> Iterator[list[str]]:
    """Yield the paragraphs of a docstring; a section with its lines is one."""
    block: list[str] = []
    for line in text.splitlines():
        if (not line.strip() and block and not SECTION.fullmatch(block[0])) or SECTION.fullmatch(
            line
        ):
            if block:
                yield block
            block = []
        if line.strip():
            block.append(line)
    if block:
        yield block


def _as_code(block: list[str]) -> list[str]:
    """Keep a paragraph that is indented, a formula or an example, as it is written."""
    if all(line.startswith("    ") for line in block):
        return ["```text", *(line[4:] for line in block), "```"]
    return block


def _items(body: str) -> str:
    """Return `name: text` lines as a list, and other text as it is."""
    items: list[str] = []
    for line in body.splitlines():
        name, colon, rest = line.partition(": ")
        if not line.startswith(" ") and colon and re.fullmatch(r"[\w*, ]{1,60}", name):
            items.append(f"- `{name}`: {rest}")
        elif items:
            items[-1] += f" {line.strip()}"
        else:
            return body
    return "\n".join(items)


# ---------------------------------------------------------------- Markdown


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a table in Markdown; the first column of fields is code."""
    lines = [head, ("---",) * len(head), *(_coded(row) for row in rows)]
    return "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in lines)


def _coded(row: tuple[str, ...]) -> tuple[str, ...]:
    return (row[0] if row[0].startswith("`") else f"`{row[0]}`", *row[1:])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


PAGES = {"fields": fields_page, "options": options_page, "python": python_page}


def main() -> None:
    """Print one of the pages."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("page", choices=tuple(PAGES))
    sys.stdout.write(PAGES[parser.parse_args().page]() + "\n")


if __name__ == "__main__":
    main()
