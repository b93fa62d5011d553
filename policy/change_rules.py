"""How a regulation takes changes and cancellations: a matrix of field and progress (section 5)."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, model_validator

from domain.base import Line, Record
from domain.changes import ChangeClass, Touch
from domain.money import Percent
from domain.orders import Trait
from domain.roles import Role
from domain.stages import Stage
from policy.ids import StepId
from policy.steps import AlongsideStep, Pace
from policy.window import Window

CANCELLATION = "cancellation"
"""The visit in which somebody answers a cancellation; no step of the route has this id."""

KEPT = "kept"
"""What an agreed cancellation has to name: how much of the money is kept."""


class ChangeRow(Record):
    """One row of the matrix: these touches are of this class up to and including step `until`.

    The first row that fits counts. Past the last of them the change is refused: `because` says why,
    `instead` what is still possible. A row of class `refused` refuses from the beginning, after
    step `since` where it names one (a configuration freeze, C09).
    """

    touches: Annotated[tuple[Touch, ...], Field(min_length=1)]
    of: ChangeClass
    since: StepId | None = None
    until: StepId | None = None
    only: Trait | None = None
    because: Line | None = None
    instead: Line | None = None

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.of is ChangeClass.REFUSED and self.because is None:
            raise ValueError("a row that refuses needs because, which the customer reads")
        return self


class Told(Record):
    """Who is told of a change as soon as it is known (catalogue 5.5)."""

    of: Annotated[tuple[ChangeClass, ...], Field(min_length=1)]
    roles: Annotated[tuple[Role, ...], Field(min_length=1)]


class ChangeRules(Record):
    """The matrix and what surrounds it.

    `rewind_to` is classification: a structural change leads back there, and signatures, money and
    the review are asked for again; no step that asks for them stands before it. `replan_at` is
    where a new date is planned. `evidence` asks for the customer's written text (C04, G04, G32),
    `identity` for how sales made sure who asks (G27). Who has to agree are the profile's steps of
    trigger `on_change`.
    """

    rows: Annotated[tuple[ChangeRow, ...], Field(min_length=1)]
    rewind_to: StepId
    replan_at: StepId
    evidence: tuple[ChangeClass, ...] = ()
    identity: StrictBool = False
    told: tuple[Told, ...] = ()


class CancelRow(Record):
    """What a cancellation costs up to and including step `until`.

    `cost_percent` of the order's amount is kept when it is `at_cost`; `deposit` says what becomes
    of a deposit that was paid: it is given back, kept as a whole, kept as far as the cost, or
    settled with the customer by the contract (S39, Q23), which is a task for sales.
    """

    until: StepId
    terms: Literal["free", "at_cost", "refused"]
    cost_percent: Percent = Decimal(0)
    deposit: Literal["refunded", "forfeited", "by_contract"] = "refunded"
    because: Line | None = None
    instead: Line | None = None


class CancelRules(Record):
    """How a regulation takes cancellations: the first row whose step is not passed counts.

    Past the last row a cancellation is refused. `answer` is the window within which the customer
    gets an answer, `role` who gives it where somebody has to.
    """

    rows: Annotated[tuple[CancelRow, ...], Field(min_length=1)]
    role: Role = Role.SALES
    answer: Window | None = None
    told: tuple[Role, ...] = ()

    @property
    def asking(self) -> AlongsideStep:
        """The question to `role`, as a step that runs beside the route."""
        return AlongsideStep(
            id=CANCELLATION,
            kind="alongside",
            stage=Stage.CONTRACT,
            title="Answer to a cancellation",
            title_zh="取消订单答复",
            role=self.role,
            standard="The customer has an answer, and both know what becomes of the money.",
            window=self.answer,
            paced_by=None if self.answer else Pace.DEPARTMENT,
            trigger="on_change",
            agreeing=("agreed", "refused"),
            requires=(f"agreed.{KEPT}", "refused.note"),
            rules=("C06 a paid deposit is handled by the contract",),
        )
