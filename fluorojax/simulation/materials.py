"""Linear attenuation of what the beam meets, as a function of the effective energy.

Mass attenuation with coherent scattering from J. H. Hubbell and S. M. Seltzer, Tables of X-Ray Mass
Attenuation Coefficients, NIST Standard Reference Database 126 (tissues: ICRU-44 compositions). One
effective energy stands for the spectrum: 60 keV is a 90 kV beam behind 22 cm of tissue.
"""

import jax
import jax.numpy as jnp

ENERGIES_KEV = (40.0, 50.0, 60.0, 80.0)
# cm²/g at those energies; no material here has an absorption edge between them.
MASS_ATTENUATION = {
    "soft tissue": (0.2688, 0.2264, 0.2048, 0.1823),
    "cortical bone": (0.6655, 0.4242, 0.3148, 0.2229),
    "titanium": (2.214, 1.213, 0.7661, 0.4052),
    "iron": (3.629, 1.958, 1.205, 0.5952),
    "nickel": (4.600, 2.474, 1.512, 0.7306),
    "polyethylene": (0.2275, 0.2084, 0.1970, 0.1823),
    "iodine": (22.10, 12.32, 7.579, 3.510),
}
SOFT_TISSUE_DENSITY = 1.0  # g/cm³, between fat (0.95) and muscle (1.05)
CORTICAL_DENSITY = 1.92  # g/cm³, ICRU-44
TRABECULAR_DENSITY = 1.18  # g/cm³, ICRU-46 spongiosa
NITINOL_DENSITY = 6.45  # g/cm³
STEEL_DENSITY = 7.87  # g/cm³, as iron
TITANIUM_DENSITY = 4.43  # g/cm³, Ti-6Al-4V
COBALT_CHROME_DENSITY = 8.3  # g/cm³
POLYETHYLENE_DENSITY = 0.94  # g/cm³, of ultra-high molecular weight
CEMENT_BARIUM = 0.07  # g/cm³: a tenth of the cement is barium sulphate
CONTRAST_IODINE = 0.150  # g/cm³: 150 mgI/mL


def mass_attenuation(material: str, energy_kev: jax.Array) -> jax.Array:
    """Return mu/rho in cm²/g, log-log interpolated between the tabulated energies.

    Args:
        material: a name in `MASS_ATTENUATION`.
        energy_kev: [] keV in [40, 80].
    """
    values = jnp.log(jnp.array(MASS_ATTENUATION[material]))
    return jnp.exp(jnp.interp(jnp.log(energy_kev), jnp.log(jnp.array(ENERGIES_KEV)), values))


def soft_tissue(energy_kev: jax.Array) -> jax.Array:
    """Return the attenuation of muscle and organs, per mm."""
    return 0.1 * SOFT_TISSUE_DENSITY * mass_attenuation("soft tissue", energy_kev)


def cortical_bone(energy_kev: jax.Array) -> jax.Array:
    """Return the attenuation of compact bone, per mm."""
    return 0.1 * CORTICAL_DENSITY * mass_attenuation("cortical bone", energy_kev)


def trabecular_bone(energy_kev: jax.Array) -> jax.Array:
    """Return the attenuation of spongy bone, per mm: a third of its mass is mineralised."""
    mineralised = mass_attenuation("cortical bone", energy_kev)
    marrow = mass_attenuation("soft tissue", energy_kev)
    return 0.1 * TRABECULAR_DENSITY * (mineralised + 2.0 * marrow) / 3.0


def nitinol(energy_kev: jax.Array) -> jax.Array:
    """Return the attenuation of nickel and titanium, 55 to 45 by mass, per mm."""
    nickel = mass_attenuation("nickel", energy_kev)
    titanium = mass_attenuation("titanium", energy_kev)
    return 0.1 * NITINOL_DENSITY * (0.55 * nickel + 0.45 * titanium)


def steel(energy_kev: jax.Array) -> jax.Array:
    """Return the attenuation of steel, as iron, per mm."""
    return 0.1 * STEEL_DENSITY * mass_attenuation("iron", energy_kev)


def contrast_medium(energy_kev: jax.Array) -> jax.Array:
    """Return what iodine at 150 mgI/mL adds to the liquid it is dissolved in, per mm."""
    return 0.1 * CONTRAST_IODINE * mass_attenuation("iodine", energy_kev)


def titanium_alloy(energy_kev: jax.Array) -> jax.Array:
    """Return the attenuation of Ti-6Al-4V, as titanium, per mm."""
    return 0.1 * TITANIUM_DENSITY * mass_attenuation("titanium", energy_kev)


def cobalt_chrome(energy_kev: jax.Array) -> jax.Array:
    """Return the attenuation of a cobalt-chromium alloy, per mm: as iron, which lies between."""
    return 0.1 * COBALT_CHROME_DENSITY * mass_attenuation("iron", energy_kev)


def polyethylene(energy_kev: jax.Array) -> jax.Array:
    """Return the attenuation of polyethylene, per mm: less than that of soft tissue."""
    return 0.1 * POLYETHYLENE_DENSITY * mass_attenuation("polyethylene", energy_kev)


def bone_cement(energy_kev: jax.Array) -> jax.Array:
    """Return what bone cement takes above soft tissue, per mm: its barium, as iodine.

    Both have their absorption edge below 40 keV; the polymer takes about what soft tissue does.
    """
    return 0.1 * CEMENT_BARIUM * mass_attenuation("iodine", energy_kev)
