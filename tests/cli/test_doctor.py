import json
import subprocess
import sys
from pathlib import Path

import pytest

from stemhouse.cli.main import run

TINY = Path(__file__).resolve().parent.parent / "data" / "tiny-2stems"


def test_a_sound_installation_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    code = run(["doctor", "--models-dir", str(tmp_path), "--model", str(TINY), "--json"])

    report = json.loads(capsys.readouterr().out)
    found = {check["name"]: check for check in report["checks"]}
    assert code == 0
    assert report["healthy"]
    assert set(found) == {
        "system",
        "packages",
        "runtime",
        "weights",
        "storage",
        "formats",
        "speed",
    }
    assert {"numpy", "openvino", "libavcodec", "libsndfile"} <= set(found["packages"]["facts"])
    assert found["runtime"]["facts"]["provider"] == "openvino"
    assert found["storage"]["facts"]["free_bytes"] > 0
    assert found["speed"]["facts"]["times_real_time"] > 0
    assert found["formats"]["facts"]["missing_decoders"] == []


def test_missing_weights_are_a_warning_with_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    code = run(["doctor", "--models-dir", str(tmp_path)])

    said = capsys.readouterr().out
    assert code == 0
    assert "warning  weights    spleeter-2stems: not installed" in said
    assert "mend: stemhouse models pull spleeter-2stems" in said


def test_wrong_weights_are_a_problem_with_the_mend(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = tmp_path / "spleeter-2stems"
    folder.mkdir()
    for name in ("model.index", "model.data-00000-of-00001"):
        (folder / name).write_bytes(b"wrong")

    code = run(["doctor", "--models-dir", str(tmp_path), "--quick"])

    said = capsys.readouterr().out
    assert code == 4
    assert "problem  weights" in said
    assert "mend: stemhouse models remove spleeter-2stems" in said


def test_a_cache_that_is_no_folder_is_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "file").write_bytes(b"x")

    code = run(["doctor", "--models-dir", str(tmp_path / "file"), "--quick"])

    assert code == 6
    assert "cannot be written to" in capsys.readouterr().out


def test_an_unknown_model_is_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    code = run(["doctor", "--models-dir", str(tmp_path), "--model", "nope", "--quick"])

    assert code == 4
    assert "there is no model 'nope'" in capsys.readouterr().out


def test_nothing_is_reported_to_anybody(tmp_path: Path):
    program = (
        "import sys\n"
        "from stemhouse.cli.main import run\n"
        "code = run(['doctor', '--quick', '--models-dir', sys.argv[1], '--json'])\n"
        "told = [name for name in sys.modules if name.startswith('openvino_telemetry')]\n"
        "print(told, 'openvino' in sys.modules, file=sys.stderr)\n"
    )

    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, timeout=120
    )

    assert result.stderr.splitlines()[-1] == "[] True"
