"""What ``stemhouse remote separate`` does once it is understood what was typed."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from stemhouse.cli.batch import Work, call_interruptibly, run_batch
from stemhouse.cli.console import Reporter
from stemhouse.cli.outcome import Outcome
from stemhouse.cli.plan import Existing, Naming, Plan, Task, make_plan
from stemhouse.cli.request import run_plan
from stemhouse.cli.signals import Interrupts
from stemhouse.cli.songs import STDIN, find_songs
from stemhouse.client import Client, Job, Model
from stemhouse.engine.codec import OutputFormat
from stemhouse.engine.notices import Notice
from stemhouse.engine.options import RESIDUAL, Options
from stemhouse.engine.output import Output
from stemhouse.engine.progress import CancelToken, Progress, ProgressCallback
from stemhouse.errors import InvalidOption, ModelNotFound, StemhouseError

if TYPE_CHECKING:
    from stemhouse.cli.batch import FileSeparator

_RATE = 44_100  # only for showing samples as time


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteRequest:
    """Everything that was typed."""

    server: str
    key: str
    songs: list[str]
    output: Path
    template: str
    existing: Existing
    model: str | None
    options: Options
    format: OutputFormat
    format_name: str
    jobs: int


@dataclass(frozen=True, slots=True)
class RemoteSeparation:
    """What became of a song on the server."""

    job: Job
    files: Mapping[str, Path]

    @property
    def stems(self) -> Sequence[str]:
        return list(self.files)

    @property
    def duration_s(self) -> float:
        return self.job.song.duration_s

    @property
    def notices(self) -> Sequence[Notice]:
        told = self.job.result.notices if self.job.result is not None else []
        return [Notice(one["code"], one["message"], one.get("details", {})) for one in told]

    def as_dict(self) -> dict[str, Any]:
        files = {stem: str(path) for stem, path in self.files.items()}
        return {**self.job.model_dump(mode="json"), "files": files}


class RemoteSeparator:
    """Separates songs by a server: sends each, waits for it and fetches its stems.

    Parameters
    ----------
    client : Client
        Talks to the server.
    model : str
        The model's name there.
    targets : Mapping
        The files that each song gives, by stem.
    format_name : str
        Format of the files, as it was typed.
    """

    def __init__(
        self,
        client: Client,
        model: str,
        targets: Mapping[Path, Mapping[str, Path]],
        format_name: str,
    ) -> None:
        self._client = client
        self._model = model
        self._targets = targets
        self._format_name = format_name

    def separate_to_files(
        self,
        source: Path | BinaryIO,
        directory: Path,  # noqa: ARG002 - the plan has the whole names
        options: Options | None = None,
        output: Output | None = None,  # noqa: ARG002
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> RemoteSeparation:
        """Separate one song."""
        options, cancel = options or Options(), cancel or CancelToken()
        job = self._separate(source, options, partial(_tell, progress, cancel), cancel)
        targets = self._targets[source if isinstance(source, Path) else STDIN]
        files = {}
        for stem in job.stems_or_raise():
            files[stem.name] = self._client.download_stem(
                job.id,
                stem.name,
                targets[stem.name],
                format=self._format_name,
                received=lambda _done, _total: cancel.raise_if_cancelled(),
            )
        return RemoteSeparation(job, files)

    def _separate(
        self,
        source: Path | BinaryIO,
        options: Options,
        tell: Callable[[float, Job], None],
        cancel: CancelToken,
    ) -> Job:
        with _seekable(source) as song:
            upload = self._client.upload(
                song,
                name="stdin" if source is not song else None,
                sent=lambda _done, _total: cancel.raise_if_cancelled(),
            )
        job = self._client.create_job(
            upload.id,
            model=self._model,
            stems=options.stems,
            residual=options.residual,
            quality=options.quality,
        )
        began = time.monotonic()
        try:
            return self._client.wait(job.id, watch=partial(tell, began))
        except BaseException:
            self._stop(job.id)
            raise

    def _stop(self, job_id: str) -> None:
        """Let the server do nothing that nobody waits for."""
        try:
            self._client.cancel_job(job_id)
        except StemhouseError:
            # It has ended, or the server is away: what stopped the waiting says more.
            return


def run_remote_request(
    request: RemoteRequest, reporter: Reporter, interrupts: Interrupts, *, verbose: bool
) -> int:
    """Do what was asked for and return the exit code; raise what stops everything."""
    with Client(request.server, request.key) as client:
        model = call_interruptibly(lambda: _choose(client.models(), request.model), interrupts)
        stems = _written(request.options, model)
        plan = call_interruptibly(lambda: _plan(request, model, stems), interrupts)

        def work(plan: Plan, reporter: Reporter, interrupts: Interrupts) -> list[Outcome]:
            separator = RemoteSeparator(
                client, model.name, _targets(plan.tasks, stems), request.format_name
            )
            return _work(request, separator, plan, (reporter, interrupts))

        return run_plan(plan, work, reporter, interrupts, directory=request.output, verbose=verbose)


def _work(
    request: RemoteRequest,
    separator: FileSeparator,
    plan: Plan,
    told: tuple[Reporter, Interrupts],
) -> list[Outcome]:
    reporter, interrupts = told
    work = Work(
        separator=separator,
        options=request.options,
        output=Output(format=request.format, overwrite=request.existing != "refuse"),
        directory=request.output,
        jobs=min(request.jobs, len(plan.tasks)),
    )
    outcomes = []
    for outcome in run_batch(plan.tasks, work, reporter, interrupts):
        outcomes.append(outcome)
        reporter.finished(outcome)
    return outcomes


def _plan(request: RemoteRequest, model: Model, stems: tuple[str, ...]) -> Plan:
    naming = Naming(
        directory=request.output,
        template=request.template,
        extension=request.format.extension,
        stems=stems,
        model=model.name,
        quality=request.options.quality,
        existing=request.existing,
    )
    found = find_songs(request.songs, request.output)
    plan = make_plan(found.songs, naming)
    plan.ignored = found.skipped
    return plan


def _choose(models: Sequence[Model], wanted: str | None) -> Model:
    for model in models:
        if model.name == wanted or (wanted is None and model.usual):
            return model
    names = ", ".join(model.name for model in models) or "none"
    what = f"no model {wanted!r}" if wanted else "no usual model"
    raise ModelNotFound(f"the server has {what}: choose one with --model ({names})")


def _written(options: Options, model: Model) -> tuple[str, ...]:
    """Names of the files that each song will give."""
    unknown = [stem for stem in options.stems or () if stem not in model.stems]
    if unknown:
        raise InvalidOption(
            f"{model.name} has no stem {unknown[0]!r}; it has {', '.join(model.stems)}"
        )
    wanted = [stem for stem in model.stems if options.stems is None or stem in options.stems]
    return (*wanted, *([RESIDUAL] if options.residual else []))


def _targets(tasks: Sequence[Task], stems: Sequence[str]) -> dict[Path, dict[str, Path]]:
    return {task.song.path: dict(zip(stems, task.targets, strict=True)) for task in tasks}


def _tell(progress: ProgressCallback | None, cancel: CancelToken, began: float, job: Job) -> None:
    cancel.raise_if_cancelled()
    if progress is None or job.progress is None:
        return
    progress(
        Progress(
            done_samples=job.progress.done_samples,
            total_samples=job.progress.total_samples,
            elapsed_s=time.monotonic() - began,
            sample_rate=_RATE,
        )
    )


@contextmanager
def _seekable(source: Path | BinaryIO) -> Iterator[Path | BinaryIO]:
    """Keep what comes through a pipe in a file: its length must be told before it is sent."""
    if isinstance(source, Path):
        yield source
        return
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(source, file)
        yield file
