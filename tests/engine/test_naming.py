from pathlib import PurePosixPath

import pytest

from stemhouse.engine.naming import (
    DEFAULT_TEMPLATE,
    MAX_COMPONENT_BYTES,
    NameFields,
    bind_template,
    check_template,
    collision_key,
    output_paths,
    song_name,
)
from stemhouse.engine.safe_text import safe_text, shorten
from stemhouse.errors import InvalidOption

TAGS = {"artist": "Nina", "title": "Sun", "album": "Live", "track": "3/12"}
FAMILY = "👨\u200d👩\u200d👧"


def name(template: str, **fields: object) -> str:
    given = {"song": "Song", "ext": "wav", "model": "m", "quality": "fast", **fields}
    return str(output_paths(template, NameFields(**given), ["vocals"])["vocals"])  # type: ignore[arg-type]


def test_the_default_puts_the_stems_of_a_song_into_one_folder():
    paths = output_paths(
        DEFAULT_TEMPLATE, NameFields(song="Song", ext="wav"), ["vocals", "accompaniment"]
    )

    assert paths == {
        "vocals": PurePosixPath("Song/vocals.wav"),
        "accompaniment": PurePosixPath("Song/accompaniment.wav"),
    }


def test_every_field_is_filled():
    template = (
        "{artist}/{album}/{folder}/{index}-{track} {title} {song} {stem} {model} {quality}.{ext}"
    )

    result = name(template, tags=TAGS, index="07", folder="cd1/side a")

    assert result == "Nina/Live/cd1/side a/07-03 Sun Song vocals m fast.wav"


def test_missing_tags_have_a_text_of_their_own():
    assert name("{artist}/{album}/{track} {title}-{stem}.{ext}") == (
        "Unknown artist/Unknown album/00 Song-vocals.wav"
    )


def test_an_empty_folder_leaves_no_trace():
    assert name("{folder}/{song}/{stem}.{ext}") == "Song/vocals.wav"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AC/DC", "AC_DC"),
        ("a\\b", "a_b"),
        ("..", "_"),
        ("../../etc/passwd", "__.._etc_passwd"),
        (".hidden", "_hidden"),
        ("nul\0byte", "nul_byte"),
        ("line\nbreak\ttab", "line break tab"),
        ('what? <now> | "then": *', "what_ _now_ _ _then__ _"),
        ("dots...", "dots"),
        ("spaces   ", "spaces"),
        ("evil\u202egpj.exe", "evilgpj.exe"),
        ("bytes\udcff", "bytes_"),
        ("Beyonce\u0301", "Beyoncé"),
        ("日本語 🎸 " + FAMILY, "日本語 🎸 " + FAMILY),
        ("", ""),
    ],
)
def test_text_from_outside_is_made_harmless(text: str, expected: str):
    assert safe_text(text) == expected


@pytest.mark.parametrize("hostile", ["..", ".", "/", "../..", "\\..\\", "\0", "...", " ", ""])
@pytest.mark.parametrize("template", ["{title}/{stem}.{ext}", "{artist}/{title}/{song}.{ext}"])
def test_tags_cannot_leave_the_output_folder(template: str, hostile: str):
    fields = NameFields(song=hostile, ext="wav", tags={"title": hostile, "artist": hostile})

    path = output_paths(template, fields, ["vocals"])["vocals"]

    assert not path.is_absolute()
    assert len(path.parts) == template.count("/") + 1
    assert not {".", "..", ""} & set(path.parts)


@pytest.mark.parametrize("device", ["CON", "nul", "Com1", "LPT9", "aux.old", "com¹", "CONIN$"])
def test_names_that_windows_reserves_are_marked(device: str):
    assert name("{song}/{stem}.{ext}", song=device) == f"_{device}/vocals.wav"


@pytest.mark.parametrize("harmless", ["CONcert", "COM", "console", "COM10"])
def test_names_that_only_look_reserved_stay(harmless: str):
    assert name("{song}/{stem}.{ext}", song=harmless) == f"{harmless}/vocals.wav"


@pytest.mark.parametrize("letter", ["a", "é", "字", "🎸", FAMILY, "👍🏽", "🇩🇪", "e\u0323\u0302"])
@pytest.mark.parametrize("template", [DEFAULT_TEMPLATE, "{artist} - {song} - {stem}.{ext}"])
def test_long_names_are_cut_at_the_song_and_keep_stem_and_extension(template: str, letter: str):
    result = name(template, song=letter * 400, tags={"artist": letter * 300})

    assert result.endswith("vocals.wav")
    assert all(len(part.encode()) <= MAX_COMPONENT_BYTES for part in result.split("/"))


def test_a_name_that_fits_is_not_cut():
    song = "字" * (MAX_COMPONENT_BYTES // 3)

    assert name(DEFAULT_TEMPLATE, song=song) == f"{song}/vocals.wav"


@pytest.mark.parametrize("whole", [FAMILY, "👍🏽", "e\u0323\u0302", "❤\ufe0f"])
def test_a_cut_never_divides_what_is_seen_as_one_character(whole: str):
    for size in range(3, len(whole.encode()) + 3):
        cut = shorten("abc" + whole, size)

        assert cut == ("abc" + whole if size == len(whole.encode()) + 3 else "abc")


def test_text_without_any_boundary_is_cut_all_the_same():
    cut = shorten("a" + "\u0301" * 300, 20)

    assert 0 < len(cut.encode()) <= 20


@pytest.mark.parametrize(
    "template",
    [
        "",
        "/etc/{stem}.{ext}",
        "../{stem}.{ext}",
        "a/../{stem}.{ext}",
        "{stem}/",
        "{stem.__class__}.{ext}",
        "{stem!r}.{ext}",
        "{stem:>10}.{ext}",
        "{name}.{ext}",
        "{}.{ext}",
        "{0}.{ext}",
        "{stem.{ext}",
        "{stem}}.{ext}",
        "C:{stem}.{ext}",
        "a\\{stem}.{ext}",
        "what?{stem}.{ext}",
    ],
)
def test_templates_that_cannot_work_are_refused(template: str):
    with pytest.raises(InvalidOption, match="template"):
        check_template(template)


@pytest.mark.parametrize("template", ["{song}-{stem}", "{stem}.mp3", "{stem}.{ext}/x"])
def test_a_template_must_end_in_the_extension(template: str):
    with pytest.raises(InvalidOption, match=r"end the template in '\.\{ext\}'"):
        name(template)


def test_a_template_must_tell_the_stems_apart():
    with pytest.raises(InvalidOption, match=r"put \{stem\} into it"):
        output_paths("{song}.{ext}", NameFields(song="a", ext="wav"), ["vocals", "other"])


def test_one_stem_needs_no_stem_in_the_template():
    assert name("{song}.{ext}") == "Song.wav"


def test_a_written_extension_is_as_good():
    assert name("{song} {stem}.WAV") == "Song vocals.WAV"


def test_doubled_braces_are_braces():
    assert name("{{{song}}} {stem}.{ext}") == "{Song} vocals.wav"


def test_bound_fields_stay_text_whatever_they_hold():
    bound = bind_template("{folder}/{index} {stem}.{ext}", index="{x}", folder="a/{stem}/../b")

    assert name(bound) == "a/{stem}/_/b/{x} vocals.wav"


def test_a_long_bound_name_leaves_room_for_the_rest():
    bound = bind_template("{artist} - {song} - {stem}.{ext}", song="é" * 400)

    result = name(bound, tags={"artist": "字" * 200})

    assert result.endswith("é - vocals.wav")
    assert len(result.encode()) <= MAX_COMPONENT_BYTES


def test_check_says_which_fields_are_used():
    assert check_template("{artist}/{song}-{stem}.{ext}") == {"artist", "song", "stem", "ext"}


@pytest.mark.parametrize(
    ("first", "second"), [("Song", "song"), ("Caf\u00e9", "Cafe\u0301"), ("STRASSE", "straße")]
)
def test_names_that_some_file_systems_confuse_share_a_key(first: str, second: str):
    assert collision_key(first) == collision_key(second)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("/music/Song.mp3", "Song"),
        ("C:\\music\\Song.m4a", "Song"),
        ("Song.live.flac", "Song.live"),
        ("Mr. Smith", "Mr. Smith"),
        ("Vol.2", "Vol.2"),
        (".mp3", ".mp3"),
        ("🎸.opus", "🎸"),
        ("Song", "Song"),
    ],
)
def test_a_song_is_named_after_its_file(name: str, expected: str):
    assert song_name(name) == expected
