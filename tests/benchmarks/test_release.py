import pytest

import fluorojax
from benchmarks import release
from fluorojax.core.errors import InputError
from tests.faults import exports


def test_this_version_is_described():
    release.check(release.ROOT, fluorojax.__version__)


def test_a_version_that_nobody_described_and_a_folder_that_is_there_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"no section '## 9\.9\.9'"):
        release.check(release.ROOT, "9.9.9")
    with pytest.raises(InputError, match="name a new folder"):
        release.make(tmp_path, fluorojax.__version__)


def test_an_export_is_kept_by_a_name_with_its_card(tmp_path):
    made = exports.write(tmp_path)
    kept = release.keep("small", made, tmp_path / "kept")
    assert {p.name for p in kept.iterdir()} == {*exports.FILES, "MODEL_CARD.md"}
    assert fluorojax.load(kept).rules == exports.RULES


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("../small", lambda fields: None, "--pretrained ../small: the name is"),
        ("small", lambda fields: fields.update(scores={}), "has no scores"),
        ("small", exports.put("origin.command", "train --x=/home/me"), "names a path: '=/h'"),
        ("small", exports.put("origin.method", "~/mine"), "names a path: '~/m'"),
        ("small", exports.put("origin.method", "C:\\mine"), "names a path"),
    ],
)
def test_an_export_that_says_too_much_or_too_little_is_not_kept(name, change, message, tmp_path):
    made = exports.with_fields(tmp_path, change)
    with pytest.raises(InputError, match=message):
        release.keep(name, made, tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_an_export_that_is_large_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(release, "MOST", 1000)
    with pytest.raises(InputError, match=r"MiB; at most 0\.0009\d+ are kept"):
        release.keep("small", exports.write(tmp_path), tmp_path / "kept")
