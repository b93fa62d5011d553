"""A time window of a regulation, as its owner writes it."""

from typing import Annotated, Literal

from pydantic import Field

from domain.base import Code, Line, Record
from domain.limits import LimitText
from domain.windows import PauseReason
from policy.ids import RuleId, StepId

REPORT = "report"
"""A window that begins when somebody says that the money is under way (S07.W14 to W16, W35)."""

Outside = Literal[PauseReason.CUSTOMER, PauseReason.PAYMENT, PauseReason.SUPPLIER]
"""Whom a rule may wait for; a hold is operations' own and needs no rule."""


class Window(Record):
    """A time window of the regulation: `S08.W03`, two working hours.

    It counts from its opening, from when the customer ordered (`received`), from when a payment
    was reported (`report`), or from when a step was last left. One that counts from a report is
    of a gate that asks for money and opens with the report: before somebody says that the money is
    under way, nobody can be late in confirming it. The warning falls at a of a limit `a-b`, else
    `warn_before` the due instant, else at `warn_percent`. `remind_percent` are shares at which the
    owner is reminded, all before the warning. `pauses` are the reasons for which its time stands
    still. `calendar` is set where the window does not run on the profile's own, for example a
    supplier's.
    """

    id: RuleId
    limit: LimitText
    starts: Line
    stops: Line
    warn_percent: Annotated[int, Field(strict=True, ge=1, le=99)] = 80
    warn_before: LimitText | None = None
    counts_from: Literal["opening", "received", "report"] | StepId = "opening"
    remind_percent: tuple[Annotated[int, Field(strict=True, ge=1, le=98)], ...] = ()
    pauses: tuple[Outside, ...] = ()
    calendar: Code | None = None
