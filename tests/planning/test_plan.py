import dataclasses
import shlex

import numpy as np
import pytest

from fluorojax.config_file import read_config
from fluorojax.data.folder import Case, Folder, FolderSummary
from fluorojax.planning.machine import Machine
from fluorojax.planning.plan import LEAST_PX, fitting, needed_gib, plan
from fluorojax.planning.survey import Seen, Survey
from fluorojax.schema.info import ClassInfo, DatasetInfo, ImageLabelInfo, Relation

MACHINE = Machine(cores=2, memory_gib=16.0, gpu_gib=0.0)
BAR, WIRE = ClassInfo("bar", "region"), ClassInfo("wire", "curve")
SUMMARY = FolderSummary({}, {}, {}, {}, "uint8", {}, {}, ())


def found(tmp_path, classes, *, width=6.0, side=1024, frames=40, areas=None, **info):
    curves = [c.kind == "curve" for c in classes]
    seen = tuple(
        Seen(
            Case(
                f"c{n}", tmp_path / "x.png", f"p{n}", "train" if n % 4 else "test", annotation="a"
            ),
            (side, side // 2),
            8,
            (np.nan, np.nan),
            "unknown",
            (0, 1, 1),
            tuple(areas(n) if areas else [100] * len(classes)),
            tuple(width * c for c in curves),
            "",
        )
        for n in range(frames)
    )
    described = DatasetInfo("x", tuple(classes), **info)
    folder = Folder(tmp_path, tmp_path / "cases.csv", described, "bitmask", ())
    return Survey(folder, SUMMARY, seen, ())


def parsed(made):
    """The configuration that the command's own words give."""
    _, _, config, *overrides = shlex.split(made.command)
    return read_config(config, overrides)


@pytest.mark.parametrize("hardware", ["cpu", "gpu"])
@pytest.mark.parametrize(
    ("classes", "info", "kind"),
    [
        ([BAR], {}, "regions"),
        ([WIRE], {}, "curves"),
        ([BAR, WIRE], {}, "curves"),
        ([BAR, WIRE], {"relation": Relation("wire", "bar")}, "relation"),
    ],
)
def test_classes_choose_the_configuration(tmp_path, hardware, classes, info, kind):
    made = plan(found(tmp_path, classes, **info), MACHINE, hardware)
    assert made.config == f"own:{kind}" + "-quick" * (hardware == "cpu")
    config = parsed(made)
    assert config.data.dir == str(tmp_path)
    assert config.hardware == hardware
    assert all(guess.reason for guess in made.guesses)


@pytest.mark.parametrize("width", [2.5, 4.0, 6.0, 12.0, 40.0])
@pytest.mark.parametrize("side", [300, 512, 1024])
def test_the_thinnest_curve_keeps_two_pixels(tmp_path, width, side):
    config = parsed(plan(found(tmp_path, [WIRE], width=width, side=side), MACHINE, "cpu"))
    rows, columns = config.data.image_size
    assert width * min(1, rows / side, columns / (side // 2)) >= LEAST_PX
    assert rows % 16 == columns % 16 == 0


def test_a_curve_too_thin_for_any_grid_is_told(tmp_path):
    made = plan(found(tmp_path, [WIRE], width=1.2), MACHINE, "cpu")
    assert parsed(made).data.image_size == (1024, 512)
    assert "a grid of 1024 x 512 takes long" in made.remarks[0]
    assert "wire is 1.2 px wide in the frames themselves" in made.remarks[1]


def test_small_frames_are_not_shrunk(tmp_path):
    made = plan(found(tmp_path, [WIRE], side=300), MACHINE, "cpu")
    assert parsed(made).data.image_size == (304, 160)


def test_a_relation_of_which_one_side_is_never_shown_is_not_learned(tmp_path):
    survey = found(
        tmp_path, [BAR, WIRE], areas=lambda n: (0, 100), relation=Relation("wire", "bar")
    )
    assert plan(survey, MACHINE, "cpu").config == "own:curves-quick"


def test_what_is_rare_is_weighted(tmp_path):
    survey = found(tmp_path, [BAR, WIRE], areas=lambda n: (100 * (n % 3 == 1), 100), frames=16)
    config = parsed(plan(survey, MACHINE, "cpu"))
    assert config.loss.dice_absent_classes == "bar=0"
    assert config.loss.skeleton_recall == 2.0


def test_chiral_labels_are_not_mirrored_and_seen_whole(tmp_path):
    labels = (ImageLabelInfo("side", ("l", "r"), chiral=True),)
    survey = found(tmp_path, [WIRE], image_labels=labels)
    config = parsed(plan(survey, MACHINE, "cpu"))
    assert config.augment.flip_horizontal_rate == config.augment.flip_vertical_rate == 0
    assert config.training.crop_size == config.data.image_size


def test_steps_grow_with_the_frames_between_two_limits(tmp_path):
    steps = [plan(found(tmp_path, [BAR], frames=n), MACHINE, "cpu").steps for n in (8, 40, 800)]
    assert steps == [1200, 2200, 3000]


def test_a_small_memory_halves_the_batch_and_then_the_width():
    assert fitting(4, 16.0, (192, 192), 1, 16.0)[:2] == (4, 16.0)
    batch, width, told = fitting(8, 32.0, (512, 512), 1, 8.0)
    assert (batch, width) == (2, 16.0)
    assert needed_gib(batch, width, (512, 512), 1) <= 0.6 * 8
    assert "the usual size takes" in told


def test_a_gpu_s_own_memory_counts(tmp_path):
    large = dataclasses.replace(MACHINE, gpu_gib=80.0)
    survey = found(tmp_path, [BAR], side=2048)
    assert parsed(plan(survey, large, "gpu")).training.batch_size == 8
    small = dataclasses.replace(MACHINE, gpu_gib=8.0)
    assert parsed(plan(survey, small, "gpu")).training.batch_size < 8


def test_a_folder_s_name_may_have_blanks_and_another_table(tmp_path):
    survey = found(tmp_path / "my frames", [BAR])
    survey = dataclasses.replace(survey, cases_file="other.csv")
    config = parsed(plan(survey, MACHINE, "cpu"))
    assert config.data.dir == str(tmp_path / "my frames")
    assert config.data.cases == "other.csv"
