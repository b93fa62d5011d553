"""Shipping (L27, L28): nothing leaves before every fact of the gate holds."""

from temporalio import activity

from activities.gate import missing_facts
from activities.models import Entered, Transition
from activities.opening import Blocked
from activities.order_file import OrderFile
from activities.transitions import Mover
from domain.roles import Role
from policy.steps import GateStep, Work
from store import goods


class Shipping(Mover):
    """Releases and ships the goods."""

    @activity.defn(name=Work.RELEASE_SHIPPING)
    async def release_shipping(self, transition: Transition) -> Entered:
        """Writes the release note; asks the step's role when a fact does not hold."""
        return await self.move(Work.RELEASE_SHIPPING, transition, attempt=_release)

    @activity.defn(name=Work.RECORD_DISPATCH)
    async def record_dispatch(self, transition: Transition) -> Entered:
        """The packed goods are on their way, and the customer is told the tracking number."""
        return await self.move(Work.RECORD_DISPATCH, transition, record=_dispatch)


async def _release(file: OrderFile, transition: Transition) -> str | Blocked:
    assert transition.enter is not None
    gate = file.profile.step(transition.enter.at.step)
    assert isinstance(gate, GateStep), "only a gate releases"
    missing = await missing_facts(file, gate.facts)
    if missing:
        return Blocked(f"missing: {'; '.join(missing)}", {"missing": missing})
    # A way back after the gate leaves the earlier note behind; the new one takes its place.
    await goods.void_release(file.conn, file.id)
    await goods.release_goods(file.conn, file.id, transition.enter.at.key(file.id), file.now)
    return "the goods may leave"


async def _dispatch(file: OrderFile, transition: Transition) -> None:
    left = transition.leave
    assert left is not None
    data = left.decisions[0].data if left.decisions else {}
    carrier, tracking = data.get("carrier"), data.get("tracking")
    key = left.at.key(file.id)
    await goods.ship(file.conn, file.id, key, carrier=carrier, tracking=tracking, at=file.now)
    file.note(
        "shipped",
        f"The goods are on their way with {carrier or 'our carrier'}",
        key=f"{key}/shipped",
        step=left.at.step,
        data={"carrier": carrier, "tracking": tracking},
    )
    file.tell(
        Role.CUSTOMER,
        "shipped",
        f"{file.name} is on its way with {carrier or 'our carrier'}, "
        f"tracking number {tracking or 'not given'}",
        key=f"{key}/shipped",
        zh=f"{file.name_zh}已发货，承运方：{carrier or '由我司安排'}，"
        f"运单号：{tracking or '未提供'}",
    )
