import pytest

from fluorojax.cli import main as cli
from fluorojax.config.fields import every_field
from fluorojax.config.procedures import BUILDERS, PROCEDURES
from fluorojax.core.errors import InputError
from fluorojax.datasets.gallery import simulation_of
from fluorojax.datasets.source import open_dataset, simulated_builder
from fluorojax.schema.limits import limits_of
from tests.datasets.test_source import Settings


@pytest.mark.parametrize("name", PROCEDURES)
def test_each_procedure_is_simulated_by_the_builder_that_it_names(name):
    spec, data_set = PROCEDURES[name]
    made_by = simulated_builder(data_set)
    assert made_by.name == data_set
    assert simulation_of(spec) is made_by.simulation
    assert type(made_by.simulation.spec) is type(spec) is BUILDERS[data_set].kind


def test_the_command_the_configuration_and_the_data_sets_read_the_table(tmp_path):
    asked = cli.parser().parse_args(["simulate", "--procedure", "carm", "--out", "x"]).procedure
    assert cli.changed(asked, 192, []) == PROCEDURES["carm"].spec
    with pytest.raises(SystemExit):
        cli.parser().parse_args(["simulate", "--procedure", "hip", "--out", "x"])
    choices = limits_of(every_field()["data.builder"]).options
    assert choices == (*BUILDERS, "xray_folder")
    with pytest.raises(InputError) as error:
        open_dataset(Settings(str(tmp_path), builder="hip"))
    assert str(error.value).endswith(", ".join(choices))


def test_each_data_set_is_stored_or_simulated_while_training():
    assert {name: one.online for name, one in BUILDERS.items()} == {
        "ercp_simulated": True,
        "ercp_synthetic": False,
        "knee_simulated": True,
        "knee_synthetic": False,
    }
    assert BUILDERS["knee_simulated"].data_set == "knee_synthetic"
