"""Looking into a file that a stranger sent, in a child process that can do no harm.

The child gets the open file and nothing else: no secrets in its environment, no right to write
files, little memory and little time. What it says is data, checked here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import BinaryIO, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stemhouse import errors
from stemhouse.errors import CorruptAudio, InputError, ResourceError, UnsupportedAudio

WALL_FACTOR: Final = 3.0
"""Longest wait for the child, as a multiple of its CPU time: the machine may be busy."""

_KNOWN_REFUSALS: Final = {
    kind.code: kind
    for kind in (
        errors.UnsupportedAudio,
        errors.CorruptAudio,
        errors.EmptyAudio,
        errors.AudioTooLong,
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamineLimits:
    """What the child may use.

    Attributes
    ----------
    max_duration_s : float
        Longest song, in seconds.
    memory_bytes : int
        Memory of the child.
    cpu_s : float
        CPU time of the child, in seconds.
    """

    max_duration_s: float
    memory_bytes: int = 1024**3
    cpu_s: float = 30.0


class Findings(BaseModel):
    """What the file is."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    container: str = Field(max_length=64)
    codec: str = Field(max_length=64)
    sample_rate: int = Field(ge=1, le=1_000_000)
    channels: int = Field(ge=1, le=64)
    length_samples: int = Field(ge=1)
    tags: dict[str, str]

    @property
    def duration_s(self) -> float:
        """Length in seconds, exact to the sample."""
        return self.length_samples / self.sample_rate


def examine(file: BinaryIO, limits: ExamineLimits) -> Findings:
    """Decode a file to its end in a child process and say what it is.

    Parameters
    ----------
    file : BinaryIO
        A file of the operating system, such as a temporary one, with all of the upload.
    limits : ExamineLimits
        What the child may use.

    Raises
    ------
    UnsupportedAudio
        Not audio, or it takes more than the limits (``details["reason"]`` is then ``limits``).
    CorruptAudio
        Damaged or cut off; also where it brings the decoder down.
    EmptyAudio, AudioTooLong
        No sound, or more of it than the plan allows.
    ResourceError
        The child could not be run: nothing is known about the file.
    """
    file.flush()
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    try:
        done = subprocess.run(
            _command(limits),
            stdin=file,
            capture_output=True,
            env=_environment(),
            timeout=limits.cpu_s * WALL_FACTOR,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _beyond_limits() from error
    except OSError as error:
        raise ResourceError("the upload cannot be examined now; try again later") from error
    return _judge(done.returncode, done.stdout)


def _command(limits: ExamineLimits) -> list[str]:
    # -s: no packages of the user; -B: nothing is written beside the modules.
    return [
        *(sys.executable, "-s", "-B", "-m", "stemhouse.domains.uploads.examiner"),
        *(str(limits.memory_bytes), str(limits.cpu_s), str(limits.max_duration_s)),
    ]


def _environment() -> dict[str, str]:
    # Not ours: it holds secrets. More than one thread would count against the limits.
    return {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


def _judge(code: int, said: bytes) -> Findings:
    if code in (-9, -24):  # SIGKILL: the hard limit or the system; SIGXCPU: the time
        raise _beyond_limits()
    if code < 0:
        raise CorruptAudio("the file brings its decoder down; export it again", reason="crash")
    try:
        answer = json.loads(said)
        if "findings" in answer:
            return Findings.model_validate(answer["findings"])
        raise _refusal(answer["refusal"])
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise ResourceError("the upload cannot be examined now; try again later") from error


def _refusal(answer: dict[str, str]) -> InputError:
    if answer["code"] == "limits":
        return _beyond_limits()
    kind = _KNOWN_REFUSALS.get(answer["code"], UnsupportedAudio)
    return kind(str(answer["message"]))


def _beyond_limits() -> UnsupportedAudio:
    return UnsupportedAudio(
        "reading this file takes more memory or time than is allowed; convert it to WAV, FLAC "
        "or MP3 first",
        reason="limits",
    )
