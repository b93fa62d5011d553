"""Quality (L21): only goods that pass go on (G16)."""

from temporalio import activity

from activities.models import Entered, Transition
from activities.order_file import OrderFile
from activities.transitions import Mover
from policy.steps import Work
from store import goods

PASSED = "passed"


class Quality(Mover):
    """Records inspections."""

    @activity.defn(name=Work.RECORD_INSPECTION)
    async def record_inspection(self, transition: Transition) -> Entered:
        """Keeps how the inspection came out; any outcome but `passed` is a failure."""
        return await self.move(Work.RECORD_INSPECTION, transition, record=_record)


async def _record(file: OrderFile, transition: Transition) -> None:
    left = transition.leave
    assert left is not None
    await goods.record_inspection(
        file.conn,
        file.id,
        left.at.key(file.id),
        passed=left.outcome == PASSED,
        note=next((decision.note for decision in left.decisions), None),
        at=file.now,
    )
