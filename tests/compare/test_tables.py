from fluorojax.compare import compare, read_runs
from fluorojax.compare.tables import latex, markdown, write_tables
from tests.compare.constructed import rows_of, write_run


def test_tables_hold_the_same_numbers(folders):
    lines = compare(read_runs(folders, "test"), "multi")
    ours = next(line for line in lines if line.method == "joint" and line.metric == "cldice")
    number = f"{ours.mean:.3f}"
    assert number in markdown(lines)
    assert number in latex(lines)
    assert r"95\,\%" in latex(lines)


def test_the_first_line_of_every_table_says_in_what_the_runs_differ(folders, tmp_path):
    longer = {"training": {"steps": 99}}
    other = write_run(tmp_path / "other", "third", 0, rows_of(0.0, 1), config=longer)
    runs = read_runs([folders[0], other], "test", allow_different=True)
    write_tables(compare(runs, "multi"), runs, tmp_path / "out")
    for name in ("table.csv", "patients.csv", "table.md", "table.tex"):
        first, *rest = (tmp_path / "out" / name).read_text("utf-8").splitlines()
        assert "differ in more than method and seed" in first
        assert "training.steps: " in first
        assert "99 (third)" in first
        assert rest
    alike = read_runs(folders, "test")
    write_tables(compare(alike, "multi"), alike, tmp_path / "alike")
    for path in (tmp_path / "alike").iterdir():
        assert "differ in more" not in path.read_text("utf-8")
