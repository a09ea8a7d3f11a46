import subprocess
import sys

import pytest

from fluorojax import simulation
from fluorojax.simulation import ercp


def test_everything_named_is_there():
    assert all(getattr(simulation, name) is not None for name in simulation.__all__)
    assert simulation.simulate is ercp.simulate
    with pytest.raises(AttributeError, match="no attribute 'simulat'"):
        _ = simulation.simulat


def test_a_spec_does_not_bring_jax():
    code = "import sys; from fluorojax.simulation import ERCP; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
