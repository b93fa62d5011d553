"""Cancellations that are more than free: judged, asked about, refused (C06, C07, catalogue 5.3)."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from temporalio import activity

from activities.cancel_models import (
    ANSWER_CANCELLATION,
    CONSIDER_CANCELLATION,
    CancellationAsked,
    CancellationRefused,
    Considered,
)
from activities.change_models import ChangeSettled
from activities.leaving import leave
from activities.money_back import NOTHING, MoneyHeld, money_of
from activities.opening import open_visit
from activities.order_file import Department, Keyed, OrderFile
from activities.transitions import show_standing
from domain.changes import ChangeState
from domain.orders import OrderState
from domain.roles import Role
from policy.cancelling import CancelTerms, cost_of, terms_in
from store import cancellations, changes


class Cancelling(Department):
    """Judges cancellations on terms, and answers those that somebody was asked about."""

    @activity.defn(name=CONSIDER_CANCELLATION)
    async def consider_cancellation(self, asked: CancellationAsked) -> Considered:
        """Compares what it costs with what was accepted; asks a role where the contract decides.

        One that costs more than was accepted is refused here, with what it costs now.
        """

        async def work(file: OrderFile) -> Considered:
            return await _consider(file, asked)

        keyed = Keyed(asked.order_id, asked.key, asked.now)
        return await self.once(CONSIDER_CANCELLATION, keyed, Considered, work)

    @activity.defn(name=ANSWER_CANCELLATION)
    async def answer_cancellation(self, refused: CancellationRefused) -> ChangeSettled:
        """Closes the question and tells the customer that the order goes on."""

        async def work(file: OrderFile) -> ChangeSettled:
            await leave(file, refused.left)
            await _refuse(file, refused.change_id, refused.reason)
            await show_standing(file)
            return ChangeSettled(version=file.row.version, state=ChangeState.REFUSED)

        keyed = Keyed(refused.order_id, refused.key, refused.now)
        return await self.once(ANSWER_CANCELLATION, keyed, ChangeSettled, work)


async def _consider(file: OrderFile, asked: CancellationAsked) -> Considered:
    change = await changes.find_change(file.conn, file.id, asked.change_id)
    if change.state is not ChangeState.RECEIVED or file.row.state is not OrderState.OPEN:
        return Considered(outcome="refused")
    terms, money = terms_in(file.profile, asked.step), await money_of(file)
    cost = cost_of(terms, file.request.amount, file.request.currency, money.deposit)
    forfeitable = money.deposit if terms.deposit != "refunded" else NOTHING
    judged = {
        "step": asked.step,
        "terms": terms.kind,
        "deposit": terms.deposit,
        "cost": cost,
    }
    await cancellations.judge(file.conn, change.id, file.id, file.request.currency.value, judged)
    if cost > await cancellations.accepted_cost(file.conn, change.id):
        now_costs = f"cancelling costs {file.money(cost)} by now; ask again and accept that"
        await _refuse(file, change.id, now_costs)
        return Considered(outcome="refused")
    if terms.deposit == "by_contract":
        file.counts_from[asked.visit.step] = min(change.requested_at, file.now)
        opened = await open_visit(
            file, asked.workflow_id, asked.visit, facts=_facts(file, terms, money, cost)
        )
        await _acknowledge(file, change.id, opened.due_at, paid=money.deposit > 0)
        await show_standing(file)
        return Considered(
            outcome="asked",
            kept=cost,
            forfeitable=forfeitable,
            kept_max=max(file.request.amount, money.paid),
            unit=file.request.currency.minor_unit,
            visit=asked.visit,
            tasks=opened.tasks,
            windows=opened.windows,
        )
    return Considered(outcome="granted", kept=cost, forfeitable=forfeitable)


def _facts(file: OrderFile, terms: CancelTerms, money: MoneyHeld, cost: Decimal) -> dict[str, Any]:
    """What whoever answers needs to know."""
    return {
        "currency": file.request.currency.value,
        "amount": f"{file.request.amount:f}",
        "paid": f"{money.paid:f}",
        "deposit": f"{money.deposit:f}",
        "cost": f"{cost:f}",
        "terms": terms.kind,
        "to_name": "kept: how much of the money is kept by the contract; the rest goes back",
    }


async def _acknowledge(
    file: OrderFile, change_id: str, due_at: datetime | None, *, paid: bool
) -> None:
    """The customer hears at once that somebody looks at it, and until when there is an answer."""
    until = f", with an answer until {file.said(due_at)}" if due_at else ""
    until_zh = f"，将于 {file.said(due_at)} 前答复" if due_at else ""
    key = f"{file.id}/changes/{change_id}/asked"
    kind = "cancellation_asked"
    why = "because a deposit was paid" if paid else "because the contract decides what it costs"
    text = f"The cancellation is being looked at, {why}{until}"
    file.note(kind, text, key=key, data={"change": change_id})
    zh = f"取消申请已收到，{'因已付定金' if paid else '所需费用'}须按合同处理{until_zh}"
    file.tell_all((Role.CUSTOMER,), kind, text, zh, key=key)


async def _refuse(file: OrderFile, change_id: str, reason: str) -> None:
    await changes.settle(file.conn, change_id, ChangeState.REFUSED, reason, file.now)
    await cancellations.answer(file.conn, change_id, file.now)
    key, kind = f"{file.id}/changes/{change_id}", "cancellation_refused"
    text = f"The cancellation is refused: {reason}"
    file.note(kind, text, key=key, data={"change": change_id})
    zh = f"取消订单的申请未被接受：{reason}"
    file.tell_all((Role.CUSTOMER,), kind, text, zh, key=key)
