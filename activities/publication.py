"""Telling workflows that a calendar has a new version: each counts its own windows anew."""

from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.models import CALENDAR_PUBLISHED, TELL_WORKFLOWS, CalendarPublished, Told
from store.engine import Engine
from store.publication import standing, workflows_behind

BATCH = 200
LEFT_SHOWN_MAX = 50


class Publication:
    """Finds who runs windows on an older version, and tells each. Moves no window itself."""

    def __init__(self, engine: Engine, client: Client) -> None:
        self.engine = engine
        self.client = client

    @activity.defn(name=TELL_WORKFLOWS)
    async def tell_workflows(self, published: CalendarPublished) -> Told:
        """Signals each workflow that has a window behind; one that is gone is only counted.

        Telling a workflow twice changes nothing.
        """
        calendar, version = published.calendar, published.version
        async with self.engine.connect() as conn:
            before = await standing(conn, calendar, version, LEFT_SHOWN_MAX)
        told, gone, after = 0, 0, ""
        while True:
            async with self.engine.connect() as conn:
                batch = await workflows_behind(conn, calendar, version, after=after, limit=BATCH)
            for workflow_id in batch:
                reached = await self._tell(workflow_id, published)
                told, gone = told + reached, gone + (not reached)
                activity.heartbeat()
            if len(batch) < BATCH:
                break
            after = batch[-1]
        return Told(
            moved=before.moved,
            left_count=before.left_count,
            left=before.left,
            told=told,
            gone=gone,
        )

    async def _tell(self, workflow_id: str, published: CalendarPublished) -> bool:
        """Whether the workflow is there to hear it."""
        try:
            await self.client.get_workflow_handle(workflow_id).signal(CALENDAR_PUBLISHED, published)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return True
