from __future__ import annotations

import pytest

from stemhouse import Options, Output, RuntimeOptions
from stemhouse.engine.codec import parse_format
from stemhouse.errors import InvalidOption


def test_all_stems_in_standard_quality_without_a_limit_is_the_default(card):
    options = Options()

    assert options.stems_of(card) == card.stems
    assert (options.quality, options.residual, options.max_duration_s) == ("standard", False, None)


def test_stems_come_in_manifest_order_however_they_are_asked_for(card):
    options = Options(stems=("accompaniment", "vocals", "accompaniment"))

    assert options.stems_of(card) == ("vocals", "accompaniment")


def test_an_unknown_stem_is_refused_with_the_names_of_those_there_are(card):
    with pytest.raises(InvalidOption, match="it has vocals, accompaniment") as refusal:
        Options(stems=("vocals", "drums")).stems_of(card)

    assert refusal.value.details == {"stem": "drums", "stems": ["vocals", "accompaniment"]}


@pytest.mark.parametrize("stems", [(), "vocals", ["vocals"]])
def test_stems_that_are_no_tuple_of_names_are_refused(stems: object):
    with pytest.raises(InvalidOption, match="tuple"):
        Options(stems=stems)


@pytest.mark.parametrize("quality", ["", "Fast", "better", None])
def test_an_unknown_quality_is_refused_with_the_names_of_those_there_are(quality: object):
    with pytest.raises(InvalidOption, match="fast, standard, best"):
        Options(quality=quality)


@pytest.mark.parametrize("limit", [0, -1.0, float("nan"), float("inf")])
def test_a_limit_that_is_no_duration_is_refused(limit: float):
    with pytest.raises(InvalidOption, match="above 0"):
        Options(max_duration_s=limit)


def test_options_take_keywords_only():
    with pytest.raises(TypeError):
        Options(("vocals",))


def test_options_are_frozen():
    options = Options()

    with pytest.raises(AttributeError):
        options.quality = "fast"


@pytest.mark.parametrize(
    ("name", "value"), [("provider", "tensorflow"), ("device", "gpu"), ("precision", "int8")]
)
def test_an_unknown_runtime_is_refused_with_the_names_of_those_there_are(name: str, value: str):
    with pytest.raises(InvalidOption, match=f"{name} must be one of auto, .* not '{value}'"):
        RuntimeOptions(**{name: value})


@pytest.mark.parametrize("threads", [0, -2, 1.5, "2", True])
def test_threads_that_are_no_count_are_refused(threads: object):
    with pytest.raises(InvalidOption, match="1 or more"):
        RuntimeOptions(threads=threads)


def test_an_output_takes_a_format_or_its_name():
    by_name, parsed = Output(format="flac24"), Output(format=parse_format("flac24"))

    assert by_name.file_format == parsed.file_format


@pytest.mark.parametrize("format", ["xyz", "wav99", 16, None])
def test_an_unknown_format_is_refused(format: object):
    with pytest.raises(InvalidOption):
        Output(format=format)


@pytest.mark.parametrize("template", ["{nonsense}/{stem}.{ext}", "../{stem}.{ext}"])
def test_a_template_with_an_unknown_field_or_out_of_the_folder_is_refused(template: str):
    with pytest.raises(InvalidOption):
        Output(template=template)
