"""What the answers of a follow-up move: refunds proposed, approved and paid, payments placed."""

from collections.abc import Awaitable, Callable
from decimal import Decimal

from activities.follow_up_models import FollowUpMove
from activities.models import Decision
from activities.order_file import OrderFile
from domain.answers import needed
from domain.errors import DuelineError, RefundNotOpen
from domain.money import Account
from domain.payments import whole_units
from policy.follow_ups import FollowUpStep, FollowUpWork
from store import refunds
from store.follow_ups import subject_of
from store.ledger import lock_money, standing
from store.owing import debtor
from store.payment_rows import PaymentRow, known_payment
from store.placing import Placing, assign
from store.refunds import Proposal

Moved = tuple[str, ...]
"""The orders whose money has moved, and which look again at what waits for money."""


class CannotBeDone(Exception):  # noqa: N818  a fact
    """What was answered cannot be done; the message says why, and what can. It is shown."""


_ALL_USED = (
    "nothing of it is left over: it pays for the goods by now, or has gone on; answer keep, or "
    "propose a refund of the order"
)


async def do_work(
    file: OrderFile, move: FollowUpMove, rules: FollowUpStep, decision: Decision
) -> Moved:
    """Does what the answer is for, in the file's transaction, all of it or nothing.

    Raises CannotBeDone.
    """
    if rules.work is None:
        return ()
    try:
        async with file.conn.begin_nested():
            return await _WORKS[rules.work](file, move, rules, decision)
    except RefundNotOpen as settled:
        # Somebody has settled it elsewhere: what was answered is over, whatever it was.
        file.note(
            "follow_up_overtaken",
            f"{rules.title}: {settled} already",
            key=f"{move.key}/overtaken",
            data={"follow_up": move.follow_up},
        )
        return ()
    except (DuelineError, ValueError) as error:
        raise CannotBeDone(str(error)) from error


async def _propose(
    file: OrderFile, move: FollowUpMove, rules: FollowUpStep, decision: Decision
) -> Moved:
    """The amount that this answer has to name, of what the customer has paid."""
    if "amount" not in needed(rules.requires, decision.outcome):
        return ()
    amount = whole_units(Decimal(decision.data["amount"].strip()), file.request.currency)
    await refunds.propose(
        file.conn,
        Proposal(
            key=move.key,
            holder=file.id,
            reason=move.title,
            by=decision.by,
            at=file.now,
            amount=amount,
        ),
    )
    return (file.id,)


async def _approve(
    file: OrderFile, move: FollowUpMove, _: FollowUpStep, decision: Decision
) -> Moved:
    refund = await subject_of(file.conn, move.follow_up)
    if decision.outcome == "approved":
        await refunds.approve(file.conn, refund, by=decision.by, at=file.now)
        return ()
    return await _reject(file, refund, decision)


async def _pay(file: OrderFile, move: FollowUpMove, _: FollowUpStep, decision: Decision) -> Moved:
    refund = await subject_of(file.conn, move.follow_up)
    if decision.outcome != "paid":
        return await _reject(file, refund, decision)
    reference = decision.data["reference"].strip()
    await refunds.pay(file.conn, refund, by=decision.by, at=file.now, reference=reference)
    return ()


async def _reject(file: OrderFile, refund: str, decision: Decision) -> Moved:
    because = decision.data["reason"].strip()
    await refunds.reject(file.conn, refund, by=decision.by, at=file.now, because=because)
    return (file.id,)


async def _place(file: OrderFile, move: FollowUpMove, _: FollowUpStep, decision: Decision) -> Moved:
    """Money that fits nothing stays where it is, goes to another order, or goes back.

    What is about a debt has no payment: it is kept, and whatever is paid for the order covers it.
    """
    if decision.outcome == "keep":
        return ()
    payment = await known_payment(file.conn, await subject_of(file.conn, move.follow_up))
    if decision.outcome == "assign":
        wanted = Placing(
            key=f"{move.key}/assigned",
            payment=payment.id,
            order=decision.data["order"].strip(),
            by=decision.by,
            at=file.now,
        )
        return (await assign(file.conn, wanted)).moved
    if decision.outcome == "refund":
        return await _send_back(file, move, payment, decision)
    return ()


async def _send_back(
    file: OrderFile, move: FollowUpMove, payment: PaymentRow, decision: Decision
) -> Moved:
    """What the payment was too much, as far as it pays for nothing by now, is proposed to go back.

    Raises CannotBeDone where that is nothing.
    """
    assert payment.currency is not None, "a payment that counts has a currency"
    if payment.order_id is not None:
        await lock_money(file.conn, payment.order_id)
    holder = payment.order_id or payment.id
    had = await standing(file.conn, holder, payment.currency)
    amount = min(payment.outcome.unapplied, had.of(Account.UNAPPLIED))
    if amount <= 0:
        raise CannotBeDone(_ALL_USED)
    await refunds.propose(
        file.conn,
        Proposal(
            key=f"{move.key}/refund",
            holder=holder,
            reason=move.title,
            by=decision.by,
            at=file.now,
            amount=amount,
            payment=payment.id,
        ),
    )
    return tuple(filter(None, [payment.order_id]))


async def _collect(
    file: OrderFile, move: FollowUpMove, _: FollowUpStep, decision: Decision
) -> Moved:
    """It is paid only when the ledger says so; that it never will be moves no money."""
    order = await debtor(file.conn, file.id)
    assert order is not None, "an order is never deleted"
    owed = order.to_pay(await standing(file.conn, file.id, file.currency))
    if decision.outcome == "paid" and owed > 0:
        cure = "enter the payment first, or answer later or given_up"
        raise ValueError(f"{file.money(owed)} are still owed; {cure}")
    return ()


_WORKS: dict[
    FollowUpWork, Callable[[OrderFile, FollowUpMove, FollowUpStep, Decision], Awaitable[Moved]]
] = {
    FollowUpWork.PROPOSE_REFUND: _propose,
    FollowUpWork.APPROVE_REFUND: _approve,
    FollowUpWork.PAY_REFUND: _pay,
    FollowUpWork.PLACE_PAYMENT: _place,
    FollowUpWork.COLLECT: _collect,
}
