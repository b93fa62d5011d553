"""The relay of webhooks: sends customers' systems their events, each at least once.

An order's events go to an endpoint in their order, different orders side by side. Like the relay
of notices it is no activity, and any number of them may run.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import structlog

from activities.relay import keep_on
from activities.senders import NotSent
from activities.webhook_sender import GONE, SEND_TIMEOUT_SECONDS, Answer, WebhookSender
from domain.story_kinds import PING, event_id
from domain.webhooks import GIVE_UP_AFTER, payload, retry_in, signing_secrets
from store import webhook_deliveries as store
from store.engine import Engine
from store.webhook_deliveries import Due, Ping
from store.webhooks import disable, disabled_notices
from telemetry.metrics import numbers

POLL_SECONDS = 1.0
PARALLEL_MAX = 32
PARALLEL_OF_ENDPOINT_MAX = 4
"""A slow receiver has so many orders waiting for it, and the others go on."""

# A crash leaves its events alone for so long: longer than sending takes.
LEASE = timedelta(seconds=3 * SEND_TIMEOUT_SECONDS)

_log = structlog.get_logger("dueline.webhooks")


@dataclass(frozen=True)
class Post:
    """What sends: the database, the way out, and the key that all secrets are made of."""

    engine: Engine
    sender: WebhookSender
    key: str

    async def send(self, to: Due | Ping, message_id: str, text: str) -> Answer:
        """Sends one message, signed as the endpoint wants it now. Raises NotSent."""
        secrets = signing_secrets(self.key, to.endpoint, to.generation, to.rotated_at, to.now)
        return await self.sender.send(to.url, secrets, message_id=message_id, text=text)


async def run_webhooks(
    engine: Engine, key: str | None, stop: asyncio.Event, *, private: bool
) -> None:
    """Relays until `stop` is set; what is being sent by then is sent to its end.

    Without the `key` that all secrets are made of nothing can be signed, and nothing is sent.
    """
    if key is None:
        _log.info("webhooks are off", setting="DUELINE_WEBHOOK_KEY")
        return
    await relay_webhooks(Post(engine, WebhookSender(private=private), key), stop=stop)


async def relay_webhooks(
    post: Post, *, poll_seconds: float = POLL_SECONDS, stop: asyncio.Event | None = None
) -> None:
    """Relays until it is told to stop."""
    stop = stop or asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(_deliver_all(post, poll_seconds, stop))
        group.create_task(keep_on(partial(ping, post), poll_seconds, stop))


async def _deliver_all(post: Post, poll_seconds: float, stop: asyncio.Event) -> None:
    running: dict[asyncio.Task[None], str] = {}
    stopping = asyncio.create_task(stop.wait())
    try:
        while not stop.is_set():
            taken = await _take(post.engine, running.values())
            for due in taken:
                running[asyncio.create_task(deliver(post, due))] = due.endpoint
            if not taken:
                waits = {stopping, *running}
                await asyncio.wait(waits, timeout=poll_seconds, return_when=asyncio.FIRST_COMPLETED)
            running = {task: endpoint for task, endpoint in running.items() if not task.done()}
        await asyncio.gather(*running)
    finally:
        for task in (stopping, *running):
            task.cancel()


async def _take(engine: Engine, endpoints: Collection[str]) -> list[Due]:
    free = PARALLEL_MAX - len(endpoints)
    if free <= 0:
        return []
    busy = [one for one, number in Counter(endpoints).items() if number >= PARALLEL_OF_ENDPOINT_MAX]
    try:
        async with engine.begin() as conn:
            return await store.claim(conn, busy, limit=free, lease=LEASE)
    except Exception as error:  # the relay outlives its database
        _log.warning("webhooks.trouble", error=type(error).__name__)
        return []


async def deliver_next(post: Post) -> int:
    """Sends what may go now, one event of each endpoint; returns how many were tried."""
    taken = await _take(post.engine, ())
    await asyncio.gather(*(deliver(post, due) for due in taken))
    return len(taken)


async def deliver(post: Post, due: Due) -> None:
    """Sends one event and writes down what became of it.

    Taking and settling it are two transactions: a crash between them sends it again later, with
    the same id.
    """
    answer = await _answer(post, due, event_id(due.order_id, due.sequence), payload(due.body))
    try:
        await _settle(post.engine, due, answer)
    except Exception as error:  # it comes again when its lease ends
        _log.warning("webhooks.trouble", error=type(error).__name__)


async def _answer(post: Post, to: Due | Ping, message_id: str, text: str) -> Answer | str:
    """The receiver's answer, or why there is none."""
    try:
        return await post.send(to, message_id, text)
    except NotSent as failure:
        return str(failure)
    except Exception as error:  # whatever one endpoint does, the others go on
        # Its words may hold the address.
        return f"it could not be sent: {type(error).__name__}"


async def _settle(engine: Engine, due: Due, answer: Answer | str) -> None:
    said = answer if isinstance(answer, str) else answer.words
    status = None if isinstance(answer, str) else answer.status
    if isinstance(answer, Answer) and answer.is_success:
        async with engine.begin() as conn:
            await store.mark_sent(conn, due, answer.status)
        numbers().webhooks("sent")
        return
    numbers().webhooks("failed")
    _log.warning("webhook.failed", endpoint=due.endpoint, customer=due.customer, error=said)
    if status == GONE:
        await _disable(engine, due, said)
        return
    asked = answer.asked if isinstance(answer, Answer) else timedelta(0)
    async with engine.begin() as conn:
        dead = await store.mark_failed(
            conn,
            due,
            status=status,
            error=said,
            retry_in=retry_in(due.attempts, random.random(), asked),
            give_up_after=GIVE_UP_AFTER,
        )
    if dead:
        numbers().webhooks("dead")
        _log.error("webhook.dead", endpoint=due.endpoint, customer=due.customer, error=said)


async def _disable(engine: Engine, due: Due, said: str) -> None:
    """The receiver is gone for good: nothing more goes there, and people hear of it."""
    because = f"{said}, it is gone"
    told = disabled_notices(due.endpoint, due.customer, because, due.now)
    async with engine.begin() as conn:
        await store.wait_for_enabling(conn, due, status=GONE, error=said)
        await disable(conn, due.endpoint, because, told)
    _log.error("webhook.disabled", endpoint=due.endpoint, customer=due.customer)


async def ping(post: Post) -> int:
    """Sends one test that somebody asked for; returns whether there was one."""
    async with post.engine.begin() as conn:
        wanted = await store.claim_ping(conn)
    if wanted is None:
        return 0
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    body = {"type": PING, "timestamp": now, "data": {"endpoint": wanted.endpoint}}
    answer = await _answer(post, wanted, f"evt_{uuid4()}", payload(body))
    arrived = isinstance(answer, Answer) and answer.is_success
    said = answer if isinstance(answer, str) else answer.words
    async with post.engine.begin() as conn:
        await store.answer_ping(conn, wanted.endpoint, arrived=arrived, said=said)
    return 1
