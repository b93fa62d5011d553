"""What the API shows of orders, tasks and cases; a customer sees less of how the house works."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import Field

from api.access import Principal
from domain.base import Record
from domain.money import Currency, rounded
from domain.priorities import Priority
from domain.story_kinds import BESIDE, is_for_customers
from store.rows import (
    CaseRow,
    LedgerRow,
    MarkRow,
    OrderRow,
    TaskRow,
    TimelineRow,
    WindowRow,
    WishRow,
)


class Links(Record):
    """Where to look on. `web_ui` is for staff."""

    self: str = Field(examples=["/orders/0198f6c2-1111-4222-8333-944445555666"])
    timeline: str
    windows: str
    web_ui: str | None = None


class Receipt(Record):
    """The answer to a submitted order; the number comes at the step the profile names."""

    id: str = Field(examples=["0198f6c2-1111-4222-8333-944445555666"])
    number: str | None = Field(examples=[None])
    state: str = Field(examples=["open"])
    links: Links


class OrderItem(Record):
    """An order in a list."""

    id: str
    number: str | None
    profile: str
    customer: str
    version: int
    amount: Annotated[Decimal, Field(description="In whole minor units of the currency")]
    currency: Currency
    promised_at: datetime
    rush: bool
    priority: Priority = Field(description="`rush` once a rush fee is paid, `urgent` as entered")
    state: str
    stage: str | None
    step: str | None
    waiting_role: str | None
    due_at: datetime | None
    slack: str
    level: int | None
    reason: str | None
    step_since: datetime | None = Field(description="Since when it is in its step")
    held_at: datetime | None = Field(description="Since when operations hold it, if they do")
    received_at: datetime
    updated_at: datetime
    closed_at: datetime | None


class Event(Record):
    """An entry of the timeline; `data` holds names and notes and is for staff."""

    at: datetime
    kind: str
    step: str | None
    text: str
    data: Mapping[str, Any] | None = None


class FallenMark(Record):
    """A mark that has fallen."""

    mark: str
    due_at: datetime
    recorded_at: datetime


class LedgerEntry(Record):
    """Something that happened to a window; `used` in seconds or days of its own clock."""

    at: datetime
    kind: str = Field(examples=["paused"])
    reason: str | None
    by: str | None
    due_before: datetime | None
    due_after: datetime | None
    used: str | None
    calendar: str


class Clock(Record):
    """A window and why it is due when it is. Marks and ledger are for staff."""

    key: str
    rule: str = Field(examples=["S08.W03"])
    step: str
    role: str
    limit: str = Field(examples=["2h"])
    calendar: str = Field(examples=["cn@1"])
    provisional: bool
    state: str
    started_at: datetime
    due_at: datetime
    paused_at: datetime | None
    paused_for: tuple[str, ...]
    stopped_at: datetime | None
    explanation: str
    marks: tuple[FallenMark, ...] | None = None
    ledger: tuple[LedgerEntry, ...] | None = None


class Wish(Record):
    """A change, a cancellation or a receipt and what became of it."""

    id: str
    order_id: str
    kind: str
    state: str = Field(examples=["received"])
    against_version: int | None
    fields: tuple[str, ...] = Field(description="The order's fields that it touches")
    condition: str | None = Field(None, description="What a receipt says of the goods")
    reason: str | None
    requested_at: datetime
    settled_at: datetime | None
    links: Mapping[str, str]


class TaskItem(Record):
    """A task. Who answered it and how is for staff."""

    id: str
    order_id: str
    order_number: str | None
    customer: str
    priority: Priority
    step: str
    role: str
    title: str
    title_zh: str
    outcomes: tuple[str, ...]
    requires: tuple[str, ...]
    facts: Mapping[str, Any]
    state: str
    opened_at: datetime
    due_at: datetime | None
    closed_at: datetime | None
    outcome: str | None
    note: str | None = None
    data: Mapping[str, Any] | None = None
    decided_by: str | None = None
    links: Mapping[str, str]


class CaseItem(Record):
    """An overdue case: which window was missed, why, and who answers for it."""

    id: str
    order_id: str
    order_number: str | None
    customer: str
    rule: str
    step: str
    due_at: datetime
    role: str
    state: str
    cause: str | None
    cause_note: str | None
    measure_owner: str | None
    measure_until: datetime | None
    decision: str | None
    new_date: datetime | None
    responsible: str | None
    opened_at: datetime
    closed_at: datetime | None
    links: Mapping[str, str]


def order_links(order_id: str, web_ui: str | None) -> Links:
    """Where to look on from an order."""
    here = f"/orders/{order_id}"
    return Links(self=here, timeline=f"{here}/timeline", windows=f"{here}/windows", web_ui=web_ui)


def _in_minor_units(shown: dict[str, Any]) -> dict[str, Any]:
    return {**shown, "amount": rounded(shown["amount"], Currency(shown["currency"]))}


def order_item(row: OrderRow) -> OrderItem:
    """A row of the list."""
    return OrderItem(**_in_minor_units(_shared(OrderItem, row)))


def is_for(principal: Principal, entry: TimelineRow | WindowRow) -> bool:
    """Whether the entry is shown: cases, the course of follow-ups and the upper ladder are not."""
    if principal.is_staff:
        return True
    if isinstance(entry, WindowRow):
        return not entry.key.startswith(BESIDE)
    return is_for_customers(entry.kind, str(entry.data.get("window", "")))


def event(row: TimelineRow, principal: Principal) -> Event:
    """An entry of the timeline; why a step is held up is the company's own business."""
    if principal.is_staff:
        return Event(**row.model_dump())
    shown = Event(**row.model_dump(exclude={"data"}))
    if row.kind != "step_blocked":
        return shown
    step = row.text.partition(":")[0]
    return shown.model_copy(update={"text": f"{step}: waits for something inside the company"})


def clock(
    row: WindowRow,
    fallen: Sequence[MarkRow],
    ledger: Sequence[LedgerRow],
    principal: Principal,
) -> Clock:
    """A window."""
    shown = Clock(**row.model_dump(exclude={"body"}))
    if not principal.is_staff:
        return shown
    inside = {"window"}
    return shown.model_copy(
        update={
            "marks": tuple(FallenMark(**mark.model_dump(exclude=inside)) for mark in fallen),
            "ledger": tuple(LedgerEntry(**line.model_dump(exclude=inside)) for line in ledger),
        }
    )


def wish(row: WishRow) -> Wish:
    """A change, cancellation or receipt."""
    order = f"/orders/{row.order_id}"
    return Wish(
        **_shared(Wish, row),
        fields=tuple(sorted(row.patch)) if row.kind == "change" else (),
        condition=row.patch.get("condition") if row.kind == "receipt" else None,
        links={"self": f"{order}/changes/{row.id}", "order": order},
    )


def task_item(row: TaskRow, principal: Principal) -> TaskItem:
    """A task."""
    shown = _shared(TaskItem, row)
    if not principal.is_staff:
        shown |= {"note": None, "data": None, "decided_by": None}
    here = f"/tasks/{quote(row.id, safe='')}"
    links = {"self": here, "completion": f"{here}/completion", "order": f"/orders/{row.order_id}"}
    return TaskItem(**shown, links=links)


def case_item(row: CaseRow) -> CaseItem:
    """An overdue case."""
    links = {"self": case_link(row.id), "order": f"/orders/{row.order_id}"}
    return CaseItem(**_shared(CaseItem, row), links=links)


def case_link(case_id: str) -> str:
    """Where a case is shown."""
    return f"/overdue/{quote(case_id, safe='')}"


def _shared(view: type[Record], row: Record) -> dict[str, Any]:
    """What the view shows of the row under the same name."""
    return row.model_dump(include=set(view.model_fields))
