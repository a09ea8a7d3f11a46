"""Films in, tables and pictures of their measurements out: the work of `fluorojax measure`."""

from fluorojax.measuring.films import Given, measure
from fluorojax.measuring.options import given_of, names, tolerances_of
from fluorojax.measuring.show import show
from fluorojax.measuring.source import source_of

__all__ = ["Given", "given_of", "measure", "names", "show", "source_of", "tolerances_of"]
