"""Mutants of a module: copies that differ in one place, each a change a slip might have made.

A comparison by its neighbour (`<`, `<=`), `+` by `-`, `*` by `/`, `and` by `or`, a number by the
next or by its double, True by False, `min` by `max`; a condition by its opposite; a sign, a `not`
or a keyword argument left out. Not touched is what no test should hang on: annotations, decorators,
assertions (they are for the type checker), raised errors, what is printed, and strings altogether.
"""

import ast
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

OPERATORS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "/"),
    ast.Mod: ("%", "*"),
    ast.Pow: ("**", "*"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
    ast.And: ("and", "or"),
    ast.Or: ("or", "and"),
}
_PAIRS = (
    ("min", "max"),
    ("minimum", "maximum"),
    ("argmin", "argmax"),
    ("any", "all"),
    ("floor", "ceil"),
    ("sin", "cos"),
    ("mean", "sum"),
)
FUNCTIONS = dict(_PAIRS) | {second: first for first, second in _PAIRS}
PRINTING = "print", "warn", "warning"
UNSEEN = "strict", "encoding"  # keywords that refuse what never comes, or are the default here

Change = tuple[int, int, str]
"""First byte, one past the last, and the text put in their place."""


class Mutant(NamedTuple):
    """A file of the repository with one change."""

    file: str
    change: Change

    def apply(self, source: bytes) -> bytes:
        """Return the file's text with the change."""
        start, end, text = self.change
        return source[:start] + text.encode() + source[end:]

    def describe(self, source: bytes) -> dict[str, Any]:
        """Return file, line, and the changed lines before and after, white space as one blank."""
        start, end, _ = self.change
        first, rest = source.rfind(b"\n", 0, start) + 1, len(source[end:].partition(b"\n")[0])
        changed = self.apply(source)
        before = source[first : end + rest]
        after = changed[first : len(changed) - len(source) + end + rest]
        return {
            "file": self.file,
            "line": source[:start].count(b"\n") + 1,
            "before": " ".join(before.decode().split()),
            "after": " ".join(after.decode().split()),
        }


def mutants_of(file: str, source: bytes) -> Iterator[list[Mutant]]:
    """Yield, for each place of a module that can be changed, the ways to change it."""
    places = _Places(source)
    places.visit(ast.parse(source))
    for changes in places.found:
        mutants = [Mutant(file, change) for change in changes]
        valid = [mutant for mutant in mutants if _is_python(mutant.apply(source))]
        if valid:
            yield valid


def _is_python(source: bytes) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


class _Places(ast.NodeVisitor):
    """Collects the changes of a module, a list of them for each place."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._line_starts = [0]
        for line in source.splitlines(keepends=True):
            self._line_starts.append(self._line_starts[-1] + len(line))
        self.found: list[list[Change]] = []

    def _span(self, node: Any) -> tuple[int, int]:
        start = self._line_starts[node.lineno - 1] + node.col_offset
        return start, self._line_starts[node.end_lineno - 1] + node.end_col_offset

    def _add(self, start: int, end: int, *texts: str) -> None:
        self.found.append([(start, end, text) for text in texts])

    def _operator(self, left: ast.AST, operator: ast.AST, right: ast.AST) -> None:
        """Add the change of an operator, which stands between two nodes and may have brackets."""
        if type(operator) not in OPERATORS:
            return
        old, new = OPERATORS[type(operator)]
        start, end = self._span(left)[1], self._span(right)[0]
        pattern = re.escape(old).replace(r"\ ", r"\s+")
        place = re.search(pattern.encode(), self._source[start:end])
        if place:
            self._add(start + place.start(), start + place.end(), new)

    def _negation(self, test: ast.AST) -> None:
        start, end = self._span(test)
        self._add(start, end, f"not ({self._source[start:end].decode()})")

    def _skip(self, _: ast.AST) -> None:
        pass

    visit_Raise = visit_Assert = visit_JoinedStr = _skip  # noqa: N815

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for part in (*node.args.defaults, *node.args.kw_defaults, *node.body):
            if part is not None:
                self.visit(part)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in node.body:
            self.visit(part)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Compare(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
            self._operator(left, operator, right)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if not any(_is_text(side) for side in (node.left, node.right)):
            self._operator(node.left, node.op, node.right)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._operator(node.target, node.op, node.value)
        self.visit(node.value)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._operator(left, node.op, right)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        self._add(self._span(node)[0], self._span(node.operand)[0], "")
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        self._negation(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._negation(node.test)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        match node.value:
            case bool() as value:
                self._add(*self._span(node), str(not value))
            case int() as value:
                self._add(*self._span(node), str(value + 1), str(value - 1))
            case float() as value:
                self._add(*self._span(node), repr(value * 2 or 1.0), repr(value / 2 or -1.0))

    def visit_Call(self, node: ast.Call) -> None:
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name in PRINTING:
            return
        if name in FUNCTIONS:
            end = self._span(node.func)[1]
            self._add(end - len(name), end, FUNCTIONS[name])
        for keyword in node.keywords:
            if keyword.arg and keyword.arg not in UNSEEN:
                self._add(*self._with_comma(node, keyword), "")
        node.keywords = [k for k in node.keywords if k.arg not in UNSEEN]
        self.generic_visit(node)

    def _with_comma(self, call: ast.Call, keyword: ast.keyword) -> tuple[int, int]:
        """Return the span of an argument with the comma before it, or behind the first one."""
        spans = sorted(self._span(argument) for argument in (*call.args, *call.keywords))
        place = spans.index(self._span(keyword))
        if place:
            return spans[place - 1][1], spans[place][1]
        return spans[0][0], spans[1][0] if len(spans) > 1 else spans[0][1]


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or isinstance(getattr(node, "value", None), str)
