"""How good stems are: the signal-to-distortion ratio against the true parts of a song."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stemhouse.engine.audio import Samples
from stemhouse.engine.codec import open_source
from stemhouse.engine.options import Options
from stemhouse.engine.separator import Separator
from stemhouse.errors import InvalidOption, SourceNotFound

MIXTURE = "mixture"
"""Name of the file that holds the song, beside the files of its true stems."""

_SUFFIXES = (".wav", ".flac", ".aiff", ".m4a", ".mp3", ".ogg")


@dataclass(frozen=True, slots=True)
class Score:
    """How well one song came apart.

    Attributes
    ----------
    song : str
        Name of the song's folder.
    quality : str
        The quality.
    sdr_db : Mapping of str to float
        Per stem with a true reference, in manifest order, dB.
    seconds : float
        How long it took.
    duration_s : float
        Length of the song.
    """

    song: str
    quality: str
    sdr_db: Mapping[str, float]
    seconds: float
    duration_s: float


def sdr_db(reference: Samples, estimate: Samples) -> float:
    """Return the signal-to-distortion ratio over the whole signal.

    Parameters
    ----------
    reference, estimate : ndarray of float32, shape (C, T)
        The true part and what was made of it.

    Returns
    -------
    float
        ``10 log10(Σ s² / Σ (s - ŝ)²)`` in dB; more is better; inf when they are equal.

    Raises
    ------
    InvalidOption
        The shapes differ, or the reference is silent.

    Notes
    -----
    The plain definition, over all channels and samples at once, without the gains and filters
    that BSS Eval allows for: the Music Demixing Challenge's.

    Source: Y. Mitsufuji et al., "Music Demixing Challenge 2021", Frontiers in Signal Processing,
    2022, equation 1.

    Examples
    --------
    >>> import numpy as np
    >>> from stemhouse.engine.evaluate import sdr_db
    >>> true = np.ones((1, 1_000), np.float32)
    >>> round(sdr_db(true, true * np.float32(0.9)), 2)
    20.0
    """
    if reference.shape != estimate.shape:
        raise InvalidOption(
            f"reference {reference.shape} and estimate {estimate.shape} must have the same shape"
        )
    signal = float(np.sum(np.square(reference, dtype=np.float64)))
    if signal == 0.0:
        raise InvalidOption("the reference is silent: there is nothing to compare with")
    distortion = float(np.sum(np.square(reference.astype(np.float64) - estimate)))
    return math.inf if distortion == 0.0 else 10.0 * math.log10(signal / distortion)


def score_folder(folder: Path, separator: Separator, qualities: list[str]) -> Iterator[Score]:
    """Separate every song of a folder and compare its stems with the true ones.

    Parameters
    ----------
    folder : Path
        Holds one folder per song with ``mixture`` and a file per stem of the model, as far as
        they are known, in a lossless format.
    separator : Separator
        What separates.
    qualities : list of str
        Which qualities.

    Yields
    ------
    Score
        Per song and quality, as they are done.

    Raises
    ------
    SourceNotFound
        There is no song in the folder.
    """
    songs = [path for path in sorted(folder.iterdir()) if _find(path, MIXTURE) is not None]
    if not songs:
        raise SourceNotFound(
            f"{folder} holds no song: put folders into it with a file 'mixture' and one file per "
            "stem, such as 'vocals' and 'accompaniment'"
        )
    for song in songs:
        mixture = _find(song, MIXTURE)
        assert mixture is not None
        references = {
            stem: _read(path)
            for stem in separator.card.stems
            if (path := _find(song, stem)) is not None
        }
        for quality in qualities:
            result = separator.separate(mixture, Options(quality=quality))  # type: ignore[arg-type]
            scores = {}
            for stem, reference in references.items():
                audio = result.stems[stem].audio
                assert audio is not None
                scores[stem] = sdr_db(reference, audio.samples)
            yield Score(song.name, quality, scores, result.timings["wall_s"], result.duration_s)


def _find(folder: Path, name: str) -> Path | None:
    for suffix in _SUFFIXES:
        if (path := folder / f"{name}{suffix}").is_file():
            return path
    return None


def _read(path: Path) -> Samples:
    with open_source(path) as reader:
        return np.concatenate(list(reader.blocks()), axis=1)
