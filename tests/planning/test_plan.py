import dataclasses
import shlex

import numpy as np
import pytest

from fluorojax.config_file import read_config
from fluorojax.data.folder import Case, Folder, FolderSummary
from fluorojax.data.grid import place
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
    placement = place((side, side // 2), config.data.image_size, config.data.fit)
    assert width * placement.scale >= LEAST_PX
    assert not any(n % 16 for n in config.data.image_size)


@pytest.mark.parametrize(
    ("width", "hardware", "fit"),
    [
        (13.0, "cpu", "shrink"),  # 4.1 px on the largest usual grid, of 320 px
        (6.4, "cpu", "shrink"),  # 2 px
        (6.3, "cpu", "shrink"),  # 1.97 px: the grid grows a little
        (4.9, "cpu", "shrink"),  # 1.53 px
        (4.7, "cpu", "native"),  # 1.47 px
        (1.2, "cpu", "native"),
        (1.2, "gpu", "shrink"),  # its grids are as large as the frames
    ],
)
def test_a_curve_too_thin_to_be_shrunk_is_seen_in_windows(tmp_path, width, hardware, fit):
    made = plan(found(tmp_path, [WIRE], width=width), MACHINE, hardware)
    assert parsed(made).data.fit == fit
    assert (" --config.data.fit=native " in made.command) == (fit == "native")
    (said,) = (guess for guess in made.guesses if guess.what == "data.fit")
    assert said.value == fit
    if fit == "native":
        told = f"wire is {width} px wide, and {width * 320 / 1024:.2g} px after shrinking to 320"
        assert said.reason.startswith(told)


@pytest.mark.parametrize(
    ("classes", "info", "window", "crop", "remarks"),
    [
        ([WIRE], {}, 256, 192, []),
        ([BAR, WIRE], {}, 256, 192, ["what no window shows whole, as perhaps bar"]),
        (
            [BAR, WIRE],
            {"relation": Relation("wire", "bar")},
            320,
            256,
            ["what no window shows whole", "that one class comes out of another is learned only"],
        ),
    ],
)
def test_windows_are_larger_than_crops(tmp_path, classes, info, window, crop, remarks):
    made = plan(found(tmp_path, classes, width=3.0, **info), MACHINE, "cpu")
    config = parsed(made)
    assert config.data.image_size == (window, window)
    assert config.training.crop_size == (crop, crop)
    (said,) = (guess for guess in made.guesses if guess.what == "data.image_size")
    tiles = 7 * 3 if window == 256 else 6 * 3  # of 1024 x 512, overlapping by half
    assert said.reason == f"windows; a frame of 1024 x 512 is predicted in {tiles} of them"
    assert len(made.remarks) == len(remarks)
    assert all(map(str.startswith, made.remarks, remarks))


def test_windows_are_no_larger_than_frames(tmp_path):
    config = parsed(plan(found(tmp_path, [WIRE], width=1.6, side=340), MACHINE, "cpu"))
    assert (config.data.fit, config.data.image_size) == ("shrink", (352, 176))
    config = parsed(plan(found(tmp_path, [WIRE], width=1.5, side=340), MACHINE, "cpu"))
    assert (config.data.fit, config.data.image_size) == ("native", (256, 176))
    assert config.training.crop_size == (192, 176)


def test_image_labels_cannot_be_told_from_windows(tmp_path):
    labels = (ImageLabelInfo("view", ("a", "b")),)
    made = plan(found(tmp_path, [WIRE], width=3.0, image_labels=labels), MACHINE, "cpu")
    assert parsed(made).data.fit == "shrink"
    assert "windows cannot tell image labels" in made.guesses[1].reason


def test_a_curve_too_thin_for_any_grid_is_told(tmp_path):
    made = plan(found(tmp_path, [WIRE], width=1.2), MACHINE, "cpu")
    assert "wire is 1.2 px wide in the frames themselves" in made.remarks[0]
    labels = (ImageLabelInfo("view", ("a", "b")),)
    made = plan(found(tmp_path, [WIRE], width=1.2, image_labels=labels), MACHINE, "cpu")
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
