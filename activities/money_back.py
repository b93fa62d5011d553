"""What becomes of an order's money when it ends without delivery (C06, catalogue 5.3)."""

from dataclasses import dataclass
from decimal import Decimal

from activities.models import OrderEnd
from activities.money_moves import own_move
from activities.order_file import OrderFile
from domain.deposits import DepositState
from domain.money import Account, rounded
from domain.roles import PLATFORM, Role
from policy.cancelling import POOL, Division, deposit_in, divide
from store import ledger
from store.follow_ups import Wanted, want
from store.order_money import change_deposit, read_money
from store.refunds import Proposal, propose

PAYMENT = "payment"
"""The follow-up in which finance settles money that is not as it should be."""

NOTHING = Decimal(0)


@dataclass(frozen=True)
class MoneyHeld:
    """What a customer has paid for the order and still has in it; `deposit` is part of `paid`."""

    by_account: dict[Account, Decimal]
    deposit: Decimal

    @property
    def paid(self) -> Decimal:
        """What can be kept or given back."""
        return sum((self.by_account.get(account, NOTHING) for account in POOL), NOTHING)


async def money_of(file: OrderFile) -> MoneyHeld:
    """How the order's money stands; the caller holds the order's lock."""
    currency = file.request.currency
    standing = await ledger.standing(file.conn, file.id, currency.value)
    kept = None
    if file.profile.money.deposit is not None:
        kept = (await read_money(file.conn, file.id)).deposit
    amount, by_account = file.request.amount, standing.by_account
    deposit = deposit_in(file.profile, amount, currency, by_account, kept)
    return MoneyHeld(standing.by_account, rounded(deposit, currency))


async def settle_money(file: OrderFile, end: OrderEnd) -> Division:
    """Keeps what a cancellation costs, and proposes to give back everything else.

    Each move has a key of the order's end, so that closing once more moves nothing twice. What is
    kept and was never paid stays owed, which finance is told.
    """
    held = await money_of(file)
    division = divide(end.kept, end.forfeitable, held.by_account)
    for source, target, amount in division.kept:
        await ledger.move(file.conn, _move(file, end, source, target, amount))
    if any(target is Account.FORFEITED for _, target, _ in division.kept):
        await change_deposit(file.conn, file.id, DepositState.FORFEITED, file.now)
    if division.back:
        await _give_back(file, end, division)
    if division.owed:
        await _tell_of_debt(file, end, division.owed)
    return division


async def _give_back(file: OrderFile, end: OrderEnd, division: Division) -> None:
    """Nothing is applied any more, and all of it is proposed to go back."""
    for source, amount in division.back:
        if source is not Account.UNAPPLIED:
            await ledger.move(file.conn, _move(file, end, source, Account.UNAPPLIED, amount))
    reason = f"the order is {end.state.value}"
    key = f"{end.key}/refund"
    await propose(file.conn, Proposal(key, file.id, reason, PLATFORM, file.now))
    text = f"{file.money(division.given_back)} go back to the customer, once that is approved"
    file.note("refund_proposed", text, key=key)


async def _tell_of_debt(file: OrderFile, end: OrderEnd, owed: Decimal) -> None:
    key, kind = f"{end.key}/owed", "cancellation_owed"
    text = f"{file.money(owed)} of the cost of the cancellation have not been paid"
    file.note(kind, text, key=key)
    zh = f"取消订单的费用尚欠 {file.money(owed)}"
    file.tell_all((Role.FINANCE,), kind, text, zh, key=key)
    to_do = "what the customer pays for the order pays this first; answer keep once it is there"
    facts = {"owed": f"{owed:f}", "currency": file.currency.value, "why": text, "to_do": to_do}
    await want(
        file.conn,
        Wanted(
            key=key,
            kind=PAYMENT,
            order_id=file.id,
            requested_by=PLATFORM,
            requested_at=file.now,
            facts=facts,
        ),
    )


def _move(
    file: OrderFile, end: OrderEnd, source: Account, target: Account, amount: Decimal
) -> ledger.Move:
    key, reason = f"{end.key}/{source}/{target}", f"the order is {end.state.value}"
    return own_move(file, source, target, amount, key=key, reason=reason)
