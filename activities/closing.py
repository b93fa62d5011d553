"""The end of an order: the record closes, and nothing stays reserved (catalogue 5.1)."""

from temporalio import activity

from activities.applying import say_verdict
from activities.cancel_notices import tell_departments
from activities.ladder import listeners, rung_of
from activities.leaving import give_back_everything, leave
from activities.models import CLOSE_ORDER, Entered, OrderEnd
from activities.money_back import settle_money
from activities.order_file import Department, Keyed, OrderFile
from activities.sanctions import reward_in_time
from activities.settling import want_settlement
from activities.transitions import show_standing
from domain.changes import ChangeState
from domain.orders import OrderState
from domain.roles import PLATFORM, Role
from domain.windows import Mark
from policy.cancelling import Division
from store import cancellations, cases, changes, goods, slots, stock, tasks, windows
from store.follow_ups import Wanted, want
from store.money_news import note_credit

_ENDED = {
    OrderState.COMPLETED: "已完成",
    OrderState.REFUSED: "未能受理",
    OrderState.CANCELLED: "已取消",
}


class Closing(Department):
    """Closes orders."""

    @activity.defn(name=CLOSE_ORDER)
    async def close_order(self, end: OrderEnd) -> Entered:
        """Closes the order as completed, refused or cancelled; what is held goes back.

        A completed order that still holds something raises: the order stays open and operations
        see why, where a silent release would hide a step that was never recorded.
        """

        async def work(file: OrderFile) -> Entered:
            await _close(file, end)
            return Entered()

        return await self.once(CLOSE_ORDER, Keyed(end.order_id, end.key, end.now), Entered, work)


async def _close(file: OrderFile, end: OrderEnd) -> None:
    completed = end.state is OrderState.COMPLETED
    # Leaving withdraws the tasks that say so.
    unbought = () if completed else await cancellations.shortages(file.conn, file.id)
    if end.leave is not None:
        await leave(file, end.leave)
    if end.answered is not None:
        await leave(file, end.answered)
    await tasks.withdraw_all(file.conn, file.id, file.now)
    await windows.settle_all(file.conn, file.id, file.now, given_up=not completed)
    if completed:
        await _require_nothing_held(file)
    else:
        given_back = await give_back_everything(file)
        division = await settle_money(file, end)
        await _settle_cancellation(file, end, division)
        tell_departments(file, end, given_back, unbought, division)
    await _settle_wishes(file, end)
    await show_standing(file)
    file.show(
        state=end.state.value,
        reason=end.reason,
        closed_at=file.now,
        step=None,
        step_since=None,
        waiting_role=None,
        due_at=None,
        held_at=None,
        held_because=None,
        blocked=None,
    )
    _say(file, end)
    if completed:
        await reward_in_time(file)
        await _want_what_follows(file)
        await want_settlement(file)
    else:
        # Its goods no longer count against its customer's other orders; delivered ones do.
        await note_credit(file.conn, file.request.customer, end.key)
    await _tell_of_cases(file, end)


async def _want_what_follows(file: OrderFile) -> None:
    """What begins by itself once an order is complete, such as the survey (L33)."""
    for kind in file.profile.follow_ups:
        if kind.begins == "completed":
            wanted = Wanted(f"{file.id}/{kind.id}", kind.id, file.id, PLATFORM, file.now)
            await want(file.conn, wanted)


async def _settle_wishes(file: OrderFile, end: OrderEnd) -> None:
    """No wish is left without a verdict, and the customer hears of each that comes too late."""
    because, because_zh = f"the order is {end.state.value}", f"订单{_ENDED[end.state]}"
    refused = await changes.settle_rest(file.conn, file.id, end.change_id, because, file.now)
    for wish in refused:
        if wish.kind == "cancellation":
            await cancellations.answer(file.conn, wish.id, file.now)
        say_verdict(file, wish, ChangeState.REFUSED, because, reason_zh=because_zh)


async def _settle_cancellation(file: OrderFile, end: OrderEnd, division: Division) -> None:
    """What the cancellation came to stands beside the wish."""
    if end.change_id is not None:
        await cancellations.grant_freely(file.conn, end.change_id)
        await cancellations.answer(
            file.conn,
            end.change_id,
            file.now,
            kept=end.kept - division.owed,
            given_back=division.given_back,
            owed=division.owed,
        )


async def _require_nothing_held(file: OrderFile) -> None:
    held = [
        what
        for what, holds in (
            ("stock", await stock.holds_stock(file.conn, file.id)),
            ("slots", await slots.holds_slots(file.conn, file.id)),
            ("a release note", await goods.waits_for_shipping(file.conn, file.id)),
        )
        if holds
    ]
    if held:
        raise RuntimeError(f"{file.name} is complete and still holds {', '.join(held)}")


def _say(file: OrderFile, end: OrderEnd) -> None:
    because = f": {end.reason}" if end.reason else ""
    kind = f"order_{end.state.value}"
    file.note(kind, f"The order is {end.state.value}{because}", key=f"{end.key}/closed")
    file.tell(
        Role.CUSTOMER,
        kind,
        f"{file.name} is {end.state.value}{because}",
        key=f"{end.key}/closed",
        zh=f"{file.name_zh}{_ENDED[end.state]}" + (f"：{end.reason}" if end.reason else ""),
    )


async def _tell_of_cases(file: OrderFile, end: OrderEnd) -> None:
    """An order that ends with overdue cases: quality and administration settle them (E5)."""
    rung = rung_of(file, Mark.CLOSING)
    had = await cases.cases_of_order(file.conn, file.id)
    if rung is None or not had.count:
        return
    still = f"{len(had.still_open)} still open: {', '.join(had.still_open)}"
    still_zh = f"其中{len(had.still_open)}项未结案：{'、'.join(had.still_open)}"
    count = f"{had.count} overdue case{'' if had.count == 1 else 's'}"
    text = f"{file.name} is {end.state.value} with {count}"
    zh = f"{file.name_zh}{_ENDED[end.state]}，共有超期事项{had.count}项"
    text += f", {still}" if had.still_open else ", all closed"
    zh += f"，{still_zh}" if had.still_open else "，均已结案"
    kind = f"case_{rung.mark}"
    file.note(kind, text, key=f"{end.key}/closing")
    # Cases are the company's own business.
    told = [role for role in await listeners(file, rung) if role is not Role.CUSTOMER]
    for role in told:
        key = f"{end.key}/closing/{role}"
        file.tell(role, kind, f"{text}. {rung.action}", key=key, zh=zh)
