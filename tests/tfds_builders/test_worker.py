import os
from pathlib import Path

import pytest

from fluorojax.core.errors import InputError
from tests.tfds_builders.test_shards import builder_of
from tfds_builders.shards import is_written, plan
from tfds_builders.worker import Worker, environment_of_one_thread


@pytest.fixture
def place(tmp_path):
    return builder_of(tmp_path, cases=10, size=32), tmp_path


def started(builder, folder):
    arguments = {
        "data_dir": str(folder),
        "config": builder.builder_config,
        "file_format": "array_record",
    }
    return Worker(type(builder), arguments, folder)


def test_another_process_writes_shards_and_sends_what_is_raised_there(place):
    builder, folder = place
    worker, told = started(builder, folder), []
    first, *_, last = plan(builder)
    worker.write(first, lambda: told.append(1))
    assert len(told) == 6
    assert is_written(folder, first)
    (folder / "toy/images/4.png").unlink()
    with pytest.raises(InputError, match=r"case c4: .*4\.png: no such file"):
        worker.write(last, lambda: None)
    assert not is_written(folder, last)
    worker._process.kill()
    with pytest.raises(InputError, match=r"ended with status -9, .* run the same command again"):
        worker.write(last, lambda: None)
    worker.end()


def test_it_has_one_device_and_one_thread_whatever_the_machine_has():
    given = {"XLA_FLAGS": "--a=1 --xla_force_host_platform_device_count=4 --b=2", "HOME": "/x"}
    found = environment_of_one_thread(given, Path("/y"))
    assert found["XLA_FLAGS"].split() == ["--a=1", "--b=2"]
    assert (found["NPROC"], found["JAX_PLATFORMS"], found["HOME"]) == ("1", "cpu", "/x")
    assert found["JAX_COMPILATION_CACHE_DIR"] == "/y"
    assert os.getcwd() in found["PYTHONPATH"].split(os.pathsep)
