"""From a decoder's frames to float32, full scale ±1.0, exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stemhouse.engine.audio import Samples

if TYPE_CHECKING:
    from av.audio import AudioFrame

_KINDS: dict[str, tuple[str, float, float]] = {
    # sample format: (dtype, value of silence, full scale)
    "u8": ("u1", 128.0, 2.0**7),
    "s16": ("i2", 0.0, 2.0**15),
    "s32": ("i4", 0.0, 2.0**31),
    "s64": ("i8", 0.0, 2.0**63),
    "flt": ("f4", 0.0, 1.0),
    "dbl": ("f8", 0.0, 1.0),
}


def frame_samples(frame: AudioFrame, channels: int) -> NDArray[np.generic]:
    """Return a view of a frame's samples, shape (C, T), in the decoder's own type.

    Notes
    -----
    No copy is made; the view is valid as long as the frame. Planar frames of more than one channel
    have one buffer per channel, which are stacked (one copy).
    """
    kind = frame.format.name
    dtype = np.dtype(_KINDS[kind.removesuffix("p")][0])
    if frame.format.is_packed:
        packed = np.frombuffer(memoryview(frame.planes[0]), dtype, frame.samples * channels)
        return packed.reshape(frame.samples, channels).T  # (T, C) -> (C, T)
    planes = [np.frombuffer(memoryview(plane), dtype, frame.samples) for plane in frame.planes]
    return np.stack(planes)


def to_float32(native: NDArray[np.generic], kind: str, out: Samples) -> None:
    """Write `native`, shape (C, T), of FFmpeg's sample format `kind`, into `out` as float32.

    Notes
    -----
    Division by a power of two is exact: every 8-, 16- and 24-bit sample keeps its value, and 32-bit
    integers and 64-bit floats are rounded to the nearest float32 once.
    """
    _, silence, full_scale = _KINDS[kind.removesuffix("p")]
    with np.errstate(over="ignore"):  # a double too large for float32 becomes inf: found later
        out[...] = native
    if silence:
        out -= np.float32(silence)
    if full_scale != 1.0:
        out *= np.float32(1.0 / full_scale)


def is_known(kind: str) -> bool:
    """Whether `kind` is a sample format that `to_float32` knows."""
    return kind.removesuffix("p") in _KINDS
