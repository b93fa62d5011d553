"""Shipping (L27, L28): nothing leaves before every fact of the gate holds."""

from collections.abc import Sequence
from datetime import datetime, time

from temporalio import activity

from activities.countersign import countersign_step, not_countersigned
from activities.deposits import settle_deposit
from activities.gate import missing_facts
from activities.models import Decision, Entered, Transition
from activities.money_gates import blocked, pass_money
from activities.opening import Back, Blocked
from activities.order_file import OrderFile
from activities.transitions import Mover
from domain.answers import read_date
from domain.dispatch import FAILED, IN_PARTS, MISSING_PARTS, read_quantities
from domain.roles import Role
from policy.steps import MONEY_FACTS, Fact, GateStep, Work
from store import goods
from store.shipments import Parting, note_failure, ship_part

_BINDING = MONEY_FACTS | {Fact.INSPECTION_PASSED, Fact.COUNTERSIGNED}
"""What a release hangs on until the goods are gone; a change of the order leads it back at once."""

_TERMS = ("consent", "missing", "owner", "until", "reason", "new_date", "arrival")


class Shipping(Mover):
    """Releases and ships the goods."""

    @activity.defn(name=Work.RELEASE_SHIPPING)
    async def release_shipping(self, transition: Transition) -> Entered:
        """Writes the release note; asks the step's role when a fact does not hold.

        When signatures are all that is missing, the order goes back to have them given anew.
        """
        return await self.move(Work.RELEASE_SHIPPING, transition, attempt=_release)

    @activity.defn(name=Work.RECORD_DISPATCH)
    async def record_dispatch(self, transition: Transition) -> Entered:
        """All or some of the packed goods are on their way, or could not leave; both are told.

        When what they were released for does not hold any more, nothing leaves, and the order goes
        back to the gate (G18).
        """
        return await self.move(Work.RECORD_DISPATCH, transition, record=_dispatch)


async def _release(file: OrderFile, transition: Transition) -> str | Blocked | Back:
    assert transition.enter is not None
    gate = file.profile.step(transition.enter.at.step)
    assert isinstance(gate, GateStep), "only a gate releases"
    missing, void = await _not_holding(file, gate.facts)
    if missing:
        return blocked(_in_words(missing, void))
    if void:
        step = countersign_step(file)
        return Back(f"signatures are void: {'; '.join(void)}; back to {step.title}", step.id)
    await pass_money(file, gate)
    # A way back after the gate leaves the earlier note behind; the new one takes its place.
    await goods.void_release(file.conn, file.id)
    await goods.release_goods(file.conn, file.id, transition.enter.at.key(file.id), file.now)
    return "the goods may leave"


async def _not_holding(file: OrderFile, facts: Sequence[Fact]) -> tuple[list[str], list[str]]:
    """Which facts are missing, and whose signature is missing or void; nothing when all hold."""
    missing = await missing_facts(file, (fact for fact in facts if fact is not Fact.COUNTERSIGNED))
    return missing, await not_countersigned(file) if Fact.COUNTERSIGNED in facts else []


def _in_words(missing: list[str], void: list[str]) -> list[str]:
    return [*missing, *([f"not countersigned ({'; '.join(void)})"] if void else [])]


async def _dispatch(file: OrderFile, transition: Transition) -> Back | None:
    left = transition.leave
    assert left is not None
    decision = left.decisions[0] if left.decisions else None
    data = decision.data if decision else {}
    key = left.at.key(file.id)
    failed = decision is not None and left.outcome == FAILED
    if not failed and (back := await _no_longer_released(file, left.at.step, key)) is not None:
        return back
    if decision is not None and left.outcome in {FAILED, *IN_PARTS}:
        await _in_parts(file, left.at.step, key, decision)
        return None
    carrier, tracking = data.get("carrier"), data.get("tracking")
    await goods.ship(file.conn, file.id, key, carrier=carrier, tracking=tracking, at=file.now)
    await settle_deposit(file)
    _tell_customer(file, left.at.step, key, (carrier, tracking))
    return None


async def _no_longer_released(file: OrderFile, step_id: str, key: str) -> Back | None:
    """The release holds for the version, the money and the inspection it was given for (G18).

    Money may have gone back or to another order since. Then the note is void, and nothing leaves.
    """
    gate = _gate_before(file, step_id)
    if gate is None:
        return None
    why = _in_words(*await _not_holding(file, [fact for fact in gate.facts if fact in _BINDING]))
    if not why:
        return None
    await goods.void_release(file.conn, file.id)
    words = "; ".join(why)
    text = f"the goods must not leave, stop them: {words}; the release note is void"
    zh = f"放行条件已不成立，货物不得发出，已发出的请拦回（{words}）；出库通知单作废"
    told = (file.profile.step(step_id).role, gate.role, Role.SALES)
    file.tell_all(told, "release_void", text, zh, key=f"{key}/release_void")
    return Back(f"the release is void: {words}; back to {gate.title}", gate.id)


def _gate_before(file: OrderFile, step_id: str) -> GateStep | None:
    """The gate that released what leaves in this step; some regulations have none."""
    found = None
    for step in file.profile.route:
        if step.id == step_id:
            break
        if isinstance(step, GateStep) and step.work is Work.RELEASE_SHIPPING:
            found = step
    return found


async def _in_parts(file: OrderFile, step: str, key: str, decision: Decision) -> None:
    """A part leaves, or nothing does: the rest stays released, and its window begins when the
    answer says that it is to leave.
    """
    data, failed = decision.data, decision.outcome == FAILED
    parting = Parting(
        order_id=file.id,
        step_key=key,
        at=file.now,
        quantities={} if failed else read_quantities(data["quantities"]),
        details={name: data[name].strip() for name in _TERMS if data.get(name, "").strip()},
        carrier=None if failed else data.get("carrier"),
        tracking=None if failed else data.get("tracking"),
    )
    _begin_later(file, step, parting.details.get("new_date") or parting.details.get("until"))
    if failed:
        await note_failure(file.conn, parting)
        _tell_of_failure(file, key, parting)
        return
    await ship_part(file.conn, parting)
    _tell_customer(file, step, key, (parting.carrier, parting.tracking), parting)
    if decision.outcome == MISSING_PARTS:
        _tell_of_missing_parts(file, key, parting)


def _begin_later(file: OrderFile, step: str, day: str | None) -> None:
    """The next visit's window counts from the opening of that working day."""
    date = read_date(day) if day else None
    if date is not None:
        zone = file.calendar.zone
        opening = file.calendar.next_opening(datetime.combine(date, time.min, zone))
        file.counts_from[step] = max(opening, file.now)


def _tell_customer(
    file: OrderFile,
    step: str,
    key: str,
    waybill: tuple[str | None, str | None],
    part: Parting | None = None,
) -> None:
    """Each shipment has its line in the story and its notice with the tracking number."""
    carrier, tracking = waybill
    what, what_zh, data = "is on its way", "已发货", {"carrier": carrier, "tracking": tracking}
    quantities = {} if part is None else {"quantities": dict(part.quantities)}
    file.note(
        "shipped",
        f"The goods are {'partly ' if part else ''}on their way with {carrier or 'our carrier'}",
        key=f"{key}/shipped",
        step=step,
        data={**data, **quantities},
    )
    if part is not None:
        named = ", ".join(f"{n} {product}" for product, n in sorted(part.quantities.items()))
        what, what_zh = f"is partly on its way ({named}; the rest follows)", f"部分发货（{named}）"
    file.tell(
        Role.CUSTOMER,
        "shipped",
        f"{file.name} {what} with {carrier or 'our carrier'}, "
        f"tracking number {tracking or 'not given'}",
        key=f"{key}/shipped",
        zh=f"{file.name_zh}{what_zh}，承运方：{carrier or '由我司安排'}，"
        f"运单号：{tracking or '未提供'}",
    )


def _tell_of_failure(file: OrderFile, key: str, failed: Parting) -> None:
    """The report of the same day (S35.W21). Why, which somebody wrote, stays in the record."""
    new_date, arrival = (failed.details.get(name, "?") for name in ("new_date", "arrival"))
    text = f"{file.name} could not leave; it is to leave on {new_date} and to arrive on {arrival}"
    zh = f"{file.name_zh}未能按时发出，预计发货：{new_date}，预计到达：{arrival}"
    file.note("dispatch_failed", text, key=f"{key}/failed")
    for role in (Role.SALES, Role.CUSTOMER):
        file.tell(role, "dispatch_failed", text, key=f"{key}/failed/{role.value}", zh=zh)


def _tell_of_missing_parts(file: OrderFile, key: str, part: Parting) -> None:
    """Whoever owns the missing parts and sales know until when they are owed (G22, 缺件)."""
    owner, until = part.details.get("owner"), part.details.get("until", "?")
    text = f"{file.name} left with parts missing, which are owed until {until}"
    zh = f"{file.name_zh}已缺件发货，缺件应于 {until} 前补齐"
    file.note("missing_parts", text, key=f"{key}/missing", data={"owner": owner})
    told = [Role(owner)] if owner in set(Role) else []
    for role in dict.fromkeys([*told, Role.SALES]):
        file.tell(role, "missing_parts", text, key=f"{key}/missing/{role.value}", zh=zh)
