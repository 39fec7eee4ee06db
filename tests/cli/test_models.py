# `stemhouse models`: what it shows, and that it does to the folder of weights what it says.

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from stemhouse.cli.models import app
from stemhouse.engine.catalogue import load_card
from stemhouse.engine.weights import ModelStore
from stemhouse.errors import (
    ModelChecksumMismatch,
    ModelNotFound,
    SourceNotFound,
    StemhouseError,
)

TINY = Path(__file__).parent.parent / "data" / "tiny-2stems"


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def tiny_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    cards = (load_card(TINY / "card.toml"), load_card(TINY.parent / "tiny-4stems" / "card.toml"))
    monkeypatch.setattr("stemhouse.engine.catalogue.catalogue", lambda: cards)


def run(models_dir: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(
        app, [*arguments, "--models-dir", str(models_dir)], env={"COLUMNS": "120"}
    )
    # What the outermost frame would turn into one line and an exit code.
    if isinstance(result.exception, StemhouseError):
        raise result.exception
    return result


def test_the_list_shows_stems_size_licence_and_whether_it_may_be_sold(models_dir: Path) -> None:
    text = run(models_dir, "list").stdout

    row = next(line for line in text.splitlines() if "spleeter-2stems" in line)
    cells = [cell.strip() for cell in row.strip("│ ").split("│")]
    assert cells == ["spleeter-2stems", "vocals, accompaniment", "no", "78.6 MB", "MIT", "yes"]


def test_the_list_fits_a_narrow_terminal(models_dir: Path) -> None:
    arguments = ["list", "--models-dir", str(models_dir)]

    text = CliRunner().invoke(app, arguments, env={"COLUMNS": "80"}).stdout

    assert "…" not in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_the_list_is_there_for_programs_too(models_dir: Path) -> None:
    listed = json.loads(run(models_dir, "list", "--json").stdout)

    assert [model["name"] for model in listed] == [
        *("spleeter-2stems", "spleeter-4stems", "spleeter-5stems"),
    ]
    assert listed[1]["stems"] == ["vocals", "drums", "bass", "other"]
    assert {model["installed"] for model in listed} == {False}
    assert {model["may_be_sold"] for model in listed} == {True}


def test_info_shows_the_evidence_for_the_licence(models_dir: Path) -> None:
    text = run(models_dir, "info", "2stems").stdout
    facts = json.loads(run(models_dir, "info", "2stems", "--json").stdout)

    assert "https://doi.org/10.21105/joss.02154" in text
    assert facts["licence"] == "MIT"
    assert "MIT license" in facts["licence_evidence"]
    assert facts["folder"] == str(models_dir / "spleeter-2stems")


@pytest.mark.parametrize("command", ["info", "pull", "verify", "remove"])
def test_an_unknown_model_is_an_error_that_lists_the_known_ones(
    models_dir: Path, command: str
) -> None:
    with pytest.raises(ModelNotFound, match="there are: spleeter-2stems"):
        run(models_dir, command, "demucs")


@pytest.mark.usefixtures("tiny_catalogue")
def test_weights_are_added_listed_verified_and_removed(models_dir: Path) -> None:
    added = run(models_dir, "add", "tiny-2stems", "--from", str(TINY))
    listed = json.loads(run(models_dir, "list", "--json").stdout)
    verified = run(models_dir, "verify")
    removed = run(models_dir, "remove", "tiny-2stems")

    assert "tiny-2stems is ready" in added.stdout
    assert [model["installed"] for model in listed] == [True, False]
    assert verified.stdout == "tiny-2stems: ok\n"
    assert "tiny-2stems is removed; 0.2 MB freed" in removed.stdout
    assert not (models_dir / "tiny-2stems").exists()


@pytest.mark.usefixtures("tiny_catalogue")
def test_weights_are_pulled_from_a_mirror(models_dir: Path) -> None:
    result = run(models_dir, "pull", "tiny-2stems", "--mirror", TINY.as_uri())

    assert result.exit_code == 0
    assert ModelStore(models_dir).installed(load_card(TINY / "card.toml"))


@pytest.mark.usefixtures("tiny_catalogue")
def test_verify_checks_all_and_fails_for_the_damaged_one(models_dir: Path) -> None:
    run(models_dir, "add", "tiny-2stems", "--from", str(TINY))
    run(models_dir, "add", "tiny-4stems", "--from", str(TINY.parent / "tiny-4stems"))
    (models_dir / "tiny-2stems" / "model.index").write_bytes(b"damaged")

    result = CliRunner().invoke(app, ["verify", "--models-dir", str(models_dir)])

    assert result.stdout == "tiny-2stems: wrong\ntiny-4stems: ok\n"
    assert isinstance(result.exception, ModelChecksumMismatch)
    assert result.exit_code != 0


def test_verify_without_weights_says_that_there_are_none(models_dir: Path) -> None:
    result = run(models_dir, "verify")

    assert result.stdout == "no weights are installed\n"
    assert result.exit_code == 0


def test_adding_from_nowhere_is_an_error(models_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound):
        run(models_dir, "add", "2stems", "--from", str(tmp_path / "nowhere"))


def test_removing_what_is_not_there_is_an_error(models_dir: Path) -> None:
    with pytest.raises(ModelNotFound, match="stemhouse models pull"):
        run(models_dir, "remove", "2stems")


def test_the_folder_that_the_service_is_given_is_everybodys(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEMHOUSE_MODELS_DIR", str(models_dir))

    result = CliRunner().invoke(app, ["info", "spleeter-2stems", "--json"])

    assert json.loads(result.stdout)["folder"] == str(models_dir / "spleeter-2stems")
