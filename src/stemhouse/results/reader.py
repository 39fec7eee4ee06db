"""Reading stems back from their segments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from stemhouse.engine.audio import Samples
from stemhouse.engine.codec import Cover
from stemhouse.errors import NotFound
from stemhouse.results.manifest import Manifest, Segment, StemRecord
from stemhouse.results.names import called
from stemhouse.results.segments import decode_segment

Fetch = Callable[[str], bytes]
"""Returns the bytes of a file of the result by its name."""


class ResultReader:
    """Gives the samples of a result.

    Parameters
    ----------
    manifest : Manifest
        What there is. It may be incomplete; then what is there is read.
    fetch : callable
        Returns a file of the result, such as ``lambda name: storage.get(prefix + name)``.
    """

    def __init__(self, manifest: Manifest, fetch: Fetch) -> None:
        self.manifest = manifest
        self._fetch = fetch

    def called(self, name: str) -> ResultReader:
        """Return the same result under another name of its song, for files and their titles."""
        return ResultReader(called(self.manifest, name), self._fetch)

    def stem(self, name: str) -> StemRecord:
        """Return the record of a stem.

        Raises
        ------
        NotFound
            The result has no such stem.
        """
        found = self.manifest.stem(name)
        if found is None:
            raise NotFound("this result has no such stem", stem=name)
        return found

    def blocks(self, stem: str, start: int = 0, end: int | None = None) -> Iterator[Samples]:
        """Yield the samples of a stem from `start` up to, not including, `end`.

        Yields
        ------
        ndarray of float32, shape (C, T)
            One block for each segment that is touched; only those are fetched, each one while the
            one before is being used.

        Raises
        ------
        NotFound
            The result has no such stem (at the call), or its files are gone.
        ResultDamaged
            A file is not what was stored.
        """
        segments = self.stem(stem).segments
        last = sum(segment.length_samples for segment in segments) if end is None else end
        touched = [
            segment
            for segment in segments
            if segment.offset_samples < last
            and segment.offset_samples + segment.length_samples > start
        ]
        return self._read(touched, start, last)

    def cover(self) -> Cover | None:
        """Return the song's picture."""
        cover = self.manifest.song.cover
        return None if cover is None else Cover(cover.mime, self._fetch(cover.name))

    def _read(self, segments: list[Segment], start: int, end: int) -> Iterator[Samples]:
        if not segments:
            return
        with ThreadPoolExecutor(1, "stemhouse-read") as ahead:
            coming = ahead.submit(self._decode, segments[0])
            for number, segment in enumerate(segments):
                samples = coming.result()
                if number + 1 < len(segments):
                    coming = ahead.submit(self._decode, segments[number + 1])
                first = max(0, start - segment.offset_samples)
                yield samples[:, first : end - segment.offset_samples]

    def _decode(self, segment: Segment) -> Samples:
        return decode_segment(self._fetch(segment.name), segment)
