import functools

import jax
import numpy as np

from fluorojax.training.context_corruption import blots, context_corruption

SIZE = (48, 64)


@functools.partial(jax.jit, static_argnames="share")
def jitted(step, positions, share):
    return context_corruption(0, step, positions, share=share, size=SIZE)


def made(step=0, positions=range(4), share=1.0):
    return jitted(step, np.array(positions), share)


def test_without_a_share_nothing_is_made():
    assert made(share=0.0) is None


def test_as_many_examples_are_shown_blots_as_are_asked_for():
    batches = [made(positions=range(k, k + 4), share=0.25) for k in range(0, 400, 4)]
    assert batches[0].found.shape == (4, *SIZE)
    shown = np.mean([batch.is_false for batch in batches])
    assert abs(shown - 0.25) < 0.08  # 3.7 standard deviations


def test_an_example_has_the_same_blots_wherever_it_stands_and_others_at_the_next_step():
    whole = np.asarray(made().found)
    np.testing.assert_allclose(made(positions=[3]).found[0], whole[3], atol=1e-5)
    assert (np.asarray(made(step=1).found) != whole).any((1, 2)).all()


def test_blots_cover_next_to_nothing_up_to_a_sixth_or_so():
    share = jax.jit(lambda key: (blots(key, SIZE) > 0.5).mean())
    shares = [float(share(jax.random.key(k))) for k in range(100)]
    assert 0.0 <= min(shares) < 0.02
    assert 0.12 < max(shares) < 0.25
