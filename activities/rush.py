"""Rush (S07, 加急费): the fee is agreed, and once it is paid in time the order comes first."""

from decimal import Decimal

from temporalio import activity

from activities.money_models import LOOK_AT_RUSH, RushLook, RushSeen
from activities.money_moves import own_move
from activities.order_file import Department, Keyed, OrderFile
from domain.changes import ChangeState
from domain.money import Account
from domain.priorities import Priority
from domain.roles import PLATFORM, Role
from policy.paying import rush_fee
from policy.rushing import is_planned, rush_refusal
from store import changes, ledger, order_money
from store.refunds import Proposal, propose

RUSH = "rush"


class Rush(Department):
    """Lifts the priority of orders."""

    @activity.defn(name=LOOK_AT_RUSH)
    async def look_at_rush(self, look: RushLook) -> RushSeen:
        """Lifts the order's priority once its fee is paid; never twice.

        A fee that comes when production is planned buys nothing any more: its refund is proposed.
        """

        async def work(file: OrderFile) -> RushSeen:
            money = await order_money.read_money(file.conn, file.id)
            if money.rush_fee is None:
                return RushSeen(paid=False)
            paid = (await ledger.standing(file.conn, file.id, file.currency)).of(Account.RUSH_FEE)
            if paid < money.rush_fee:
                return RushSeen(paid=False)
            if money.rush_paid_at is None and is_planned(file.profile, file.row.step):
                await _give_back(file, money.rush_wish, paid)
            elif await order_money.note_rush_paid(file.conn, file.id, file.now):
                _lift(file, money.rush_fee)
            return RushSeen(paid=True)

        keyed = Keyed(look.order_id, look.key, look.now)
        return await self.once(LOOK_AT_RUSH, keyed, RushSeen, work)


async def settle_rush(
    file: OrderFile, change_id: str, state: ChangeState, reason: str | None
) -> ChangeState:
    """Agrees on the fee, or refuses; the wish is settled and the customer knows what to pay."""
    money = await order_money.read_money(file.conn, file.id)
    rules = file.profile.money.rush
    if rules is None:
        state, reason = ChangeState.REFUSED, rush_refusal(file.profile, planned=False)
    elif money.rush_fee is not None:
        state = ChangeState.REFUSED
        reason = f"a rush fee of {file.money(money.rush_fee)} is agreed already"
    await changes.settle(file.conn, change_id, state, reason, file.now)
    if state is ChangeState.APPLIED:
        assert rules is not None
        fee = rush_fee(rules, file.request.amount, file.currency)
        await order_money.agree_rush(file.conn, file.id, change_id, fee, file.now)
        _say_fee(file, change_id, fee)
        return state
    text = f"The rush is refused: {reason}"
    _tell(file, change_id, "refused", text, f"加急申请未被接受：{reason}", (Role.CUSTOMER,))
    return state


async def _give_back(file: OrderFile, wish: str | None, paid: Decimal) -> None:
    """The fee came too late: it is not agreed any more, and another key approves its refund."""
    key, reason = f"{file.id}/rush/{wish}/late", "the rush fee came after production was planned"
    await order_money.end_rush(file.conn, file.id)
    to_free = own_move(file, Account.RUSH_FEE, Account.UNAPPLIED, paid, key=key, reason=reason)
    await ledger.move(file.conn, to_free)
    proposal = Proposal(
        key=key, holder=file.id, reason=reason, by=PLATFORM, at=file.now, amount=paid
    )
    await propose(file.conn, proposal)
    said = file.money(paid)
    text = f"The rush fee of {said} came after production was planned: the order keeps its place"
    zh = f"加急费 {said} 到账时已完成排产，订单按原计划安排，费用将退还"
    told = (Role.CUSTOMER, Role.SALES, Role.FINANCE)
    _tell(file, wish or "fee", "late", f"{text}, and a refund is proposed", zh, told)


def _say_fee(file: OrderFile, change_id: str, fee: Decimal) -> None:
    said = file.money(fee)
    text = (
        f"Once the rush fee of {said} is paid, before production is planned, the order comes first"
    )
    zh = f"排产前支付加急费 {said}，订单优先安排"
    _tell(file, change_id, "agreed", text, zh, (Role.CUSTOMER, Role.SALES, Role.FINANCE))


def _lift(file: OrderFile, fee: Decimal) -> None:
    file.show(priority=Priority.RUSH.value)
    text = f"The rush fee of {file.money(fee)} is paid: the order comes first"
    zh = f"加急费 {file.money(fee)} 已到账，请优先安排"
    told = (Role.PLANNING, Role.PRODUCTION, Role.SALES, Role.CUSTOMER)
    _tell(file, "fee", "paid", text, zh, told)


def _tell(
    file: OrderFile, about: str, what: str, text: str, zh: str, told: tuple[Role, ...]
) -> None:
    key, kind = f"{file.id}/rush/{about}/{what}", f"rush_{what}"
    file.note(kind, text, key=key)
    file.tell_all(told, kind, text, zh, key=key)
