"""Orders on hold: shown in lists, told in the story and to those who were about to act."""

from temporalio import activity

from activities.models import NOTE_HOLD, HoldNote
from activities.order_file import Department, Keyed
from domain.orders import OrderState
from store import story, tasks


class Holding(Department):
    """Writes down that operations hold an order, or let it go on."""

    @activity.defn(name=NOTE_HOLD)
    async def note_hold(self, held: HoldNote) -> None:
        """Shows the order as held or going on. A second time changes nothing."""
        key = f"{held.order_id}/hold/{held.at.isoformat()}"
        async with self.open_file(Keyed(held.order_id, key, held.at)) as file:
            if file.row.state is not OrderState.OPEN:
                return  # it ended while this was on its way
            if await story.noted(file.conn, key):
                return  # a reset order lives through it again, and may be past it
            kind, what, zh = "order_held", "is on hold", "已暂停"
            if held.because is None:
                kind, what, zh = "order_goes_on", "goes on after a hold", "已恢复"
            file.show(held_at=held.at if held.because else None, held_because=held.because)
            file.note(kind, f"The order {what}", key=key, data={"by": held.by, "why": held.because})
            for role in await tasks.open_roles(file.conn, file.id):
                text = f"{file.name} {what}"
                file.tell(role, kind, text, key=f"{key}/{role}", zh=f"{file.name_zh}{zh}")
