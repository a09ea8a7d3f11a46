import itertools
import threading
import time

import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.datasets import pipeline
from fluorojax.datasets.pipeline import PreparedFrames, batches, row_at, to_working_grid, window
from fluorojax.datasets.source import Frames, open_folder
from fluorojax.schema import bitmask
from tests.data.test_folder import edit_table, set_field
from tests.folders import write_folder

SIZE = (32, 40)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    toy = write_folder(tmp_path_factory.mktemp("pipeline") / "toy", cases=15, size=48)
    edit_table(toy, set_field(1, annotation="", attached=""))
    edit_table(toy, set_field(2, attached="no"))
    return open_folder(toy, "cases.csv", toy.parent)


def some(dataset, count, **options):
    arguments = {"info": dataset.info, "image_size": SIZE, "batch_size": 4, "seed": 3} | options
    stream = batches(dataset.split("train"), **arguments)
    found = list(itertools.islice(stream, count))
    stream.close()
    return found


def assert_same(ours, theirs):
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])


def test_types_and_shapes(dataset):
    (batch,) = some(dataset, 1)
    assert {name: (array.dtype.name, array.shape) for name, array in batch.items()} == {
        "image": ("uint16", (4, *SIZE)),
        "mask": ("uint8", (4, *SIZE)),
        "skeleton": ("uint8", (4, *SIZE)),
        "landmarks": ("uint8", (4, *SIZE)),
        "ignore": ("uint8", (4, *SIZE)),
        "attached": ("int8", (4,)),
        "image_labels": ("int32", (4, 0)),
        "low": ("float32", (4,)),
        "high": ("float32", (4,)),
        "index": ("int32", (4,)),
        "position": ("int32", (4,)),
    }
    np.testing.assert_array_equal(batch["position"], [0, 1, 2, 3])


def test_a_batch_holds_the_frames_that_its_index_names(dataset):
    train = dataset.split("train")
    for batch in some(dataset, 3):
        for k, index in enumerate(batch["index"]):
            expected = to_working_grid(train[index], SIZE, dataset.info)
            for name, array in expected.items():
                np.testing.assert_array_equal(batch[name][k], array)


def test_the_working_grid_agrees_with_the_frame(dataset):
    example = dataset.split("train")[2]
    prepared = to_working_grid(example, (48, 60), dataset.info)
    inside = (slice(None), slice(6, 54))
    for name in ("image", "mask"):
        np.testing.assert_array_equal(prepared[name][inside], example[name])
    assert prepared["ignore"].sum() == 48 * 12
    assert prepared["attached"] == 0
    wire = bitmask.unpack(prepared["skeleton"], 2)
    assert not wire[..., 0].any()
    assert wire[..., 1][inside][example["skeleton"] == 2].all()


def test_each_pass_goes_once_through_all_labelled_frames(dataset):
    # 8 labelled frames of 9, two batches a pass.
    order = np.concatenate([batch["index"] for batch in some(dataset, 6)]).reshape(3, 8)
    for one_pass in order:
        assert sorted(one_pass) == [0, 2, 3, 4, 5, 6, 7, 8]
    assert len({tuple(one_pass) for one_pass in order}) == 3


def test_a_batch_may_be_larger_than_the_dataset(dataset):
    (batch,) = some(dataset, 1, batch_size=20)
    counts = np.bincount(batch["index"], minlength=9)
    assert counts[1] == 0
    assert set(counts[[0, 2, 3, 4, 5, 6, 7, 8]]) == {2, 3}


@pytest.mark.parametrize("start", [1, 2, 5])
def test_from_step_k_on_the_batches_are_those_of_an_uninterrupted_run(dataset, start):
    assert_same(some(dataset, 8)[start:], some(dataset, 8 - start, start_step=start))


def test_the_order_depends_on_the_seed_and_on_nothing_else(dataset):
    first = some(dataset, 4)
    assert_same(first, some(dataset, 4, threads=4, memory_mb=0.0))
    other = some(dataset, 4, seed=4)
    assert any((a["index"] != b["index"]).any() for a, b in zip(first, other, strict=True))


def test_row_at_is_a_permutation_a_pass():
    for seed, rows in ((0, 1), (5, 7)):
        for number in range(3):
            drawn = [row_at(number * rows + k, seed, rows) for k in range(rows)]
            assert sorted(drawn) == list(range(rows))


def test_frames_that_fit_are_decoded_once_and_others_each_time(dataset, monkeypatch):
    decoded = []
    original = Frames.__getitem__
    monkeypatch.setattr(
        Frames, "__getitem__", lambda self, key: decoded.append(key) or original(self, key)
    )
    for memory_mb, expected in ((1.0, 1), (0.01, 3)):
        decoded.clear()
        prepared = PreparedFrames(dataset.split("train"), SIZE, dataset.info, memory_mb)
        for _ in range(3):
            prepared[0]
        assert len(decoded) == expected


def test_without_a_labelled_frame_there_is_nothing_to_train_on(dataset):
    with pytest.raises(InputError, match="no labelled frame to train on"):
        batches(
            dataset.split("train")[1:2],
            info=dataset.info,
            image_size=SIZE,
            batch_size=1,
            seed=0,
        )


def test_batches_are_made_ahead_of_their_use(dataset, monkeypatch):
    made = []
    original = pipeline.to_working_grid
    monkeypatch.setattr(
        pipeline, "to_working_grid", lambda *a: made.append(threading.get_ident()) or original(*a)
    )
    stream = batches(
        dataset.split("train"),
        info=dataset.info,
        image_size=SIZE,
        batch_size=1,
        seed=0,
        memory_mb=0.0,
        threads=1,
    )
    next(stream)
    until = time.monotonic() + 10
    while len(made) < 3 and time.monotonic() < until:
        time.sleep(0.01)
    stream.close()
    assert len(made) >= 3
    assert threading.get_ident() not in made


def test_closing_ends_the_threads(dataset):
    def threads():
        return {t for t in threading.enumerate() if t.name.startswith("grain")}

    before = threads()
    stream = batches(
        dataset.split("train"), info=dataset.info, image_size=SIZE, batch_size=2, seed=0
    )
    next(stream)
    mine = threads() - before
    assert mine
    stream.close()
    for thread in mine:
        thread.join(10)
    assert not any(thread.is_alive() for thread in mine)


@pytest.mark.parametrize("shares", [2, 4])
def test_the_shares_of_several_processes_are_the_batch_in_parts(dataset, shares):
    parts = [some(dataset, 2, start_step=3, share=(k, shares)) for k in range(shares)]
    for step, batch in enumerate(some(dataset, 2, start_step=3)):
        for name, whole in batch.items():
            found = np.concatenate([part[step][name] for part in parts])
            np.testing.assert_array_equal(found, whole, err_msg=name)


def test_windows_are_cut_of_the_frame_at_its_own_size(dataset):
    size = (16, 24)
    train = dataset.split("train")
    options = {"image_size": size, "fit": "native", "foreground_oversampling": 1.0}
    found = some(dataset, 3, **options)
    for batch in found:
        for k, index in enumerate(batch["index"]):
            whole = to_working_grid(train[index], size, dataset.info, "native")
            assert whole["image"].shape == (48, 48)
            places = np.lib.stride_tricks.sliding_window_view(whole["image"], size)
            row, column = np.argwhere((places == batch["image"][k]).all((2, 3)))[0]
            inside = (slice(row, row + size[0]), slice(column, column + size[1]))
            for name in ("mask", "skeleton", "landmarks", "ignore"):
                np.testing.assert_array_equal(batch[name][k], whole[name][inside], err_msg=name)
            assert (batch["mask"][k] & 2).any()  # it holds a piece of the wire
    # As all else, a function of seed and step alone.
    assert_same(found[1:], some(dataset, 2, start_step=1, threads=1, memory_mb=0.0, **options))
    parts = [some(dataset, 1, share=(k, 2), **options)[0] for k in range(2)]
    np.testing.assert_array_equal(np.concatenate([p["image"] for p in parts]), found[0]["image"])


def test_a_frame_no_larger_than_the_window_is_padded_as_ever(dataset):
    example = dataset.split("train")[0]
    expected = to_working_grid(example, (64, 64), dataset.info)
    prepared = to_working_grid(example, (64, 64), dataset.info, "native")
    found = window(prepared, (64, 64), dataset.info, 1.0, np.random.default_rng(0))
    assert_same([found], [expected])


def test_windows_lie_anywhere_and_seek_what_counts(dataset):
    prepared = to_working_grid(dataset.split("train")[0], (8, 8), dataset.info, "native")
    rng = np.random.default_rng(0)

    def shown(frame, rate):
        windows = [window(frame, (8, 8), dataset.info, rate, rng)["mask"] for _ in range(60)]
        return np.mean([(mask & 2).any() for mask in windows])

    assert shown(prepared, 1.0) == 1.0
    assert shown(prepared, 0.0) < 0.6
    ignored = prepared | {"ignore": (prepared["mask"] & 2).astype(np.uint8)}
    seen = [window(ignored, (8, 8), dataset.info, 1.0, rng)["mask"] for _ in range(20)]
    assert all((mask & 1).any() for mask in seen)  # without a wire that counts, any other class


def test_attributes_come_with_their_frame(dataset):
    example = dataset.split("train")[0] | {"image_labels": np.int8([2, -1])}
    found = to_working_grid(example, SIZE, dataset.info)["image_labels"]
    np.testing.assert_array_equal(found, np.int32([2, -1]))
