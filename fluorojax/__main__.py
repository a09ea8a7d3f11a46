"""`python -m fluorojax` is the `fluorojax` command."""

from fluorojax.cli.main import main

if __name__ == "__main__":
    main()
