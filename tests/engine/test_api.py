from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import stemhouse
from stemhouse import separate
from stemhouse.errors import InvalidOption, OutputExists, StemhouseError

TINY = Path(__file__).resolve().parent.parent / "data" / "tiny-2stems"


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):
    # Graphs of the tiny model do not belong into the cache of whoever runs the tests.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


def test_one_call_keeps_the_stems_in_memory(song):
    audio = song(20_000)

    result = separate(audio, model=TINY)

    assert list(result.stems) == ["vocals", "accompaniment"]
    total = sum(stem.audio.samples for stem in result.stems.values())
    np.testing.assert_allclose(total, audio.samples, rtol=0, atol=1e-6)


def test_one_call_writes_files(song, tmp_path):
    result = separate(song(5_000), tmp_path, model=str(TINY), stems=["vocals"], format="flac")

    assert [path.name for path in (tmp_path / "audio").iterdir()] == ["vocals.flac"]
    assert result["vocals"].file.path == tmp_path / "audio" / "vocals.flac"


def test_one_call_takes_every_option(song):
    options = {"stems": iter(["vocals"]), "residual": True, "quality": "fast"}

    result = separate(song(5_000), model=TINY, **options)

    assert list(result.stems) == ["vocals", "residual"]
    assert result.options.quality == "fast"


def test_one_call_replaces_files_only_when_told(song, tmp_path):
    separate(song(5_000), tmp_path, model=TINY)

    with pytest.raises(OutputExists):
        separate(song(5_000), tmp_path, model=TINY)
    separate(song(5_000), tmp_path, model=TINY, overwrite=True)


def test_one_call_refuses_an_unknown_format_before_anything_is_written(song, tmp_path):
    with pytest.raises(InvalidOption):
        separate(song(5_000), tmp_path / "out", model=TINY, format="midi")

    assert list(tmp_path.iterdir()) == []


def test_everything_public_is_there_and_nothing_else_is():
    for name in stemhouse.__all__:
        assert getattr(stemhouse, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = stemhouse.nonsense


def test_every_error_has_a_code_of_its_own():
    def below(kind: type) -> list[type]:
        return [kind, *(one for child in kind.__subclasses__() for one in below(child))]

    codes = [kind.code for kind in below(StemhouseError)]

    assert len(set(codes)) == len(codes)


def test_importing_the_package_alone_loads_no_numerical_library():
    code = "import sys, stemhouse; print(*sorted({n.partition('.')[0] for n in sys.modules}))"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert not {"numpy", "scipy", "openvino", "av"} & set(loaded.stdout.split())
