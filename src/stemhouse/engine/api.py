"""The one-call door."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike

from stemhouse.engine.codec import Source
from stemhouse.engine.loading import DEFAULT_MODEL
from stemhouse.engine.options import Options, Quality
from stemhouse.engine.output import Output
from stemhouse.engine.result import Separation
from stemhouse.engine.separator import Separator


def separate(
    source: Source,
    directory: str | PathLike[str] | None = None,
    *,
    model: str | PathLike[str] = DEFAULT_MODEL,
    stems: Iterable[str] | None = None,
    residual: bool = False,
    quality: Quality = "standard",
    format: str = "wav",
    overwrite: bool = False,
) -> Separation:
    """Take one song apart.

    Parameters
    ----------
    source : path, binary file object or Audio
        The song: anything FFmpeg reads, the sound of a video included, of any length.
    directory : path, optional
        Where to write the stems. Without it they are kept in memory: `Stem.audio`.
    model : str or path
        Name of a model (``stemhouse models list``) or a folder with one of your own. Missing
        weights are fetched once.
    stems : iterable of str, optional
        Which stems; all of the model's by default.
    residual : bool
        Also give what is in none of `stems`.
    quality : {"fast", "standard", "best"}
        See `Options`.
    format : str
        File format: ``wav``, ``wav24``, ``flac``, ``mp3-320``, ``m4a``, ``ogg``, ``opus`` …
    overwrite : bool
        Whether files that are there already may be replaced.

    Returns
    -------
    Separation
        The stems, as long as the song and at its rate, and what there is to say about them.

    Raises
    ------
    StemhouseError
        Everything that can go wrong, each kind with its class; see `stemhouse.errors`.

    Examples
    --------
    >>> from stemhouse import separate
    >>> result = separate("examples/voice-over-guitars.flac")
    >>> result.stems["vocals"].audio.samples.shape
    (2, 529200)
    """
    options = Options(
        stems=None if stems is None else tuple(stems), residual=residual, quality=quality
    )
    separator = Separator(model)
    if directory is None:
        return separator.separate(source, options)
    output = Output(format=format, overwrite=overwrite)
    return separator.separate_to_files(source, directory, options, output)
