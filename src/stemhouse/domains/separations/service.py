"""What people do with jobs: ask the price, submit, look, cancel, delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from sqlalchemy.orm import Session

from stemhouse.db.ids import new_id
from stemhouse.db.session import Reads
from stemhouse.domains.accounts.plans import Plan
from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.separations import lifecycle, queries
from stemhouse.domains.separations.lifecycle import Change, Move
from stemhouse.domains.separations.offers import choose
from stemhouse.domains.separations.prices import Terms, price_of
from stemhouse.domains.separations.purse import Price, Unit
from stemhouse.domains.separations.states import UNFINISHED
from stemhouse.domains.separations.tables import Job, Result, ResultStem
from stemhouse.domains.separations.wishes import Recipe, Wish
from stemhouse.domains.uploads.discarding import discard
from stemhouse.domains.uploads.service import ReadySong, ready_song
from stemhouse.errors import AudioTooLong, Conflict, NotFound, QuotaExceeded
from stemhouse.jobs.queue import priority
from stemhouse.sites.models import ModelShelf
from stemhouse.sites.schema import Site

_REPEATABLE = frozenset({"failed", "canceled"})

# What a job is given by its own course; the rest is what was wished for.
_OWN_COURSE = frozenset(
    {
        *("id", "state", "price", "last_event", "links_ended", "result_id"),
        *("created_at", "released_at", "started_at", "finished_at", "expires_at"),
        *("attempt", "failures", "runner"),
        *("done_samples", "total_samples", "remaining_s"),
        *("error_code", "error_message", "error_details"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What taking an order needs besides the transaction.

    Attributes
    ----------
    shelf : ModelShelf
        Finds models.
    site : Site
        Says what is sold, and for what.
    buy_url : str or None
        Where the site sells credits; None where it does not.
    """

    shelf: ModelShelf
    site: Site
    buy_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A wish that can be fulfilled, with its price."""

    song: ReadySong
    recipe: Recipe
    recipe_key: str
    price: int
    unit: Unit
    unfinished: int
    """Jobs that the account has waiting and running already."""
    finished: Result | None
    """The result of the same recording with the same settings, if there is one."""


def quote(session: Session, principal: Principal, wish: Wish, desk: Desk) -> Order:
    """Say what a job would cost; refuses what `submit` would refuse, except for credits.

    Raises
    ------
    NotFound
        There is no such upload.
    ModelNotFound, InvalidOption
        The site does not sell that.
    AudioTooLong, QuotaExceeded
        The plan does not allow it.
    """
    song = ready_song(session, principal.site_id, principal.account_id, wish.upload_id)
    recipe = choose(desk.site, desk.shelf, principal.plan, wish)
    _check_length(song, principal.plan)
    key = recipe.key(song)
    finished = session.scalar(queries.result_for(principal.site_id, principal.account_id, key))
    unfinished = _count_unfinished(session, principal)
    if finished is None:
        _check_quota(session, principal, unfinished)
    return Order(
        song=song,
        recipe=recipe,
        recipe_key=key,
        price=0 if finished is not None else price_of(desk.site, recipe, song.duration_s),
        unit=desk.site.unit,
        unfinished=unfinished,
        finished=finished,
    )


def submit(
    change: Change, principal: Principal, wish: Wish, desk: Desk, *, terms: Terms | None = None
) -> Job:
    """Take an order: hold its price and queue it, together or not at all.

    The same recording with the same settings is answered from the finished result, for nothing.

    Raises
    ------
    PriceChanged
        The price is not within the terms.
    StemhouseError
        What `quote` raises, and what the purse does.
    """
    session = change.session
    # Before anything is counted, so that two requests cannot both take the last place.
    session.execute(queries.lock_account(principal.site_id, principal.account_id))
    order = quote(session, principal, wish, desk)
    if terms is not None:
        terms.check(order.price, order.unit)
    job = _new_job(change, principal, order)
    session.add(job)
    session.flush()
    lifecycle.write_event(change, job, "queued", {"price": order.price, "unit": order.unit})
    price = Price(amount=order.price, payer=principal, site=desk.site, buy_url=desk.buy_url)
    change.purse.hold(session, job, price, change.now)
    if order.finished is not None:
        lifecycle.succeed(change, job, order.finished.id)
    else:
        lifecycle.release_waiting(change, job.site_id, job.account_id)
    session.refresh(job)
    return job


def find(session: Session, principal: Principal, job_id: str) -> Job:
    """Return one of the account's jobs.

    Raises
    ------
    NotFound
        There is none; other accounts' are none of theirs.
    """
    return _found(session.scalar(queries.ONE_JOB, _own(principal, job_id)))


def look_up(reads: Reads, principal: Principal, job_id: str) -> Job:
    """Return one of the account's jobs to look at: its row, which cannot be changed.

    Raises
    ------
    NotFound
        As `find`.
    """
    # The row has what the entity has, and to make the entity takes longer than to read the row.
    row = reads.row(queries.ONE_JOB, _own(principal, job_id))
    return _found(cast("Job | None", row))


def _own(principal: Principal, job_id: str) -> dict[str, str]:
    return {"site_id": principal.site_id, "account_id": principal.account_id, "job_id": job_id}


def _found(job: Job | None) -> Job:
    if job is None:
        raise NotFound("there is no such job")
    return job


def rename(session: Session, job: Job, name: str) -> Job:
    """Call a job's song by another name."""
    job.name = name
    session.flush()
    return job


def cancel(change: Change, principal: Principal, job_id: str) -> Job:
    """End a job, now and for good; again changes nothing. A worker that runs it lets go of it.

    Raises
    ------
    Conflict
        It has ended otherwise.
    """
    change.session.execute(queries.lock_account(principal.site_id, principal.account_id))
    return _cancel(change, find(change.session, principal, job_id))


def cancel_job(change: Change, job: Job) -> Job:
    """Stop a job, whoever asks; otherwise like `cancel`."""
    _lock_and_look_again(change, job)
    return _cancel(change, job)


def _cancel(change: Change, job: Job) -> Job:
    if job.state == "canceled":
        return job
    if job.state not in UNFINISHED:
        raise Conflict(f"the job has {job.state} already", state=job.state)
    lifecycle.cancel(change, job)
    change.session.refresh(job)
    return job


def delete(change: Change, principal: Principal, job_id: str) -> None:
    """Remove an ended job, and its stems unless another job shows them too.

    Raises
    ------
    Conflict
        It has not ended: cancel it first.
    """
    change.session.execute(queries.lock_account(principal.site_id, principal.account_id))
    _delete(change, find(change.session, principal, job_id))


def delete_job(change: Change, job: Job) -> None:
    """Remove an ended job, whoever asks; otherwise like `delete`."""
    _lock_and_look_again(change, job)
    _delete(change, job)


def _delete(change: Change, job: Job) -> None:
    if job.state in UNFINISHED:
        raise Conflict("the job has not ended: cancel it first", state=job.state)
    result_id = job.result_id
    change.session.delete(job)
    change.session.flush()
    if result_id is not None:
        remove_unshown(change, result_id)


def _lock_and_look_again(change: Change, job: Job) -> None:
    change.session.execute(queries.lock_account(job.site_id, job.account_id))
    change.session.refresh(job)


def again(change: Change, job: Job) -> Job:
    """Have a failed or cancelled job separated once more, as a new job that costs nothing.

    Raises
    ------
    Conflict
        It has not failed and was not cancelled.
    NotFound
        Its song has been removed.
    """
    session = change.session
    session.execute(queries.lock_account(job.site_id, job.account_id))
    if job.state not in _REPEATABLE:
        raise Conflict(f"the job has not failed: it is {job.state}", state=job.state)
    ready_song(session, job.site_id, job.account_id, job.upload_id)
    wished = {
        column.key: getattr(job, column.key)
        for column in Job.__table__.columns
        if column.key not in _OWN_COURSE
    }
    repeated = Job(
        **wished,
        id=new_id("job"),
        state="queued",
        price=0,
        created_at=change.now,
        attempt=0,
        failures=0,
        done_samples=0,
        last_event=1,
    )
    session.add(repeated)
    session.flush()
    lifecycle.write_event(change, repeated, "queued", {"price": 0, "repeats": job.id})
    lifecycle.release_waiting(change, repeated.site_id, repeated.account_id)
    session.refresh(repeated)
    return repeated


def expire(change: Change, job: Job) -> None:
    """Take its result away from a job whose time is over."""
    result_id = job.result_id
    gone = lifecycle.enter(change, job.id, Move(state="expired", values={"result_id": None}))
    if gone is not None and result_id is not None:
        remove_unshown(change, result_id)


def remove_unshown(change: Change, result_id: str) -> None:
    """Remove a result and its files unless a job still shows it."""
    session = change.session
    if session.scalar(queries.jobs_showing(result_id)) is not None:
        return
    result = session.get(Result, result_id)
    if result is not None:
        discard(session, result.prefix, change.now)
        session.flush()
        session.execute(queries.remove_result(result_id))


def stems_of(session: Session, jobs: Sequence[Job]) -> Mapping[str, list[ResultStem]]:
    """Return the stems of jobs by their result."""
    results = [job.result_id for job in jobs if job.result_id is not None]
    stems: dict[str, list[ResultStem]] = {result: [] for result in results}
    if not results:
        return stems
    for stem in session.scalars(queries.stems_of(results)):
        stems[stem.result_id].append(stem)
    return stems


def _new_job(change: Change, principal: Principal, order: Order) -> Job:
    recipe, plan = order.recipe, principal.plan
    return Job(
        id=new_id("job"),
        site_id=principal.site_id,
        account_id=principal.account_id,
        state="queued",
        upload_id=order.song.upload_id,
        name=order.song.name,
        song_key=order.song.key,
        song_sha256=order.song.sha256,
        duration_s=order.song.duration_s,
        model=recipe.model.card.name,
        stems=None if recipe.stems is None else list(recipe.stems),
        residual=recipe.residual,
        quality=recipe.quality,
        recipe_key=order.recipe_key,
        price=order.price,
        unit=order.unit,
        urgency=priority(plan.priority, order.unfinished),
        lane=change.queue.lane_of(recipe.quality),
        running_cap=plan.max_running_jobs,
        created_at=change.now,
        retention_s=plan.retention_s,
        attempt=0,
        failures=0,
        done_samples=0,
        last_event=1,
    )


def _count_unfinished(session: Session, principal: Principal) -> int:
    return session.scalar(queries.count_unfinished(principal.site_id, principal.account_id)) or 0


def _check_length(song: ReadySong, plan: Plan) -> None:
    if song.duration_s > plan.max_duration_s:
        raise AudioTooLong(
            f"the song is {timedelta(seconds=round(song.duration_s))} long and the plan allows "
            f"{timedelta(seconds=round(plan.max_duration_s))}",
            duration_s=song.duration_s,
            max_duration_s=plan.max_duration_s,
        )


def _check_quota(session: Session, principal: Principal, unfinished: int) -> None:
    plan = principal.plan
    if unfinished >= plan.max_files_at_once:
        raise QuotaExceeded(
            "as many jobs are waiting or running as your plan allows at once "
            f"({plan.max_files_at_once}): wait for one to end",
            limit="max_files_at_once",
            allowed=plan.max_files_at_once,
        )
    if plan.max_songs is None:
        return
    songs = session.scalar(queries.count_all(principal.site_id, principal.account_id)) or 0
    if songs >= plan.max_songs:
        raise QuotaExceeded(
            "the songs that are free without an account are used up: sign up to go on",
            limit="max_songs",
            allowed=plan.max_songs,
        )
