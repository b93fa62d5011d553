"""The way to overdue cases: workflows of their own, which outlive their order."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from activities.models import CaseEscalation, CaseStart

StartCase = Callable[[CaseStart], Awaitable[None]]
EscalateCase = Callable[[CaseEscalation], Awaitable[None]]


@dataclass(frozen=True)
class CaseDoor:
    """How activities reach cases; the worker says how, because they import no workflows.

    Both may be asked again: a case is started once, and hears of each rung once.
    """

    start: StartCase
    escalate: EscalateCase
