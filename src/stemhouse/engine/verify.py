"""A result that cannot lie: every result is measured as it is made and judged before it counts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stemhouse.engine.audio import Samples
from stemhouse.engine.notices import Notice
from stemhouse.errors import SeparationFailed

SILENT_DB = -40.0
"""A stem this far below the song is no part of it: what the model leaves of voices in a song
without any lies 42 to 62 dB below it, the quietest wanted parts well above."""

COPY_DB = -60.0
"""A stem that differs from the song by less than this is a copy of it."""

_FLOOR = 1e-12
"""Energy below this share of full scale squared is digital silence (-120 dBFS)."""


@dataclass(slots=True)
class _Meter:
    peak: float = 0.0
    energy: float = 0.0
    difference: float = 0.0
    length: int = 0


class ResultMeter:
    """Measures the tracks of a result block by block, and judges them at the end.

    Parameters
    ----------
    names : sequence of str
        The tracks.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._mix = _Meter()
        self._tracks = {name: _Meter() for name in names}

    def add(self, mix: Samples, tracks: Mapping[str, Samples]) -> None:
        """Measure a stretch: the mix and every track, float32 (C, T), of one shape."""
        _measure(self._mix, mix)
        for name, samples in tracks.items():
            meter = self._tracks[name]
            _measure(meter, samples)
            rest = np.subtract(mix, samples).ravel()
            meter.difference += float(np.dot(rest, rest))
        if not math.isfinite(sum(meter.energy for meter in self._tracks.values())):
            raise SeparationFailed(
                "the network gave values that are not numbers; nothing was kept. Check the "
                "weights with `stemhouse models verify` and this machine with `stemhouse doctor`"
            )

    def peak(self, name: str) -> float:
        """Largest absolute sample of a track."""
        return self._tracks[name].peak

    def level_db(self, name: str) -> float:
        """Energy of a track against the song's in dB."""
        return _ratio_db(self._tracks[name].energy, self._mix.energy)

    def silent(self, name: str) -> bool:
        """Whether a track is no part of the song."""
        return self.level_db(name) <= SILENT_DB

    def judge(self, length_samples: int, *, complete: bool) -> tuple[Notice, ...]:
        """Decide whether the result counts.

        Parameters
        ----------
        length_samples : int
            Samples per channel of the song.
        complete : bool
            Whether the tracks together are the whole song.

        Returns
        -------
        tuple of Notice
            What is true and worth saying: parts that the song does not have, or that it sounds
            only above the band that was separated.

        Raises
        ------
        SeparationFailed
            A track has another length than the song, or several tracks are copies of it.
        """
        for name, meter in self._tracks.items():
            if meter.length != length_samples:
                raise SeparationFailed(
                    f"the track {name} came out {meter.length} samples long, not "
                    f"{length_samples}; nothing was kept. Please report this",
                    track=name,
                )
        if self._silence():
            return (Notice("silent_input", "the song is digital silence, and so are its stems"),)
        copies = [name for name in self._tracks if self._copy(name)]
        if len(copies) > 1:
            raise SeparationFailed(
                f"{' and '.join(copies)} came out as copies of the song: it was not separated, "
                "and nothing was kept. Check the weights with `stemhouse models verify`",
                tracks=copies,
            )
        silent = [name for name in self._tracks if self.silent(name)]
        if complete and len(silent) == len(self._tracks):
            return (_nothing_found(),)
        return tuple(self._absent(name) for name in silent)

    def _silence(self) -> bool:
        return self._mix.energy <= _FLOOR * max(1, self._mix.length)

    def _copy(self, name: str) -> bool:
        return _ratio_db(self._tracks[name].difference, self._mix.energy) <= COPY_DB

    def _absent(self, name: str) -> Notice:
        level_db = self.level_db(name)
        how = f"{-level_db:.0f} dB below it" if math.isfinite(level_db) else "silent"
        return Notice(
            "stem_silent",
            f"the song has no {name}: the stem is {how}",
            {"stem": name, "level_db": level_db if math.isfinite(level_db) else None},
        )


def _nothing_found() -> Notice:
    return Notice(
        "nothing_in_band",
        "every stem is silent although the song is not: all of its sound lies above the band that "
        "this quality separates (11 kHz in 'fast'). Use the quality 'standard'",
    )


def _measure(meter: _Meter, samples: Samples) -> None:
    flat = samples.ravel()
    if flat.size:
        meter.peak = max(meter.peak, float(flat.max()), -float(flat.min()))
    meter.energy += float(np.dot(flat, flat))
    meter.length += samples.shape[1]


def _ratio_db(energy: float, reference: float) -> float:
    if energy <= 0.0 or reference <= 0.0:
        return -math.inf if energy <= 0.0 else math.inf
    return 10.0 * math.log10(energy / reference)
