from __future__ import annotations

import pytest

from stemhouse import CancelToken, Progress
from stemhouse.errors import Cancelled


def progress(done: int, total: int | None, elapsed_s: float = 2.0) -> Progress:
    return Progress(done_samples=done, total_samples=total, elapsed_s=elapsed_s, sample_rate=8_000)


def test_progress_is_a_share_and_a_time_left():
    quarter = progress(25, 100)

    assert quarter.fraction == 0.25
    assert quarter.remaining_s == 6.0


def test_progress_without_a_total_says_so():
    unknown = progress(25, None)

    assert unknown.fraction is None
    assert unknown.remaining_s is None


def test_progress_before_the_first_sample_has_no_time_left_to_tell():
    assert progress(0, 100).remaining_s is None


@pytest.mark.parametrize(("done", "total"), [(120, 100), (100, 100), (0, 0)])
def test_progress_never_says_more_than_all(done: int, total: int):
    assert progress(done, total).fraction == 1.0


def test_a_token_does_nothing_until_it_is_used():
    token = CancelToken()

    token.raise_if_cancelled()

    assert not token.cancelled


def test_a_used_token_raises_every_time():
    token = CancelToken()

    token.cancel()
    token.cancel()

    assert token.cancelled
    for _ in range(2):
        with pytest.raises(Cancelled):
            token.raise_if_cancelled()
