import pytest
from ml_collections import config_flags

from fluorojax import config_file
from fluorojax.config import flatten
from fluorojax.config_file import FOLDER, find, read_config
from fluorojax.configs import joint
from fluorojax.core.errors import InputError

OWN = """
from ml_collections import ConfigDict
def get_config({parameters}):
    return ConfigDict({{"method": "own", "model": ConfigDict({{"feedback": 0.5}})}})
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(OWN.format(parameters="variant='none'"))
    (tmp_path / "plain.py").write_text(OWN.format(parameters=""))
    (tmp_path / "empty.py").touch()
    return tmp_path


@pytest.mark.parametrize("name", ["joint", "joint.py", "configs/joint.py", "configs/joint"])
@pytest.mark.parametrize("variant", [None, "quick"])
def test_the_packages_own_are_found_from_any_folder(name, variant, own):
    assert find(name if variant is None else f"{name}:{variant}") == (FOLDER / "joint.py", variant)


def test_a_file_of_the_users_comes_first(own):
    (own / "configs").mkdir()
    path = (own / "mine.py").rename(own / "configs/joint.py")
    assert find(str(path)) == (path, None)
    assert read_config("configs/joint.py:x").method == "own"
    assert read_config("joint").method == "joint"


def test_a_folder_of_the_same_name_hides_nothing(own):
    (own / "joint").mkdir()
    assert find("joint")[0] == FOLDER / "joint.py"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("jont:quick", "no configuration 'jont'; did you mean 'joint'"),
        ("configs/jont.py", "no configuration 'configs/jont.py'; did you mean 'configs/joint.py'"),
        ("elsewhere/joint.py", "'elsewhere/joint.py'; did you mean 'joint'"),
        ("base", "there are carm, cascade, .*vessels"),
        ("", "there are carm"),
        ("joint:quik", "joint:quik: unknown variant 'quik': write ':quick'"),
        ("plain.py:quick", "plain.py has no variants; write 'plain.py'"),
        ("empty.py", r"empty.py has no function get_config\(variant\)"),
    ],
)
def test_what_is_no_configuration_is_refused_in_one_line(given, message, own):
    with pytest.raises(InputError, match=message) as error:
        read_config(given)
    assert "\n" not in str(error.value)


def test_a_variant_is_handed_on(own):
    assert flatten(read_config("joint:quick")) == flatten(joint.get_config("quick"))
    assert flatten(read_config("joint")) == flatten(joint.get_config())
    assert read_config("plain.py").method == "own"


def test_fields_are_parsed_as_launch_py_always_did(monkeypatch):
    overrides = [
        *("--config.training.steps=7", "--config.training.learning_rate=1e-4"),
        *("--config.data.image_size=64,96", "--config.augment.scale=(0.9, 1.1)"),
        *("--config.deterministic", "--noconfig.evaluation.drop_detached"),
        *("--config.method", "my own", "--config.init_from=runs/a=b", "-config.seed=3"),
    ]
    config = read_config("joint:quick", overrides)
    assert (config.training.steps, config.training.learning_rate, config.seed) == (7, 1e-4, 3)
    assert (config.data.image_size, config.augment.scale) == ((64, 96), (0.9, 1.1))
    assert config.deterministic is True
    assert config.evaluation.drop_detached is False
    assert (config.method, config.init_from) == ("my own", "runs/a=b")
    assert flatten(config) == flatten(by_flag_of_file(overrides))


def by_flag_of_file(overrides):
    """Return what the flag makes of the arguments that launch.py defined up to version 0.1."""
    from absl import flags

    values, arguments = flags.FlagValues(), ["x", f"--config={FOLDER}/joint.py:quick", *overrides]
    flag = config_flags.DEFINE_config_file("config", flag_values=values, sys_argv=arguments)
    values(arguments)
    return flag.value


def test_fields_may_have_their_old_names_in_arguments_and_in_files(own, capsys):
    assert read_config("joint", ["--config.model.feedback=0.3"]).model.gradient_scale == 0.3
    assert read_config("mine.py").model.gradient_scale == 0.5
    assert read_config("mine.py", ["--config.model.feedback=0.3"]).model.gradient_scale == 0.3
    assert "model.feedback is called model.gradient_scale now" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (
            "--config.training.step=3",
            "unknown field 'training.step'; did you mean 'training.steps'?",
        ),
        ("--noconfig.determinstic", "did you mean 'deterministic'?"),
        ("--config.qqqq=3", "fields.py lists them"),
        ("--config.training.steps=many", "config.training.steps=many: invalid literal"),
        ("--config.training.steps", "value for flag config.training.steps|Missing value"),
        ("--config.loss=3", "'3' as a ConfigDict"),
        ("--config.data.image_size[0]=3", "not a valid index"),
        ("--config.=3", "parse"),
        ("--wrkdir=x", "--wrkdir is no option; write --workdir=DIR or --config.FIELD=VALUE"),
        ("training.steps=3", "'training.steps=3' is no option"),
    ],
)
def test_what_no_field_can_have_is_refused_in_one_line(argument, message):
    with pytest.raises(InputError, match=message.replace("?", r"\?").replace("[", r"\[")) as error:
        read_config("joint:quick", [argument])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("given", "overrides", "expected"),
    [
        ("joint:quick", (), "--config=configs/joint.py:quick"),
        ("configs/joint.py", ("--config.seed=1",), "--config=configs/joint.py --config.seed=1"),
        (
            "own:wires",
            ("--config.data.dir=ward_3", "--config.training.steps", "5"),
            "--config=configs/own.py:wires --config.data.dir=... --config.training.steps 5",
        ),
        (
            "own:wires",
            ("--config.data.dir", "ward_3", "--config.method=/home/me"),
            "--config=configs/own.py:wires --config.data.dir ... --config.method=...",
        ),
    ],
)
def test_the_command_of_a_run_names_no_path(given, overrides, expected):
    assert config_file.command_line(given, overrides) == f"python launch.py {expected}"


def test_a_file_of_ones_own_is_named_without_its_folder(tmp_path):
    (tmp_path / "mine.py").write_text("")
    command = config_file.command_line(f"{tmp_path / 'mine.py'}:small")
    assert command == "python launch.py --config=mine.py:small"
