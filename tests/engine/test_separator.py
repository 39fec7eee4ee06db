from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import stemhouse
from stemhouse import Options, RuntimeOptions, Separator
from stemhouse.engine.catalogue import load_card
from stemhouse.engine.weights import ModelStore
from stemhouse.errors import (
    CorruptAudio,
    EmptyAudio,
    InvalidOption,
    ModelChecksumMismatch,
    ModelNotFound,
    SourceNotFound,
    StemhouseError,
    UnsupportedAudio,
)

TINY = Path(__file__).resolve().parent.parent / "data" / "tiny-2stems"
PLAIN = RuntimeOptions(precision="float32", threads=2)


def test_making_a_separator_touches_nothing(tmp_path):
    Separator("no-such-model", store=ModelStore(tmp_path / "models"))

    assert list(tmp_path.iterdir()) == []


def test_loading_returns_the_separator_ready_for_use(store):
    separator = Separator(TINY, runtime=PLAIN, store=store)

    assert separator.load("fast") is separator
    assert separator.card.stems == ("vocals", "accompaniment")
    assert (separator.runtime_info.provider, separator.runtime_info.threads) == ("openvino", 2)


def test_a_closed_separator_loads_again_when_it_is_used(store, song):
    audio = song(20_000)
    with Separator(TINY, runtime=PLAIN, store=store) as separator:
        first = separator.separate(audio)

    again = separator.separate(audio)

    assert np.array_equal(first["vocals"].audio.samples, again["vocals"].audio.samples)


def test_an_unknown_model_is_refused_with_the_names_of_those_there_are(store):
    with pytest.raises(ModelNotFound, match="spleeter-2stems"):
        Separator("no-such-model", store=store).load()


def test_missing_weights_are_refused_with_the_command_that_fetches_them(tmp_path):
    separator = Separator(store=ModelStore(tmp_path), allow_download=False)

    with pytest.raises(ModelNotFound, match="stemhouse models pull spleeter-2stems"):
        separator.load()


def test_an_unknown_quality_is_refused_on_loading(separator):
    with pytest.raises(InvalidOption, match="fast, standard, best"):
        separator().load("perfect")


def test_weights_that_are_not_what_their_card_says_are_refused(tmp_path, song):
    folder = shutil.copytree(TINY, tmp_path / "model")
    weights = folder / "model.data-00000-of-00001"
    content = bytearray(weights.read_bytes())
    content[1_000] ^= 1
    weights.write_bytes(content)

    with pytest.raises(ModelChecksumMismatch):
        Separator(folder, store=ModelStore(tmp_path / "store")).separate(song(5_000))


def test_a_folder_without_its_weights_is_refused(tmp_path, song):
    folder = tmp_path / "model"
    folder.mkdir()
    shutil.copy(TINY / "card.toml", folder)

    with pytest.raises(ModelNotFound):
        Separator(folder, store=ModelStore(tmp_path / "store")).separate(song(5_000))


def test_a_result_says_what_was_done_with_what(separator, song):
    options = Options(stems=("vocals",), quality="fast")

    result = separator().separate(song(44_100), options)

    card = load_card(TINY / "card.toml")
    assert result.model == "tiny-2stems"
    assert result.model_sha256 == card.files["model.data-00000-of-00001"].sha256
    assert result.engine_version == stemhouse.__version__
    assert result.options == options
    assert (result.runtime.provider, result.runtime.precision) == ("openvino", "float32")
    assert (result.length_samples, result.sample_rate, result.duration_s) == (44_100, 44_100, 1.0)
    assert result.source.name == "audio"
    assert 0 < result.timings["network_s"] <= result.timings["wall_s"]
    assert result.timings["realtime"] == pytest.approx(1.0 / result.timings["wall_s"])


def test_a_result_can_be_written_as_json(separator, song, tmp_path):
    samples = song(20_000)

    kept = separator().separate(samples).as_dict()
    written = separator().separate_to_files(samples, tmp_path).as_dict()

    assert json.loads(json.dumps(kept, allow_nan=False))["stems"][0]["file"] is None
    stems = json.loads(json.dumps(written, allow_nan=False))["stems"]
    assert [stem["name"] for stem in stems] == ["vocals", "accompaniment"]
    assert stems[0]["file"]["path"] == str(tmp_path / "audio" / "vocals.wav")


def test_a_silent_song_can_be_written_as_json(separator):
    silence = stemhouse.Audio(np.zeros((1, 5_000), np.float32), sample_rate=44_100)

    told = separator().separate(silence).as_dict()

    assert json.loads(json.dumps(told, allow_nan=False))["stems"][0]["level_db"] is None


def test_stems_come_in_manifest_order_however_they_are_asked_for(separator, song):
    options = Options(stems=("other", "vocals", "bass"))

    result = separator("tiny-4stems").separate(song(5_000), options)

    assert list(result.stems) == ["vocals", "bass", "other"]


@pytest.mark.parametrize("quality", ["standard", "best"])
def test_a_residual_of_all_stems_is_refused_where_nothing_would_be_left(quality, separator, song):
    options = Options(quality=quality, residual=True)

    with pytest.raises(InvalidOption, match="nothing is left"):
        separator().separate(song(5_000), options)


def test_a_residual_of_all_fast_stems_is_what_lies_above_their_band(separator, song):
    audio = song(30_000)

    result = separator().separate(audio, Options(quality="fast", residual=True))

    residual = result["residual"].audio.samples
    power = np.abs(np.fft.rfft(residual[0] * np.hanning(30_000))) ** 2
    above = np.fft.rfftfreq(30_000, 1 / 44_100) > 10_900
    assert power[above].sum() > 0.999 * power.sum()


@pytest.mark.parametrize(
    ("content", "error"),
    [
        pytest.param(b"", EmptyAudio, id="empty"),
        pytest.param(b"these are words\n" * 100, UnsupportedAudio, id="text"),
        pytest.param(b"RIFF\x00\x00", (CorruptAudio, UnsupportedAudio), id="cut off"),
    ],
)
def test_what_is_no_song_is_refused(content: bytes, error, separator, tmp_path, no_threads_left):
    file = tmp_path / "song.mp3"
    file.write_bytes(content)

    with pytest.raises(error):
        separator().separate(file)


def test_a_song_that_is_not_there_is_refused(separator, tmp_path):
    with pytest.raises(SourceNotFound):
        separator().separate(tmp_path / "song.mp3")


@pytest.mark.parametrize("source", [42, None, np.zeros((2, 100), np.float32)])
def test_what_cannot_be_a_source_is_refused(source: object, separator):
    with pytest.raises(StemhouseError, match="path"):
        separator().separate(source)
