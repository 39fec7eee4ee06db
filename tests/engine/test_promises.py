# The engine's promises, on a grid of lengths, rates, channels and qualities.

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from stemhouse import Audio, Options
from stemhouse.engine.codec.downmix import downmix_matrix, usual_layout
from stemhouse.errors import EmptyAudio

WINDOW = 512 * 1024
QUALITIES = ("fast", "standard", "best")
LENGTHS = (1, 4_095, 4_096, 4_097, WINDOW - 1, WINDOW, WINDOW + 1, 2 * WINDOW + 777)
OTHER_RATES = (8_000, 11_025, 22_050, 48_000, 96_000)

# (length, rate, channels, quality): every length, then every rate, mono and surround. In 'best',
# which takes several times as long, only where it differs: in the number of its passes.
GRID = [
    *((length, 44_100, 2, quality) for length in LENGTHS for quality in ("fast", "standard")),
    *((length, 44_100, 2, "best") for length in (1, 4_097, WINDOW + 1)),
    *((30_011, rate, 2, quality) for rate in OTHER_RATES for quality in ("fast", "standard")),
    *((30_011, rate, 1, "standard") for rate in OTHER_RATES),
    *((30_011, 44_100, channels, quality) for channels in (1, 6) for quality in QUALITIES),
    (30_011, 48_000, 2, "best"),
    *((1, rate, 2, "standard") for rate in OTHER_RATES),
]

# Stems are float32 and so is the song they are taken from: roundings of 6e-8 each.
ROUNDING = 1e-6


def grid_id(case: tuple[int, int, int, str]) -> str:
    length, rate, channels, quality = case
    return f"{length}-samples-{rate}-Hz-{channels}-channels-{quality}"


def mixed_down(audio: Audio) -> np.ndarray:
    if audio.channels <= 2:
        return audio.samples
    return downmix_matrix(usual_layout(audio.channels)) @ audio.samples


def samples_of(result: object) -> dict[str, np.ndarray]:
    return {name: stem.audio.samples for name, stem in result.stems.items()}


def without_upper_bins(mix: np.ndarray) -> np.ndarray:
    # What Spleeter's transform keeps of a song, frame by frame in float64.
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(4096) / 4096)
    padded = np.pad(mix.astype(np.float64), ((0, 0), (4096, 8192)))
    kept = np.zeros_like(padded)
    for start in range(0, padded.shape[1] - 4096, 1024):
        spectrum = np.fft.rfft(padded[:, start : start + 4096] * window)
        spectrum[:, 1024:] = 0
        kept[:, start : start + 4096] += np.fft.irfft(spectrum) * window * 2 / 3
    return kept[:, 4096 : 4096 + mix.shape[1]]


def missing_db(audio: Audio, total: np.ndarray) -> float:
    # 1,024 bins of 44,100 / 4,096 Hz, less the width of the window; and resampling there and back
    # passes 0.9 of a lower rate's band.
    band_hz = min(10_900, 0.45 * audio.sample_rate)
    below = np.fft.rfftfreq(audio.length_samples, 1 / audio.sample_rate) < band_hz
    window = np.hanning(audio.length_samples)
    song, missing = (
        np.fft.rfft(samples * window)[:, below]
        for samples in (audio.samples, audio.samples - total)
    )
    return float(20 * np.log10(np.linalg.norm(missing) / np.linalg.norm(song)))


@pytest.fixture(scope="module", params=GRID, ids=grid_id)
def case(request: pytest.FixtureRequest, separator, song) -> SimpleNamespace:
    length, rate, channels, quality = request.param
    audio = song(length, channels, rate)
    before = audio.samples.copy()
    result = separator().separate(audio, Options(quality=quality))
    return SimpleNamespace(
        audio=audio, before=before, result=result, stems=samples_of(result), quality=quality
    )


def test_stems_are_as_long_as_the_song_to_the_sample(case):
    channels = min(case.audio.channels, 2)

    shapes = {stem.shape for stem in case.stems.values()}

    assert shapes == {(channels, case.audio.length_samples)}
    assert case.result.length_samples == case.audio.length_samples
    assert {s.audio.sample_rate for s in case.result.stems.values()} == {case.audio.sample_rate}


def test_stems_are_finite_float32(case):
    for stem in case.stems.values():
        assert stem.dtype == np.float32
        assert np.isfinite(stem).all()


def test_stems_add_up_to_the_song(case):
    total = sum(case.stems.values())

    if case.quality != "fast":
        np.testing.assert_allclose(total, mixed_down(case.audio), rtol=0, atol=ROUNDING)
    elif case.audio.sample_rate == 44_100:
        expected = without_upper_bins(mixed_down(case.audio))
        np.testing.assert_allclose(total, expected, rtol=0, atol=ROUNDING)
    else:
        # Float32 gives -120 dB; the sidelobes of what is cut off above reach down to -80 dB.
        assert missing_db(case.audio, total) < -70


def test_the_song_stays_as_it_is(case):
    assert np.array_equal(case.audio.samples, case.before)


def test_resampling_and_mixing_down_are_said_and_nothing_else_is_done(case):
    codes = {notice.code for notice in case.result.notices}

    assert ("resampled" in codes) == (case.audio.sample_rate != 44_100)
    assert ("downmixed" in codes) == (case.audio.channels > 2)


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_a_song_without_samples_is_refused(channels: int, separator):
    silence = Audio(np.zeros((channels, 0), np.float32), sample_rate=44_100)

    with pytest.raises(EmptyAudio):
        separator().separate(silence)


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize(("channels", "rate"), [(1, 44_100), (2, 44_100), (2, 48_000), (6, 8_000)])
def test_silence_gives_silent_stems(quality: str, channels: int, rate: int, separator):
    silence = Audio(np.zeros((channels, 20_000), np.float32), sample_rate=rate)

    result = separator().separate(silence, Options(quality=quality))

    for stem in result.stems.values():
        assert not stem.audio.samples.any()
        assert stem.silent
    assert "silent_input" in {notice.code for notice in result.notices}


@pytest.mark.parametrize(
    ("model", "quality"),
    [
        *(("tiny-2stems", quality) for quality in QUALITIES),
        ("tiny-4stems", "fast"),
        ("tiny-5stems", "standard"),
    ],
)
def test_silence_in_a_song_stays_silent(model: str, quality: str, separator, song):
    samples = song(30_000).samples.copy()
    # Silent for more than one window of the transform on each side of what is looked at.
    samples[:, 8_000:] = 0.0
    audio = Audio(samples, sample_rate=44_100)

    result = separator(model).separate(audio, Options(quality=quality))

    for stem in result.stems.values():
        assert not stem.audio.samples[:, 8_000 + 4_096 :].any()


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_the_same_song_gives_the_same_samples_every_time(quality: str, rate: int, separator, song):
    audio = song(20_000, 2, rate)

    first, second = (
        samples_of(separator().separate(audio, Options(quality=quality))) for _ in range(2)
    )

    assert all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("quality", QUALITIES)
def test_the_number_of_threads_does_not_change_a_sample(quality: str, separator, song):
    audio = song(WINDOW + 100)

    results = [
        samples_of(separator(threads=threads).separate(audio, Options(quality=quality)))
        for threads in (1, 2, 3)
    ]

    for other in results[1:]:
        assert all(np.array_equal(results[0][name], other[name]) for name in other)


@pytest.mark.parametrize("quality", QUALITIES)
def test_a_stem_is_the_same_alone_as_together(quality: str, separator, song):
    audio, four = song(20_000), separator("tiny-4stems")
    together = samples_of(four.separate(audio, Options(quality=quality)))

    for name in ("drums", "other"):
        alone = samples_of(four.separate(audio, Options(quality=quality, stems=(name,))))

        assert list(alone) == [name]
        # The last is the song minus the others: three roundings more, or less.
        np.testing.assert_allclose(alone[name], together[name], rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("quality", QUALITIES)
def test_a_residual_is_the_song_minus_what_was_asked_for(quality: str, separator, song):
    audio = song(20_000)
    options = Options(quality=quality, stems=("bass", "vocals"), residual=True)

    stems = samples_of(separator("tiny-4stems").separate(audio, options))

    assert list(stems) == ["vocals", "bass", "residual"]
    np.testing.assert_allclose(sum(stems.values()), audio.samples, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("model", ["tiny-4stems", "tiny-5stems"])
def test_many_stems_add_up_to_the_song(model: str, separator, song):
    audio = song(20_000)

    stems = samples_of(separator(model).separate(audio))

    np.testing.assert_allclose(sum(stems.values()), audio.samples, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("quality", ["fast", "standard"])
def test_mono_is_the_mean_of_its_two_channels_as_stereo(quality: str, separator, song):
    mono = song(30_000, 1)
    stereo = Audio(np.repeat(mono.samples, 2, axis=0), sample_rate=44_100)

    one, two = (
        samples_of(separator().separate(audio, Options(quality=quality)))
        for audio in (mono, stereo)
    )

    for name in one:
        np.testing.assert_allclose(one[name][0], two[name].mean(axis=0), rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("quality", QUALITIES)
def test_surround_is_separated_as_its_stereo_mix(quality: str, separator, song):
    surround = song(30_000, 6)
    stereo = Audio(mixed_down(surround), sample_rate=44_100)

    one, two = (
        samples_of(separator().separate(audio, Options(quality=quality)))
        for audio in (surround, stereo)
    )

    # The mix-down of a block may round otherwise than that of the whole, and the random network
    # is steep: a rounding in its input is 1e-5 in its gains.
    for name in one:
        np.testing.assert_allclose(one[name], two[name], rtol=0, atol=1e-4)


@pytest.mark.parametrize("quality", QUALITIES)
def test_left_and_right_are_treated_alike_by_all_but_the_network(
    quality: str, stream_through, song
):
    audio = song(30_000)
    swapped = Audio(np.ascontiguousarray(audio.samples[::-1]), sample_rate=44_100)

    def loud_and_quiet(magnitude: np.ndarray) -> list[np.ndarray]:
        return [magnitude / (1 + magnitude), 1 / (1 + magnitude)]

    stems = []
    for source in (audio, swapped):
        with stream_through(loud_and_quiet, source, Options(quality=quality)) as stream:
            blocks = [block.stems for block in stream]
        stems.append(
            {name: np.concatenate([b[name] for b in blocks], axis=1) for name in stream.tracks}
        )

    # The Wiener filter of 'best' solves for left first; else there is not even a rounding.
    tolerance = 1e-4 if quality == "best" else 0.0
    for name, straight in stems[0].items():
        np.testing.assert_allclose(straight, stems[1][name][::-1], rtol=0, atol=tolerance)


def test_values_beyond_full_scale_are_kept(separator, song):
    loud = Audio(song(20_000).samples * np.float32(8), sample_rate=44_100)

    result = separator().separate(loud)

    total = sum(samples_of(result).values())
    np.testing.assert_allclose(total, loud.samples, rtol=0, atol=8 * ROUNDING)
    assert max(stem.peak for stem in result.stems.values()) > 1.0


def test_every_stem_knows_its_peak_and_level(separator, song):
    audio = song(20_000)

    result = separator().separate(audio)

    energy = np.sum(audio.samples.astype(np.float64) ** 2)
    for stem in result.stems.values():
        samples = stem.audio.samples.astype(np.float64)
        assert stem.peak == pytest.approx(np.abs(samples).max())
        assert stem.level_db == pytest.approx(10 * np.log10(np.sum(samples**2) / energy), abs=0.01)
