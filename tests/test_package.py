import importlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import fluorojax


@pytest.mark.parametrize("name", fluorojax.__all__)
def test_what_the_package_names_is_there(name):
    assert getattr(fluorojax, name)
    assert name in dir(fluorojax)


def test_a_name_that_is_not_there_is_refused_as_usual():
    with pytest.raises(AttributeError, match="no attribute 'laod'"):
        fluorojax.laod  # noqa: B018


def test_the_configurations_are_part_of_it():
    assert importlib.import_module("fluorojax.configs.joint").get_config().method == "joint"


def test_it_is_there_without_jax():
    code = "import sys, fluorojax, fluorojax.configs.joint, fluorojax.launch, fluorojax.cli.main"
    check = (
        f"{code}; dir(fluorojax); assert not {{'jax', 'tensorflow_datasets'}} & {{*sys.modules}}"
    )
    subprocess.run([sys.executable, "-c", check], check=True)


ROOT = Path(__file__).parents[1]
NO_ANSWER = ("Failed to establish", "Max retries", "Name or service", "Temporary failure")


@pytest.mark.slow  # asks the package registry
@pytest.mark.skipif(sys.platform != "linux", reason="there are no such packages elsewhere")
def test_the_extra_for_a_gpu_resolves_with_the_constraints(tmp_path):
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (wanted,) = extras["optional-dependencies"]["gpu"]
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
    command += ["--report", str(report), "-c", str(ROOT / "constraints.txt"), wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and any(words in done.stderr for words in NO_ANSWER):
        pytest.skip("the registry does not answer")
    assert done.returncode == 0, done.stderr
    resolved = json.loads(report.read_text())["install"]
    found = {of["metadata"]["name"]: of["metadata"]["version"] for of in resolved}
    pinned = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text().split() if "==" in line
    )
    assert found["jax"] == pinned["jax"]
    # The plugin and its runtime go with one version of jaxlib.
    assert found["jax-cuda13-plugin"] == found["jax-cuda13-pjrt"] == pinned["jaxlib"]
