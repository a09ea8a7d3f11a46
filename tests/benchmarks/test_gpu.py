import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.gpu import __main__ as gpu
from benchmarks.gpu import questions

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "gpu.sh"


def test_every_question_can_be_answered_and_all_fit_eight_minutes():
    assert [question.name for question in gpu.QUESTIONS] == list(questions.QUESTIONS)
    assert gpu.BUDGET_S <= 8 * 60
    assert set(questions.PARTS) <= set(questions.QUESTIONS)


def test_what_hangs_is_stopped_at_its_limit_with_all_that_it_started(tmp_path):
    left = tmp_path / "left"
    inner = f"import time, pathlib; time.sleep(3); pathlib.Path({str(left)!r}).touch()"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    with (tmp_path / "log").open("w") as log:
        status = gpu.ended([sys.executable, "-c", outer], dict(os.environ), log, 1.0)
    assert status == "stopped at its limit of 1 s"
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-c", "import time; time.sleep(9)"], timeout=3, check=True)
    assert not left.exists()


def test_a_question_that_fails_costs_its_own_answer_alone(tmp_path, monkeypatch):
    command = ["gpu", "--out", str(tmp_path), "--tiny", "--only", "peak", "latency"]
    monkeypatch.setattr(sys, "argv", command)
    ways = iter(["failed with status 1; see its log", "answered"])
    monkeypatch.setattr(gpu, "ended", lambda *_: next(ways))
    with pytest.raises(SystemExit) as left:
        gpu.main()
    assert left.value.code == 1
    answers = json.loads((tmp_path / "all.json").read_text())["answers"]
    assert [answers[name]["status"] for name in ("peak", "latency")] == [
        "failed with status 1; see its log",
        "answered",
    ]


def test_without_time_left_nothing_is_started(tmp_path):
    options = gpu.parse(["--out", str(tmp_path)])
    answer = gpu.asked(gpu.QUESTIONS[0], options, 1, left=2.0)
    assert answer["status"] == "left out: no time left"


def test_an_answer_is_written_as_it_grows(tmp_path):
    answer = questions.Answer(tmp_path / "a.json")
    answer.add("first", 1)
    assert json.loads((tmp_path / "a.json").read_text()) == {"first": 1}
    answer.add("second", 2)
    assert json.loads((tmp_path / "a.json").read_text()) == {"first": 1, "second": 2}


def test_a_part_without_an_answer_is_said_in_the_status(tmp_path, monkeypatch):
    command = ["questions", "memory", "--out", str(tmp_path / "a.json"), "--seconds", "9"]
    monkeypatch.setattr(sys, "argv", command)
    told = iter([{"failed": "no memory"}] + [{"host_gib": 1.0}] * 3)
    monkeypatch.setattr(questions, "in_a_process", lambda *_, **__: next(told))
    with pytest.raises(SystemExit, match="failed: "):
        questions.main()
    assert len(json.loads((tmp_path / "a.json").read_text())) == 4


def test_a_step_that_waits_says_its_share():
    import time

    jobs = {"alone": lambda: time.sleep(0.002), "fed": lambda: time.sleep(0.02)}
    found = questions.waiting(jobs, 2)
    assert 0.5 < found["share_waiting"]["p50"] < 1


@pytest.mark.integration
def test_the_script_goes_through_a_question_on_a_cpu(tmp_path):
    command = ["bash", str(SCRIPT), "--tiny", "--only", "latency", "--out", str(tmp_path)]
    environ = os.environ | {"PYTHON": sys.executable}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + (tmp_path / "7-latency.log").read_text()
    found = json.loads((tmp_path / "7-latency.json").read_text())
    assert found["from a frame to"]["milliseconds"]["masks and curves"]["p99"] > 0
    assert json.loads((tmp_path / "all.json").read_text())["answers"]["latency"]["seconds"] > 0


@pytest.mark.slow  # compiles a training step for most of the questions
def test_the_script_goes_through_all_questions_on_a_cpu(tmp_path):
    environ = os.environ | {"PYTHON": sys.executable}
    command = ["bash", str(SCRIPT), "--tiny", "--out", str(tmp_path)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    files = tmp_path.glob("?-*.json")
    answers = {path.stem.partition("-")[2]: json.loads(path.read_text()) for path in files}
    assert set(answers) == set(questions.QUESTIONS)
    assert "failed" not in json.dumps(answers)
    assert answers["determinism"]["same_bits"]
