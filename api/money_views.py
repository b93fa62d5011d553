"""What the API shows of money; a customer sees its own without internal names."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from api.access import Principal
from domain.base import Record
from domain.money import Account, Currency, PaymentRoute, Purpose, rounded
from domain.payments import PaymentEnd, PaymentState, RefundState
from store.ledger import NOTHING
from store.owing import Debtor
from store.payment_reports import ReportRow
from store.payment_rows import PaymentRow, RefundRow
from store.statements import Entry, MoneySum

Sum = Annotated[Decimal, Field(description="In whole minor units", examples=["462.00"])]


class PaymentTaken(Record):
    """The answer to a payment; who reports it again gets the same one."""

    id: str
    reference: str
    order: str = Field(description="As it was named")
    amount: Sum
    currency: Currency
    end: PaymentEnd = Field(examples=["partly_applied"])
    applied: Sum
    unapplied: Sum
    to_pay: Sum | None = Field(description="What the order still owed then")
    follow_up: str | None = Field(description="What finance has to look into")
    links: Mapping[str, str]


class PaymentItem(Record):
    """A payment as it stands now. A refused notice may lack what could not be read."""

    id: str
    source: str
    reference: str | None
    named_order: str | None
    order: str | None
    customer: str | None
    amount: Sum | None
    currency: Currency | None
    route: PaymentRoute | None
    purpose: Purpose | None
    state: PaymentState
    why: str | None
    end: PaymentEnd
    follow_up: str | None
    reported_by: str
    arrived_at: datetime
    created_at: datetime


class PaymentReportItem(Record):
    """Somebody's word that a payment is under way. Who said so is for staff."""

    id: str
    order: str
    amount: Sum
    currency: Currency
    route: PaymentRoute | None = Field(description="None: the way that the order names")
    reference: str | None
    reported_at: datetime
    settled_at: datetime | None = Field(description="When the order passed its gate of money")
    reported_by: str | None = None


class AccountSum(Record):
    """What lies on an account."""

    account: Account
    zh: str = Field(examples=["未核销款"])
    amount: Sum


class Sums(Record):
    """received = applied + unapplied + refunded, in one currency."""

    currency: Currency
    received: Sum
    applied: Sum
    unapplied: Sum
    refunded: Sum
    balances: bool
    accounts: tuple[AccountSum, ...]


class LedgerMove(Record):
    """Money that moved. Who moved it, and between which orders, is for staff."""

    at: datetime
    amount: Sum
    currency: Currency
    source: Account
    target: Account
    reason: str
    payment: str | None
    comes: bool = Field(description="Whether it came from outside this ledger")
    goes: bool = Field(description="Whether it left this ledger")
    order: str | None = None
    by: str | None = None


class OrderLedger(Record):
    """The money of an order."""

    order: str
    number: str | None
    currency: Currency
    owed: Sum
    paid: Sum
    to_pay: Sum
    sums: tuple[Sums, ...]
    entries: tuple[LedgerMove, ...]


class CustomerLedger(Record):
    """The money of a customer, currencies side by side; its moves page by page."""

    customer: str
    sums: tuple[Sums, ...]
    entries: tuple[LedgerMove, ...]
    next: str | None = None


class RefundView(Record):
    """Money that goes back. Reasons and names are for staff."""

    id: str
    order: str | None
    payment: str | None
    amount: Sum
    currency: Currency
    state: RefundState
    follow_up: str | None
    proposed_at: datetime
    approved_at: datetime | None
    rejected_at: datetime | None
    paid_at: datetime | None
    paid_reference: str | None
    reason: str | None = None
    rejected_because: str | None = None
    proposed_by: str | None = None
    approved_by: str | None = None
    rejected_by: str | None = None
    paid_by: str | None = None


def payment_taken(row: PaymentRow) -> PaymentTaken:
    """The first answer to a payment, however it stands by now."""
    assert row.amount is not None, "only what counts is answered so"
    assert row.currency is not None, "and what counts has a currency"
    outcome, currency = row.outcome, row.currency
    to_pay = None if outcome.to_pay is None else rounded(outcome.to_pay, currency)
    return PaymentTaken(
        id=row.id,
        reference=row.reference or "",
        order=row.named_order or "",
        amount=rounded(row.amount, currency),
        currency=currency,
        end=outcome.end,
        applied=rounded(outcome.applied, currency),
        unapplied=rounded(outcome.unapplied, currency),
        to_pay=to_pay,
        follow_up=outcome.follow_up,
        links={"self": f"/payments/{row.id}"},
    )


def payment_item(row: PaymentRow) -> PaymentItem:
    """A payment as it stands."""
    amount = (
        None if row.amount is None or row.currency is None else rounded(row.amount, row.currency)
    )
    return PaymentItem(
        id=row.id,
        source=row.source,
        reference=row.reference,
        named_order=row.named_order,
        order=row.order_id,
        customer=row.customer,
        amount=amount,
        currency=row.currency,
        route=None if row.route is None else PaymentRoute(row.route),
        purpose=None if row.purpose is None else Purpose(row.purpose),
        state=row.state,
        why=row.why,
        end=row.outcome.end,
        follow_up=row.outcome.follow_up,
        reported_by=row.reported_by,
        arrived_at=row.arrived_at,
        created_at=row.created_at,
    )


def payment_report(row: ReportRow, caller: Principal) -> PaymentReportItem:
    """A report as it stands."""
    return PaymentReportItem(
        id=row.id,
        order=row.order_id,
        amount=rounded(row.amount, row.currency),
        currency=row.currency,
        route=row.route,
        reference=row.reference,
        reported_at=row.reported_at,
        settled_at=row.settled_at,
        reported_by=row.reported_by if caller.is_staff else None,
    )


def sums_of(found: Iterable[MoneySum], also: Currency | None = None) -> tuple[Sums, ...]:
    """The sums of each currency; `also` is shown even where nothing has moved in it."""
    shown = {of.currency: _sums(of) for of in found}
    if also is not None and also not in shown:
        nothing = dict.fromkeys(("received", "applied", "unapplied", "refunded"), NOTHING)
        shown[also] = _sums(MoneySum(currency=also, accounts={}, **nothing))
    return tuple(shown[currency] for currency in sorted(shown))


def _sums(of: MoneySum) -> Sums:
    def whole(amount: Decimal) -> Decimal:
        return rounded(amount, of.currency)

    return Sums(
        currency=of.currency,
        received=whole(of.received),
        applied=whole(of.applied),
        unapplied=whole(of.unapplied),
        refunded=whole(of.refunded),
        balances=of.balances,
        accounts=tuple(
            AccountSum(account=at, zh=at.zh, amount=whole(of.accounts[at]))
            for at in Account
            if of.accounts.get(at)
        ),
    )


def ledger_move(entry: Entry, caller: Principal) -> LedgerMove:
    """A line of a ledger."""
    shown = {"order": entry.order_id, "by": entry.by} if caller.is_staff else {}
    return LedgerMove(
        at=entry.at,
        amount=rounded(entry.amount, entry.currency),
        currency=entry.currency,
        source=entry.source,
        target=entry.target,
        reason=entry.reason,
        payment=entry.payment,
        comes=entry.comes,
        goes=entry.goes,
        **shown,
    )


def order_ledger(
    order: Debtor, found: Iterable[MoneySum], entries: Iterable[Entry], caller: Principal
) -> OrderLedger:
    """All of an order's money."""
    sums = sums_of(found, order.currency)
    [own] = [of for of in sums if of.currency is order.currency]
    lies = {of.account: of.amount for of in own.accounts}
    owed = order.owed
    paid = {account: lies.get(account, NOTHING) for account in owed}
    to_pay = sum((max(owed[of] - paid[of], NOTHING) for of in owed), NOTHING)

    def whole(amount: Decimal) -> Decimal:
        return rounded(amount, order.currency)

    return OrderLedger(
        order=order.id,
        number=order.number,
        currency=order.currency,
        owed=whole(sum(owed.values(), NOTHING)),
        paid=whole(sum(paid.values(), NOTHING)),
        to_pay=whole(to_pay),
        sums=sums,
        entries=tuple(ledger_move(entry, caller) for entry in entries),
    )


def refund(row: RefundRow, caller: Principal) -> RefundView:
    """A refund as it stands."""
    for_staff = ("reason", "rejected_because", "proposed_by", "approved_by", "rejected_by")
    for_all = ("id", "payment", "currency", "state", "follow_up", "paid_reference")
    instants = ("proposed_at", "approved_at", "rejected_at", "paid_at")
    names = (*for_all, *instants, *((*for_staff, "paid_by") if caller.is_staff else ()))
    shown = {name: getattr(row, name) for name in names}
    return RefundView(order=row.order_id, amount=rounded(row.amount, row.currency), **shown)
