"""A change is applied: the order is written anew, and goods and money follow (C06, C10)."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from activities.money_moves import own_move
from activities.order_file import OrderFile
from domain.changes import ChangeClass, ChangeRequest, ChangeState
from domain.errors import InvalidField, NothingChanges
from domain.made import still_wanted
from domain.money import Account
from domain.orders import OrderRequest, OrderState
from domain.patching import check_delivered, new_products, patched, touches
from domain.roles import PLATFORM, Role
from policy.impact import told
from store import changes, goods, ledger, tasks
from store.change_reading import list_prices
from store.money_news import note_credit
from store.refunds import Proposal, propose

CHANGE = "change"
ABOUT_THE_CHANGE = {"version", "reason", "evidence", "identity"}
"""They say against what, why and by whom, and are no fields of an order."""

_FIELDS = {
    "promised_at": "交期",
    "contact": "联系人",
    "deliver_to": "收货地址",
    "requirements": "特殊要求",
    "remarks": "备注",
    "lines": "订单明细",
    "attachments": "附件",
}
_WISHES = {"cancellation": "取消订单的申请", "receipt": "收货确认", "rush": "加急申请"}
_STATES = {ChangeState.APPLIED: "已生效", ChangeState.REFUSED: "未被接受"}


async def judged(file: OrderFile, change: changes.ChangeRow) -> OrderRequest | str:
    """The order with the change applied, or why it does not fit the order as it stands."""
    if file.row.state is not OrderState.OPEN:
        return f"the order is {file.row.state.value}"
    against = change.against_version
    if against != file.row.version:
        since = await changes.changed_since(file.conn, file.id, against or 0)
        touched = ", ".join(sorted(set(since) - ABOUT_THE_CHANGE)) or "the order"
        return (
            f"the order is at version {file.row.version} and the change is against version "
            f"{against}; {touched} changed since then"
        )
    return await rewritten(file, change)


async def rewritten(file: OrderFile, change: changes.ChangeRow) -> OrderRequest | str:
    """The same, whatever version the change was against: it was taken up, and nothing else was.

    New products have the prices that were found when it was taken up.
    """
    unknown = set(change.patch) - set(ChangeRequest.model_fields)
    if unknown:
        return f"an order has no {', '.join(sorted(unknown))} to change"
    try:
        wanted = wanted_by(change)
        if wanted.lines is not None:
            touches(file.request, wanted)  # names lines that are not there
            shipped = await goods.shipped(file.conn, file.id)
            check_delivered(file.request, wanted, shipped)
        return patched(file.request, wanted, await prices_for(file, change, wanted))
    except ValidationError as error:
        return _first_fault(error)
    except NothingChanges as error:
        # What was agreed has come about otherwise meanwhile, such as a date by an overdue case.
        return file.request if change.registered_at is not None else str(error)
    except InvalidField as error:
        return str(error)


def wanted_by(change: changes.ChangeRow) -> ChangeRequest:
    """What the customer asked for. Raises ValidationError."""
    asked = {name: value for name, value in change.patch.items() if name not in ABOUT_THE_CHANGE}
    return ChangeRequest.model_validate({**asked, "version": change.against_version or 1})


async def prices_for(
    file: OrderFile, change: changes.ChangeRow, wanted: ChangeRequest
) -> dict[str, Decimal]:
    """List prices of the products that are new to the order."""
    if change.prices is not None:
        return {product: Decimal(price) for product, price in change.prices.items()}
    products = new_products(file.request, wanted)
    if not products:
        return {}
    return await list_prices(file.conn, products, file.request.currency.value)


async def apply(file: OrderFile, change: changes.ChangeRow, order: OrderRequest) -> None:
    """The order's next version; what is made and paid beyond it is free again."""
    before = file.request
    file.rewrite(order)
    if order.lines != before.lines:
        await _give_goods(file, change, before)
    if order.amount != before.amount:
        await _fit_money(file, change)
    if order.amount < before.amount:
        await note_credit(file.conn, order.customer, change.id)
    if order.promised_at != before.promised_at:
        await tell_of_date(file, f"{file.id}/changes/{change.id}/promise", before.promised_at)
    await settle(file, change, ChangeState.APPLIED, None)


async def tell_of_date(file: OrderFile, key: str, before: datetime) -> None:
    """Customer, sales and everybody with an open task hear of the new promised date."""
    new, old = file.said(file.row.promised_at), file.said(before)
    file.note(
        "promise_moved",
        f"The promised date is {new} instead of {old}",
        key=key,
        data={"promised_at": file.row.promised_at.isoformat()},
    )
    file.tell_all(
        (Role.CUSTOMER, Role.SALES, *await tasks.open_roles(file.conn, file.id)),
        "promise_moved",
        f"the promised date is {new} instead of {old}",
        f"交货期由 {old} 改为 {new}",
        key=key,
    )


async def settle(
    file: OrderFile, change: changes.ChangeRow, state: ChangeState, reason: str | None
) -> None:
    """Keeps the verdict, and tells the customer and everybody who works on the order now."""
    # What is settled as applied here has just made the order's version.
    made = file.row.version if change.kind == CHANGE and state is ChangeState.APPLIED else None
    await changes.settle(file.conn, change.id, state, reason, file.now, version=made)
    listeners = [Role.CUSTOMER]
    if change.kind == CHANGE and (state is ChangeState.APPLIED or change.registered_at):
        listeners += await tasks.open_roles(file.conn, file.id)
    if change.kind == CHANGE and state is ChangeState.APPLIED and change.registered_at is None:
        listeners += told(file.profile, ChangeClass.MINOR)  # of all others they have heard already
    say_verdict(file, change, state, reason, listeners=listeners)


def say_verdict(
    file: OrderFile,
    change: changes.ChangeRow,
    state: ChangeState,
    reason: str | None,
    *,
    reason_zh: str | None = None,
    listeners: Iterable[Role] = (Role.CUSTOMER,),
) -> None:
    """What became of a wish, in the order's story and to the listeners; once for each wish."""
    fields = sorted(set(change.patch) - ABOUT_THE_CHANGE)
    key = f"{file.id}/changes/{change.id}"
    what = f"The change of {', '.join(fields)}" if change.kind == CHANGE else f"The {change.kind}"
    because = f": {reason}" if state is ChangeState.REFUSED and reason else ""
    text = f"{what} is {state.value}{because}"
    kind = f"{change.kind}_{state.value}"
    file.note(kind, text, key=key, data={"change": change.id})
    what_zh = f"{fields_zh(fields)}的变更" if change.kind == CHANGE else _WISHES[change.kind]
    because_zh = f"：{reason_zh or reason}" if because else ""
    file.tell_all(listeners, kind, text, f"{what_zh}{_STATES[state]}{because_zh}", key=key)


def fields_zh(fields: list[str]) -> str:
    """The order's fields as a Chinese notice names them."""
    return "、".join(_FIELDS.get(field, field) for field in fields)


async def _give_goods(file: OrderFile, change: changes.ChangeRow, before: OrderRequest) -> None:
    """What was made and is not ordered any more as it is goes into free finished stock."""
    made = await goods.made(file.conn, file.id)
    wanted = still_wanted(before, file.request, made)
    over = await goods.give_beyond(file.conn, file.id, wanted) if made else {}
    if not over:
        return
    what = ", ".join(f"{units} of {product}" for product, units in over.items())
    key = f"{file.id}/changes/{change.id}/goods"
    file.note("given_back", f"No longer ordered, now free finished stock: {what}", key=key)
    file.tell(
        Role.WAREHOUSE,
        "given_back",
        f"{file.name}: no longer ordered and free finished stock now: {what}",
        key=key,
        zh=f"{file.name_zh}：订单已变更，以下成品转为可用库存：{what}",
    )


async def _fit_money(file: OrderFile, change: changes.ChangeRow) -> None:
    """Money for the goods is what they cost now; of what is too much a refund is proposed."""
    request = file.request
    key, currency = f"{file.id}/changes/{change.id}/money", request.currency.value
    had = await ledger.standing(file.conn, file.id, currency)
    entry = own_move(
        file,
        Account.GOODS,
        Account.UNAPPLIED,
        Decimal(0),
        key=key,
        reason="the order was changed",
    )
    await ledger.fit_goods(file.conn, entry, request.amount)
    over = had.of(Account.GOODS) - request.amount
    if over <= 0:
        return
    proposal = Proposal(
        key=key,
        holder=file.id,
        reason="the changed order costs less than was paid",
        by=PLATFORM,
        at=file.now,
        amount=over,
    )
    await propose(file.conn, proposal)
    text = f"{over:f} {currency} more was paid than the changed order costs; a refund is proposed"
    file.note("refund_proposed", text, key=key)


def _first_fault(error: ValidationError) -> str:
    # The value itself stays out: it may be somebody's phone number.
    fault: Any = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
