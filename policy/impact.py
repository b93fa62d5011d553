"""What a change means for an order: class, price, date, who agrees, what goes back. Pure."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal

from domain.base import Record
from domain.changes import ChangeClass, Touch
from domain.holdings import Holdings
from domain.orders import OrderRequest
from domain.roles import Role
from domain.stages import Stage
from policy.changing import NOT_POSSIBLE, Classified
from policy.model import Profile
from policy.steps import AlongsideStep, ReviewStep, TaskStep, Work

_SIGNING = {Stage.CONTRACT, Stage.PLAN_APPROVAL, Stage.SHIPPING_RELEASE}


class Agreement(Record):
    """A step of the profile that has to agree before the change is made."""

    step: str
    title: str
    title_zh: str
    role: Role
    rule: str
    limit: str
    answers: tuple[str, ...]
    requires: tuple[str, ...] = ()


class Consequence(Record):
    """Something that goes back or is lost: so much of what, in plain words."""

    kind: Literal["stock", "slot", "purchase", "goods", "money", "release"]
    what: str
    text: str
    quantity: Decimal | None = None
    unit: str | None = None


class Voided(Record):
    """A signature that was given for the order as it was, and has to be given again."""

    step: str
    title: str
    title_zh: str
    role: Role


class NotPossible(Record):
    """A touch that is refused: why, and what is still possible."""

    touch: Touch
    because: str
    instead: str | None = None


class Impact(Record):
    """What a change means. A refused one gives nothing back and asks nobody.

    `back_to` is the step to which the order goes back, none where it goes on; `needs` are fields
    without which the change is not taken. Prices are in `currency`; `promised_after` is what the
    customer asks for, not yet what is agreed.
    """

    of: ChangeClass
    touches: tuple[Touch, ...]
    back_to: str | None = None
    currency: str
    price_before: Decimal
    price_after: Decimal
    price_difference: Decimal
    promised_before: datetime
    promised_after: datetime
    needs: tuple[Literal["evidence", "identity"], ...] = ()
    told: tuple[Role, ...] = ()
    must_agree: tuple[Agreement, ...] = ()
    given_back: tuple[Consequence, ...] = ()
    lost: tuple[Consequence, ...] = ()
    voided: tuple[Voided, ...] = ()
    refused: tuple[NotPossible, ...] = ()

    @property
    def why(self) -> str | None:
        """Why it is refused and what is possible instead; none when it is not."""
        said = [
            f"{not_so.touch}: {not_so.because}" + (f"; {not_so.instead}" if not_so.instead else "")
            for not_so in self.refused
        ]
        return "; ".join(dict.fromkeys(said)) or None


def signing_steps(profile: Profile) -> tuple[str, ...]:
    """The steps whose answers are signatures for a version of the order."""
    return tuple(step.id for step in profile.route if _signs(step))


def passed_by(profile: Profile, current: str | None) -> Callable[[str], bool]:
    """Whether an order in step `current` is past a step; nothing is before it has begun."""
    order = {step.id: index for index, step in enumerate(profile.route)}

    def passed(step_id: str) -> bool:
        return current is not None and order[current] > order[step_id]

    return passed


def back_to(profile: Profile, of: ChangeClass, current: str | None) -> str | None:
    """The step to which a change of this class takes the order back; none where it goes on."""
    target = {
        ChangeClass.DATE: profile.changes.replan_at,
        ChangeClass.STRUCTURAL: profile.changes.rewind_to,
    }.get(of)
    if target is None or current is None:
        return None
    passed = passed_by(profile, current)
    if of is ChangeClass.DATE and any(passed(step_id) for step_id in _making(profile)):
        return None  # the goods are made: there is nothing left to plan
    return target if current == target or passed(target) else None


def _making(profile: Profile) -> tuple[str, ...]:
    """The steps in which the goods are made."""
    made = Work.RECORD_PRODUCTION
    return tuple(
        step.id
        for step in profile.route
        if isinstance(step, TaskStep) and step.work is made and not step.detour
    )


def agreements(
    profile: Profile, of: ChangeClass, *, costs_more: bool, later: bool
) -> tuple[AlongsideStep, ...]:
    """The steps that a change of this class has to be agreed in, one after the other."""
    needed = {"always"} | ({"cost", "cost_or_date"} if costs_more else set())
    needed |= {"cost_or_date"} if later else set()
    return tuple(
        step
        for step in profile.alongside
        if step.trigger == "on_change" and of in step.classes and step.needed in needed
    )


def impact_of(
    profile: Profile,
    before: OrderRequest,
    after: OrderRequest,
    touches: Sequence[Touch],
    classified: Classified,
    current: str | None,
    holdings: Holdings,
) -> Impact:
    """What the change from `before` to `after` means for an order in step `current`."""
    of = classified.of
    said = {
        "of": of,
        "touches": tuple(touches),
        "currency": before.currency.value,
        "price_before": before.amount,
        "price_after": after.amount,
        "price_difference": after.amount - before.amount,
        "promised_before": before.promised_at,
        "promised_after": after.promised_at,
    }
    if of is ChangeClass.REFUSED:
        return Impact(**said, refused=tuple(_refusals(classified)))
    target = back_to(profile, of, current)
    return Impact(
        **said,
        back_to=target,
        needs=_needs(profile, of),
        told=told(profile, of),
        must_agree=tuple(_agreements(profile, of, before, after)),
        given_back=tuple(_given_back(profile, target, after, holdings)),
        lost=tuple(_lost(after, holdings)),
        voided=tuple(_voided(profile, target, current, holdings)),
    )


def told(profile: Profile, of: ChangeClass) -> tuple[Role, ...]:
    """Who is told of a change of this class as soon as it is known (catalogue 5.5)."""
    roles = (role for told in profile.changes.told if of in told.of for role in told.roles)
    return tuple(dict.fromkeys(roles))


def _needs(profile: Profile, of: ChangeClass) -> tuple[Literal["evidence", "identity"], ...]:
    rules = profile.changes
    evidence: tuple[Literal["evidence"], ...] = ("evidence",) if of in rules.evidence else ()
    return (*evidence, "identity") if rules.identity else evidence


def _refusals(classified: Classified) -> Iterator[NotPossible]:
    for touch, row in classified.refused:
        if row is None:
            because = "cannot be changed under this regulation"
            yield NotPossible(touch=touch, because=because, instead="order anew what is to differ")
        else:
            because = row.because or NOT_POSSIBLE
            yield NotPossible(touch=touch, because=because, instead=row.instead)


def _agreements(
    profile: Profile, of: ChangeClass, before: OrderRequest, after: OrderRequest
) -> Iterator[Agreement]:
    costs_more = after.amount > before.amount
    later = after.promised_at > before.promised_at
    for step in agreements(profile, of, costs_more=costs_more, later=later):
        assert step.window is not None, "an answer to a change has a time"
        yield Agreement(
            step=step.id,
            title=step.title,
            title_zh=step.title_zh,
            role=step.role,
            rule=step.window.id,
            limit=str(step.window.limit),
            answers=step.answers,
            requires=step.requires,
        )


def _given_back(
    profile: Profile, target: str | None, after: OrderRequest, holdings: Holdings
) -> Iterator[Consequence]:
    undone = _undone(profile, target)
    for stock in holdings.stock:
        if stock.step in undone:
            yield Consequence(
                kind="stock",
                what=stock.material,
                quantity=stock.quantity,
                unit=stock.unit,
                text=f"{_plain(stock.quantity)} {stock.unit} of {stock.material} reserved",
            )
    for slot in holdings.slots:
        if slot.step in undone:
            begins, ends = (
                at.isoformat(timespec="minutes") for at in (slot.starts_at, slot.ends_at)
            )
            text = f"line {slot.line} booked from {begins} to {ends}"
            yield Consequence(kind="slot", what=slot.line, text=text)
    for bought in holdings.purchases:
        if bought.step in undone:
            yield Consequence(
                kind="purchase",
                what=bought.material,
                quantity=bought.quantity,
                unit=bought.unit,
                text=f"{_plain(bought.quantity)} {bought.unit} of {bought.material} asked for",
            )
    over = holdings.paid - after.amount
    if over > 0:
        text = f"{after.currency} {over} paid more than the changed order costs"
        yield Consequence(kind="money", what=after.currency.value, quantity=over, text=text)


def _lost(after: OrderRequest, holdings: Holdings) -> Iterator[Consequence]:
    """Goods that the order no longer wants; they become free finished stock."""
    ordered: dict[str, int] = {}
    for line in after.lines:
        ordered[line.product] = ordered.get(line.product, 0) + line.quantity
    for goods in holdings.goods:
        over = goods.made - max(ordered.get(goods.product, 0), goods.shipped)
        if over > 0:
            text = f"{over} of {goods.product} made and no longer ordered; they go into stock"
            yield Consequence(
                kind="goods", what=goods.product, quantity=Decimal(over), unit="pc", text=text
            )


def _voided(
    profile: Profile, target: str | None, current: str | None, holdings: Holdings
) -> Iterator[Voided]:
    """Signatures of the steps that are done again, and always the shipping release."""
    undone = _undone(profile, target)
    passed = passed_by(profile, current)
    for signed in holdings.signatures:
        step = profile.step(signed.step)
        if not (passed(step.id) or step.id == current):
            continue
        if step.id in undone or step.stage is Stage.SHIPPING_RELEASE:
            yield Voided(step=step.id, title=step.title, title_zh=step.title_zh, role=signed.role)
    if holdings.released:
        for step in profile.route:
            if step.kind == "gate" and step.stage is Stage.SHIPPING_RELEASE:
                yield Voided(step=step.id, title=step.title, title_zh=step.title_zh, role=step.role)


def _undone(profile: Profile, target: str | None) -> frozenset[str]:
    """The steps that are done again when the order goes back to `target`."""
    if target is None:
        return frozenset()
    route = [step.id for step in profile.route]
    return frozenset(route[route.index(target) :])


def _signs(step: object) -> bool:
    if isinstance(step, ReviewStep):
        return True
    return isinstance(step, TaskStep) and not step.detour and step.stage in _SIGNING


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
