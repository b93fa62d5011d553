"""Whether an order is paid as far as a gate demands, and whether its customer has credit."""

from decimal import Decimal

from activities.order_file import OrderFile
from domain.deposits import DepositState
from domain.money import Account
from policy.steps import Fact
from store import ledger, order_money

_NOUNS = {
    Fact.DEPOSIT_PAID: "deposit",
    Fact.ADVANCE_PAID: "advance payment",
    Fact.CREDIT_GOOD: "advance payment",
    Fact.ACTIVATION_PAID: "activating payment",
    Fact.BALANCE_PAID: "full price",
}


async def missing_money(file: OrderFile, fact: Fact) -> str | None:
    """What of the price is missing for this fact, in words; nothing when it holds."""
    if fact is Fact.CREDIT_GOOD:
        return await _credit(file)
    return await _unpaid(file, fact)


async def _unpaid(file: OrderFile, fact: Fact) -> str | None:
    due = file.due(fact)
    paid, suspended = await _counted(file, fact)
    if paid >= due:
        return None
    words = f"{file.money(due - paid)} of the {_NOUNS[fact]} of {file.money(due)}"
    if suspended:
        words += f"; the deposit of {file.money(suspended)} does not count for now"
    return words


async def _counted(file: OrderFile, fact: Fact) -> tuple[Decimal, Decimal]:
    """What counts as paid, and the suspended deposit that does not count towards the balance."""
    stands = await ledger.standing(file.conn, file.id, file.currency)
    goods = stands.of(Account.GOODS)
    if fact is not Fact.BALANCE_PAID or file.profile.money.deposit is None:
        return goods, Decimal(0)
    money = await order_money.read_money(file.conn, file.id)
    if money.deposit is None or money.deposit_state is not DepositState.SUSPENDED:
        return goods, Decimal(0)
    # What comes beyond the price lies unapplied until the deposit is settled.
    suspended = min(money.deposit, goods)
    return goods - suspended + stands.of(Account.UNAPPLIED), suspended


async def _credit(file: OrderFile) -> str | None:
    """The customer has credit for all that it has not paid, or has paid in advance (G05)."""
    credit = await order_money.read_credit(file.conn, file.request.customer, lock=True)
    assert credit is not None, "an order has a customer"
    barred = credit.blocked_at is not None
    if barred and file.profile.money.blocked_refused:
        return "the customer is blocked, and its orders are refused"
    why = "the customer is blocked" if barred else await _beyond_the_limit(file, credit)
    if why is None:
        return None
    unpaid = await _unpaid(file, Fact.CREDIT_GOOD)
    return f"{why}, and {unpaid} is not paid" if unpaid else None


async def _beyond_the_limit(file: OrderFile, credit: order_money.Credit) -> str | None:
    if credit.limit is None:
        return "the customer has no credit"
    if credit.currency != file.currency:
        return f"the customer has no credit in {file.currency}"
    elsewhere = await order_money.unpaid(file.conn, credit.customer, credit.currency, file.id)
    stands = await ledger.standing(file.conn, file.id, file.currency)
    here = max(file.request.amount - stands.of(Account.GOODS), Decimal(0))
    if elsewhere + here <= credit.limit:
        return None
    return (
        f"{file.money(elsewhere + here)} would be unpaid with a credit of "
        f"{file.money(credit.limit)}"
    )
