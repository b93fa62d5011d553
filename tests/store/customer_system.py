"""A customer whose system listens, its orders' stories, and time that a test moves on."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Table, select, text

from activities.webhook_relay import Post, deliver_next
from activities.webhook_sender import WebhookSender
from store import webhooks
from store.engine import Engine
from store.story import Line, add_lines
from store.webhook_tables import webhook_deliveries
from tests.sinks import Receiver
from tests.store.bench import MONDAY, Bench

KEY = "a-key-for-tests-of-webhooks-of-32-characters"
CUSTOMER = "C-0001"


@dataclass
class CustomerSystem:
    """The factory's side over a real database, and the receiver behind the endpoint."""

    bench: Bench
    receiver: Receiver
    told: int = 0
    endpoint: str = field(default_factory=lambda: str(uuid4()))

    @property
    def engine(self) -> Engine:
        return self.bench.engine

    @property
    def post(self) -> Post:
        return Post(self.engine, WebhookSender(private=True), KEY)

    async def listen(self, *events: str, url: str | None = None) -> str:
        """Registers the receiver."""
        new = webhooks.NewEndpoint(
            self.endpoint, CUSTOMER, url or self.receiver.url, events, "customer"
        )
        async with self.engine.begin() as conn:
            await webhooks.add_endpoint(conn, new)
        return self.endpoint

    async def tell(self, order_id: str, *kinds: str, **data: Any) -> None:
        """Adds lines to an order's story as an activity does."""
        lines = []
        for kind in kinds:
            self.told += 1
            lines.append(Line(f"line/{self.told}", MONDAY, kind, f"said {kind}", "ship", data))
        async with self.engine.begin() as conn:
            await add_lines(conn, order_id, lines)

    async def send_all(self) -> None:
        """Sends until nothing may go any more."""
        while await deliver_next(self.post):
            pass

    async def later(self, by: str) -> None:
        """Lets real time pass: everything that was stamped moves into the past."""
        await self.execute(
            f"UPDATE webhook_deliveries SET retry_at = retry_at - interval '{by}', "
            f"failing_since = failing_since - interval '{by}'"
        )
        await self.execute(
            f"UPDATE webhook_endpoints SET rotated_at = rotated_at - interval '{by}'"
        )

    async def execute(self, statement: str) -> None:
        async with self.engine.begin() as conn:
            await conn.execute(text(statement))

    async def row(self) -> webhooks.EndpointRow:
        async with self.engine.connect() as conn:
            found = await webhooks.read_endpoint(conn, self.endpoint)
        assert found is not None
        return found

    async def rows(self, table: Table) -> list[dict[str, Any]]:
        async with self.engine.connect() as conn:
            found = await conn.execute(select(table).order_by(*table.primary_key))
        return [dict(row) for row in found.mappings()]

    async def states(self) -> list[str]:
        return [row["state"] for row in await self.rows(webhook_deliveries)]

    @staticmethod
    def now() -> datetime:
        return datetime.now(UTC)
