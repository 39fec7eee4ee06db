"""The computation for one window and one chunk: everything between samples and samples.

A window of the song becomes gains (`analyse`), the gains of the windows that see a chunk of frames
become masks and the masks become samples again (`synthesise`). Both are pure functions of their
arguments and may run in any thread.

Letters: S stems, G groups of stems, C channels, N frames, F bins the network sees, B bins.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemhouse.engine.audio import Samples
from stemhouse.engine.loudness import raise_to
from stemhouse.engine.masks import Mask, apply_mask, ratio_masks
from stemhouse.engine.recipes import Recipe
from stemhouse.engine.runtime import Gains, Network
from stemhouse.engine.spectral import Spectrum
from stemhouse.engine.wiener import wiener_filter
from stemhouse.engine.windows import Window, WindowGrid

_ROWS = 64
"""Frames masked at once, so that what they need stays in a core's cache."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is known of one window.

    Attributes
    ----------
    spectrum : ndarray of complex64, shape (C, N, F) or (C, N, B)
        The mix, as high as it will be needed.
    gains : list of ndarray of float32, shape (2, N, F)
        Per stem.
    network_s : float
        Seconds that the network took.
    """

    spectrum: Spectrum
    gains: Gains
    network_s: float


@dataclass(frozen=True, slots=True)
class Computation:
    """Everything that is the same for all windows of a song.

    Attributes
    ----------
    network : Network
        Compiled for the windows of `grid`.
    grid : WindowGrid
        Where windows lie.
    recipe : Recipe
        How gains become stems.
    bins : int
        F.
    groups : tuple of tuple of int
        Which stems' masks to add for each output.
    """

    network: Network
    grid: WindowGrid
    recipe: Recipe
    bins: int
    groups: tuple[tuple[int, ...], ...]

    @property
    def _kept_bins(self) -> int:
        # In the band it was trained on, what the network does not see becomes zero, as in
        # Spleeter, and need not be kept.
        return self.bins if self.recipe.band == "trained" else self.grid.stft.bins

    def analyse(self, window: Window) -> Analysis:
        """Ask the network about one window."""
        spectrum = self.grid.stft.forward(window.samples, self._kept_bins)
        magnitude = np.abs(spectrum[:, :, : self.bins])
        if magnitude.shape[0] == 1:
            # The network looks at two channels: mono is shown to it twice. (1, N, F) -> (2, N, F)
            magnitude = np.repeat(magnitude, 2, axis=0)
        magnitude *= np.float32(self._raise(window))
        began = time.perf_counter()
        gains = self.network.infer(magnitude)
        return Analysis(spectrum, gains, time.perf_counter() - began)

    def _raise(self, window: Window) -> float:
        """Return the factor to show a window with."""
        level_db = self.recipe.level_db
        return 1.0 if level_db is None else raise_to(window.samples, level_db)

    def synthesise(self, chunk: int, analyses: dict[int, Analysis]) -> Samples:
        """Compute the samples that a chunk of frames contributes to every group.

        Parameters
        ----------
        chunk : int
            The chunk; its frames begin where the window of this index begins.
        analyses : dict of int to Analysis
            The windows that see it, by index; those that do not exist are left out.

        Returns
        -------
        ndarray of float32, shape (G, C, (hop_frames - 1) * step + length)
            Samples from the first that the chunk's first frame looks at. Neighbouring chunks'
            are to be added where they overlap.
        """
        grid, stft = self.grid, self.grid.stft
        # (C, N, B) -> (C, hop, B)
        spectrum = analyses[chunk].spectrum[:, : grid.hop_frames]
        passes = [
            (analysis.gains, (chunk - index) * grid.hop_frames)
            for index, analysis in sorted(analyses.items())
        ]
        groups = len(self.groups)
        channels = spectrum.shape[0]
        output = np.zeros((groups, channels, stft.samples(grid.hop_frames)), np.float32)
        rows = grid.hop_frames if self.recipe.wiener_iterations else _ROWS
        for first in range(0, grid.hop_frames, rows):
            part = spectrum[:, first : first + rows]
            gains = self._blend(passes, first, part.shape[1])
            for group, stem in enumerate(self._stems(part, gains)):
                stft.add_inverse(stem, output[group], first)
        return output

    def _blend(
        self, passes: Sequence[tuple[Gains, int]], first: int, rows: int
    ) -> list[NDArray[np.float32]]:
        """Average what the passes say of some frames. Returns S × (2, rows, F)."""
        # A window may end within the chunk: each pass with the rows it reaches.
        reached = [
            (gains, offset + first, min(rows, self.grid.frames - offset - first))
            for gains, offset in passes
            if offset + first < self.grid.frames
        ]
        if len(reached) == 1:
            gains, start, _ = reached[0]
            return [gain[:, start : start + rows] for gain in gains]
        weights = [self._weights(start, count) for _, start, count in reached]
        total = np.zeros(rows, np.float32)
        for weight in weights:
            total[: weight.size] += weight
        blended = []
        for stem in range(len(reached[0][0])):
            average = np.zeros((2, rows, self.bins), np.float32)
            for (gains, start, count), weight in zip(reached, weights, strict=True):
                # (count,) -> (1, count, 1)
                share = (weight / total[:count])[None, :, None]
                average[:, :count] += gains[stem][:, start : start + count] * share
            blended.append(average)
        return blended

    def _weights(self, first: int, rows: int) -> NDArray[np.float32]:
        """How much a window's frames `first` … count, float32 (rows,)."""
        if not self.recipe.taper:
            return np.ones(rows, np.float32)
        frames = self.grid.frames
        position = np.arange(first, first + rows, dtype=np.float32) + np.float32(0.5)
        ramp = min(frames - self.grid.hop_frames, frames // 2)
        edge = np.minimum(position, frames - position)
        weights: NDArray[np.float32] = np.minimum(edge / np.float32(ramp), np.float32(1.0))
        return weights

    def _stems(self, spectrum: Spectrum, gains: Sequence[NDArray[np.float32]]) -> list[Spectrum]:
        """Apply the masks of every group to some frames. Returns G × (C, rows, B)."""
        magnitude = np.abs(spectrum[:, :, : self.bins])
        # Mono: one magnitude (1, rows, F) against the gains of two channels (2, rows, F).
        masks = ratio_masks(gains, magnitude, self.recipe.exponent)
        if spectrum.shape[0] == 1:
            # Stems of a mono song are the mean of the network's two channels.
            masks = [mask.mean(axis=0, keepdims=True) for mask in masks]
        if self.recipe.wiener_iterations:
            return self._filtered(spectrum, masks)
        return [apply_mask(spectrum, _total(masks, group)) for group in self.groups]

    def _filtered(self, spectrum: Spectrum, masks: list[Mask]) -> list[Spectrum]:
        stems = [apply_mask(spectrum, mask) for mask in masks]
        # Values that are not numbers are found, and told, where the result is measured.
        with np.errstate(invalid="ignore", over="ignore"):
            refined = wiener_filter(spectrum, stems, self.recipe.wiener_iterations)
        # Half a step: the filter gains most on songs with a wide stereo image and loses a little
        # on those without; the mean of both keeps most of the one and loses little of the other.
        share = np.float32(self.recipe.wiener_share)
        stems = [stem + share * (fine - stem) for stem, fine in zip(stems, refined, strict=True)]
        filtered = []
        for group in self.groups:
            total = stems[group[0]]
            for stem in group[1:]:
                total = total + stems[stem]
            filtered.append(total)
        return filtered


def _total(masks: Sequence[Mask], group: tuple[int, ...]) -> Mask:
    total = masks[group[0]]
    for stem in group[1:]:
        total = total + masks[stem]
    return total
