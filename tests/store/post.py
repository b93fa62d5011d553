"""An outbox with a webhook behind it, and time that a test moves on."""

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select, text

from activities.channels import Channel, Channels
from activities.relay import deliver, route_notices
from activities.senders import AppriseSender, service_at
from domain.roles import Role
from store import tables
from store.engine import Engine
from tests.sinks import Webhook

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


@dataclass
class Post:
    """A database with an outbox, and a webhook that may be down."""

    engine: Engine
    hook: Webhook

    async def queue(self, *keys: str, role: Role = Role.SALES, kind: str = "task_opened") -> None:
        rows = [
            {
                "key": key,
                "to_role": role.value,
                "kind": kind,
                "text": f"Order {key} waits for you.",
                "text_zh": f"订单 {key} 待您处理。",
                "at": AT,
            }
            for key in keys
        ]
        async with self.engine.begin() as conn:
            await conn.execute(insert(tables.outbox), rows)

    async def execute(self, statement: str) -> None:
        async with self.engine.begin() as conn:
            await conn.execute(text(statement))

    async def later(self, by: str) -> None:
        """Lets real time pass: everything that was stamped moves into the past."""
        await self.execute(
            f"UPDATE deliveries SET retry_at = retry_at - {by}, "
            f"failing_since = failing_since - {by}"
        )
        await self.execute(f"UPDATE channels SET rests_until = rests_until - {by}")
        await self.execute(f"UPDATE outbox SET retry_at = retry_at - {by}")

    async def deliveries(self, channel: str = "desk") -> list[dict[str, Any]]:
        query = (
            select(tables.deliveries, tables.outbox.c.key)
            .join(tables.outbox, tables.outbox.c.id == tables.deliveries.c.notice)
            .where(tables.deliveries.c.channel == channel)
            .order_by(tables.outbox.c.id)
        )
        async with self.engine.connect() as conn:
            return [dict(row) for row in (await conn.execute(query)).mappings()]

    async def states(self, channel: str = "desk") -> list[str]:
        return [row["state"] for row in await self.deliveries(channel)]

    async def until_sent(self, channel: str, number: int) -> None:
        for _ in range(400):
            if await self.states(channel) == ["sent"] * number:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"not sent: {await self.deliveries(channel)}")

    def desk(self, **how: Any) -> Channel:
        """The channel to the webhook."""
        language = how.pop("language", "both")
        sender = AppriseSender(service_at(self.hook.url), language)
        return Channel("desk", sender, language=language, **how)

    async def relay(self, *channels: Channel) -> None:
        """Routes, and delivers until nothing is due."""
        named = Channels({channel.name: channel for channel in channels})
        while await route_notices(self.engine, named):
            pass
        for channel in named.all:
            while await deliver(self.engine, channel):
                pass


def keys(*numbers: int) -> list[str]:
    return [f"n/{number}" for number in numbers]


async def stopped(*tasks: "asyncio.Task[Any]") -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task
