"""Simulated X-ray frames with their truth."""

from fluorojax.simulation.ercp import CLASSES, LEVELS, Spec, simulate

__all__ = ["CLASSES", "LEVELS", "Spec", "simulate"]
