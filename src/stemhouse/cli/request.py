"""What ``stemhouse separate`` does once it is understood what was typed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from stemhouse.cli.batch import TEMPORARY, Work, call_interruptibly, run_batch
from stemhouse.cli.console import Reporter, explain_fault
from stemhouse.cli.early import EarlyStart
from stemhouse.cli.errors import ExitCode, batch_exit_code, exit_code, one_line, printable
from stemhouse.cli.model_choice import choose_card, choose_model
from stemhouse.cli.outcome import Outcome, Summary
from stemhouse.cli.plan import Existing, Naming, Plan, make_plan
from stemhouse.cli.signals import Interrupts
from stemhouse.cli.songs import find_songs
from stemhouse.engine.catalogue import ModelCard
from stemhouse.engine.codec import OutputFormat
from stemhouse.engine.options import RESIDUAL, Options
from stemhouse.engine.output import Output
from stemhouse.engine.runtime.options import RuntimeOptions
from stemhouse.engine.separator import Separator
from stemhouse.engine.weights import FetchCallback, FetchProgress, ModelStore

STALE_AFTER_S = 3600.0
"""Age in seconds at which a temporary file, not written to since, is what a killed run left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Everything that was typed."""

    songs: list[str]
    output: Path
    template: str
    existing: Existing
    model: str
    models_dir: Path | None
    options: Options
    runtime: RuntimeOptions
    format: OutputFormat
    tags: bool
    jobs: int
    offline: bool
    early: EarlyStart | None = None


def run_request(
    request: Request, reporter: Reporter, interrupts: Interrupts, *, verbose: bool
) -> int:
    """Do what was asked for and return the exit code; raise what stops everything."""
    card = choose_card(request.model)
    plan = call_interruptibly(lambda: _plan(request, card), interrupts)
    work = partial(_work, request)
    return run_plan(plan, work, reporter, interrupts, directory=request.output, verbose=verbose)


def run_plan(
    plan: Plan,
    work: Callable[[Plan, Reporter, Interrupts], list[Outcome]],
    reporter: Reporter,
    interrupts: Interrupts,
    *,
    directory: Path,
    verbose: bool,
) -> int:
    """Do what is planned, tell what became of it and return the exit code."""
    began = time.monotonic()
    outcomes = [
        Outcome(song=song, status="skipped", reason=reason) for song, reason in plan.skipped
    ]
    outcomes += [Outcome(song=song, status="failed", error=error) for song, error in plan.failed]
    ignored = [(path.name, reason) for path, reason in plan.ignored]
    _tell_skipped(ignored + [(song.shown, why) for song, why in plan.skipped], reporter)
    reporter.begin(len(plan.tasks))
    for outcome in outcomes:
        reporter.finished(outcome)
    if plan.tasks:
        _remove_stale(plan)
        outcomes += work(plan, reporter, interrupts)
    _explain_faults(outcomes, verbose=verbose)
    code = _code(outcomes, interrupts)
    summary = Summary(
        outcomes=outcomes,
        wall_s=time.monotonic() - began,
        directory=str(directory),
        exit_code=code,
    )
    reporter.end(summary)
    return code


def _plan(request: Request, card: ModelCard) -> Plan:
    naming = Naming(
        directory=request.output,
        template=request.template,
        extension=request.format.extension,
        stems=_written(request.options, card),
        model=card.name,
        quality=request.options.quality,
        existing=request.existing,
    )
    found = find_songs(request.songs, request.output)
    plan = make_plan(found.songs, naming)
    plan.ignored = found.skipped
    return plan


def _work(
    request: Request, plan: Plan, reporter: Reporter, interrupts: Interrupts
) -> list[Outcome]:
    def fetching(progress: FetchProgress) -> None:
        share = progress.done_bytes / progress.total_bytes if progress.total_bytes else None
        reporter.working(f"fetching {progress.file_name}", share)

    reporter.working("loading the model")
    separator = call_interruptibly(partial(_loaded, request, fetching), interrupts)
    output = Output(
        format=request.format,
        overwrite=request.existing != "refuse",
        carry_tags=request.tags,
    )
    work = Work(
        separator=separator,
        options=request.options,
        output=output,
        directory=request.output,
        jobs=min(request.jobs, len(plan.tasks)),
    )
    outcomes = []
    try:
        for outcome in run_batch(plan.tasks, work, reporter, interrupts):
            outcomes.append(outcome)
            reporter.finished(outcome)
    finally:
        separator.close()
    return outcomes


def _loaded(request: Request, fetching: FetchCallback) -> Separator:
    quality = request.options.quality
    if request.early is not None:
        early = request.early.take(request.model, request.models_dir, request.runtime, quality)
        if early is not None:
            return Separator.of(early)
    separator = Separator(
        choose_model(request.model),
        runtime=request.runtime,
        store=ModelStore(request.models_dir),
        allow_download=not request.offline,
    )
    return separator.load(quality, progress=fetching)


def _tell_skipped(skipped: list[tuple[str, str]], reporter: Reporter) -> None:
    """Say what was left out: a line for each reason, with the first names."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in skipped:
        by_reason.setdefault(reason, []).append(printable(name))
    for reason, names in by_reason.items():
        shown = ", ".join(names[:5])
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        reporter.note(f"skipped: {shown}{more} ({reason})")


def _explain_faults(outcomes: list[Outcome], *, verbose: bool) -> None:
    for outcome in outcomes:
        if outcome.error is not None and exit_code(outcome.error) is ExitCode.INTERNAL:
            explain_fault(outcome.error, verbose=verbose)


def _code(outcomes: list[Outcome], interrupts: Interrupts) -> int:
    if interrupts.signal is not None:
        return interrupts.exit_code
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    tried = sum(outcome.status != "skipped" for outcome in outcomes)
    return batch_exit_code([exit_code(error) for error in errors], tried)


def _remove_stale(plan: Plan) -> None:
    """Remove what a killed run left half written in the folders that are written to now."""
    now = time.time()
    for folder in {target.parent for task in plan.tasks for target in task.targets}:
        for path in folder.glob(TEMPORARY):
            try:
                if now - path.stat().st_mtime > STALE_AFTER_S:
                    path.unlink()
            except OSError as error:
                logging.getLogger(__name__).info("cannot remove %s: %s", path, one_line(error))


def _written(options: Options, card: ModelCard) -> tuple[str, ...]:
    """Names of the files that each song will give."""
    return (*options.stems_of(card), *([RESIDUAL] if options.residual else []))
