"""The queue for production: which order comes first (S07, catalogue 6.3)."""

from fastapi import APIRouter

from api.access import Caller
from api.services import Wired
from domain.base import Record
from domain.priorities import rank
from store.queue import Queued, planning_queue

router = APIRouter(tags=["planning"])


class Queue(Record):
    """Orders that are being planned, the first one first."""

    items: tuple[Queued, ...]


@router.get("/planning/queue")
async def queue(services: Wired, _: Caller) -> Queue:
    """Lists the orders that are being planned, in the order in which they get their slots.

    A rush fee that is paid comes first, then a price paid in full, an urgency mark, the earlier
    payment and the earlier receipt.
    """
    async with services.reading() as conn:
        found = await planning_queue(conn)
    return Queue(items=tuple(sorted(found, key=rank)))
