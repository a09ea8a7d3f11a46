import numpy as np
import pytest

from fluorojax.knee.measure.reading import arc_between


@pytest.mark.parametrize("degrees", [30, 90, 140])
def test_an_arc_leads_from_one_direction_to_the_other(degrees):
    corner, first = np.array([5.0, -2.0]), np.array([1.0, 0.0])
    second = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    arc = arc_between(corner, first, second, 3.0)
    np.testing.assert_allclose(np.hypot(*(arc - corner).T), 3.0)
    np.testing.assert_allclose(arc[0], corner + 3 * first, atol=1e-9)
    np.testing.assert_allclose(arc[-1], corner + 3 * second, atol=1e-9)
    halfway = np.array([np.cos(np.radians(degrees / 2)), np.sin(np.radians(degrees / 2))])
    assert ((arc[11:13].mean(0) - corner) @ halfway) == pytest.approx(3.0, abs=0.01)
