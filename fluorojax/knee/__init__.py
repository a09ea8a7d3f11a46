"""Films in, tables and pictures of their measurements out: the work of `fluorojax measure`."""
