"""A guess: what is proposed, and why; so that whoever knows better can correct it."""

from typing import NamedTuple


class Guess(NamedTuple):
    """What is proposed for one thing, and the reason in words."""

    what: str
    value: str
    reason: str
