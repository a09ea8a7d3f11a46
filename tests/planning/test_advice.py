import pytest

from fluorojax.core.errors import InputError
from fluorojax.planning import advice, page, trial
from fluorojax.planning.machine import Machine
from tests.folders import edit_csv, write_folder


@pytest.fixture
def toy(tmp_path):
    return write_folder(tmp_path / "toy")


def on(monkeypatch, gpu_gib):
    monkeypatch.setattr(advice, "this_machine", lambda: Machine(2, 16.0, gpu_gib))


def test_without_a_gpu_the_quick_size_comes_first(toy, monkeypatch):
    on(monkeypatch, 0.0)
    found = advice.advise(toy, trial=False)
    assert [p.config for p in found.plans] == ["own:relation-quick", "own:relation"]
    assert (found.time, found.summary["name"]) == ("", "toy")
    on(monkeypatch, 24.0)
    assert [p.config for p in advice.advise(toy, trial=False).plans] == ["own:relation"]


def test_the_time_is_that_of_a_trial_of_the_first(toy, monkeypatch):
    on(monkeypatch, 0.0)
    tried = []

    def measure(given):
        tried.append(given)
        return trial.Measured(compile_s=60.0, step_s=0.5, memory_mb=2048.0, platform="cpu")

    monkeypatch.setattr(trial, "measure", measure)
    found = advice.advise(toy)
    (given,) = tried
    assert (given.config, given.directory, given.case) == ("own:relation-quick", str(toy), "c0")
    assert found.time.startswith("about 11 min here (cpu): 60 s to compile, then 1200 steps of 0.5")


def test_a_trial_that_fails_is_told(monkeypatch):
    monkeypatch.setattr(trial.sys, "executable", "/bin/false")
    with pytest.raises(InputError, match=r"a trial step .* failed \(status 1\)"):
        trial.measure(trial.Trial("own:quick", [], "x", "cases.csv", "c"))


def test_the_page_holds_what_is_told(toy, monkeypatch):
    on(monkeypatch, 0.0)
    edit_csv(toy / "cases.csv", lambda rows: rows[0].update(patient="<b>"))
    text = page.render(advice.advise(toy, trial=False))
    assert "fluorojax train own:relation-quick" in text
    assert "Split by patient" in text
    assert "no GPU" in text
    assert "Not tried" in text
    edit_csv(toy / "cases.csv", lambda rows: [r | {"split": "test"} for r in rows])
    alone = page.render(advice.advise(toy, trial=False))
    assert "for evaluation alone" in alone
    assert "fluorojax train own" not in alone
