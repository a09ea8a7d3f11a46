"""A run's configuration: found by its name, and changed as the command line says."""

import difflib
import importlib.util
import inspect
import re
import shlex
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from absl import flags
from ml_collections import ConfigDict, config_flags
from ml_collections.config_flags import config_path

from fluorojax import configs
from fluorojax.config import flatten, rename_fields, with_new_flags
from fluorojax.core.errors import InputError
from fluorojax.schema.limits import PATHS, shown

FOLDER = Path(configs.__path__[0])
NOT_RUN = ("__init__", "base")
OPTIONS = "write --workdir=DIR or --config.FIELD=VALUE"
KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    tuple: "numbers with commas between them",
}
"""What a field takes, by the type of its usual value."""
FIELD = re.compile(r"--?(?:no)?config\.([^=]+)")


def read_config(given: str, overrides: Sequence[str] = ()) -> ConfigDict:
    """Return a configuration with some fields set.

    Args:
        given: its name, perhaps with a variant; see `find`.
        overrides: `--config.FIELD=VALUE` each, parsed by `ml_collections`: numbers, text, booleans
            and tuples (`--config.data.image_size=64,64`). Fields may have their old names.

    Raises:
        InputError: no such configuration, variant or field, or a value that the field cannot have.
    """
    config = _loaded(given)
    rename_fields(config)
    return _with_overrides(config, with_new_flags(overrides))


def command_line(given: str, overrides: Sequence[str] = ()) -> str:
    """Return the command that runs a configuration, without a path of this machine.

    A file of the user's own is named without its folder, and '...' stands for every path.

    Args:
        given: as of `read_config`.
        overrides: as of `read_config`.

    Raises:
        InputError: there is no such file.
    """
    path, variant = find(given)
    own = path.resolve().parent != FOLDER.resolve()
    name = path.name if own else f"configs/{path.name}"
    config = f"{name}:{variant}" if variant else name
    before = ["", *overrides]
    shown_words = map(_without_path, overrides, before)
    return shlex.join(["python", "launch.py", f"--config={config}", *shown_words])


def _without_path(word: str, before: str) -> str:
    """Return a word of a command with '...' for the value of a field that is a path.

    Args:
        word: `--config.FIELD=VALUE`, or one of the two words `--config.FIELD VALUE`.
        before: the word before it.
    """
    option, equals, value = word.partition("=") if word.startswith("-") else (before, "", word)
    is_path = option.rpartition(".")[2] in PATHS or "/" in value or "\\" in value
    if not (is_path and value):
        return word
    return f"{option}=..." if equals else "..."


def find(given: str) -> tuple[Path, str | None]:
    """Return the file of a configuration, and its variant, None where there is no colon.

    Args:
        given: FILE or FILE:VARIANT. FILE is one of the user's, such as `mine/joint.py`, or one of
            the package's by name, `joint` or `configs/joint.py`, from whatever folder.

    Raises:
        InputError: there is no such file.
    """
    name, colon, variant = given.partition(":")
    path = Path(name)
    if path.suffix != ".py" or not path.is_file():
        path = _packaged(path)
    return path, variant if colon else None


def names() -> list[str]:
    """Return the names of the package's own configurations."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in NOT_RUN)


def _packaged(path: Path) -> Path:
    """Return the package's own configuration of this name."""
    known = names()
    own = str(path.parent) in (".", "configs")
    if own and path.stem in known:
        return FOLDER / f"{path.stem}.py"
    close = difflib.get_close_matches(path.stem, known, n=1)
    if not close:
        raise InputError(f"there is no configuration '{path}'; there are {', '.join(known)}")
    nearest = path.with_stem(close[0]) if own else close[0]
    raise InputError(f"there is no configuration '{path}'; did you mean '{nearest}'?")


def _loaded(given: str) -> ConfigDict:
    path, variant = find(given)
    with _running(path):
        get_config = getattr(_module(path), "get_config", None)
    if not inspect.isfunction(get_config):
        raise InputError(f"{path} has no function get_config(variant)")
    if variant is not None and not inspect.signature(get_config).parameters:
        raise InputError(f"{given}: {path} has no variants; write '{path}'")
    with _running(path):
        try:
            config = get_config() if variant is None else get_config(variant)
        except ValueError as error:
            raise InputError(f"{given}: {error}") from error
    if not isinstance(config, ConfigDict):
        raise InputError(
            f"{path}: get_config() returned {type(config).__name__}, not a ConfigDict; begin with "
            "configs.base.get_config(), change fields of it, and return it"
        )
    return config


@contextmanager
def _running(path: Path) -> Iterator[None]:
    """Name file, line and error where a configuration of the user's own fails."""
    try:
        yield
    except InputError:
        raise
    except SyntaxError as error:
        raise InputError(
            f"{path}: line {error.lineno} is no Python ({error.msg}); correct it there"
        ) from error
    except (Exception, SystemExit) as error:
        if path.parent == FOLDER:  # one of the package's: a fault of the program
            raise
        raise InputError(
            f"{path}: line {_line_in(path, error)}: {type(error).__name__}: "
            f"{_on_one_line(error)[:300]}; correct it there"
        ) from error


def _line_in(path: Path, error: BaseException) -> int | str:
    """Return the last line of a file that an error came through, '?' where it came through none."""
    frames = traceback.extract_tb(error.__traceback__)
    own = path.resolve()
    lines = [frame.lineno for frame in frames if Path(frame.filename).resolve() == own]
    return next((line for line in reversed(lines) if line), "?")


def _on_one_line(error: BaseException) -> str:
    """Return what an error says; a `KeyError` quotes its text, with the line breaks in it."""
    return " ".join(" ".join(map(str, error.args)).split())


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("config_file", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _with_overrides(config: ConfigDict, overrides: Sequence[str]) -> ConfigDict:
    """Let `ml_collections` parse command line arguments as it does those of a script."""
    try:
        _check_fields(config, overrides)
        return _parsed(config, ["train", *overrides])
    except flags.UnrecognizedFlagError as error:
        name = shown(str(error.flagname))[1:-1]
        raise InputError(f"--{name} is no option; {OPTIONS}") from error
    except flags.IllegalFlagValueError as error:
        raise InputError(_wrong_value(config, str(error))) from error
    except InputError:
        raise
    except Exception as error:  # whatever the library raises at a text, the text is wrong
        given, said = " ".join(overrides)[:200], str(error) or type(error).__name__
        raise InputError(" ".join(f"{given}: {said[:300]}; {OPTIONS}".split())) from error


def _wrong_value(config: ConfigDict, message: str) -> str:
    """Return a message of the library with what kind of value the field takes."""
    message = " ".join(message.split()).removeprefix("flag ")
    found = FIELD.match(message)
    kind = KINDS.get(type(flatten(config).get(found[1]))) if found else None
    message = message if len(message) <= 400 else f"{message[:400]}..."
    return f"{message}; write {kind}" if kind else message


def _parsed(config: ConfigDict, arguments: list[str]) -> ConfigDict:
    values = flags.FlagValues()
    holder = config_flags.DEFINE_config_dict(
        "config", config, flag_values=values, sys_argv=arguments
    )
    if rest := values(arguments)[1:]:
        raise InputError(f"{shown(rest[0])} is no option; {OPTIONS}")
    return holder.value


def _check_fields(config: ConfigDict, overrides: Sequence[str]) -> None:
    known = flatten(config)
    for argument in overrides:
        if (found := FIELD.match(argument)) is None:
            continue
        name = found[1]
        try:
            config_path.get_type(name, config)
        except (AttributeError, LookupError, TypeError) as error:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
            hint = (
                f"did you mean '{close[0]}'?" if close else "fluorojax/config/fields.py lists them"
            )
            known_as = shown(name)[1:-1]
            raise InputError(f"--config.{known_as}: unknown field '{known_as}'; {hint}") from error
