import dataclasses

import numpy as np
import pytest

from tfds_builders import simulated
from tfds_builders.ercp_synthetic.ercp_synthetic_dataset_builder import SIMULATION
from tfds_builders.simulated import Size, config_name

SIZE = Size(64, {"train": (3, 2), "validation": (1, 2), "test": (2, 1)})


def test_a_size_counts_its_frames_and_numbers_them_in_order():
    assert SIZE.frames == 10
    assert SIZE.numbers("validation") == [(0, 0), (0, 1)]
    assert SIZE.numbers("train")[:3] == [(0, 0), (0, 1), (1, 0)]


def test_online_a_single_training_frame_is_left():
    assert SIZE.without_training().numbers("train") == [(0, 0)]
    assert SIZE.without_training().numbers("test") == SIZE.numbers("test")


def test_grey_values_become_12_bits():
    given = np.array([-0.5, 0.0, 0.5, 1.0, 2.0])
    assert simulated.to_detector(given).tolist() == [0, 0, 2048, 4095, 4095]


def counted(split, numbers, spec):
    del split, spec
    return {"number": numbers[:, 0]}


@pytest.mark.parametrize("count", [1, 8, 11])
def test_any_number_of_frames_is_simulated_in_calls_of_one_size(count):
    sizes = []

    def simulate(split, numbers, spec):
        sizes.append(len(numbers))
        return counted(split, numbers, spec)

    simulation = dataclasses.replace(SIMULATION, simulate=simulate)
    frames = [(n,) for n in range(count)]
    made = simulated.simulate_frames(simulation, "test", frames, None)
    assert made["number"].tolist() == list(range(count))
    assert set(sizes) == {simulated.FRAMES_A_CALL}


def test_the_config_names_the_code_and_the_ranges_that_make_the_frames(tmp_path):
    before = config_name(SIMULATION, "quick", SIZE, SIMULATION.spec)
    assert before.startswith("quick-")
    assert before == config_name(
        SIMULATION, "quick", dataclasses.replace(SIZE), dataclasses.replace(SIMULATION.spec)
    )
    thicker = dataclasses.replace(SIMULATION.spec, wire_diameter_mm=(1.0, 2.0))
    assert before != config_name(SIMULATION, "quick", SIZE, thicker)
    (tmp_path / "other.py").write_text("")
    other = dataclasses.replace(SIMULATION, files=(*SIMULATION.files, tmp_path / "other.py"))
    assert before != config_name(other, "quick", SIZE, SIMULATION.spec)


def test_a_change_of_one_simulation_s_own_modules_leaves_the_other_s_frames_alone():
    names = {file.name for file in simulated.code(leave_out="knee")}
    assert {"ercp.py", "physics.py"} < names
    assert not any(name.startswith("knee") for name in names)
    assert {"knee.py", "physics.py"} < {file.name for file in simulated.code()}
