import io
from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile

from stemhouse.engine.audio import Samples
from stemhouse.engine.codec import Cover

from .sounds import SONGS


@pytest.fixture(scope="session")
def song() -> Samples:
    samples, _ = soundfile.read(SONGS / "mixture.flac", dtype="float32", always_2d=True)
    return np.ascontiguousarray(samples[:132_301].T)


@pytest.fixture(scope="session")
def picture() -> Callable[[str], Cover]:
    def draw(mime: str) -> Cover:
        codec, pixels = {
            "image/jpeg": ("mjpeg", "yuvj420p"),
            "image/png": ("png", "rgb24"),
        }[mime]
        file = io.BytesIO()
        with av.open(file, "w", format="image2pipe") as output:
            stream = output.add_stream(codec, rate=1)
            stream.width, stream.height, stream.pix_fmt = 48, 32, pixels
            image = np.full((32, 48, 3), 90, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
            output.mux(stream.encode(None))
        return Cover(mime, file.getvalue())

    return draw


@pytest.fixture(scope="session")
def video() -> Callable[[Samples | None], bytes]:
    def film(sound: Samples | None) -> bytes:
        file = io.BytesIO()
        with av.open(file, "w", format="matroska") as output:
            pictures = output.add_stream("mpeg4", rate=25)
            pictures.width, pictures.height, pictures.pix_fmt = 64, 64, "yuv420p"
            stream = None
            if sound is not None:
                stream = output.add_stream("flac", rate=44_100)
                stream.layout, stream.codec_context.format = "stereo", "s16"
            for _ in range(10):
                frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
                output.mux(pictures.encode(frame))
            output.mux(pictures.encode(None))
            if stream is not None and sound is not None:
                whole = np.rint(sound * 32_768).astype(np.int16).T.reshape(1, -1)
                audio = av.AudioFrame.from_ndarray(np.ascontiguousarray(whole), "s16", "stereo")
                audio.sample_rate, audio.pts, audio.time_base = 44_100, 0, Fraction(1, 44_100)
                output.mux(stream.encode(audio))
                output.mux(stream.encode(None))
        return file.getvalue()

    return film
