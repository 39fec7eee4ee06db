"""Credits as people see them."""

from __future__ import annotations

from stemhouse.domains.billing.schemas import EntryAnswer, EntryKind
from stemhouse.domains.billing.tables import LedgerEntry


def show_entry(entry: LedgerEntry) -> EntryAnswer:
    """Return one movement."""
    kind: EntryKind = entry.kind  # type: ignore[assignment]
    return EntryAnswer(
        id=entry.id,
        kind=kind,
        amount=entry.amount_s,
        unit="second",
        job_id=entry.job_id,
        note=entry.note,
        created_at=entry.created_at,
    )
