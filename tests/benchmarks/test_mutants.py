import pytest

from benchmarks.studies.mutants import Mutant, mutants_of


def changed(source: str) -> set[str]:
    """Return the last line of each mutant of a module."""
    found = mutants_of("a.py", source.encode())
    return {m.apply(source.encode()).decode().splitlines()[-1] for of in found for m in of}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a <= b", {"a < b"}),
        ("a < b >= c", {"a <= b >= c", "a < b > c"}),
        ("a is not None", {"a is None"}),
        ("(a) + (b)", {"(a) - (b)"}),
        ("a += b", {"a -= b"}),
        ("a and b or c", {"a or b or c", "a and b and c"}),
        ("not a", {"a"}),
        ("a[-1]", {"a[1]", "a[-2]", "a[-0]"}),
        ("1.5", {"3.0", "0.75"}),
        ("0.0", {"1.0", "-1.0"}),
        ("True", {"False"}),
        ("np.maximum(a, b)", {"np.minimum(a, b)"}),
        ("f(a, b=c)", {"f(a)"}),
        ("f(b=c, d=e)", {"f(d=e)", "f(b=c)"}),
        ("a if b else c", {"a if not (b) else c"}),
        ("'∩' in a", {"'∩' not in a"}),  # bytes, not letters, are counted
    ],
)
def test_each_place_has_its_changes(source, expected):
    assert changed(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""Doc of 1."""',
        "raise ValueError(f'{a + 1} px' + b)",
        "assert a is not None",
        "print(a + 1)",
        "a: tuple[Literal[1], ...]",
        "@f(1)\nclass A:\n    b: C",
        "def f(a: Literal[1]) -> Literal[2]: ...",
        "f'{a:.1f}' + b",
        "zip(a, b, strict=True)",
    ],
)
def test_what_no_test_should_hang_on_is_left_alone(source):
    assert not changed(source)


def test_a_default_of_a_parameter_is_changed():
    assert changed("def f(a: int = 1, *, b: int = 2): ...") == {
        f"def f(a: int = {a}, *, b: int = {b}): ..." for a, b in ((2, 2), (0, 2), (1, 3), (1, 1))
    }


def test_a_change_is_described_by_its_lines():
    source = b"x = 1\nif (a +\n        b):\n    pass\n"
    mutant = Mutant("a.py", (source.index(b"+"), source.index(b"+") + 1, "-"))
    assert mutant.describe(source) == {
        "file": "a.py",
        "line": 2,
        "before": "if (a +",
        "after": "if (a -",
    }
