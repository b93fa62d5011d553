"""What follows when a window is not kept: the rungs of the ladder, the overdue case."""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from domain.base import Line, Record
from domain.limits import Clock, LimitText
from domain.roles import Role
from domain.windows import Mark
from policy.window import Window

Listener = Literal["owner", "departments", "customer"] | Role


class Rung(Record):
    """One rung of the ladder (catalogue 4.4).

    `after_percent` of the window after the rung before, at least `at_least`, in working time, for
    analysis and leadership; the other rungs sit on an instant of their own.
    """

    mark: Mark
    tell: Annotated[tuple[Listener, ...], Field(min_length=1)]
    after_percent: Annotated[int, Field(strict=True, ge=1, le=1000)] | None = None
    at_least: LimitText | None = None
    action: Line
    action_zh: Line | None = None

    @model_validator(mode="after")
    def _waits_only_after_the_breach(self) -> Self:
        waits = self.after_percent is not None and self.at_least is not None
        if waits != (self.mark in (Mark.ANALYSIS, Mark.LEADERSHIP)):
            raise ValueError(
                f"rung {self.mark} has the wrong waits; analysis and leadership need "
                "after_percent and at_least, the other rungs take neither"
            )
        if self.at_least is not None and self.at_least.clock is not Clock.WORKING_TIME:
            raise ValueError("at_least: the ladder climbs in working time; write 30m or 2h")
        return self


class CaseRules(Record):
    """The overdue case: who is asked for what, each within a window of its own.

    Without `analysis_role` or `decision_role` that part is not asked for. Whom the corrective
    action binds, and until when (the `agreed` date of its window), the analysis says.
    """

    cause_role: Role
    cause_window: Window
    analysis_role: Role | None = None
    analysis_window: Window | None = None
    measure_window: Window | None = None
    decision_role: Role | None = None
    decision_window: Window | None = None
    closing_role: Role
    closing_window: Window

    @model_validator(mode="after")
    def _asks_within_a_window(self) -> Self:
        analysis = (self.analysis_role, self.analysis_window, self.measure_window)
        if any(analysis) != all(analysis):
            raise ValueError(
                "the analysis is incomplete; give it analysis_role, analysis_window and "
                "measure_window, or none of them"
            )
        if (self.decision_role is None) != (self.decision_window is None):
            raise ValueError(
                "the decision is incomplete; give it decision_role and decision_window, or neither"
            )
        return self

    @property
    def windows(self) -> Iterator[tuple[str, Window, Role | None]]:
        """Each window with its field and its role, none where the analysis names it."""
        yield "cause_window", self.cause_window, self.cause_role
        if self.analysis_window and self.measure_window:
            yield "analysis_window", self.analysis_window, self.analysis_role
            yield "measure_window", self.measure_window, None
        if self.decision_window:
            yield "decision_window", self.decision_window, self.decision_role
        yield "closing_window", self.closing_window, self.closing_role
