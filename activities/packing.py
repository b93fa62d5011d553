"""Packing (L24)."""

from temporalio import activity

from activities.models import Entered, Transition
from activities.order_file import OrderFile
from activities.transitions import Mover
from policy.steps import Work
from store import goods


class Packing(Mover):
    """Records what was packed."""

    @activity.defn(name=Work.RECORD_PACKING)
    async def record_packing(self, transition: Transition) -> Entered:
        """Everything that was made is packed."""
        return await self.move(Work.RECORD_PACKING, transition, record=_record)


async def _record(file: OrderFile, _: Transition) -> None:
    await goods.record_packed(file.conn, file.id)
