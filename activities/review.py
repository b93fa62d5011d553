"""The review (L10): several departments judge the order, with the facts in front of them."""

from temporalio import activity

from activities.models import Entered, Transition
from activities.transitions import Mover
from policy.steps import Work


class Review(Mover):
    """Opens reviews."""

    @activity.defn(name=Work.PREPARE_REVIEW)
    async def prepare_review(self, transition: Transition) -> Entered:
        """Opens one task for each reviewer: completeness, amount, date, load and stock."""
        return await self.move(Work.PREPARE_REVIEW, transition)
