"""What the API shows of one overdue case: all that was asked, answered and charged."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from api.access import Principal
from api.reports import PERSON_READERS
from api.views import CaseItem, FallenMark, TaskItem, case_item, case_link, task_item
from domain.base import Record
from domain.money import Currency, rounded
from store.performance import EntryRow
from store.rows import CaseRow, MarkRow, TaskRow


class Charge(Record):
    """A fine or a reward. The person, by the name of the key, is for control and leadership."""

    rule: str = Field(examples=["S26.F01"])
    kind: str = Field(examples=["fine"])
    role: str
    person: str | None = None
    amount: Annotated[Decimal, Field(description="In whole minor units of the currency")]
    currency: Currency
    reason: str
    at: datetime


class CaseDetail(CaseItem):
    """One case. `opened_by` is none where a breach opened it."""

    window: str = Field(examples=["0198f6c2-1111-4222-8333-944445555666/confirm/1"])
    opened_by: str | None
    why: str | None
    analysis: str | None
    measure: str | None
    measure_outcome: str | None
    decision_note: str | None
    marks: tuple[FallenMark, ...]
    tasks: tuple[TaskItem, ...]
    charges: tuple[Charge, ...]


class CaseOpened(Record):
    """The case is on its way; it can be read as soon as a worker has taken it."""

    id: str = Field(examples=["case-0198f6c2-1111-4222-8333-944445555666.confirm.1"])
    links: Mapping[str, str]


def case_opened(case_id: str, order_id: str) -> CaseOpened:
    """The answer to a case that was opened by hand."""
    links = {"self": case_link(case_id), "order": f"/orders/{order_id}"}
    return CaseOpened(id=case_id, links=links)


def case_detail(
    row: CaseRow,
    marks: Sequence[MarkRow],
    tasks: Sequence[TaskRow],
    entries: Sequence[EntryRow],
    principal: Principal,
) -> CaseDetail:
    """One case with everything that belongs to it."""
    shown = case_item(row).model_dump() | row.model_dump(include=set(CaseDetail.model_fields))
    return CaseDetail(
        **shown,
        marks=tuple(FallenMark(**mark.model_dump(exclude={"window"})) for mark in marks),
        tasks=tuple(
            task_item(task, principal) for task in sorted(tasks, key=lambda task: task.opened_at)
        ),
        charges=tuple(_charge(entry, principal) for entry in entries),
    )


def _charge(entry: EntryRow, principal: Principal) -> Charge:
    shown = entry.model_dump(exclude={"key"})
    if PERSON_READERS.isdisjoint(principal.roles):
        shown["person"] = None
    return Charge(**shown | {"amount": rounded(entry.amount, Currency(entry.currency))})
