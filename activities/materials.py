"""Material (L15): reserved as a whole, or not at all. Buys nothing."""

from decimal import Decimal
from typing import Any

from temporalio import activity

from activities.models import Entered, Transition
from activities.opening import Blocked
from activities.order_file import OrderFile
from activities.remaining import to_make
from activities.review_facts import plain
from activities.transitions import Mover
from policy.steps import Work
from store import stock, tasks

ARRIVED = "arrived"


class Materials(Mover):
    """Reserves stock."""

    @activity.defn(name=Work.CHECK_MATERIAL)
    async def check_material(self, transition: Transition) -> Entered:
        """Reserves what the order needs; asks the step's role when something is missing.

        An answer of `arrived` first puts what was missing into the stock.
        """
        return await self.move(Work.CHECK_MATERIAL, transition, attempt=_reserve)


async def _reserve(file: OrderFile, transition: Transition) -> str | Blocked:
    assert transition.enter is not None
    needed = await stock.explode(file.conn, await to_make(file))
    # Locked before anything arrives: the arrival writes the same rows.
    needs = await stock.needs(file.conn, needed, lock=True)
    if await _receive(file, transition):
        needs = await stock.needs(file.conn, needed)
    short = [need for need in needs if need.short]
    if short:
        missing = ", ".join(f"{_amount(need.short, need)} ({need.name})" for need in short)
        return Blocked(f"{missing} missing", {"shortages": [_shortage(need) for need in short]})
    if not needed:
        return "everything is made, no material is needed"
    await stock.reserve(file.conn, file.id, transition.enter.at.key(file.id), needs)
    return f"{len(needs)} materials reserved"


async def _receive(file: OrderFile, transition: Transition) -> bool:
    """What purchasing has seen arrive is what its task said was missing; False if nothing came."""
    left = transition.leave
    assert transition.enter is not None
    if left is None or left.at.step != transition.enter.at.step or left.outcome != ARRIVED:
        return False
    facts = await tasks.visit_facts(file.conn, file.id, left.at.step, left.at.visit) or {}
    arrived = {row["material"]: Decimal(row["short"]) for row in facts.get("shortages", ())}
    await stock.receive(file.conn, file.id, left.at.key(file.id), arrived, file.now)
    return True


def _amount(quantity: Decimal, need: stock.Need) -> str:
    return f"{plain(quantity)} {need.unit} of {need.material}"


def _shortage(need: stock.Need) -> dict[str, Any]:
    return {
        "material": need.material,
        "name": need.name,
        "unit": need.unit,
        "needed": plain(need.needed),
        "free": plain(need.free),
        "short": plain(need.short),
    }
