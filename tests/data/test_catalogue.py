from fluorojax.data.catalogue import Catalogue, kept


def test_frames_of_a_file_are_found_by_their_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr("fluorojax.data.catalogue.holds_several", lambda path: path.stem == "cine")
    catalogue = Catalogue(tmp_path / "x", ["frame_000000.PNG", "frame_000001.PNG"])
    assert catalogue.find(tmp_path / "cine.dcm", 2) == 1
    assert catalogue.find(tmp_path / "cine.dcm") is None
    assert catalogue.find(tmp_path / "still.png", 2) is None


def test_a_file_is_parsed_once_until_it_changes(tmp_path):
    path, calls = tmp_path / "f", []

    def parse(path, case):
        calls.append(case)
        return path.read_text()

    path.write_text("a")
    assert [kept(path, "c1", parse), kept(path, "c2", parse)] == ["a", "a"]
    path.write_text("bb")
    assert kept(path, "c3", parse) == "bb"
    assert calls == ["c1", "c3"]
