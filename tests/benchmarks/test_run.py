import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import run
from benchmarks.pages import performance
from benchmarks.suites import infer, memory, unets
from benchmarks.timing import OURS, Times, compared, pairs, summary, write

ROOT = Path(__file__).parents[2]


def test_ratios_are_of_pairs_and_not_of_medians():
    # Both jobs of the second round met a machine three times as slow.
    found = pairs([1.0, 3.0, 1.1], [2.0, 6.0, 2.2])
    assert found == {"p25": 0.5, "p50": 0.5, "p75": 0.5}


def test_jobs_take_turns_and_the_first_call_counts_apart():
    called = []
    jobs = {OURS: lambda: called.append("o"), "peer": lambda: called.append("p")}
    found = compared(jobs, 3)
    assert "".join(called) == "op" + "op" * 4  # first calls, a round that does not count, 3 more
    assert len(found["seconds"]["peer"]["all"]) == 3
    assert set(found["ratio"]) == {"peer"}
    assert set(compared(jobs, 1, {OURS: 2.5, "peer": 1})["first_call_s"].values()) == {2.5, 1}


def test_a_summary_has_median_and_spread():
    found = summary(Times([3.0, 1.0, 2.0], [6.0, 2.0, 4.0]))
    assert (found["median"], found["least"], found["median_of_all_cores"]) == (2.0, 1.0, 4.0)
    assert (found["p25"], found["p75"]) == (1.5, 2.5)


def test_fewer_rounds_than_five_are_refused(capsys):
    with pytest.raises(SystemExit):
        run.parse(["--suite", "train", "--rounds", "4"])
    assert "write 5 or more" in capsys.readouterr().err


def test_the_command_that_measures_the_same_again_is_kept():
    given = ["--suite", "memory", "--config", "joint"]
    assert (
        run.command_of(run.parse(given)) == "python -m benchmarks.run --suite memory --config joint"
    )
    timed = run.command_of(run.parse(["--suite", "train", "--rounds", "7", "--cores", "1"]))
    assert timed == "python -m benchmarks.run --suite train --rounds 7 --cores 1"


@pytest.mark.parametrize(
    ("processor", "name"),
    [
        ("Intel(R) Xeon(R) Processor @ 2.10GHz", "intel-xeon"),
        ("AMD EPYC 9R14", "amd-epyc-9r14"),
        ("", "unknown"),
    ],
)
def test_a_processor_names_a_file(processor, name):
    assert run.slug(processor) == name


def test_what_goes_in_and_is_overwritten_counts_once():
    class Plan:
        argument_size_in_bytes = 3 * memory.GIB
        output_size_in_bytes = 2 * memory.GIB
        alias_size_in_bytes = 2 * memory.GIB
        temp_size_in_bytes = 4 * memory.GIB

    assert memory.as_json(Plan)["peak"] == 7.0


def test_a_band_and_a_line_that_goes_on_from_it_are_drawn():
    band, line = infer.drawn_masks((64, 64))
    assert band[:, 31].any()
    assert line[:, 32].any()
    assert not (band * line).any()
    frame = infer.drawn_frame((64, 64))
    assert frame.pixels[band > 0].mean() < frame.pixels[line > 0].mean() < 2300


@pytest.fixture
def result(tmp_path):
    seconds = {
        OURS: summary(Times([0.1] * 5, [0.1] * 5)),
        "torch": summary(Times([0.2] * 5, [] + [1] * 5)),
    }
    work = {
        "a step": {
            "first_call_s": {OURS: 3.0, "torch": 0.2},
            "seconds": seconds,
            "ratio": {"torch": pairs([0.1] * 5, [0.2] * 5)},
            "missing": {"MONAI": "not installed"},
        }
    }
    of = {
        "suite": "train",
        "command": "python -m benchmarks.run --suite train",
        "tiny": False,
        "machine": {"cpu": "A Processor"},
        "threads": {"cores": 2},
        "versions": {"jax": "1", "torch": "2"},
        "rounds": 5,
        "load_average": [0.0, 1.0],
        "work": work,
    }
    write(tmp_path / "kept" / "train-a.json", of)
    write(tmp_path / "kept" / "train-toy.json", of | {"tiny": True})
    return tmp_path


def test_the_page_has_a_row_a_job_and_a_plot(result, monkeypatch):
    page = result / "page.md"
    page.write_text(f"before\n{performance.BEGIN}\nold\n{performance.END}\nafter\n")
    command = ["performance", "--results", str(result / "kept"), "--page", str(page)]
    monkeypatch.setattr(sys, "argv", command)
    performance.main()
    text = page.read_text()
    assert "| a step | torch | 200 | 200 to 200 | 0.50 | 0.5 to 0.5 | 0.2 |" in text
    assert "| a step | MONAI | left out | not installed |" in text
    assert text.count("### train: A Processor, 2 cores; jax 1, torch 2") == 1
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert (result / performance.PLOT).stat().st_size > 1000
    performance.main()
    assert page.read_text() == text


def test_the_memory_of_each_step_is_a_row():
    plan = {"arguments": 0.5, "kept": 2.0, "between": 1.25, "peak": 1.75, "batch": 8}
    of = {"work": {"joint, remat": plan}, "command": "the command"}
    lines = performance.memory_table(of).splitlines()
    assert lines[2] == "| joint, remat | 8 | 0.50 | 2.00 | 1.25 | 1.75 |"
    assert lines[0].count("|") == lines[1].count("|") == lines[2].count("|")


def test_a_page_without_the_marks_is_left_as_it_is(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("nothing")
    with pytest.raises(ValueError, match="no <!-- measured -->"):
        performance.replace(page, "text")
    assert page.read_text() == "nothing"


def test_the_document_holds_what_is_kept():
    kept = performance.tables(performance.results(run.RESULTS)) or performance.NOTHING
    for line in filter(None, kept.splitlines()):
        assert line in performance.PAGE.read_text("utf-8")


def measured(suite, folder):
    """Return what a suite writes at its toy sizes."""
    out = folder / "found.json"
    command = [sys.executable, "-m", "benchmarks.run", "--suite", suite, "--tiny"]
    command += ["--rounds", "5", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert found["tiny"]
    assert found["machine"]["cpu"]
    assert found["threads"]["cores"] <= (os.cpu_count() or 1)
    return found["work"]


@pytest.mark.slow  # compiles networks in a process of its own
def test_predictions_are_measured_and_written(tmp_path):
    found = measured("infer", tmp_path)
    plain = found[unets.described(dataclasses.replace(unets.TINY, batch=1))]
    assert plain["seconds"][OURS]["p50"] > 0
    assert "torch" in plain["seconds"] or plain["missing"]["torch"] == "not installed"
    curves = found["from a frame to"]["milliseconds"]["masks and curves"]
    assert 0 < curves["p50"] <= curves["p95"] <= curves["p99"]


@pytest.mark.slow
@pytest.mark.parametrize("suite", ["train", "data", "simulate"])
def test_every_suite_without_peers_of_its_own_has_our_times(tmp_path, suite):
    for result in measured(suite, tmp_path).values():
        assert result["seconds"][OURS]["p50"] > 0
        assert result["first_call_s"][OURS] >= 0


@pytest.mark.slow
def test_the_memory_of_a_step_is_planned_by_the_compiler(tmp_path):
    found = measured("memory", tmp_path)
    assert set(found) == {"joint", "joint, remat", "joint, bfloat16", "joint, bfloat16, remat"}
    assert all(plan["between"] > 0 for plan in found.values())


def test_probabilities_that_were_computed_are_replaced_by_given_ones():
    class Model:
        def __init__(self):
            self.asked = 0

    told = infer.Told.__new__(infer.Told)
    infer.Told.__init__(told, Model(), np.ones((4, 4, 2), np.float32))
    assert told._masks.shape == (4, 4, 2)
    assert told._masks.max() < 1
