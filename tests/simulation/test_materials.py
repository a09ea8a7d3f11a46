import jax.numpy as jnp
import pytest

from fluorojax.simulation import materials


@pytest.mark.parametrize(
    ("function", "per_cm"),
    [
        (materials.soft_tissue, 0.205),  # 0.2048 cm2/g at 1 g/cm3
        (materials.cortical_bone, 0.604),
        (materials.nitinol, 7.6),
        (materials.steel, 9.5),
        (materials.contrast_medium, 1.14),
    ],
)
def test_attenuation_at_60_kev(function, per_cm):
    assert 10 * float(function(jnp.float32(60.0))) == pytest.approx(per_cm, rel=0.01)


def test_tabulated_energies_come_back_and_between_them_is_a_power_law():
    for name, values in materials.MASS_ATTENUATION.items():
        for energy, value in zip(materials.ENERGIES_KEV, values, strict=True):
            found = float(materials.mass_attenuation(name, jnp.float32(energy)))
            assert found == pytest.approx(value, rel=1e-5)
    middle = float(materials.mass_attenuation("iron", jnp.float32((40 * 50) ** 0.5)))
    assert middle == pytest.approx((3.629 * 1.958) ** 0.5, rel=1e-5)


def test_a_guidewire_takes_half_of_the_primary_beam():
    mu = materials.nitinol(jnp.float32(60.0))
    assert float(jnp.exp(-mu * 0.89)) == pytest.approx(0.5, abs=0.02)
