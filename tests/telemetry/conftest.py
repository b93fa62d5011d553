"""One story, told once: an order over the API, a worker, a failing activity; and what was seen."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import insert, select, text
from temporalio.client import Client, WorkflowHistory
from temporalio.runtime import Runtime
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from activities.channels import Channels
from activities.relay import deliver, route_notices
from api.app import create_app
from domain.roles import Role
from ops.seed import EXAMPLE_FACTORY, load_master_data
from ops.stack.postgres import EmbeddedPostgres
from ops.stack.preflight import free_port
from policy.loader import load_all
from settings import Settings
from store.engine import Engine, create_engine
from store.keys import digest_of
from store.tables import api_keys, tasks
from telemetry.log import configure_log
from telemetry.metrics import start_runtime
from telemetry.tracing import Tracing
from tests.api.factory import key_of, order_body
from worker import build_worker, connect, sandbox
from workflows.contract import order_workflow_id

PATIENCE_SECONDS = 60.0
DATABASE = "tests_telemetry"
KEPT_OUT = "kept_out"
"""A constraint that refuses the note, so that PostgreSQL's error quotes it."""

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PERSONAL = ("Lin Yue", "+86-555-0100-0101", "12 Reed Lane", "knocks twice", "a.lin@example.com")
NOTE = f"{PERSONAL[0]} {PERSONAL[3]}"


@dataclass
class Story:
    """What log, traces, numbers and engine say of one order."""

    order_id: str = ""
    log: str = ""
    spans: tuple[ReadableSpan, ...] = ()
    worker_numbers: str = ""
    api_numbers: str = ""
    last_failure: str = ""
    history: WorkflowHistory | None = None
    lines: list[dict[str, Any]] = field(default_factory=list)

    def said(self, event: str, **where: Any) -> list[dict[str, Any]]:
        """The log lines of this event with these values."""
        return [
            line for line in self.lines if line["event"] == event and where.items() <= line.items()
        ]


@dataclass
class Stage:
    """Where the story happens."""

    engine: Engine
    desk: httpx.AsyncClient
    client: Client
    log: io.StringIO

    async def until(self, met: Callable[[], Awaitable[Any]], what: str) -> Any:
        """Waits for an effect; fails with `what` was awaited."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                if found := await met():
                    return found
                await asyncio.sleep(0.05)
        raise AssertionError(what)

    async def task(self, step: str) -> str:
        """The open task of a step, once it is there."""
        query = select(tasks.c.id).where(tasks.c.step == step, tasks.c.state == "open")

        async def there() -> Any:
            async with self.engine.connect() as conn:
                return await conn.scalar(query)

        found: str = await self.until(there, f"a task of {step} is open")
        return found

    async def execute(self, statement: str) -> None:
        """Changes the database under the worker."""
        async with self.engine.begin() as conn:
            await conn.execute(text(statement))


@pytest.fixture(scope="module")
async def story(
    postgres: EmbeddedPostgres, template_database: str, temporal: str
) -> AsyncIterator[Story]:
    """The story, at its end."""
    admin = await postgres.connect("postgres")
    await admin.execute(f'CREATE DATABASE "{DATABASE}" TEMPLATE "{template_database}"')
    url = postgres.url(DATABASE)
    await load_master_data(url, EXAMPLE_FACTORY)
    exporter, log = InMemorySpanExporter(), io.StringIO()
    configure_log("json", log)
    before, address = Runtime.default(), f"127.0.0.1:{free_port()}"
    start_runtime("json", address)
    tracing = Tracing("dueline-tests", exporter)
    tracing.follow_sql()
    try:
        told = await _tell(url, temporal, tracing, log)
        async with httpx.AsyncClient(trust_env=False) as scraper:
            told.worker_numbers = (await scraper.get(f"http://{address}/metrics")).text
        tracing.close()
        told.spans = exporter.get_finished_spans()
        told.log = log.getvalue()
        told.lines = [json.loads(line) for line in told.log.splitlines()]
        yield told
    finally:
        AsyncPGInstrumentor().uninstrument()  # type: ignore[no-untyped-call]  # it ships no types
        Runtime.set_default(before, error_if_already_set=False)
        configure_log("console")
        await admin.execute(f'DROP DATABASE "{DATABASE}" WITH (FORCE)')
        await admin.close()


async def _tell(url: str, temporal: str, tracing: Tracing, log: io.StringIO) -> Story:
    engine, queue = create_engine(url), f"telemetry-{uuid4()}"
    key = {"digest": digest_of(key_of("sales")), "name": "sales", "roles": [Role.SALES.value]}
    async with engine.begin() as conn:
        await conn.execute(insert(api_keys).values(**key))
    client = await connect(temporal, "default", interceptors=[tracing.interceptor])
    skipper = TimeSkipper(client, config=TimeSkippingConfig(enabled=False))
    settings = Settings(database_url=url, temporal_address=temporal, task_queue=queue)
    app = create_app(settings, loaded=load_all(), tracing=tracing)
    desk = httpx.AsyncClient(
        transport=httpx.ASGITransport(app, client=("127.0.0.1", 4711)),
        base_url="http://api",
        headers={"X-API-Key": key_of("sales")},
    )
    worker = build_worker(skipper.client, engine, queue, runner=sandbox())
    async with app.router.lifespan_context(app), desk, worker:
        told = await _live(Stage(engine, desk, client, log))
    await engine.dispose()
    return told


async def _live(stage: Stage) -> Story:
    """An order, an answer that the database refuses at first, the relay, the scraper."""
    contact = {"name": PERSONAL[0], "phone": PERSONAL[1], "email": PERSONAL[4]}
    traced = {"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01", "baggage": f"who={PERSONAL[4]}"}
    answer = await stage.desk.post("/orders", json=order_body(contact=contact), headers=traced)
    story = Story(order_id=answer.json()["id"])
    entry = await stage.task("entry")
    await stage.execute(f"ALTER TABLE tasks ADD CONSTRAINT {KEPT_OUT} CHECK (note IS NULL)")
    await stage.desk.post(f"/tasks/{entry}/completion", json={"outcome": "done", "note": NOTE})
    handle = stage.client.get_workflow_handle(order_workflow_id(story.order_id))

    async def failing() -> str:
        pending = (await handle.describe()).raw_description.pending_activities
        return "".join(str(one.last_failure) for one in pending if one.attempt > 1)

    story.last_failure = await stage.until(failing, "the answer is refused")
    await stage.execute(f"ALTER TABLE tasks DROP CONSTRAINT {KEPT_OUT}")
    await stage.task("confirm")
    channels = Channels({})
    while await route_notices(stage.engine, channels):
        pass
    await deliver(stage.engine, channels.all[-1])
    await stage.desk.get(f"/orders/{story.order_id}?customer={PERSONAL[4]}")
    story.api_numbers = (await stage.desk.get("/metrics")).text
    story.history = await handle.fetch_history()
    return story
