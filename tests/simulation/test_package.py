import subprocess
import sys

from fluorojax import simulation


def test_everything_named_is_there():
    assert all(getattr(simulation, name) is not None for name in simulation.__all__)


def test_a_spec_does_not_bring_jax():
    code = "import sys; from fluorojax.simulation import ERCP; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
