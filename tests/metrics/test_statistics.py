import numpy as np
import pytest
from scipy import stats

from fluorojax.metrics import statistics

NAN = float("nan")


def test_patients_are_means_of_their_cases():
    scores = np.array([[1.0, 3.0, NAN, 5.0], [2.0, NAN, NAN, 7.0]])
    found = statistics.patient_means(scores, ["b", "b", "a", "c"])
    np.testing.assert_allclose(found, [[2.0, NAN, 5.0], [2.0, NAN, 7.0]])


def test_means_by_hand():
    ours, theirs = np.array([[0.8, 0.6], [0.6, 0.4]]), np.array([[0.5, 0.5], [0.3, 0.3]])
    assert statistics.mean(ours) == pytest.approx(0.6)
    assert statistics.seed_spread(ours) == pytest.approx(0.2 / 2**0.5)
    assert np.isnan(statistics.seed_spread(ours[:1]))
    assert statistics.difference(ours, theirs) == pytest.approx(0.2)


def test_a_patient_that_one_method_has_no_score_of_is_left_out():
    ours, theirs = np.array([[0.8, NAN, 0.4]]), np.array([[0.5, 0.9, 0.4]])
    assert statistics.difference(ours, theirs) == pytest.approx(0.15)
    assert np.isnan(statistics.permutation_p(ours * NAN, theirs))


def test_all_sign_changes_of_few_patients_are_made():
    """Three patients better alike: of 8 sign changes, all plus and all minus reach the mean."""
    ours = np.array([[0.3, 0.3, 0.3]])
    assert statistics.permutation_p(ours, 0 * ours) == pytest.approx(2 / 8)


@pytest.mark.parametrize("patients", [10, 40])
def test_the_permutation_test_is_scipys(patients):
    rng = np.random.default_rng(patients)
    ours = rng.normal(0.1, 0.3, (1, patients))
    expected = stats.permutation_test(
        (ours[0],), np.mean, permutation_type="samples", n_resamples=9999, rng=rng
    ).pvalue
    assert statistics.permutation_p(ours, 0 * ours) == pytest.approx(expected, abs=0.02)


def test_of_two_identical_methods_p_is_uniform():
    """200 repeats; patients and trainings differ, methods do not (Kolmogorov and Smirnov)."""
    rng = np.random.default_rng(1)
    p = []
    for _ in range(200):
        patients = rng.normal(0.7, 0.1, 20)
        ours, theirs = (patients + rng.normal(0, 0.05, (3, 20)) for _ in range(2))
        p.append(statistics.permutation_p(ours, theirs, draws=999))
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert 0.01 <= np.mean(np.array(p) < 0.05) <= 0.1


def test_a_known_shift_is_found_and_covered():
    rng = np.random.default_rng(2)
    covered = found = 0
    for _ in range(60):
        patients = rng.normal(0.7, 0.1, 25)
        trained = [rng.normal(0, 0.02, (4, 1)) + rng.normal(0, 0.05, (4, 25)) for _ in range(2)]
        ours, theirs = patients + 0.08 + trained[0], patients + trained[1]
        low, high = statistics.bootstrap_interval(ours, theirs, draws=600)
        covered += low <= 0.08 <= high
        found += statistics.permutation_p(ours, theirs, draws=600) < 0.05
    assert covered / 60 >= 0.8  # four seeds: narrower than 95 %, as said
    assert found / 60 > 0.95


def test_the_interval_knows_of_seeds_and_of_patients():
    rng = np.random.default_rng(3)
    still = np.zeros((4, 30))
    seeds = still + rng.normal(0, 0.1, (4, 1))
    patients = still + rng.normal(0, 0.1, (1, 30))
    for ours, expected in ((seeds, 0.1 / 4**0.5), (patients, 0.1 / 30**0.5)):
        low, high = statistics.bootstrap_interval(ours, still, draws=4000)
        assert 0.4 * expected < (high - low) / (2 * 1.96) < 1.8 * expected
    same = statistics.bootstrap_interval(still, still, draws=100)
    assert same == (0.0, 0.0)


def test_holm_by_hand():
    """Holm (1979): 3 x 0.01, then 2 x 0.02, then at least as much as before; never above 1."""
    assert statistics.holm([0.03, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert statistics.holm([0.6, 0.7]) == [1.0, 1.0]
    corrected = statistics.holm([0.01, NAN, 0.04])
    assert corrected[0] == pytest.approx(0.02)
    assert np.isnan(corrected[1])
    assert corrected[2] == pytest.approx(0.04)


def test_the_sign_change_that_was_found_is_one_of_those_drawn():
    """Twenty patients better alike: hardly a draw reaches that, and p is 1 / (1 + draws), not 0."""
    ours = np.full((1, 20), 0.3)
    assert statistics.permutation_p(ours, 0 * ours, draws=99) == pytest.approx(1 / 100)


def test_the_interval_leaves_out_a_patient_without_a_score():
    ours = np.array([[0.5, NAN, 0.5, 0.5], [0.5, NAN, 0.5, NAN]])
    found = statistics.bootstrap_interval(ours, np.full((1, 4), 0.2), draws=200)
    np.testing.assert_allclose(found, (0.3, 0.3))


def test_draws_without_a_patient_scored_are_made_again():
    """Two of forty patients are scored, by 0.3 and 0.5: 13 % of the draws hold neither."""
    ours = np.full((1, 40), NAN)
    ours[0, :2] = (0.3, 0.5)
    low, high = statistics.bootstrap_interval(ours, np.zeros((1, 40)), draws=2000)
    assert (low, high) == pytest.approx((0.3, 0.5))


def test_draws_of_seeds_without_a_score_are_made_again():
    ours = np.array([[0.4], [NAN], [NAN]])
    found = statistics.bootstrap_interval(ours, np.full((3, 1), 0.1), draws=500)
    assert found == pytest.approx((0.3, 0.3))


def test_of_nothing_there_is_no_interval():
    ours, theirs = np.array([[0.4, NAN]]), np.array([[NAN, 0.1]])
    assert np.isnan(statistics.bootstrap_interval(ours, theirs)).all()


def test_all_changes_of_sign_are_made_up_to_twelve_patients():
    # All differ the same way, so 2 of the 2^P changes are as far: exact with 12, drawn with 13.
    twelve, thirteen = np.ones((1, 12)), np.ones((1, 13))
    assert statistics.permutation_p(twelve, 0 * twelve, draws=9) == 2 / 2**12
    assert statistics.permutation_p(thirteen, 0 * thirteen, draws=9) == 1 / 10


def test_the_interval_of_a_mean_is_that_of_its_patients():
    scores = np.random.default_rng(0).normal(0.5, 0.1, (1, 400))
    low, high = statistics.mean_interval(scores)
    half = 1.96 * scores.std(ddof=1) / 400**0.5
    assert low == pytest.approx(scores.mean() - half, abs=half / 10)
    assert high == pytest.approx(scores.mean() + half, abs=half / 10)


def test_one_patient_has_no_interval_of_the_mean():
    assert np.isnan(statistics.mean_interval(np.array([[0.5, np.nan]]))).all()
