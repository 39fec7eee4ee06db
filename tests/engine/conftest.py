# Songs, tiny models and networks with known answers, for every test of the engine.

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from stemhouse import Audio, Options, RuntimeOptions, Separator
from stemhouse.engine.audio import Samples
from stemhouse.engine.catalogue import load_card
from stemhouse.engine.codec import open_source
from stemhouse.engine.model_card import ModelCard
from stemhouse.engine.progress import CancelToken
from stemhouse.engine.recipes import RECIPES
from stemhouse.engine.result import Separation
from stemhouse.engine.runtime import Gains, Network, RuntimeInfo
from stemhouse.engine.separation import Computation
from stemhouse.engine.spectral import Stft
from stemhouse.engine.stream import SeparationStream, StreamParts
from stemhouse.engine.tracks import plan_tracks
from stemhouse.engine.weights import ModelStore
from stemhouse.engine.windows import WindowGrid

DATA = Path(__file__).resolve().parent.parent / "data"

Gain = Callable[[NDArray[np.float32]], Gains]


@pytest.fixture(scope="session")
def card() -> ModelCard:
    return load_card(DATA / "tiny-2stems" / "card.toml")


@pytest.fixture(scope="session")
def music() -> Samples:
    # 12 s of a real song with a voice, float32 (2, 529200), at 44.1 kHz.
    samples, _ = soundfile.read(DATA / "voice-over-guitars" / "mixture.flac", dtype="float32")
    return np.ascontiguousarray(samples.T)


@pytest.fixture(scope="session")
def song(music: Samples) -> Callable[..., Audio]:
    # Any length: the song again and again. Any channel count: pairs that are shifted in time.
    def take(length: int, channels: int = 2, sample_rate: int = 44_100) -> Audio:
        repeats = -(-(length + 20_000) // music.shape[1])
        whole = np.tile(music, (1, repeats))
        rows = [whole[i % 2, 5_000 + 2_000 * (i // 2) :][:length] for i in range(channels)]
        return Audio(np.array(rows), sample_rate=sample_rate)

    return take


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    return ModelStore(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def separator(store: ModelStore) -> Callable[..., Separator]:
    # Loaded once for all tests. Float32 everywhere: the promises are about samples.
    loaded: dict[tuple[object, ...], Separator] = {}

    def get(
        model: str = "tiny-2stems",
        *,
        provider: str = "openvino",
        precision: str = "float32",
        threads: int | None = 2,
    ) -> Separator:
        key = (model, provider, precision, threads)
        if key not in loaded:
            runtime = RuntimeOptions(provider=provider, precision=precision, threads=threads)
            own = (DATA / model).is_dir()
            loaded[key] = (
                Separator(DATA / model, runtime=runtime, store=store)
                if own
                else Separator(model, runtime=runtime, allow_download=False)
            )
        return loaded[key]

    return get


@pytest.fixture(scope="session")
def computation(card: ModelCard) -> Callable[..., Computation]:
    # The computation of a quality around any network, put together as a separator does it.
    def build(
        network: Network | Gain,
        quality: str = "standard",
        groups: tuple[tuple[int, ...], ...] = ((0,), (1,)),
    ) -> Computation:
        recipe = RECIPES[quality]
        return Computation(
            network=network if hasattr(network, "infer") else SimpleNamespace(infer=network),
            grid=WindowGrid(
                stft=Stft(card.frame_length, card.frame_step),
                frames=card.window_frames,
                hop_frames=recipe.hop_frames,
            ),
            recipe=recipe,
            bins=1024 if recipe.band == "trained" else 2048,
            groups=groups,
        )

    return build


@pytest.fixture(scope="session")
def stream_through(card: ModelCard, computation: Callable[..., Computation]):
    # A stream of the two tiny stems around any network.
    def build(
        network: Network | Gain, source: Audio, options: Options | None = None, **watch: object
    ) -> SeparationStream:
        options = options or Options()
        plan = plan_tracks(card, options, complement=RECIPES[options.quality].complement)
        info = RuntimeInfo(
            provider="test", version="1", device="cpu", device_name="", precision="", threads=2
        )
        parts = StreamParts(
            reader=open_source(source),
            prepare=lambda: computation(network, options.quality, plan.groups),
            plan=plan,
            model_rate=card.sample_rate,
            threads=2,
            model=card.name,
            quality=options.quality,
            describe=lambda facts: Separation(
                model=card.name,
                model_sha256="",
                engine_version="",
                runtime=info,
                options=options,
                **facts,
            ),
        )
        return SeparationStream(parts, watch.get("progress"), watch.get("cancel", CancelToken()))

    return build


@pytest.fixture
def no_threads_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before
