"""What follows an order as a matter of its own: survey, complaint, service, return, refund."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StrictBool

from domain.base import Code, Line, Record
from domain.roles import Role
from domain.stages import Stage
from policy.ids import StepId
from policy.steps import Target
from policy.window import Window

DONE: Target = "done"
"""Where the last answer of a follow-up leads."""

GENERAL = "GEN"
"""The profile whose follow-ups an order has when its own knows none."""

BEGUN_BY_RECEIPT = ("damaged", "not_received")
"""What a receipt may be; the order itself begins these, all others begin beside it."""

AS_AGREED = ("as_agreed", "unfit")
"""Goods came back as it was agreed; the second ones cannot be sold again."""


class FollowUpWork(StrEnum):
    """What an answer moves besides the follow-up itself.

    `propose_refund` proposes the `amount` that the answer names, or after `AS_AGREED` the one that
    an earlier step has agreed; never more than was agreed. `approve_refund` approves what was
    proposed, or rejects it; `pay_refund` books it as paid, `place_payment` puts money where it
    belongs, and `collect` takes `paid` for an answer only when nothing is owed any more.
    """

    PROPOSE_REFUND = "propose_refund"
    APPROVE_REFUND = "approve_refund"
    PAY_REFUND = "pay_refund"
    PLACE_PAYMENT = "place_payment"
    COLLECT = "collect"


class FollowUpStep(Record):
    """One task of a follow-up: a role does it within its window and says how it came out.

    `outcomes` maps each answer to `done` or to a step of the same follow-up. `requires` names texts
    that the answer must bring along (`refused.reason` for one outcome alone), `work` what the
    platform does with it. `not_by` names an earlier step whose answer must come from another key
    (four eyes); who has proposed a refund never approves it either.
    """

    id: StepId
    stage: Stage
    title: Line
    title_zh: Line
    role: Role
    standard: Line
    window: Window
    outcomes: dict[Code, Target] = Field(default={"done": DONE}, min_length=1)
    requires: tuple[Code, ...] = ()
    not_by: StepId | None = None
    work: FollowUpWork | None = None
    rules: tuple[Line, ...] = ()


class FollowUp(Record):
    """A kind of follow-up: who may ask for it, or what begins it by itself, and its steps in order.

    `begins` is `asked`, or what happens on the order: it is completed, its goods are received
    damaged or never, money has to go back or fits nothing, it is complete and not paid (`owing`, in
    regulations with a gate that waits for money). `blocks_receipt` keeps the order from
    being taken as received by itself while it is open. One that is only for goods that have left
    says `after_dispatch`.
    """

    id: StepId
    title: Line
    title_zh: Line
    begins: Literal["asked", "completed", "damaged", "not_received", "refund", "payment", "owing"]
    asked_by: tuple[Role, ...] = ()
    after_dispatch: StrictBool = False
    blocks_receipt: StrictBool = False
    steps: Annotated[tuple[FollowUpStep, ...], Field(min_length=1)]

    @property
    def concerns_customer(self) -> bool:
        """Whether the customer began it, and so hears of its beginning and its end."""
        return Role.CUSTOMER in self.asked_by or self.begins in BEGUN_BY_RECEIPT

    def step(self, step_id: str) -> FollowUpStep:
        """The step with this id. Raises KeyError."""
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)
