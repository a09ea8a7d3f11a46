"""Simulated X-ray frames with their truth: a `Spec` gives the ranges, a procedure draws them.

`fluoroscopy/` has ERCP and C-arm frames, `knee/` films of knees; both are made of the physics,
materials and shapes here. Free of jax, which must not be imported before its flags are set.
`fluorojax.config.procedures` has the table of all that can be simulated.
"""

from fluorojax.simulation.spec import CARM, ERCP, Spec

__all__ = ["CARM", "ERCP", "Spec"]
