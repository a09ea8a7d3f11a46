import os

import jax
import pytest

from fluorojax import environment


def test_flags_are_refused_once_jax_is_there():
    assert jax
    with pytest.raises(RuntimeError, match="before jax"):
        environment.set_flags(deterministic=True)


def test_without_determinism_the_flags_stay_as_they_are(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_x")
    environment.set_flags(deterministic=False)
    assert os.environ["XLA_FLAGS"] == "--xla_x"


def test_versions_name_what_a_result_depends_on():
    assert {"python", "fluorojax", "jax", "flax"} <= environment.versions().keys()
