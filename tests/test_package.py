import importlib
import subprocess
import sys

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
