"""What the API shows of a follow-up; its course inside the company is for staff."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import Field

from api.access import PERSONAL_READERS, Principal
from api.views import TaskItem, task_item
from domain.base import Record
from domain.follow_ups import follow_up_workflow_id
from policy.follow_ups import FollowUp
from store.follow_ups import FollowUpRow
from store.rows import TaskRow


class FollowUpItem(Record):
    """A follow-up. `step`, `outcome` and `requested_by` are for staff."""

    id: str = Field(examples=["3f2a9c1e0b7d4a55"])
    kind: str = Field(examples=["complaint"])
    title: str
    title_zh: str
    order_id: str
    order_number: str | None
    state: str = Field(description="wanted: about to begin; open; closed", examples=["open"])
    step: str | None = Field(examples=["record"])
    outcome: str | None
    requested_by: str | None
    requested_at: datetime
    closed_at: datetime | None
    links: Mapping[str, str]


class FollowUpDetail(FollowUpItem):
    """One follow-up. `text` is what was said, for who said it and for those who deal with it."""

    text: str | None
    facts: Mapping[str, Any] | None
    tasks: tuple[TaskItem, ...]


def follow_up_link(follow_up: str) -> str:
    """Where a follow-up is shown."""
    return f"/follow-ups/{follow_up}"


def follow_up_item(row: FollowUpRow, kind: FollowUp | None, principal: Principal) -> FollowUpItem:
    """A row of the list."""
    return FollowUpItem(**_shared(row, kind, principal))


def follow_up_detail(
    row: FollowUpRow, kind: FollowUp | None, tasks: Sequence[TaskRow], principal: Principal
) -> FollowUpDetail:
    """One follow-up with what was asked and answered."""
    shown = sorted(tasks, key=lambda task: task.opened_at) if principal.is_staff else []
    return FollowUpDetail(
        **_shared(row, kind, principal),
        text=row.text if _reads(principal, kind, row) else None,
        facts=row.facts if principal.is_staff else None,
        tasks=tuple(task_item(task, principal) for task in shown),
    )


def _reads(principal: Principal, kind: FollowUp | None, row: FollowUpRow) -> bool:
    """Whether what was said is shown: to those who call or deliver, and to whom it is put.

    A customer reads its own words alone; why a refund was proposed is the company's business.
    """
    if not principal.is_staff:
        return kind is not None and kind.concerns_customer and row.by_customer
    asked = {step.role for step in kind.steps} if kind else set()
    return not (PERSONAL_READERS | asked).isdisjoint(principal.roles)


def _shared(row: FollowUpRow, kind: FollowUp | None, principal: Principal) -> dict[str, Any]:
    inside = {"step", "outcome", "requested_by"}
    shown = row.model_dump(include=set(FollowUpItem.model_fields))
    if not principal.is_staff:
        shown |= dict.fromkeys(inside)
    order = f"/orders/{row.order_id}"
    return {
        **shown,
        "title": kind.title if kind else row.kind,
        "title_zh": kind.title_zh if kind else row.kind,
        "links": {"self": follow_up_link(row.id), "order": order},
    }


def workflow_of(row: FollowUpRow) -> str:
    """The id of its workflow, by which its tasks are found."""
    return follow_up_workflow_id(row.order_id, row.id)
