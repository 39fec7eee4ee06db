import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from stemhouse import errors
from stemhouse.cli.app import app
from stemhouse.cli.errors import ExitCode, batch_exit_code, error_code, exit_code, one_line

PROMISED = {
    errors.InvalidOption: 2,
    errors.SourceNotFound: 3,
    errors.UnsupportedAudio: 3,
    errors.CorruptAudio: 3,
    errors.EmptyAudio: 3,
    errors.AudioTooLong: 3,
    errors.ModelNotFound: 4,
    errors.ModelChecksumMismatch: 4,
    errors.ModelIncompatible: 4,
    errors.ModelDownloadFailed: 4,
    errors.RuntimeUnavailable: 4,
    errors.SeparationFailed: 4,
    errors.OutOfMemory: 5,
    errors.DiskFull: 5,
    errors.DeviceLost: 5,
    errors.Timeout: 5,
    errors.OutputExists: 6,
    errors.OutputNotWritable: 6,
    errors.Cancelled: 130,
}


@pytest.mark.parametrize(("kind", "code"), PROMISED.items())
def test_exit_codes_are_as_promised(kind: type[errors.StemhouseError], code: int):
    assert exit_code(kind("text")) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError("x"), 1),
        (MemoryError(), 5),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 141),
    ],
)
def test_errors_of_python_have_exit_codes_too(error: BaseException, code: int):
    assert exit_code(error) == code


def test_no_error_of_the_engine_counts_as_a_fault():
    kinds = [errors.InputError, errors.ModelError, errors.ResourceError, errors.Cancelled]

    leaves = [leaf for kind in kinds for leaf in [kind, *kind.__subclasses__()]]

    assert all(exit_code(leaf("x")) is not ExitCode.INTERNAL for leaf in leaves)


def test_an_error_is_one_line_without_control_characters():
    error = errors.CorruptAudio("a\nb\x1b[31m\x07 \udcff is damaged")

    line = one_line(error)

    assert line == "a b\\x1b[31m\\x07 \\udcff is damaged"


def test_names_keep_their_letters_and_emoji():
    assert one_line(errors.CorruptAudio("Ärger 日本 👨‍👩‍👧")) == "Ärger 日本 👨‍👩‍👧"


def test_a_fault_says_that_it_is_one():
    assert one_line(KeyError("x")) == "internal error: KeyError: 'x'"
    assert error_code(KeyError("x")) == "internal_error"


def test_programs_get_the_code_of_the_tree():
    assert error_code(errors.DiskFull("x")) == "disk_full"
    assert error_code(MemoryError()) == "out_of_memory"


@pytest.mark.parametrize(
    ("codes", "songs", "expected"),
    [
        ([], 3, 0),
        ([ExitCode.INPUT], 1, 3),
        ([ExitCode.INPUT], 3, 7),
        ([ExitCode.INPUT] * 3, 3, 3),
        ([ExitCode.INPUT, ExitCode.MODEL], 2, 7),
    ],
)
def test_a_batch_has_the_code_its_songs_share_or_that_of_partial_failure(
    codes: list[ExitCode], songs: int, expected: int
):
    assert batch_exit_code(codes, songs) == expected


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stemhouse", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["separate"], "Missing argument 'SONG...'"),
        (["nonsense"], "No such command 'nonsense'"),
        (["separate", "a.mp3", "--nonsense"], "No such option: --nonsense"),
        (["separate", "a.mp3", "--jobs", "0"], "--jobs"),
        (["separate", "a.mp3", "--jobs", "many"], "--jobs"),
        (["separate", "a.mp3", "-o"], "-o"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(arguments: list[str], said: str):
    result = run(*arguments)

    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_version_is_printed():
    result = run("--version")

    assert result.returncode == 0
    assert result.stdout.startswith("stemhouse ")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["separate", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]):
    code = (
        "import sys; from stemhouse.cli.main import run; run(sys.argv[1:]);"
        "print(*sys.modules, file=sys.stderr)"
    )

    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120
    )

    assert result.returncode == 0
    assert not {"numpy", "scipy", "openvino", "av", "soxr"} & set(result.stderr.split())


def test_no_help_is_swallowed_as_markup():
    # Rich reads [words] as a style and prints nothing: defaults belong into show_default.
    def helps(command: Any) -> Iterator[str]:
        yield command.help or ""
        for parameter in command.params:
            yield getattr(parameter, "help", None) or ""
        for below in getattr(command, "commands", {}).values():
            yield from helps(below)

    texts = list(helps(typer.main.get_command(app)))

    assert len(texts) > 100
    assert [text for text in texts if "[" in text] == []
