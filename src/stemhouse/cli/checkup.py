"""The examinations of ``stemhouse doctor``, one function each."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from stemhouse import __version__
from stemhouse.cli.errors import ExitCode, exit_code, one_line, printable
from stemhouse.cli.model_choice import choose_card, choose_model
from stemhouse.errors import ModelNotFound, StemhouseError

if TYPE_CHECKING:
    from stemhouse.engine.audio import Audio
    from stemhouse.engine.catalogue import ModelCard

MIN_FREE_BYTES = 1_000_000_000
"""Below this a song's stems may not fit: ten minutes of two WAV stems take 0.2 GB."""

TRIAL_S = 24.0
"""Length of the sound that the speed is measured with: two windows of the network."""

_ESSENTIAL = ("numpy", "scipy", "av", "soundfile", "soxr", "onnx", "openvino")
_OPTIONAL = ("onnxruntime",)
_QUIETLY = {"openvino": "stemhouse.engine.runtime.openvino_import"}
"""What is imported in its place: by itself it would tell its maker that it is in use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One finding; a problem means that separating will not work."""

    name: str
    status: Literal["ok", "warning", "problem"]
    text: str
    mend: str = ""
    exit_code: ExitCode = ExitCode.MODEL
    facts: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        values = asdict(self)
        return {key: value for key, value in values.items() if key != "exit_code" and value != ""}


def examine(model: str, models_dir: Path | None, *, quick: bool) -> Iterator[Check]:
    """Yield finding after finding; nothing here raises what a finding can say."""
    yield _system()
    packages = _packages()
    yield packages
    if packages.status == "problem":
        return  # nothing else can be loaded
    yield _runtime()
    yield from _weights(model, models_dir)
    yield _storage(models_dir)
    yield _formats()
    if not quick:
        yield _speed(model, models_dir)


def _system() -> Check:
    facts = {
        "stemhouse": __version__,
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }
    text = "stemhouse {stemhouse}, Python {python}, {system} {machine}, {cores} cores"
    return Check(name="system", status="ok", text=text.format(**facts), facts=facts)


def _packages() -> Check:
    found: dict[str, str] = {}
    broken: list[str] = []
    for name in (*_ESSENTIAL, *_OPTIONAL):
        try:
            importlib.import_module(_QUIETLY.get(name, name))
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown version"
        except (ImportError, OSError) as error:  # missing, or a system library of it is
            if name in _ESSENTIAL:
                broken.append(f"{name} ({one_line(error).removeprefix('internal error: ')})")
    if broken:
        return Check(
            name="packages",
            status="problem",
            text=f"cannot be loaded: {', '.join(broken)}",
            mend="install Stemhouse anew: pip install --force-reinstall stemhouse",
            facts=dict(found),
        )
    found |= _libraries()
    text = ", ".join(f"{name} {number}" for name, number in found.items())
    return Check(name="packages", status="ok", text=text, facts=dict(found))


def _libraries() -> dict[str, str]:
    import av
    import soundfile

    codec = ".".join(str(part) for part in av.library_versions["libavcodec"])
    return {"libavcodec": codec, "libsndfile": soundfile.__libsndfile_version__}


def _runtime() -> Check:
    from stemhouse.engine.runtime import RuntimeOptions, choose_runtime

    try:
        info = choose_runtime(RuntimeOptions()).info
    except StemhouseError as error:
        return _problem("runtime", error, mend="install Stemhouse anew, or try --provider")
    text = (
        f"{info.provider} {info.version} on {info.device_name}, {info.precision}, "
        f"{info.threads} {'thread' if info.threads == 1 else 'threads'}"
    )
    return Check(name="runtime", status="ok", text=text, facts=asdict(info))


def _weights(model: str, models_dir: Path | None) -> Iterator[Check]:
    from stemhouse.engine.catalogue import catalogue
    from stemhouse.engine.weights import ModelStore

    store = ModelStore(models_dir)
    try:
        wanted = choose_card(model)
    except StemhouseError as error:
        yield _problem("weights", error)
        return
    if Path(model).is_dir():
        yield Check(
            name="weights",
            status="ok",
            text=f"{wanted.name}: own folder, checked when it is loaded",
        )
        return
    for card in catalogue():
        yield _weights_of(card, store, wanted=card.name == wanted.name)


def _weights_of(card: ModelCard, store: Any, *, wanted: bool) -> Check:
    size = f"{card.size_bytes / 1e6:.0f} MB"
    facts = {"model": card.name, "licence": card.licence, "may_be_sold": card.may_be_sold}
    try:
        folder = store.verify(card)
    except ModelNotFound:
        return Check(
            name="weights",
            status="warning" if wanted else "ok",
            text=f"{card.name}: not installed ({size})",
            mend=f"stemhouse models pull {card.name}" if wanted else "",
            facts={**facts, "state": "missing"},
        )
    except StemhouseError as error:
        mend = f"stemhouse models remove {card.name}, then stemhouse models pull {card.name}"
        return _problem("weights", error, mend=mend, **facts, state="damaged")
    return Check(
        name="weights",
        status="ok",
        text=f"{card.name}: right, every byte checked ({size})",
        facts={**facts, "state": "right", "folder": printable(str(folder))},
    )


def _storage(models_dir: Path | None) -> Check:
    from stemhouse.engine.weights import ModelStore

    folder = ModelStore(models_dir).root
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    shown, free = printable(str(folder)), shutil.disk_usage(place).free
    facts = {"folder": shown, "free_bytes": free}
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        return Check(
            name="storage",
            status="problem",
            text=f"{shown} cannot be written to",
            mend="change its owner or permissions, or choose another with --models-dir",
            exit_code=ExitCode.OUTPUT,
            facts=facts,
        )
    if free < MIN_FREE_BYTES:
        return Check(
            name="storage",
            status="problem",
            text=f"only {free / 1e9:.1f} GB free in {shown}",
            mend="free some space, or choose another folder with --models-dir",
            exit_code=ExitCode.RESOURCE,
            facts=facts,
        )
    text = f"{free / 1e9:.1f} GB free in {shown}"
    return Check(name="storage", status="ok", text=text, facts=facts)


def _formats() -> Check:
    import av

    from stemhouse.engine.codec import FORMATS

    decoders = ("pcm_s16le", "flac", "mp3float", "aac", "alac", "vorbis", "opus", "wmav2")
    missing = [name for name in decoders if name not in av.codecs_available]
    reads = "WAV, FLAC, MP3, M4A, ALAC, Ogg, Opus, WMA, AIFF, the sound of videos"
    facts = {"write": list(FORMATS), "missing_decoders": missing}
    text = f"reads {reads}; writes {', '.join(FORMATS)}"
    if missing:
        return Check(
            name="formats",
            status="warning",
            text=f"{text}; this FFmpeg cannot read {', '.join(missing)}",
            mend="install PyAV from its own wheels: pip install --force-reinstall av",
            facts=facts,
        )
    return Check(name="formats", status="ok", text=text, facts=facts)


def _speed(model: str, models_dir: Path | None) -> Check:
    from stemhouse.engine.options import Options
    from stemhouse.engine.separator import Separator
    from stemhouse.engine.weights import ModelStore

    store = ModelStore(models_dir)
    try:
        if not Path(model).is_dir() and not store.installed(choose_card(model)):
            return Check(name="speed", status="warning", text="not measured: no weights")
        began = time.perf_counter()
        with Separator(choose_model(model), store=store).load() as separator:
            load_s = time.perf_counter() - began
            separator.separate(_trial_sound(1.0), Options())  # the first call also warms up
            began = time.perf_counter()
            separator.separate(_trial_sound(TRIAL_S), Options())
            wall_s = time.perf_counter() - began
    except StemhouseError as error:
        return _problem("speed", error)
    speed = TRIAL_S / wall_s
    text = f"{speed:.0f} × real time in quality standard; the model loads in {load_s:.1f} s"
    facts = {"times_real_time": round(speed, 2), "load_s": round(load_s, 3), "quality": "standard"}
    return Check(name="speed", status="ok", text=text, facts=facts)


def _trial_sound(duration_s: float) -> Audio:
    """A chord that swells, in stereo: sound enough to keep every step busy."""
    import numpy as np

    from stemhouse.engine.audio import Audio

    rate = 44_100
    times = np.arange(round(duration_s * rate), dtype=np.float64) / rate
    left = sum(np.sin(2 * np.pi * pitch * times) for pitch in (110.0, 220.0, 329.6, 440.0))
    right = sum(np.sin(2 * np.pi * pitch * times) for pitch in (110.0, 277.2, 554.4, 880.0))
    swell = 0.1 * (1.0 + np.sin(2 * np.pi * 0.5 * times))
    return Audio((np.stack([left, right]) * swell).astype(np.float32), rate)


def _problem(name: str, error: StemhouseError, mend: str = "", **facts: Any) -> Check:
    return Check(
        name=name,
        status="problem",
        text=one_line(error),
        mend=mend,
        exit_code=exit_code(error),
        facts={"code": error.code, **facts},
    )
