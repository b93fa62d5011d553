"""Production (L18): material becomes goods, and the line is free again."""

from temporalio import activity

from activities.models import Entered, Transition
from activities.order_file import OrderFile
from activities.transitions import Mover
from policy.steps import Work
from store import goods, slots, stock


class Production(Mover):
    """Records what was made."""

    @activity.defn(name=Work.RECORD_PRODUCTION)
    async def record_production(self, transition: Transition) -> Entered:
        """Consumes what is reserved, counts the goods, ends the slots."""
        return await self.move(Work.RECORD_PRODUCTION, transition, record=_record)


async def _record(file: OrderFile, transition: Transition) -> None:
    assert transition.leave is not None
    key = transition.leave.at.key(file.id)
    await stock.consume(file.conn, file.id, key, file.now)
    await slots.finish(file.conn, file.id, file.now)
    await goods.record_made(file.conn, file.id, file.quantities)
