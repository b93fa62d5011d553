"""Something seen at an order or a case, before it has a name, a cure and links."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ops.repair.cures import cure_of, filled
from ops.repair.site import Site
from ops.repair.stuck_model import Evidence, Finding, FindingLinks, StuckCause
from workflows.contract import order_workflow_id

CONSEQUENCES = frozenset(
    {StuckCause.BREACH_UNTOLD, StuckCause.PROJECTION_BEHIND, StuckCause.HOLD_DISAGREES}
)
"""What ends by itself as soon as the workflow moves again."""

STOPPING = frozenset(
    {
        StuckCause.NON_DETERMINISM,
        StuckCause.WORKFLOW_TASK_FAILING,
        StuckCause.WORKFLOW_NOT_REGISTERED,
        StuckCause.WORKFLOW_CLOSED,
        StuckCause.WORKFLOW_GONE,
        StuckCause.NEVER_STARTED,
        StuckCause.NO_POLLER,
        StuckCause.VERSION_UNSERVED,
        StuckCause.ACTIVITY_NOT_REGISTERED,
        StuckCause.ACTIVITY_HANGS,
        StuckCause.DATABASE_CONSTRAINT,
        StuckCause.DATABASE_AWAY,
        StuckCause.ACTIVITY_RETRYING,
        StuckCause.WORKFLOW_PAUSED,
        StuckCause.ACTIVITY_PAUSED,
        StuckCause.BREAKER_OPEN,
    }
)
"""What keeps a workflow from moving."""


@dataclass(frozen=True)
class Trouble:
    """Why a workflow cannot move, and what was seen; `cure_of` tells of the two flags."""

    order_id: str
    workflow_id: str
    cause: StuckCause
    since: datetime
    sentence: str
    run_id: str | None = None
    seen: Evidence = field(default_factory=Evidence)
    pinned: bool = True
    by_record: bool = False
    also: tuple[StuckCause, ...] = ()


def without_consequences(troubles: Iterable[Trouble]) -> list[Trouble]:
    """One trouble a cause and workflow; what only follows from another is named by that one."""
    found: dict[tuple[str, StuckCause, str | None], Trouble] = {}
    for trouble in troubles:
        of = trouble.seen.window or trouble.seen.task or trouble.seen.channel
        found.setdefault((trouble.workflow_id, trouble.cause, of), trouble)
    stopped = {t.workflow_id: t for t in found.values() if t.cause in STOPPING}
    following: dict[str, list[StuckCause]] = {}
    left = []
    for trouble in found.values():
        if trouble.cause in CONSEQUENCES and trouble.workflow_id in stopped:
            following.setdefault(trouble.workflow_id, []).append(trouble.cause)
        else:
            left.append(trouble)
    return [
        replace(trouble, also=tuple(dict.fromkeys(following.get(trouble.workflow_id, ()))))
        if trouble.cause in STOPPING
        else trouble
        for trouble in left
    ]


def finding(site: Site, trouble: Trouble, numbers: Mapping[str, str | None]) -> Finding:
    """The trouble with the order's number, its cure and where to look on."""
    number = numbers.get(trouble.order_id)
    of_order = trouble.workflow_id == order_workflow_id(trouble.order_id)
    it = (number or trouble.order_id) if of_order else trouble.workflow_id
    facts: dict[str, Any] = trouble.seen.model_dump(mode="json")
    cure = cure_of(trouble.cause, by_record=trouble.by_record, pinned=trouble.pinned)
    return Finding(
        order_id=trouble.order_id,
        number=number,
        workflow_id=trouble.workflow_id,
        run_id=trouble.run_id,
        cause=trouble.cause,
        severity=cure.severity,
        since=trouble.since,
        sentence=trouble.sentence,
        evidence=trouble.seen,
        first=filled(cure.first, facts, it, trouble.cause) if cure.first else None,
        cure=filled(cure.command, facts, it, trouble.cause),
        also=trouble.also,
        links=FindingLinks(
            web_ui=site.workflow_url(trouble.workflow_id), api=f"/orders/{trouble.order_id}"
        ),
    )
