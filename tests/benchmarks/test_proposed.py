import shlex

from benchmarks.studies import proposed
from tests.folders import write_folder


def test_both_trainings_differ_in_their_folder_alone(tmp_path):
    hand = write_folder(tmp_path / "hand", size=96)
    own = proposed.copied(hand, tmp_path / "out/hand")
    assert sorted(p.name for p in own.iterdir()) == ["images", "masks"]
    arguments = proposed.proposed(own)
    other = proposed.of_hand(arguments, hand)
    assert [(a, b) for a, b in zip(arguments, other, strict=True) if a != b] == [
        (f"--config.data.dir={own}", f"--config.data.dir={hand}")
    ]
    command = proposed.command(arguments, tmp_path / "run", 4)
    assert command[3:5] == ["train", arguments[0]]
    assert "--config.training.steps=4" in command
    assert "steps=4" not in shlex.join(proposed.command(arguments, tmp_path / "run", None))


def test_scores_are_means_of_the_test_frames_of_both_tables(tmp_path):
    hand = write_folder(tmp_path / "hand")
    own = write_folder(tmp_path / "own")
    assert proposed.common_test(hand, own) == {"images/4.png", "images/9.png"}
    place = tmp_path / "run/evaluation/test"
    place.mkdir(parents=True)
    (place / "cases.csv").write_text(
        "case,class,dice,cldice\nc4,scope,0.5,\nc4,wire,0.25,0.75\nc9,scope,1.0,\n"
    )
    assert proposed.scores(tmp_path / "run", hand) == {
        "scope dice": 0.75,
        "wire dice": 0.25,
        "wire cldice": 0.75,
    }
    assert proposed.scores(tmp_path / "run", hand, {"images/9.png"}) == {"scope dice": 1.0}
