"""The end of an order: the record closes, and nothing stays reserved (catalogue 5.1)."""

from temporalio import activity

from activities.leaving import give_back_everything, leave
from activities.models import CLOSE_ORDER, Entered, OrderEnd
from activities.order_file import Department, Keyed, OrderFile
from activities.transitions import show_standing
from domain.orders import OrderState
from domain.roles import Role
from store import changes, goods, slots, stock, tasks, windows


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
    if end.leave is not None:
        await leave(file, end.leave)
    await tasks.withdraw_all(file.conn, file.id, file.now)
    await windows.settle_all(file.conn, file.id, file.now, given_up=not completed)
    if completed:
        await _require_nothing_held(file)
    else:
        await give_back_everything(file)
    because = f"the order is {end.state.value}"
    await changes.settle_rest(file.conn, file.id, end.change_id, because, file.now)
    await show_standing(file)
    file.show(
        state=end.state.value,
        reason=end.reason,
        closed_at=file.now,
        step=None,
        waiting_role=None,
        due_at=None,
    )
    _say(file, end)


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
        Role.CUSTOMER, kind, f"{file.name} is {end.state.value}{because}", key=f"{end.key}/closed"
    )
