"""Fast-forwarding: the one place that touches the engine's experimental time skipping."""

import asyncio
from datetime import UTC, datetime, timedelta

from temporalio.client import Client
from temporalio.testing import TimeSkipper, TimeSkippingConfig

FORWARD_SECONDS = 90.0  # a skip takes 30 ms, and about a second more for each timer it crosses
SKIPS_MAX = 1_000  # the server's own limit of 100 is too near
AT_LEAST = timedelta(seconds=1)


class TooSlow(Exception):  # noqa: N818  a fact
    """The engine did not move a workflow's clock in time."""


class Clocks:
    """The virtual clock of each workflow: real time, plus what was skipped."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._skipper = TimeSkipper(
            client, config=TimeSkippingConfig(enabled=False, max_session_skip_count=SKIPS_MAX)
        )
        self._ahead: dict[str, timedelta] = {}

    def now(self, workflow_id: str) -> datetime:
        """The workflow's time."""
        return datetime.now(UTC) + self._ahead.get(workflow_id, timedelta())

    async def forward(self, workflow_id: str, to: datetime) -> None:
        """Moves a workflow's clock on to `to`; does nothing when it is there already.

        Timers on the way fire, each at its instant. Raises TooSlow.
        """
        step = to - self.now(workflow_id)
        if step < AT_LEAST:
            return
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            async with asyncio.timeout(FORWARD_SECONDS):
                await self._skipper.fast_forward(handle, step)
        except TimeoutError as error:
            raise TooSlow(f"{workflow_id} did not reach {to.isoformat()}") from error
        self._ahead[workflow_id] = self._ahead.get(workflow_id, timedelta()) + step
