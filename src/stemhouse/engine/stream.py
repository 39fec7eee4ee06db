"""A song coming apart: the stream of stem blocks, from an open source to a judged result."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np

from stemhouse.engine.audio import Samples
from stemhouse.engine.codec import AudioReader, Resampler, SourceInfo
from stemhouse.engine.notices import Notice
from stemhouse.engine.pipeline import Pipeline, SampleQueue
from stemhouse.engine.prefetch import Prefetch
from stemhouse.engine.progress import CancelToken, Progress, ProgressCallback
from stemhouse.engine.result import Separation, Stem, StemBlock
from stemhouse.engine.separation import Computation
from stemhouse.engine.tracks import TrackPlan
from stemhouse.engine.verify import ResultMeter

_BLOCKS_AHEAD = 8
"""Decoded blocks waiting: 8 × 65,536 samples are one window of the network."""

_PROGRESS_S = 0.1
"""Shortest time between two reports of progress."""


@dataclass(frozen=True, slots=True)
class StreamParts:
    """What a stream is put together from; made by `Separator`.

    Attributes
    ----------
    reader : AudioReader
        The open source.
    prepare : callable
        Returns the computation; called when reading has begun, so that compiling the network and
        decoding go on side by side.
    plan : TrackPlan
        The tracks.
    model_rate : int
        Rate of the model in Hz.
    threads : int
        Windows computed side by side.
    model, quality : str
        Names of the model and the quality.
    describe : callable
        Makes the result from what only the stream knows.
    """

    reader: AudioReader
    prepare: Callable[[], Computation]
    plan: TrackPlan
    model_rate: int
    threads: int
    model: str
    quality: str
    describe: Callable[[dict[str, Any]], Separation]


class SeparationStream:
    """Iterate over it for the stems, block by block, in flat memory. Made by `Separator.stream`.

    After the last block `result` tells the outcome. Leaving the context, or closing the stream,
    stops everything it started.

    Examples
    --------
    See `Separator.stream`.
    """

    def __init__(
        self,
        parts: StreamParts,
        progress: ProgressCallback | None,
        cancel: CancelToken | None,
    ) -> None:
        self._parts = parts
        self._progress = progress
        self._cancel = cancel or CancelToken()
        self._meter = ResultMeter([track.name for track in parts.plan.tracks])
        self._read_samples = 0
        self._given_samples = 0
        self._model_samples = 0
        self._result: Separation | None = None
        self._began = self._reported = time.perf_counter()
        self._blocks = self._separate()

    @property
    def info(self) -> SourceInfo:
        """The song as its container describes it."""
        return self._parts.reader.info

    @property
    def channels(self) -> int:
        """Channels of every stem: 1 for a mono song, otherwise 2."""
        return self._parts.reader.output_channels

    @property
    def tracks(self) -> tuple[str, ...]:
        """Names of the tracks in order: stems in manifest order, the residual last."""
        return tuple(track.name for track in self._parts.plan.tracks)

    @property
    def model(self) -> str:
        """Name of the model."""
        return self._parts.model

    @property
    def quality(self) -> str:
        """Name of the quality."""
        return self._parts.quality

    @property
    def result(self) -> Separation:
        """The judged result, without samples; there only after the last block."""
        if self._result is None:
            raise RuntimeError("the result is there after the last block has been read")
        return self._result

    def __iter__(self) -> Iterator[StemBlock]:
        return self._blocks

    def close(self) -> None:
        """Stop, and close the source. May be called more than once."""
        self._blocks.close()
        self._parts.reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _separate(self) -> Generator[StemBlock, None, None]:
        reader, parts = self._parts.reader, self._parts
        self._began = self._reported = time.perf_counter()
        waiting = SampleQueue(self.channels)
        with reader, Prefetch(self._read(), _BLOCKS_AHEAD) as blocks:
            computation = parts.prepare()
            pipeline = Pipeline(computation, parts.threads, self._cancel)
            windows = computation.grid.cut(self._model_blocks(blocks, waiting), self.channels)
            groups = len(parts.plan.groups)
            back = [self._resampler(parts.model_rate, self.info.sample_rate) for _ in range(groups)]
            for piece in pipeline.run(windows, lambda: self._model_samples):
                last = self._model_ended(piece)
                # Groups at the song's own rate, G × (C, T)
                done = [
                    resampler.process(samples, last)
                    for resampler, samples in zip(back, piece, strict=True)
                ]
                yield self._block(waiting, done, last=last)
        if waiting.filled:
            # So short that it is less than half a sample at the model's rate: all of it is rest.
            nothing = np.zeros((self.channels, 0), np.float32)
            yield self._block(waiting, [nothing] * groups, last=True)
        self._finish(pipeline)

    def _read(self) -> Iterator[tuple[Samples, Samples]]:
        """Yield blocks at the song's own rate and, beside each, at the model's."""
        forth = self._resampler(self.info.sample_rate, self._parts.model_rate)
        for block in self._parts.reader.blocks():
            yield block, forth.process(block)
        nothing = np.zeros((self.channels, 0), np.float32)
        yield nothing, forth.process(nothing, last=True)

    def _model_blocks(
        self, blocks: Prefetch[tuple[Samples, Samples]], waiting: SampleQueue
    ) -> Iterator[Samples]:
        for own, resampled in blocks:
            self._read_samples += own.shape[1]
            self._model_samples += resampled.shape[1]
            waiting.append(own)
            yield resampled
        self._model_total = self._model_samples

    _model_total: int | None = None
    _model_given: int = 0

    def _model_ended(self, piece: Samples) -> bool:
        self._model_given += piece.shape[-1]
        return self._model_given == self._model_total

    def _resampler(self, from_rate: int, to_rate: int) -> Resampler:
        return Resampler(self.channels, from_rate, to_rate)

    def _block(self, waiting: SampleQueue, groups: list[Samples], *, last: bool) -> StemBlock:
        """Make the tracks of a stretch from its groups and the mix."""
        length = groups[0].shape[1] if groups else 0
        if last:
            length = waiting.filled
            groups = [_fitted(samples, length) for samples in groups]
        mix = waiting.take(length)
        tracks: dict[str, Samples] = {}
        for track in self._parts.plan.tracks:
            if track.group is not None:
                tracks[track.name] = groups[track.group]
                continue
            rest = mix.copy()
            for group in track.minus:
                rest -= groups[group]
            tracks[track.name] = rest
        self._meter.add(mix, tracks)
        block = StemBlock(self._given_samples, tracks)
        self._given_samples += length
        self._report(last=last)
        return block

    def _report(self, *, last: bool) -> None:
        now = time.perf_counter()
        if self._progress is None or (not last and now - self._reported < _PROGRESS_S):
            return
        self._reported = now
        # The container's word for the length is an estimate; never say less than has been read.
        total = self.info.length_samples
        total = self._given_samples if last else total and max(total, self._read_samples)
        self._progress(
            Progress(
                done_samples=self._given_samples,
                total_samples=total,
                elapsed_s=now - self._began,
                sample_rate=self.info.sample_rate,
            )
        )

    def _finish(self, pipeline: Pipeline) -> None:
        wall_s = time.perf_counter() - self._began
        network_s = pipeline.network_s / self._parts.threads
        notices = self._parts.reader.notices + self._meter.judge(
            self._read_samples, complete=self._parts.plan.complete
        )
        duration_s = self._read_samples / self.info.sample_rate
        self._result = self._parts.describe(
            {
                "stems": {name: self._stem(name) for name in self.tracks},
                "source": self.info,
                "length_samples": self._read_samples,
                "sample_rate": self.info.sample_rate,
                "timings": _timings(wall_s, network_s, duration_s),
                "notices": notices + self._rate_notice(),
            }
        )

    def _stem(self, name: str) -> Stem:
        meter = self._meter
        return Stem(
            name=name,
            peak=meter.peak(name),
            level_db=meter.level_db(name),
            silent=meter.silent(name),
        )

    def _rate_notice(self) -> tuple[Notice, ...]:
        own, model = self.info.sample_rate, self._parts.model_rate
        if own == model:
            return ()
        return (
            Notice(
                "resampled",
                f"the song's {own} Hz were resampled to {model} Hz for the model, and its stems "
                "back again",
                {"sample_rate": own, "model_sample_rate": model},
            ),
        )


def _fitted(samples: Samples, length: int) -> Samples:
    # Going to the model's rate and back can lose or gain a sample at the end.
    samples = samples[:, :length]
    return np.pad(samples, ((0, 0), (0, length - samples.shape[1])))


def _timings(wall_s: float, network_s: float, duration_s: float) -> Mapping[str, float]:
    return {
        "wall_s": wall_s,
        "network_s": network_s,
        "network_share": network_s / wall_s if wall_s > 0 else 0.0,
        "realtime": duration_s / wall_s if wall_s > 0 else 0.0,
    }
