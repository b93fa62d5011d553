"""What a change gives back, what is lost by it, and whose signature falls. Pure."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Literal

from domain.base import Record
from domain.holdings import Holdings
from domain.made import still_wanted
from domain.orders import OrderRequest
from domain.roles import Role
from domain.stages import Stage
from policy.changing import passed_by
from policy.model import Profile


class Consequence(Record):
    """Something that goes back or is lost: so much of what, in plain words."""

    kind: Literal["stock", "slot", "purchase", "goods", "money", "release"]
    what: str
    text: str
    quantity: Decimal | None = None
    unit: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


class Voided(Record):
    """A signature that was given for the order as it was, and has to be given again."""

    step: str
    title: str
    title_zh: str
    role: Role


def given_back(
    profile: Profile, target: str | None, after: OrderRequest, holdings: Holdings
) -> Iterator[Consequence]:
    """What the steps that are done again had taken, and what is paid too much."""
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
            yield Consequence(
                kind="slot",
                what=slot.line,
                starts_at=slot.starts_at,
                ends_at=slot.ends_at,
                text=f"line {slot.line} booked",
            )
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


def lost(before: OrderRequest, after: OrderRequest, holdings: Holdings) -> Iterator[Consequence]:
    """Goods that the order no longer wants as they are; they become free finished stock."""
    wanted = still_wanted(before, after, {goods.product: goods.made for goods in holdings.goods})
    for goods in holdings.goods:
        over = goods.made - max(wanted[goods.product], goods.shipped)
        if over > 0:
            text = f"{over} of {goods.product} made and no longer ordered; they go into stock"
            yield Consequence(
                kind="goods", what=goods.product, quantity=Decimal(over), unit="pc", text=text
            )


def voided(
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


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
