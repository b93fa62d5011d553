"""The deposit and its clock (S26, catalogue 5.3): suspended, kept in part, forfeited, offset.

Each of its moves commits with the mark or the dispatch that causes it, once by its key.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from activities.models import MarkDue
from activities.money_moves import own_move
from activities.order_file import OrderFile
from domain.deposits import DepositState
from domain.money import Account
from domain.roles import Role
from domain.windows import Mark
from policy.money_rules import DepositRules
from policy.paying import late_charge, lost_charge
from store import ledger, order_money, windows


@dataclass(frozen=True)
class _Deposit:
    rules: DepositRules
    amount: Decimal
    state: DepositState


async def deposit_breach(file: OrderFile, mark: MarkDue) -> None:
    """What a breach does to the deposit; nothing when the order has none, or it is settled."""
    if mark.mark is not Mark.BREACH or file.profile.money.deposit is None:
        return
    rule = (await windows.find_window(file.conn, mark.window)).rule
    held = await _held(file)
    if held is None:
        return
    if rule == held.rules.suspends and held.state is DepositState.HELD:
        await _suspend(file, held, mark.at)
    elif rule == held.rules.suspends and held.state is DepositState.OFFSET:
        # The goods left in the moment between the mark and its being written down.
        await _keep_in_part(file, held, mark.at)
    elif rule == held.rules.forfeits and held.state is not DepositState.FORFEITED:
        await _forfeit(file, held, mark.at)


async def settle_deposit(file: OrderFile) -> None:
    """The goods are picked up: the deposit counts towards the price, less what lateness costs."""
    held = await _held(file)
    if held is None:
        return
    if held.state is DepositState.SUSPENDED:
        await _keep_in_part(file, held, file.now)
    elif held.state is DepositState.HELD:
        await order_money.change_deposit(file.conn, file.id, DepositState.OFFSET, file.now)


async def _held(file: OrderFile) -> _Deposit | None:
    rules = file.profile.money.deposit
    if rules is None:
        return None
    money = await order_money.read_money(file.conn, file.id)
    if money.deposit is None or money.deposit_state is None:
        return None
    return _Deposit(rules, money.deposit, money.deposit_state)


async def _suspend(file: OrderFile, held: _Deposit, at: datetime) -> None:
    await order_money.change_deposit(file.conn, file.id, DepositState.SUSPENDED, at)
    late = late_charge(held.rules, file.request.amount, held.amount, file.currency)
    _tell(
        file,
        "suspended",
        f"the goods were not picked up in time: the deposit of {file.money(held.amount)} does not "
        f"count towards the price for now, and picking them up costs {file.money(late)} of it",
        f"货物逾期未提，定金 {file.money(held.amount)} 暂不冲抵货款，提货时扣除 {file.money(late)}",
    )


async def _keep_in_part(file: OrderFile, held: _Deposit, at: datetime) -> None:
    charge = late_charge(held.rules, file.request.amount, held.amount, file.currency)
    kept = await _take(file, "late", charge, "picked up late", at)
    await order_money.change_deposit(file.conn, file.id, DepositState.KEPT_IN_PART, at)
    _tell(
        file,
        "kept_in_part",
        f"the goods were picked up late: {file.money(kept)} of the deposit of "
        f"{file.money(held.amount)} are kept, and the rest counts towards the price",
        f"货物逾期提取，扣除定金 {file.money(kept)}，其余冲抵货款",
    )


async def _forfeit(file: OrderFile, held: _Deposit, at: datetime) -> None:
    charge = lost_charge(held.rules, file.request.amount, held.amount, file.currency)
    if held.state is DepositState.KEPT_IN_PART:
        amount = file.request.amount
        charge -= late_charge(held.rules, amount, held.amount, file.currency)
    kept = await _take(file, "lost", charge, "not picked up", at)
    await order_money.change_deposit(file.conn, file.id, DepositState.FORFEITED, at)
    _tell(
        file,
        "forfeited",
        f"nobody picked up the goods: {file.money(kept)} of the deposit of "
        f"{file.money(held.amount)} are forfeited",
        f"货物逾期未提，没收定金 {file.money(kept)}",
    )


async def _take(file: OrderFile, what: str, charge: Decimal, why: str, at: datetime) -> Decimal:
    """Forfeits so much, as far as it is there, and fills the price with what is left over."""
    stands = await ledger.standing(file.conn, file.id, file.currency)
    kept = min(charge, stands.of(Account.GOODS))
    key = f"{file.id}/deposit/{what}"
    entry = own_move(
        file, Account.GOODS, Account.FORFEITED, kept, key=key, reason=f"deposit: {why}", at=at
    )
    if kept > 0:
        await ledger.move(file.conn, entry)
    rest = replace(entry, key=f"{key}/rest", reason="price after the deposit")
    await ledger.fit_goods(file.conn, rest, file.request.amount)
    return kept


def _tell(file: OrderFile, what: str, text: str, zh: str) -> None:
    key = f"{file.id}/deposit/{what}"
    kind = f"deposit_{what}"
    file.note(kind, text[:1].upper() + text[1:], key=key)
    file.tell_all((Role.CUSTOMER, Role.SALES), kind, text, zh, key=key)
