"""The one error that speaks to the user."""


class InputError(ValueError):
    """Something the user gave cannot be used as it is.

    The message names the file, the case and the value, and says how to mend it. The commands print
    it without a traceback and leave with status 2.
    """
