"""Looking into a file that a stranger sent, in a child process that can do no harm.

The child gets the open file and nothing else: no secrets in its environment, no right to write
files, little memory and little time. What it says is data, checked here.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
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


class Examiner:
    """Examines files, each in a child process of its own.

    The next child is started while nobody waits: it has loaded its libraries and knows nothing
    yet when a file comes. Call `close` at the end.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spare: _Child | None = None
        self._closed = False

    def examine(self, file: BinaryIO, limits: ExamineLimits) -> Findings:
        """Decode a file to its end and say what it is.

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
            with self._take() as child:
                code, said = child.examine(file, limits)
            self._prepare()
        except subprocess.TimeoutExpired as error:
            raise _beyond_limits() from error
        except OSError as error:
            raise ResourceError("the upload cannot be examined now; try again later") from error
        return _judge(code, said)

    def close(self) -> None:
        """End the child that waits."""
        with self._lock:
            self._closed = True
            spare, self._spare = self._spare, None
        if spare is not None:
            spare.end()

    @contextmanager
    def _take(self) -> Iterator[_Child]:
        with self._lock:
            child, self._spare = self._spare, None
        if child is not None and not child.waits():
            child.end()  # the system ended it meanwhile
            child = None
        child = child or _Child()
        try:
            yield child
        finally:
            child.end()

    def _prepare(self) -> None:
        with self._lock:
            if self._spare is None and not self._closed:
                self._spare = _Child()


class _Child:
    """A process that waits for one file on a socket, its standard input."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                # -s: no packages of the user; -B: nothing is written beside the modules.
                [sys.executable, "-s", "-B", "-m", "stemhouse.domains.uploads.examiner"],
                stdin=theirs.fileno(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
            )

    def waits(self) -> bool:
        return self._process.poll() is None

    def examine(self, file: BinaryIO, limits: ExamineLimits) -> tuple[int, bytes]:
        socket.send_fds(self._ours, [json.dumps(asdict(limits)).encode()], [file.fileno()])
        said, _ = self._process.communicate(timeout=limits.cpu_s * WALL_FACTOR)
        return self._process.returncode, said

    def end(self) -> None:
        self._ours.close()
        self._process.kill()
        self._process.communicate()


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
