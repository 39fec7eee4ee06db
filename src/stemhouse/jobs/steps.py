"""What a domain hands in so that its jobs run: the three steps, and how a run is told to stop."""

from __future__ import annotations

import threading
from typing import Any, Protocol


class Abandoned(BaseException):
    """The process must let go of a job without deciding anything: somebody else runs it.

    Not an `Exception`, so that neither a step nor the queue records it as the job's outcome.
    """


class Incarnation:
    """One life of a worker under one executor's name. A zombie that wakes up begins another."""

    def __init__(self, executor_id: str) -> None:
        self.executor_id = executor_id
        self._over = threading.Event()

    @property
    def over(self) -> bool:
        """Whether what runs under this name must be let go of."""
        return self._over.is_set()

    def end(self) -> None:
        """Let go of everything."""
        self._over.set()

    def wait(self, seconds: float) -> None:
        """Wait, but not beyond the end.

        Raises
        ------
        Abandoned
            It is over.
        """
        if self._over.wait(seconds):
            raise Abandoned

    def check(self) -> None:
        """Raise `Abandoned` if it is over."""
        if self.over:
            raise Abandoned


class JobSteps(Protocol):
    """The work of a job. Every step may run again after a crash and must then do no harm.

    A step answers with JSON that the following ones receive; ``{"go": False}`` ends the job. A
    step decides on expected errors itself; what it raises is a fault of ours, given to `fail`.
    """

    def probe(self, job_id: str, incarnation: Incarnation) -> dict[str, Any]:
        """Look whether there is anything to do."""
        ...

    def separate(self, job_id: str, incarnation: Incarnation) -> dict[str, Any]:
        """Do the long part."""
        ...

    def finish(
        self, job_id: str, separated: dict[str, Any], incarnation: Incarnation
    ) -> dict[str, Any]:
        """Publish the result, all of it at once."""
        ...

    def fail(self, job_id: str) -> None:
        """End a job that met a fault of ours, with a code and without a story."""
        ...

    def sweep(self, ended_jobs: EndedJobs) -> None:
        """Look for jobs that nobody runs. Called now and then by every worker."""
        ...

    def close(self) -> None:
        """Let go of child processes."""
        ...


class EndedJobs(Protocol):
    """Which of some jobs the queue will never run again."""

    def __call__(self, job_ids: list[str]) -> set[str]:
        """Return those that are over in the queue, or unknown to it."""
        ...
