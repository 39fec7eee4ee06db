# Stems through segments and back, and out in every format.

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from stemhouse.engine.codec import Cover, open_source, parse_format
from stemhouse.errors import DiskFull, InvalidOption, NotFound, ResultDamaged
from stemhouse.results import (
    Manifest,
    Mix,
    Provenance,
    ResultReader,
    ResultShape,
    ResultWriter,
    SegmentWriter,
    Song,
    StemLevel,
    Waveform,
    archive,
    content_disposition,
    mix_download,
    stem_download,
    stem_file_name,
)
from stemhouse.results.segments import decode_segment

RATE = 8_000
SONG = Song(name="song", tags={"artist": "AC/DC", "title": "Größe", "comment": "mine"})
PROVENANCE = Provenance(
    engine_version="1.0", model="spleeter-2stems", model_sha256="a" * 64, quality="standard"
)
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


def noise(length: int, channels: int = 2, level: float = 0.5, seed: int = 1) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (random.uniform(-level, level, (channels, length))).astype(np.float32)


def on_grid(samples: np.ndarray, bits: int = 24) -> np.ndarray:
    return (np.rint(samples.astype(np.float64) * 2 ** (bits - 1)) / 2 ** (bits - 1)).astype(
        np.float32
    )


def written(
    stems: dict[str, np.ndarray], block: int = 5_000, **facts: object
) -> tuple[Manifest, dict[str, bytes]]:
    files: dict[str, bytes] = {}
    channels = next(iter(stems.values())).shape[0]
    shape = ResultShape(
        stems=tuple(stems), sample_rate=RATE, channels=channels, segment_samples=16_000
    )
    with ResultWriter(
        files.__setitem__, shape, song=SONG, provenance=PROVENANCE, **facts
    ) as writer:
        length = next(iter(stems.values())).shape[1]
        for start in range(0, length, block):
            for name, samples in stems.items():
                writer.write(name, samples[:, start : start + block])
    return writer.close(), files


@pytest.fixture(scope="module")
def stems() -> dict[str, np.ndarray]:
    return {"vocals": noise(50_001, seed=1), "accompaniment": noise(50_001, seed=2)}


@pytest.fixture(scope="module")
def reader(stems: dict[str, np.ndarray]) -> ResultReader:
    manifest, files = written(stems, cover=Cover("image/png", PIXEL))
    return ResultReader(manifest, files.__getitem__)


def joined(reader: ResultReader, stem: str, *bounds: int) -> np.ndarray:
    return np.concatenate(list(reader.blocks(stem, *bounds)), axis=1)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("length", [1, 15_999, 16_000, 16_001, 50_001])
@pytest.mark.parametrize("block", [1_000, 16_000, 65_536])
def test_segments_join_to_the_samples_that_were_written(
    channels: int, length: int, block: int
) -> None:
    stem = noise(length, channels)

    manifest, files = written({"a": stem}, block)

    assert manifest.complete
    assert manifest.length_samples == length
    assert np.array_equal(joined(ResultReader(manifest, files.__getitem__), "a"), on_grid(stem))


@given(lengths=st.lists(st.integers(0, 700), min_size=1, max_size=12), segment=st.integers(16, 300))
@settings(max_examples=30)
def test_any_cut_into_blocks_gives_the_same_segments(lengths: list[int], segment: int) -> None:
    stem = noise(sum(lengths), 1)
    whole: dict[str, bytes] = {}
    parts: dict[str, bytes] = {}

    for files, blocks in ((whole, [stem]), (parts, np.split(stem, np.cumsum(lengths)[:-1], 1))):
        writer = SegmentWriter(
            files.__setitem__, "0", sample_rate=RATE, channels=1, segment_samples=segment
        )
        for block in blocks:
            writer.write(block)
        writer.close()

    assert parts == whole


def test_samples_beyond_full_scale_are_kept() -> None:
    stem = noise(40_000, level=1.0)
    stem[0, 20_000] = 2.75

    manifest, files = written({"a": stem})
    back = joined(ResultReader(manifest, files.__getitem__), "a")

    assert [segment.scale for segment in manifest.stems[0].segments] == [1, 4, 1]
    assert back[0, 20_000] == np.float32(2.75)
    assert np.abs(back - stem).max() <= 4 * 2.0**-24
    assert manifest.stems[0].peak == np.float32(2.75)


def test_sixteen_bits_take_less_room() -> None:
    stem = noise(40_000)
    sizes = {}
    for bits in (16, 24):
        files: dict[str, bytes] = {}
        writer = SegmentWriter(files.__setitem__, "0", sample_rate=RATE, channels=2, bit_depth=bits)
        writer.write(stem)
        writer.close()
        sizes[bits] = sum(map(len, files.values()))
        back = np.concatenate(
            [decode_segment(files[one.name], one) for one in writer.segments], axis=1
        )
        assert np.array_equal(back, on_grid(stem, bits))

    assert sizes[16] < 0.75 * sizes[24]


def test_every_segment_is_a_flac_file_that_others_read(reader: ResultReader) -> None:
    for segment in reader.manifest.stems[0].segments:
        frames, rate = soundfile.read(io.BytesIO(reader._fetch(segment.name)))
        assert (len(frames), rate) == (segment.length_samples, RATE)


def test_the_manifest_survives_its_file(reader: ResultReader) -> None:
    data = reader.manifest.to_json()

    assert Manifest.from_json(data) == reader.manifest
    assert json.loads(data)["version"] == 1


@pytest.mark.parametrize("wrong", [b"", b"{}", b"[1]", b"\xff"])
def test_another_file_is_no_manifest(wrong: bytes) -> None:
    with pytest.raises(ResultDamaged):
        Manifest.from_json(wrong)


def test_a_manifest_with_a_gap_is_refused(reader: ResultReader) -> None:
    data = json.loads(reader.manifest.to_json())
    del data["stems"][0]["segments"][1]

    with pytest.raises(ResultDamaged):
        Manifest.from_json(json.dumps(data).encode())


def test_a_result_can_be_read_while_it_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stemhouse.results.writer.PUBLISH_S", 0.0)
    files: dict[str, bytes] = {}
    seen: list[tuple[Manifest, np.ndarray]] = []

    def look(manifest: Manifest) -> None:
        stored = Manifest.from_json(files["manifest.json"])
        reader = ResultReader(stored, files.__getitem__)
        seen.append((manifest, joined(reader, "a", 0, stored.length_samples)))

    stem = noise(50_000)
    shape = ResultShape(stems=("a", "b"), sample_rate=RATE, channels=2, segment_samples=16_000)
    with ResultWriter(
        files.__setitem__, shape, song=SONG, provenance=PROVENANCE, on_publish=look
    ) as writer:
        for start in range(0, 50_000, 2_000):
            for name in shape.stems:
                writer.write(name, stem[:, start : start + 2_000])

    assert [manifest.length_samples for manifest, _ in seen] == [16_000, 32_000, 48_000, 50_000]
    assert [manifest.complete for manifest, _ in seen] == [False, False, False, True]
    for manifest, samples in seen:
        assert np.array_equal(samples, on_grid(stem)[:, : manifest.length_samples])


def test_an_error_of_the_storage_reaches_whoever_writes() -> None:
    def full(name: str, data: bytes) -> None:
        raise DiskFull("there is no room")

    shape = ResultShape(stems=("a",), sample_rate=RATE, channels=1, segment_samples=100)

    def write() -> None:
        with ResultWriter(full, shape, song=SONG, provenance=PROVENANCE) as writer:
            for _ in range(20):
                writer.write("a", noise(100, 1))

    with pytest.raises(DiskFull):
        write()


def test_two_stems_of_one_name_are_refused() -> None:
    shape = ResultShape(stems=("a", "a"), sample_rate=RATE, channels=1)

    with pytest.raises(InvalidOption):
        ResultWriter(lambda name, data: None, shape, song=SONG, provenance=PROVENANCE)


@pytest.mark.parametrize("bounds", [(0, 1), (15_999, 16_001), (16_000, 32_000), (49_000, 99_999)])
def test_parts_are_read_from_the_segments_they_touch_alone(
    reader: ResultReader, stems: dict[str, np.ndarray], bounds: tuple[int, int]
) -> None:
    fetched: list[str] = []

    def fetch(name: str) -> bytes:
        fetched.append(name)
        return reader._fetch(name)

    part = joined(ResultReader(reader.manifest, fetch), "vocals", *bounds)

    assert np.array_equal(part, on_grid(stems["vocals"])[:, slice(*bounds)])
    assert len(fetched) == -(-min(bounds[1], 50_001) // 16_000) - bounds[0] // 16_000


def test_a_damaged_segment_is_found(reader: ResultReader) -> None:
    def fetch(name: str) -> bytes:
        data = bytearray(reader._fetch(name))
        data[-1] ^= 1
        return bytes(data)

    with pytest.raises(ResultDamaged):
        list(ResultReader(reader.manifest, fetch).blocks("vocals"))


def test_an_unknown_stem_is_not_found(reader: ResultReader) -> None:
    with pytest.raises(NotFound):
        reader.blocks("banjo")


def test_the_waveform_shows_extremes_and_level() -> None:
    stem = np.zeros((2, 70_000), np.float32)
    stem[0, 5_000], stem[1, 69_999] = 0.75, -0.25
    stem[:, 10_240:11_264] = 0.5
    manifest, files = written({"a": stem}, block=777)
    record = manifest.stems[0].waveform
    assert record is not None

    waveform = Waveform.from_bytes(files[record.name])

    coarse, middle, fine = waveform.levels
    assert [level.samples_per_point for level in waveform.levels] == [65_536, 8_192, 1_024]
    assert [len(level.points) for level in waveform.levels] == [2, 9, 69]
    assert fine.points[4] == pytest.approx([0, 0.75, 0.75 / np.sqrt(2048)], abs=1e-4)
    assert fine.points[10] == pytest.approx([0.5, 0.5, 0.5], abs=1e-4)
    assert fine.points[68][0] == middle.points[8][0] == coarse.points[1][0]
    assert coarse.points[1][0] == pytest.approx(-0.25, abs=1e-4)
    assert waveform.length_samples == 70_000


@pytest.mark.parametrize("cut", [0, 5, 30, -1])
def test_a_waveform_that_is_cut_off_is_refused(reader: ResultReader, cut: int) -> None:
    record = reader.manifest.stems[0].waveform
    assert record is not None

    with pytest.raises(ResultDamaged):
        Waveform.from_bytes(reader._fetch(record.name)[:cut])


@pytest.mark.parametrize("text", ["wav", "wav24", "wavfloat", "flac", "flac24"])
def test_lossless_downloads_hold_the_stem(
    reader: ResultReader, stems: dict[str, np.ndarray], text: str
) -> None:
    format = parse_format(text)
    data = b"".join(stem_download(reader, "vocals", format).stream())

    with open_source(io.BytesIO(data)) as source:
        back = np.concatenate(list(source.blocks()), axis=1)

    expected = on_grid(stems["vocals"])
    assert np.array_equal(back, on_grid(expected, 16) if format.bits == 16 else expected)


@pytest.mark.parametrize("text", ["wav", "flac", "mp3", "m4a", "ogg", "opus"])
def test_downloads_carry_length_tags_and_picture(reader: ResultReader, text: str) -> None:
    download = stem_download(reader, "vocals", parse_format(text))

    data = b"".join(download.stream())

    with open_source(io.BytesIO(data)) as source:
        length = sum(block.shape[1] for block in source.blocks())
        info = source.info
    assert info.tags["title"] == "Größe (vocals)"
    assert info.tags["artist"] == "AC/DC"
    assert info.tags["comment"] == "Stemhouse 1.0, spleeter-2stems aaaaaaaaaaaa, standard; mine"
    assert (info.cover is not None) == (text != "wav")
    if text != "opus":  # which is always 48 kHz
        assert length == 50_001
    assert download.name == f"AC_DC - Größe (vocals).{text}"


def test_a_flac_download_says_its_length_at_its_beginning(reader: ResultReader) -> None:
    data = b"".join(stem_download(reader, "vocals", parse_format("flac")).stream())

    assert soundfile.info(io.BytesIO(data)).frames == 50_001


@pytest.mark.parametrize("text", ["wav", "wav24", "wavfloat"])
@pytest.mark.parametrize(
    "bounds", [(0, 1), (3, 40), (0, 5_000), (63_990, 64_020), (64_001, 64_002), (199_999, None)]
)
def test_any_part_of_a_wav_equals_that_part_of_the_whole(
    reader: ResultReader, text: str, bounds: tuple[int, int | None]
) -> None:
    download = stem_download(reader, "vocals", parse_format(text))
    whole = b"".join(download.stream())

    part = b"".join(download.stream(*bounds))

    assert download.ranged
    assert download.size_bytes == len(whole)
    assert part == whole[slice(*bounds)]


def test_an_odd_wav_is_padded_and_sized_with_its_padding() -> None:
    manifest, files = written({"a": noise(1_001, 1)})
    download = stem_download(ResultReader(manifest, files.__getitem__), "a", parse_format("wav24"))
    whole = b"".join(download.stream())

    assert download.size_bytes == len(whole)
    assert len(whole) % 2 == 0
    assert b"".join(download.stream(len(whole) - 2)) == whole[-2:]


@pytest.mark.parametrize("text", ["wav", "mp3"])
def test_an_archive_holds_every_stem(reader: ResultReader, text: str) -> None:
    download = archive(reader, parse_format(text))

    data = b"".join(download.stream())

    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert opened.testzip() is None
        assert opened.namelist() == [
            f"AC_DC - Größe (vocals).{text}",
            f"AC_DC - Größe (accompaniment).{text}",
        ]
        alone = b"".join(stem_download(reader, "vocals", parse_format(text)).stream())
        assert opened.read(opened.namelist()[0]) == alone
    assert download.name == "AC_DC - Größe (stems).zip"
    assert download.size_bytes == (len(data) if text == "wav" else None)


def test_a_download_is_made_while_it_is_read(reader: ResultReader) -> None:
    fetched: list[str] = []

    def fetch(name: str) -> bytes:
        fetched.append(name)
        return reader._fetch(name)

    stream = stem_download(
        ResultReader(reader.manifest, fetch), "vocals", parse_format("wav")
    ).stream()
    next(stream)
    next(stream)

    assert len(fetched) < 4


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        ({"artist": "Ann", "title": "Tune"}, "Ann - Tune (vocals).mp3"),
        ({"title": "Tune"}, "Tune (vocals).mp3"),
        ({"artist": "Ann"}, "Ann - file (vocals).mp3"),
        ({}, "file (vocals).mp3"),
        ({"artist": "../..", "title": "a\nb\x00c"}, "_. - a b_c (vocals).mp3"),
        ({"artist": "x" * 400, "title": "y" * 400}, None),
    ],
)
def test_names_are_good_and_harmless(tags: dict[str, str], name: str | None) -> None:
    given_name = stem_file_name(Song(name="file", tags=tags), "vocals", "mp3")

    assert len(given_name.encode()) <= 240
    assert given_name.endswith(" (vocals).mp3")
    assert not set("/\\\n\0") & set(given_name)
    if name is not None and ".." not in tags.get("artist", ""):
        assert given_name == name


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a b.mp3", 'attachment; filename="a b.mp3"'),
        ('a"b\\.mp3', "attachment; filename=\"a_b_.mp3\"; filename*=UTF-8''a%22b%5C.mp3"),
        ("Größe.mp3", "attachment; filename=\"Groe.mp3\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.mp3"),
        ("日本", "attachment; filename=\"download\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC"),
    ],
)
def test_the_header_names_the_file(name: str, header: str) -> None:
    assert content_disposition(name) == header


def test_a_real_song_survives(demo_song: Path) -> None:
    files: dict[str, bytes] = {}
    with open_source(demo_song) as source:
        blocks = list(source.blocks())
    shape = ResultShape(stems=("all",), sample_rate=source.info.sample_rate, channels=2)
    keep: Callable[[str, bytes], None] = files.__setitem__

    with ResultWriter(keep, shape, song=SONG, provenance=PROVENANCE) as writer:
        for block in blocks:
            writer.write("all", block)

    manifest = Manifest.from_json(files["manifest.json"])
    back = joined(ResultReader(manifest, files.__getitem__), "all")
    assert np.array_equal(back, np.concatenate(blocks, axis=1))


def mixed(reader: ResultReader, *levels: StemLevel, gain_db: float = 0.0) -> np.ndarray:
    return np.concatenate(list(Mix(reader, levels, gain_db).blocks()), axis=1)


def test_a_mix_of_all_stems_is_their_sum(
    reader: ResultReader, stems: dict[str, np.ndarray]
) -> None:
    heard = mixed(reader, StemLevel(stem="vocals"), StemLevel(stem="accompaniment"))

    assert np.array_equal(heard, on_grid(stems["vocals"]) + on_grid(stems["accompaniment"]))


def test_a_mix_has_each_stem_as_loud_and_where_it_was_set(
    reader: ResultReader, stems: dict[str, np.ndarray]
) -> None:
    levels = [
        StemLevel(stem="vocals", gain_db=-6.0, pan=-1.0),
        StemLevel(stem="accompaniment", gain_db=3.0, pan=0.5),
    ]

    heard = mixed(reader, *levels, gain_db=-1.0)

    # What the Web Audio API's StereoPannerNode does with a stereo source.
    one = stems["vocals"] * 10 ** (-7 / 20)
    two = stems["accompaniment"] * 10 ** (2 / 20)
    near, far = np.cos(np.pi / 4), np.sin(np.pi / 4)
    expected = np.stack([one[0] + one[1] + two[0] * near, two[1] + two[0] * far])
    # Rounding of the stored stems (24 bits) and of float32.
    assert np.abs(heard - expected).max() < 1e-6


def test_a_mix_of_a_mono_song_becomes_stereo_when_something_is_panned() -> None:
    stem = noise(20_000, 1)
    manifest, files = written({"a": stem})
    mono = ResultReader(manifest, files.__getitem__)

    centred = mixed(mono, StemLevel(stem="a"))
    panned = mixed(mono, StemLevel(stem="a", pan=1.0))

    assert np.array_equal(centred, on_grid(stem))
    assert panned.shape == (2, 20_000)
    assert not panned[0].any() or np.abs(panned[0]).max() < 1e-7
    assert np.allclose(panned[1], 2 * stem[0], atol=1e-6)


def test_a_stem_at_its_quietest_is_not_heard(reader: ResultReader) -> None:
    assert not mixed(reader, StemLevel(stem="vocals", gain_db=-60.0)).any()


@pytest.mark.parametrize("text", ["wav", "wavfloat", "flac24", "mp3", "m4a", "ogg", "opus"])
def test_a_mix_downloads_in_every_format(reader: ResultReader, text: str) -> None:
    levels = [StemLevel(stem="vocals"), StemLevel(stem="accompaniment", pan=0.2)]

    download = mix_download(reader, levels, parse_format(text))
    data = b"".join(download.stream())

    with open_source(io.BytesIO(data)) as source:
        length = sum(block.shape[1] for block in source.blocks())
        assert source.info.tags["title"] == "Größe (mix)"
    assert download.name == f"AC_DC - Größe (mix).{parse_format(text).extension}"
    assert download.size_bytes in {None, len(data)}
    if text != "opus":  # which is always 48 kHz
        assert length == 50_001


def test_any_part_of_a_mix_as_wav_is_the_same_bytes(reader: ResultReader) -> None:
    levels = [StemLevel(stem="vocals", gain_db=-3.0, pan=0.3), StemLevel(stem="accompaniment")]
    download = mix_download(reader, levels, parse_format("wav"))
    whole = b"".join(download.stream())

    for start, end in ((0, 50), (63_990, 64_020), (100_001, 150_000)):
        assert b"".join(download.stream(start, end)) == whole[start:end]


@pytest.mark.parametrize(
    "levels", [[], [StemLevel(stem="vocals"), StemLevel(stem="vocals", gain_db=1)]]
)
def test_a_mix_of_nothing_or_of_one_stem_twice_is_refused(
    reader: ResultReader, levels: list[StemLevel]
) -> None:
    with pytest.raises(InvalidOption):
        mix_download(reader, levels, parse_format("wav"))


def test_a_mix_of_an_unknown_stem_is_not_found(reader: ResultReader) -> None:
    with pytest.raises(NotFound):
        mix_download(reader, [StemLevel(stem="banjo")], parse_format("wav"))


@pytest.mark.parametrize("wrong", [{"gain_db": 24.5}, {"gain_db": -61}, {"pan": 1.1}])
def test_levels_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidOption):
        StemLevel(stem="a", **wrong)
