"""A change that has to be decided (C04, C10): taken up, asked about, told to whom it concerns."""

from typing import Any

from temporalio import activity

from activities.applying import (
    ABOUT_THE_CHANGE,
    fields_zh,
    judged,
    prices_for,
    settle,
    wanted_by,
)
from activities.change_models import (
    ANSWER_CHANGE,
    NOTE_WAITING_CHANGE,
    REGISTER_CHANGE,
    ChangeAnswered,
    ChangeAsked,
    ChangeRegistered,
    ChangeWaits,
)
from activities.changes import show_who_works
from activities.leaving import close_visits, note_end
from activities.models import Entered, StepVisit
from activities.opening import open_unless_left
from activities.order_file import Department, Keyed, OrderFile
from activities.transitions import show_standing
from domain.changes import ChangeClass, ChangeState, Touch
from domain.orders import OrderRequest
from domain.patching import touches
from policy.changing import Classified
from policy.impact import Impact, impact_of, signing_steps, told
from store import changes
from store.impact import read_holdings

NO_EVIDENCE = "the customer's written text is missing (G32); send the change again with evidence"


class ChangeOffice(Department):
    """Takes changes up and keeps what those say who have to agree."""

    @activity.defn(name=REGISTER_CHANGE)
    async def register_change(self, asked: ChangeAsked) -> ChangeRegistered:
        """Keeps what the change means, tells whom it concerns and asks the first who has to agree.

        A change that does not fit the order any more comes back refused.
        """

        async def work(file: OrderFile) -> ChangeRegistered:
            return await _register(file, asked)

        keyed = Keyed(asked.order_id, asked.key, asked.now)
        return await self.once(REGISTER_CHANGE, keyed, ChangeRegistered, work)

    @activity.defn(name=NOTE_WAITING_CHANGE)
    async def note_waiting_change(self, waits: ChangeWaits) -> None:
        """Tells whom a change concerns that it has come in, while another one is decided."""
        async with self.open_file(Keyed(waits.order_id, waits.key, waits.now)) as file:
            await _say_that_it_waits(file, waits)

    @activity.defn(name=ANSWER_CHANGE)
    async def answer_change(self, answered: ChangeAnswered) -> Entered:
        """Keeps one answer; asks the next, or refuses the change."""

        async def work(file: OrderFile) -> Entered:
            return await _answer(file, answered)

        keyed = Keyed(answered.order_id, answered.key, answered.now)
        return await self.once(ANSWER_CHANGE, keyed, Entered, work)


async def _register(file: OrderFile, asked: ChangeAsked) -> ChangeRegistered:
    change = await changes.find_change(file.conn, file.id, asked.change_id)
    if change.state is not ChangeState.RECEIVED:
        return ChangeRegistered(state=ChangeState.REFUSED)
    order = await judged(file, change)
    if not isinstance(order, str) and asked.of in file.profile.changes.evidence:
        order = order if change.evidence else NO_EVIDENCE
    if isinstance(order, str):
        await settle(file, change, ChangeState.REFUSED, order)
        return ChangeRegistered(state=ChangeState.REFUSED)
    before = file.request
    impact = await _impact(file, asked, before, order, touches(before, wanted_by(change)))
    prices = await prices_for(file, change, wanted_by(change))
    await changes.register(
        file.conn,
        change.id,
        file.now,
        of=asked.of.value,
        impact=impact.model_dump(mode="json"),
        prices={product: str(price) for product, price in prices.items()},
    )
    _tell(file, asked.change_id, asked.of, list(wanted_by(change).fields))
    visits = {visit.step: visit for visit in asked.candidates}
    first = next((visits[one.step] for one in impact.must_agree if one.step in visits), None)
    if first is not None:
        # The time to react began when the customer asked, whatever else was being decided.
        file.counts_from[first.step] = min(change.requested_at, file.now)
    opened = await _ask(file, asked.workflow_id, first)
    return ChangeRegistered(
        state=ChangeState.RECEIVED,
        costs_more=order.amount > before.amount,
        later=order.promised_at > before.promised_at,
        remakes=impact.remakes,
        promised_at=order.promised_at if order.promised_at != before.promised_at else None,
        visit=first,
        tasks=opened.tasks,
        windows=opened.windows,
    )


async def _say_that_it_waits(file: OrderFile, waits: ChangeWaits) -> None:
    change = await changes.find_change(file.conn, file.id, waits.change_id)
    if change.state is not ChangeState.RECEIVED:
        return
    fields = sorted(set(change.patch) - ABOUT_THE_CHANGE)
    text = f"a {waits.of.value} change of {', '.join(fields)} waits for the one before it"
    zh = f"{fields_zh(fields)}的{waits.of.words_zh}已收到，待前一变更评审结束后评审"
    said = f"{text[0].upper()}{text[1:]}"
    file.note("change_waits", said, key=waits.key, data={"change": change.id})
    file.tell_all(told(file.profile, waits.of), "change_waits", text, zh, key=waits.key)


async def _impact(
    file: OrderFile,
    asked: ChangeAsked,
    before: OrderRequest,
    after: OrderRequest,
    touched: tuple[Touch, ...],
) -> Impact:
    signing = signing_steps(file.profile)
    holdings = await read_holdings(file.conn, file.id, before.currency.value, signing)
    classified = Classified(asked.of, rest=asked.rest)
    return impact_of(file.profile, before, after, touched, classified, asked.step, holdings)


async def _answer(file: OrderFile, answered: ChangeAnswered) -> Entered:
    change = await changes.find_change(file.conn, file.id, answered.change_id)
    await close_visits(file, (answered.left,), (answered.decision,))
    outcome = answered.decision.outcome.replace("_", " ")
    note_end(file, answered.left, outcome, (answered.decision,))
    found = await changes.being_decided(file.conn, file.id)
    if answered.refused is not None:
        if change.state is ChangeState.RECEIVED:
            await settle(file, change, ChangeState.REFUSED, answered.refused)
    elif found is not None and found["of"] != answered.of.value:
        await changes.register(file.conn, change.id, file.now, of=answered.of.value)
        _tell(file, change.id, answered.of, list(wanted_by(change).fields))
    opened = await _ask(file, answered.workflow_id, answered.following)
    if answered.following is None:
        await show_who_works(file)
    await show_standing(file)
    return opened


async def _ask(file: OrderFile, workflow_id: str, visit: StepVisit | None) -> Entered:
    """Asks the next who has to agree; lists show that the order waits for that role."""
    if visit is None:
        return Entered()
    opened = await open_unless_left(file, workflow_id, (visit,))
    file.show(waiting_role=file.profile.step(visit.step).role.value)
    return opened


def _tell(file: OrderFile, change_id: str, of: ChangeClass, fields: list[str]) -> None:
    """Whoever the regulation names hears of it at once (catalogue 5.5)."""
    stands = of in {ChangeClass.TECHNICAL, ChangeClass.STRUCTURAL}
    key = f"{file.id}/changes/{change_id}/{of.value}"
    what = f"A {of.value} change of {', '.join(fields)} is being decided"
    text = f"{what}; the order stands still until then" if stands else what
    data: dict[str, Any] = {"change": change_id, "of": of.value}
    file.note("change_registered", text, key=key, data=data)
    zh = f"{fields_zh(fields)}的{of.words_zh}正在评审"
    zh += "，评审结束前订单暂停" if stands else ""
    said = f"{text[0].lower()}{text[1:]}"
    file.tell_all(told(file.profile, of), "change_registered", said, zh, key=key)
