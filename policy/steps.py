"""The steps of a regulation: what is done, by whom, by when, and where the answer leads."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, model_validator

from domain.base import Code, Line, Record
from domain.changes import ChangeClass
from domain.dispatch import IN_PARTS
from domain.limits import LimitText
from domain.money import PaymentRoute
from domain.orders import Trait
from domain.roles import Role
from domain.stages import Stage
from policy.ids import StepId
from policy.window import REPORT, Outside, Window

Target = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]

NEXT: Target = "next"
REFUSE: Target = "refuse_order"
RECHECK = "recheck"
"""The answer to a gate: look again."""
DELAYED = "delayed"
"""The answer of a progress report that makes a delay known."""


class Work(StrEnum):
    """The activities that move the world; each is one file in `activities/`."""

    PREPARE_REVIEW = "prepare_review"
    CHECK_MATERIAL = "check_material"
    BOOK_SLOT = "book_slot"
    RECORD_PRODUCTION = "record_production"
    RECORD_INSPECTION = "record_inspection"
    RECORD_PACKING = "record_packing"
    CHECK_MONEY = "check_money"
    RELEASE_SHIPPING = "release_shipping"
    RECORD_DISPATCH = "record_dispatch"


class Fact(StrEnum):
    """What a gate can demand; each is read from the order's records."""

    INSPECTION_PASSED = "inspection_passed"
    GOODS_MATCH_ORDER = "goods_match_order"
    PLAN_APPROVED = "plan_approved"
    CUSTOMER_CONFIRMED = "customer_confirmed"
    REVIEW_APPROVED = "review_approved"
    COUNTERSIGNED = "countersigned"
    RECEIVING_AGREED = "receiving_agreed"
    CREDIT_GOOD = "credit_good"
    DEPOSIT_PAID = "deposit_paid"
    ADVANCE_PAID = "advance_paid"
    ACTIVATION_PAID = "activation_paid"
    BALANCE_PAID = "balance_paid"

    @property
    def words(self) -> str:
        """The fact as a reader says it: `balance paid`."""
        return self.value.replace("_", " ")


MONEY_FACTS = frozenset(
    {
        Fact.CREDIT_GOOD,
        Fact.DEPOSIT_PAID,
        Fact.ADVANCE_PAID,
        Fact.ACTIVATION_PAID,
        Fact.BALANCE_PAID,
    }
)
"""What becomes true by money alone, whoever is asked meanwhile."""


class Pace(StrEnum):
    """What sets the time of a step that has no window of its own."""

    ENGINE = "engine"
    PROMISE = "promise"
    CUSTOMER = "customer"
    DEPARTMENT = "department"


class StepBase(Record):
    """What every step says: who, what, by which standard, by when (catalogue 11.7).

    While the order is in a step that `waits_for` somebody, the windows around it that may pause
    for that reason stand still. A step that is there `only` for some orders is passed over by all
    others. `window_by_route` takes the place of `window` where the way of the money decides; a
    step without a `window` names one for each way.
    """

    id: StepId
    stage: Stage
    title: Line
    title_zh: Line
    role: Role
    standard: Line
    window: Window | None = None
    window_by_route: dict[PaymentRoute, Window] = Field(default_factory=dict)
    only: Trait | None = None
    paced_by: Pace | None = None
    waits_for: Outside | None = None
    detour: StrictBool = False
    rules: tuple[Line, ...] = ()

    @model_validator(mode="after")
    def _has_one_time_node(self) -> Self:
        windowed = self.window is not None or bool(self.window_by_route)
        if windowed == (self.paced_by is not None):
            raise ValueError(
                f"step {self.id!r} needs exactly one time node; give it either a window or "
                f"paced_by ({', '.join(Pace)})"
            )
        if self.window is None and windowed:
            missing = [way.value for way in PaymentRoute if way not in self.window_by_route]
            if missing:
                raise ValueError(
                    f"step {self.id!r} has no window for money by {' and '.join(missing)}; add it "
                    "to window_by_route, or give the step a window for all others"
                )
        return self

    def window_for(self, way: PaymentRoute) -> Window | None:
        """The step's window for an order whose money takes this way; none when it has none."""
        return self.window_by_route.get(way, self.window)

    @property
    def placed_windows(self) -> Iterator[tuple[tuple[str, ...], Window]]:
        """Every window of the step, and by which fields it is found there."""
        if self.window:
            yield ("window",), self.window
        for way, window in self.window_by_route.items():
            yield ("window_by_route", way.value), window

    def is_for(self, traits: frozenset[Trait]) -> bool:
        """Whether the step is there for an order of these traits."""
        return self.only is None or self.only in traits


class TaskStep(StepBase):
    """A role does something and says how it came out.

    `outcomes` maps each answer to where the order goes: `next`, `refuse_order` or a step id.
    `requires` names texts that the answer must bring along. `reports_payment` is the answer with
    which its role says that the customer has paid (S07.W34): it books nothing, and begins the
    windows that count from a report. `work` is done when the step is left.
    A `detour` step is reached only by name.
    """

    kind: Literal["task"]
    outcomes: dict[Code, Target] = Field(default={"done": NEXT}, min_length=1)
    requires: tuple[Code, ...] = ()
    reports_payment: Code | None = None
    work: (
        Literal[
            Work.RECORD_PRODUCTION,
            Work.RECORD_INSPECTION,
            Work.RECORD_PACKING,
            Work.RECORD_DISPATCH,
        ]
        | None
    ) = None

    @property
    def answers(self) -> tuple[str, ...]:
        """What the role may answer."""
        return tuple(self.outcomes)

    @property
    def ships_in_parts(self) -> bool:
        """Whether a part of the goods may leave before the rest."""
        return self.work is Work.RECORD_DISPATCH and not IN_PARTS.isdisjoint(self.outcomes)


class ReviewStep(StepBase):
    """Several departments judge the order: all must approve, or any one (Q04)."""

    kind: Literal["review"]
    reviewers: Annotated[tuple[Role, ...], Field(min_length=1)]
    mode: Literal["all", "any"] = "all"
    refused: Target = REFUSE

    @property
    def countersigns(self) -> bool:
        """Whether its signatures release the shipment (S07, G19, 会签)."""
        return self.stage is Stage.SHIPPING_RELEASE

    @property
    def answers(self) -> tuple[str, ...]:
        """Both answers of a reviewer."""
        return ("approved", "refused")


class GateStep(StepBase):
    """Facts must hold before the order goes on; `role` is asked when one does not.

    A gate of money looks again by itself whenever money moves. `refused` is where its role leads an
    order whose money does not come.
    """

    kind: Literal["gate"]
    facts: Annotated[tuple[Fact, ...], Field(min_length=1)]
    work: Literal[Work.RELEASE_SHIPPING, Work.CHECK_MONEY]
    refused: Target | None = None

    @property
    def answers(self) -> tuple[str, ...]:
        """What the role answers when it has mended what was missing, or gives up."""
        return (RECHECK, "refused") if self.refused else (RECHECK,)

    @property
    def asks_for_money(self) -> bool:
        """Whether money that moves may open the gate."""
        return not MONEY_FACTS.isdisjoint(self.facts)

    @property
    def waits_for_report(self) -> bool:
        """Whether its time begins when a payment is reported (S07.W14 to W16, W35)."""
        return any(window.counts_from == REPORT for _, window in self.placed_windows)


class ResourceStep(StepBase):
    """Stock or a slot: the platform takes it itself and asks `role` only when it cannot."""

    kind: Literal["resource"]
    work: Literal[Work.CHECK_MATERIAL, Work.BOOK_SLOT]
    refused: Target = REFUSE

    @property
    def answers(self) -> tuple[str, ...]:
        """What the role answers when the platform could not take the resource itself."""
        if self.work is Work.CHECK_MATERIAL:
            return ("arrived", "refused")
        return ("retry", "book_late", "refused")


class WaitStep(StepBase):
    """The order waits for the customer's receipt; `auto_after` confirms it by itself (Q39)."""

    kind: Literal["wait"]
    awaits: Literal["receipt"]
    auto_after: LimitText | None = None

    @property
    def answers(self) -> tuple[str, ...]:
        """The one answer the customer gives."""
        return ("received",)


class AlongsideStep(StepBase):
    """Runs beside the steps in `during` and never holds the order.

    `daily` asks for an update by every working day's end; `on_delay` opens when a delay becomes
    known; `on_promise` watches the promised date and `watch` any other limit across these steps,
    and both ask nobody for anything. `on_change` asks for an answer to a change of these `classes`,
    one such step after the other: always, or only when it costs more or costs the date.
    """

    kind: Literal["alongside"]
    trigger: Literal["daily", "on_delay", "on_promise", "watch", "on_change"]
    classes: tuple[ChangeClass, ...] = ()
    needed: Literal["always", "cost", "cost_or_date"] = "always"
    agreeing: tuple[Code, ...] = ("agreed", "refused")
    during: tuple[StepId, ...] = ()
    requires: tuple[Code, ...] = ()

    @property
    def answers(self) -> tuple[str, ...]:
        """`delayed` in a daily update is how a delay becomes known (S08.W07)."""
        if self.trigger == "daily":
            return ("on_track", DELAYED)
        if self.trigger == "on_change":
            return self.agreeing
        return ("told",) if self.trigger == "on_delay" else ()


Step = Annotated[
    TaskStep | ReviewStep | GateStep | ResourceStep | WaitStep | AlongsideStep,
    Field(discriminator="kind"),
]
RouteStep = TaskStep | ReviewStep | GateStep | ResourceStep | WaitStep
