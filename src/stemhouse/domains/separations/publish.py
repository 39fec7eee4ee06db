"""Rows of a finished result, from what the child said of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stemhouse.db.ids import new_id
from stemhouse.domains.separations.lifecycle import Change, attempt_prefix
from stemhouse.domains.separations.tables import Job, Result, ResultStem


def insert_result(change: Change, job: Job, facts: Mapping[str, Any]) -> str:
    """Write a result and its stems; return its identifier."""
    prefix = attempt_prefix(job, job.attempt)
    result = Result(
        id=new_id("res"),
        site_id=job.site_id,
        account_id=job.account_id,
        recipe_key=job.recipe_key,
        prefix=prefix,
        manifest_key=prefix + facts["manifest"],
        model=facts["model"],
        model_sha256=facts["model_sha256"],
        engine_version=facts["engine_version"],
        runtime=facts["runtime"],
        sample_rate=facts["sample_rate"],
        channels=facts["channels"],
        length_samples=facts["length_samples"],
        size_bytes=facts["size_bytes"],
        notices=facts["notices"],
        timings=facts["timings"],
        created_at=change.now,
    )
    change.session.add(result)
    change.session.flush()
    change.session.add_all(
        ResultStem(id=new_id("stem"), result_id=result.id, position=position, **stem)
        for position, stem in enumerate(facts["stems"])
    )
    change.session.flush()
    return result.id
