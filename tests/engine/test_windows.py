from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemhouse.engine.spectral import Stft
from stemhouse.engine.windows import Window, WindowGrid

SMALL = Stft(16, 4)


@st.composite
def grids(draw: st.DrawFn) -> WindowGrid:
    frames = draw(st.integers(2, 12))
    hop = draw(st.integers(1, frames))
    return WindowGrid(stft=SMALL, frames=frames, hop_frames=hop)


@st.composite
def splits(draw: st.DrawFn) -> tuple[np.ndarray, list[np.ndarray]]:
    length = draw(st.integers(1, 300))
    cuts = sorted(draw(st.lists(st.integers(0, length), max_size=8)))
    # Every sample is told apart from all others and from silence.
    song = np.arange(1, 2 * length + 1, dtype=np.float32).reshape(2, length)
    return song, np.split(song, cuts, axis=1)


def windows(grid: WindowGrid, blocks: list[np.ndarray]) -> list[Window]:
    return list(grid.cut(blocks, 2))


@given(grids(), splits())
def test_every_window_is_the_song_from_its_place_on_with_zeros_around(grid, split):
    song, blocks = split
    size, step = SMALL.samples(grid.frames), grid.hop_frames * SMALL.step
    lead, far = SMALL.lead_samples, size + song.shape[1]
    around = np.pad(song, ((0, 0), (lead, far)))

    cut = windows(grid, blocks)

    for window in cut:
        start = window.index * step
        assert np.array_equal(window.samples, around[:, start : start + size])


@given(grids(), splits())
def test_there_is_one_window_for_every_chunk(grid, split):
    song, blocks = split

    cut = windows(grid, blocks)

    chunks = grid.chunks(SMALL.frames(song.shape[1]))
    assert [window.index for window in cut] == list(range(chunks))


@given(grids(), splits())
def test_windows_do_not_depend_on_the_blocks_the_song_is_read_in(grid, split):
    song, blocks = split

    whole, pieces = windows(grid, [song]), windows(grid, blocks)

    for one, other in zip(whole, pieces, strict=True):
        assert one.index == other.index
        assert np.array_equal(one.samples, other.samples)


@given(grids(), splits())
def test_chunks_cover_every_frame_once(grid, split):
    song, blocks = split
    frames = SMALL.frames(song.shape[1])

    cut = windows(grid, blocks)

    covered = np.zeros(frames + grid.hop_frames, int)
    for window in cut:
        first = window.index * grid.hop_frames
        covered[first : first + grid.hop_frames] += 1
    assert (covered[:frames] == 1).all()


@given(grids(), splits())
def test_no_frame_is_seen_by_more_windows_than_there_are_passes(grid, split):
    song, blocks = split
    frames = SMALL.frames(song.shape[1])

    cut = windows(grid, blocks)

    for frame in range(frames):
        seen = [w for w in cut if 0 <= frame - w.index * grid.hop_frames < grid.frames]
        assert 1 <= len(seen) <= grid.passes


@pytest.mark.parametrize("blocks", [[], [np.zeros((2, 0), np.float32)]])
def test_a_song_without_samples_has_no_windows(blocks: list[np.ndarray]):
    grid = WindowGrid(stft=SMALL, frames=8, hop_frames=4)

    assert windows(grid, blocks) == []


def test_a_window_stays_as_it_is_while_more_is_read():
    grid = WindowGrid(stft=SMALL, frames=8, hop_frames=4)
    blocks = [np.full((2, 100), n, np.float32) for n in range(1, 5)]
    cut = grid.cut(iter(blocks), 2)

    first = next(cut)
    before = first.samples.copy()
    rest = list(cut)

    assert rest
    assert np.array_equal(first.samples, before)
