from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemhouse import CancelToken
from stemhouse.engine.pipeline import Pipeline, SampleQueue
from stemhouse.engine.prefetch import Prefetch
from stemhouse.engine.recipes import RECIPES
from stemhouse.errors import Cancelled

# Stems of a network with constant gains are the song times the gains: float32 rounding.
ROUNDING = 1e-6


def constant(first: float, second: float):
    return lambda magnitude: [np.full_like(magnitude, first), np.full_like(magnitude, second)]


def run(
    computation, blocks, channels: int = 2, threads: int = 2, cancel: CancelToken | None = None
):
    read = 0

    def counted():
        nonlocal read
        for block in blocks:
            read += block.shape[1]
            yield block

    pipeline = Pipeline(computation, threads, cancel or CancelToken())
    yield from pipeline.run(computation.grid.cut(counted(), channels), lambda: read)


@pytest.mark.parametrize("quality", ["standard", "best"])
@pytest.mark.parametrize("length", [1, 5_000, 600_000])
def test_a_network_with_known_gains_gives_known_stems(quality: str, length: int, computation, song):
    mix = song(length).samples
    recipe = RECIPES[quality]
    shares = np.array([0.8, 0.2]) ** recipe.exponent
    shares /= shares.sum()
    # A round of the Wiener filter weighs by the squares of what it is given.
    squares = shares ** (2**recipe.wiener_iterations)
    shares += recipe.wiener_share * (squares / squares.sum() - shares)
    # The filter's matrices are singular where every stem comes from everywhere alike: 3e-3.
    tolerance = 3e-3 if recipe.wiener_iterations else ROUNDING

    pieces = list(run(computation(constant(0.8, 0.2), quality), [mix]))

    stems = np.concatenate(pieces, axis=2)
    assert stems.shape == (2, 2, length)
    for share, stem in zip(shares, stems, strict=True):
        np.testing.assert_allclose(stem, share * mix, rtol=0, atol=tolerance)


@pytest.mark.parametrize("quality", ["fast", "standard", "best"])
@pytest.mark.parametrize("block", [997, 65_536])
def test_samples_do_not_depend_on_the_blocks_that_are_read(quality, block, computation, song):
    mix = song(600_000).samples

    def steep(magnitude: np.ndarray) -> list[np.ndarray]:
        return [magnitude / (1 + magnitude), 1 / (1 + magnitude)]

    whole = list(run(computation(steep, quality), [mix]))
    split = list(run(computation(steep, quality), np.split(mix, range(block, 600_000, block), 1)))

    assert np.array_equal(np.concatenate(whole, axis=2), np.concatenate(split, axis=2))


def test_windows_that_end_out_of_order_are_put_in_order(computation, song):
    mix = song(1_500_000).samples
    gains = constant(0.5, 0.5)
    calls = iter(range(100))

    def uneven(magnitude: np.ndarray) -> list[np.ndarray]:
        time.sleep(0.05 * (1 - next(calls) % 2))
        return gains(magnitude)

    stems = np.concatenate(list(run(computation(uneven), [mix], threads=3)), axis=2)

    np.testing.assert_allclose(stems[0], 0.5 * mix, rtol=0, atol=ROUNDING)


def test_reading_runs_a_few_windows_ahead_and_no_further(computation, song):
    block = song(65_536).samples
    read = 0

    def endless():
        nonlocal read
        while True:
            read += 1
            yield block

    pieces = run(computation(constant(0.5, 0.5)), endless(), threads=2)
    next(pieces)
    after_first = read
    for _ in range(5):
        next(pieces)

    # A window is 8 blocks; one more than there are threads is in work, and one is handed on.
    assert after_first <= 6 * 8
    assert read - after_first <= 6 * 6
    pieces.close()


def test_leaving_in_the_middle_stops_all_threads(computation, song, no_threads_left):
    pieces = run(computation(constant(0.5, 0.5)), [song(1_500_000).samples], threads=3)

    next(pieces)
    pieces.close()


def test_a_network_that_fails_stops_all_threads_and_says_why(computation, song, no_threads_left):
    def failing(magnitude: np.ndarray) -> list[np.ndarray]:
        raise ZeroDivisionError("the network broke")

    with pytest.raises(ZeroDivisionError, match="the network broke"):
        list(run(computation(failing), [song(100_000).samples]))


def test_a_cancelled_token_stops_between_two_windows(computation, song, no_threads_left):
    token = CancelToken()
    windows = []

    def cancelling(magnitude: np.ndarray) -> list[np.ndarray]:
        windows.append(1)
        token.cancel()
        return constant(0.5, 0.5)(magnitude)

    with pytest.raises(Cancelled):
        list(run(computation(cancelling), [song(3_000_000).samples], cancel=token))

    # Those that were in work or waiting for a thread when it came.
    assert len(windows) <= 3


@given(
    blocks=st.lists(st.integers(0, 9), max_size=12),
    takes=st.lists(st.integers(0, 20), max_size=12),
)
@settings(max_examples=200)
def test_a_queue_gives_back_what_was_put_in_order(blocks: list[int], takes: list[int]):
    song = np.arange(2 * sum(blocks), dtype=np.float32).reshape(2, -1)
    queue = SampleQueue(2)
    for block in np.split(song, np.cumsum(blocks, dtype=int), axis=1):
        queue.append(block)

    taken = [queue.take(length) for length in takes]

    out = np.concatenate([np.zeros((2, 0), np.float32), *taken], axis=1)
    assert np.array_equal(out, song[:, : min(sum(takes), song.shape[1])])
    assert queue.filled == song.shape[1] - out.shape[1]


def test_prefetching_gives_every_item_in_order(no_threads_left):
    with Prefetch(range(100), 3) as items:
        assert list(items) == list(range(100))


def test_prefetching_raises_what_the_source_raises_where_it_is_read(no_threads_left):
    def source():
        yield 1
        raise ValueError("broken")

    with Prefetch(source(), 3) as items:
        assert next(iter(items)) == 1
        with pytest.raises(ValueError, match="broken"):
            list(items)


def test_prefetching_stays_within_its_depth_and_closes_the_source(no_threads_left):
    made, closed = [], threading.Event()

    def source():
        try:
            while True:
                made.append(1)
                yield 1
        finally:
            closed.set()

    with Prefetch(source(), 4) as items:
        next(iter(items))
        time.sleep(0.1)
        count = len(made)

    # Four wait, one was taken, and one is in the producer's hand.
    assert count <= 6
    assert closed.is_set()
