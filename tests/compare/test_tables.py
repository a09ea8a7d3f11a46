from fluorojax.compare import compare, read_runs
from fluorojax.compare.tables import latex, markdown


def test_tables_hold_the_same_numbers(folders):
    lines = compare(read_runs(folders, "test"), "multi")
    ours = next(line for line in lines if line.method == "joint" and line.metric == "cldice")
    number = f"{ours.mean:.3f}"
    assert number in markdown(lines)
    assert number in latex(lines)
    assert r"95\,\%" in latex(lines)
