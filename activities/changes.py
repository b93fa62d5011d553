"""Customers' wishes (C06, C10): applied as a whole against the version they saw, or refused."""

from temporalio import activity

from activities.applying import CHANGE, apply, judged, rewritten, settle
from activities.change_models import SETTLE_CHANGE, ChangeSettled, ChangeVerdict
from activities.leaving import close_visits, note_end
from activities.order_file import Department, Keyed, OrderFile
from activities.rush import RUSH, settle_rush
from domain.changes import ChangeState
from store import changes, tasks


class Changes(Department):
    """Settles what customers ask for."""

    @activity.defn(name=SETTLE_CHANGE)
    async def settle_change(self, verdict: ChangeVerdict) -> ChangeSettled:
        """Writes the verdict; a change that no longer fits the order comes back refused."""
        key = f"{verdict.order_id}/changes/{verdict.change_id}"

        async def work(file: OrderFile) -> ChangeSettled:
            return await _settle(file, verdict)

        keyed = Keyed(verdict.order_id, key, verdict.now)
        return await self.once(SETTLE_CHANGE, keyed, ChangeSettled, work)


async def _settle(file: OrderFile, verdict: ChangeVerdict) -> ChangeSettled:
    change = await changes.find_change(file.conn, file.id, verdict.change_id)
    if verdict.left is not None:
        await close_visits(file, (verdict.left,), (), given_up=True)
        note_end(file, verdict.left, "the change is refused")
    if change.state is not ChangeState.RECEIVED:
        return ChangeSettled(version=file.row.version, state=change.state)
    state, reason = verdict.state, verdict.reason
    if change.kind == RUSH:
        state = await settle_rush(file, change.id, state, reason)
        return ChangeSettled(version=file.row.version, state=state)
    if state is ChangeState.APPLIED and change.kind == CHANGE:
        look = judged if change.registered_at is None else rewritten
        order = await look(file, change)
        if isinstance(order, str):
            state, reason = ChangeState.REFUSED, order
        else:
            await apply(file, change, order)
    if state is ChangeState.REFUSED or change.kind != CHANGE:
        await settle(file, change, state, reason)
    if change.registered_at is not None:
        await show_who_works(file)
    return ChangeSettled(version=file.row.version, state=state)


async def show_who_works(file: OrderFile) -> None:
    """A change that was decided is nobody's business any more: lists show who works on the step."""
    step = file.row.step
    if step is not None:
        waiting = await tasks.open_roles(file.conn, file.id, step)
        file.show(waiting_role=(waiting[0] if waiting else file.profile.step(step).role).value)
