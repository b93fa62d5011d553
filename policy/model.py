"""A regulation as data: ordered steps, windows, gates, a ladder, notices.

A profile is pinned into each order when it starts; editing YAML reaches no running order.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from domain.base import Code, Line, Record
from domain.quiet import QuietHours
from domain.roles import Role
from policy.change_rules import CANCELLATION, CancelRules, ChangeRules
from policy.earlier import with_simple_changes
from policy.follow_ups import BEGUN_BY_RECEIPT, FollowUp
from policy.ids import StepId
from policy.ladder import CaseRules, Rung
from policy.money_rules import MoneyRules
from policy.sanctions import Sanction
from policy.steps import AlongsideStep, ResourceStep, RouteStep, Step, Work
from policy.window import Window


class Profile(Record):
    """One regulation, complete: what `extends` brought in is already inside."""

    id: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,19}$")]
    version: Annotated[int, Field(strict=True, ge=1)]
    title: Line
    title_zh: Line
    source: Line
    calendar: Code
    bank_calendar: Code = "bank-cn"
    number_at: StepId
    customer_notice: Literal[
        "on_warning", "on_delay_known", "after_remedy_failed", "on_extension_needed"
    ]
    required_fields: tuple[Line, ...]
    quiet_hours: QuietHours | None = None
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    ladder: Annotated[tuple[Rung, ...], Field(min_length=1)]
    case: CaseRules
    sanctions: tuple[Sanction, ...] = ()
    changes: ChangeRules
    cancellation: CancelRules
    money: MoneyRules = MoneyRules()
    follow_ups: tuple[FollowUp, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _from_an_earlier_release(cls, data: Any) -> Any:
        """An order that was pinned before there was a matrix keeps what it had."""
        return with_simple_changes(data) if isinstance(data, dict) else data

    @property
    def carried(self) -> Self:
        """What an order's history carries: of the follow-ups those that the order itself begins."""
        begun = tuple(one for one in self.follow_ups if one.begins in BEGUN_BY_RECEIPT)
        return self.model_copy(update={"follow_ups": begun})

    @property
    def route(self) -> tuple[RouteStep, ...]:
        """The steps the cursor walks, detours included, in order."""
        return tuple(s for s in self.steps if not isinstance(s, AlongsideStep))

    @property
    def alongside(self) -> tuple[AlongsideStep, ...]:
        """The steps that run beside the route."""
        return tuple(s for s in self.steps if isinstance(s, AlongsideStep))

    @property
    def windows(self) -> Iterator[tuple[Window, Role | None]]:
        """Every window with the role it binds, the overdue case's included.

        A corrective action binds whom its analysis names: none here.
        """
        for step in self.steps:
            for _, window in step.placed_windows:
                yield window, step.role
        for _, window, role in self.case.windows:
            yield window, role
        if self.cancellation.answer:
            yield self.cancellation.answer, self.cancellation.role
        for follow_up in self.follow_ups:
            for asked in follow_up.steps:
                yield asked.window, asked.role

    @property
    def planned_at(self) -> str:
        """The step with which production is planned: the last slot, or where a date is planned."""
        slots = [
            step.id
            for step in self.route
            if isinstance(step, ResourceStep) and step.work is Work.BOOK_SLOT
        ]
        return slots[-1] if slots else self.changes.replan_at

    def window(self, rule: str) -> Window:
        """The window of this rule. Raises KeyError."""
        for window, _ in self.windows:
            if window.id == rule:
                return window
        raise KeyError(rule)

    def step(self, step_id: str) -> Step:
        """The step with this id, or the question that a cancellation asks. Raises KeyError."""
        for step in self.steps:
            if step.id == step_id:
                return step
        if step_id == CANCELLATION:
            return self.cancellation.asking
        raise KeyError(step_id)

    def follow_up(self, kind: str) -> FollowUp:
        """The follow-up of this kind. Raises KeyError."""
        for follow_up in self.follow_ups:
            if follow_up.id == kind:
                return follow_up
        raise KeyError(kind)
